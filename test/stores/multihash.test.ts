// Multihashes and their keys: CIDv1-raw in base32, as hash-stream names its files (hash-stream.md §2).

import t from 'tap'
import { CID } from 'multiformats/cid'
import { create } from 'multiformats/hashes/digest'
import {
  blake3Multihash, blake3Of, identityBytes, identityMultihash, keyOf, parseKey, sha256Hex, sha256Multihash, sha256Of
} from '../../server/stores/multihash.ts'

const SHA256 = '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824'

t.test('sha256 and BLAKE3 have the keys that others compute for them', async (t) => {
  t.equal(keyOf(sha256Multihash(SHA256)), 'bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq')
  for (const [code, multihash, start] of [[0x12, sha256Multihash(SHA256), 'bafkrei'], [0x1e, blake3Multihash(SHA256), 'bafkr4i']] as const) {
    t.equal(Buffer.from(multihash).toString('hex'), `${code.toString(16)}20${SHA256}`)
    t.equal(keyOf(multihash), CID.createV1(0x55, create(code, Buffer.from(SHA256, 'hex'))).toString())
    t.ok(keyOf(multihash).startsWith(start))
    t.same(Buffer.from(parseKey(keyOf(multihash))!), Buffer.from(multihash))
  }
})

t.test('a multihash is named by its own algorithm only', async (t) => {
  t.equal(sha256Of(sha256Multihash(SHA256)), SHA256)
  t.equal(blake3Of(blake3Multihash(SHA256)), SHA256)
  t.equal(sha256Of(blake3Multihash(SHA256)), null)
  t.equal(blake3Of(sha256Multihash(SHA256)), null)
  t.equal(sha256Of(sha256Multihash(SHA256).subarray(0, 33)), null)
  t.equal(sha256Of(new Uint8Array()), null)
  t.equal(sha256Hex(Buffer.from('hello')), SHA256)
})

t.test('bytes go into an identity multihash and come out, whatever their length', async (t) => {
  t.equal(Buffer.from(identityMultihash(Buffer.from('hello'))).toString('base64'), 'AAVoZWxsbw==')
  for (const length of [0, 1, 127, 128, 129, 4096, 16_383, 16_384, 100_000]) {
    const bytes = Buffer.alloc(length, length)
    const multihash = identityMultihash(bytes)
    t.ok(Buffer.from(identityBytes(multihash)!).equals(bytes), `${length} bytes`)
    t.same(Buffer.from(multihash), Buffer.from(CID.createV1(0x55, create(0, bytes)).multihash.bytes), 'as others write it')
    t.equal(identityBytes(Buffer.concat([multihash, Buffer.from('x')])), null, 'a byte too many')
    if (length > 0) t.equal(identityBytes(multihash.subarray(0, -1)), null, 'a byte too few')
  }
  t.equal(identityBytes(sha256Multihash(SHA256)), null)
  for (const damaged of [[], [0], [0, 0x80], [0, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1]]) t.equal(identityBytes(Uint8Array.from(damaged)), null)
})

t.test('text that is no key is null', async (t) => {
  const key = keyOf(sha256Multihash(SHA256))
  const dagPb = CID.createV1(0x70, create(0x12, Buffer.from(SHA256, 'hex'))).toString()
  for (const text of [
    '', 'b', 'ba', 'babc', 'bafk', '0', 'readme', key.toUpperCase(), key.slice(1), `${key}0`, `${key}=`, ` ${key}`, `${key}\n`, 'zQm', '..',
    dagPb, key.slice(0, 5), key.slice(0, -1)
  ]) {
    const found = parseKey(text)
    t.ok(found === null || keyOf(found) === text, JSON.stringify(text))
  }
  for (const text of ['', 'b', 'ba', 'babc', dagPb, 'readme', `${key}0`, key.toUpperCase()]) t.equal(parseKey(text), null, JSON.stringify(text))
})
