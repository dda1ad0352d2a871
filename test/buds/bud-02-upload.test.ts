// BUD-02 over HTTP: PUT /upload and its descriptor. Names begin with the rules of the reference's §4.

import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { startMarquee, upload } from '../support/app.ts'
import { Signer, seededBlob } from '../support/keys.ts'
import { Layout } from '../../server/stores/layout.ts'
import { sha256Hex, sha256Multihash } from '../../server/stores/multihash.ts'
import type { BlobDescriptor } from '../../server/buds/descriptor.ts'

const { url, dataDir } = await startMarquee(t)
const signer = new Signer()
const OTHER = 'cd'.repeat(32)

const blobOf = (bytes: Uint8Array): { bytes: Buffer, sha256: string } => ({ bytes: Buffer.from(bytes), sha256: sha256Hex(bytes) })
const stored = async (sha256: string): Promise<Buffer> => Buffer.from(await (await fetch(`${url}/${sha256}`)).arrayBuffer())
const described = async (response: Response): Promise<BlobDescriptor> => await response.json() as BlobDescriptor
const code = async (response: Response): Promise<string> => (await response.json() as { code: string }).code

t.test('02-11, 02-12 newly stored MUST be 201 and a descriptor, already stored 200 and the same descriptor', async t => {
  const blob = seededBlob('new', 5000)
  const before = Math.floor(Date.now() / 1000)
  const first = await upload(url, signer, blob, { 'content-type': 'image/png' })
  t.equal(first.status, 201)
  t.match(first.headers.get('content-type'), /^application\/json/)
  const descriptor = await described(first)
  const at = `${url}/${blob.sha256}.png`
  const { uploaded } = descriptor
  t.ok(Number.isInteger(uploaded) && uploaded >= before && uploaded <= Date.now() / 1000, 'seconds')
  t.strictSame(descriptor, {
    url: at, sha256: blob.sha256, size: 5000, type: 'image/png', uploaded,
    nip94: [['url', at], ['m', 'image/png'], ['x', blob.sha256], ['size', '5000']] // 08-3: an array of pairs of strings
  })
  for (const again of [signer, new Signer()]) {
    const second = await upload(url, again, blob, { 'content-type': 'image/png' })
    t.equal(second.status, 200)
    t.strictSame(await described(second), descriptor)
  }
})

t.test('02-3 the url MUST end in an extension, .bin when nothing better is known, and MUST lead to the blob', async t => {
  const rows = [['application/octet-stream', 'bin'], ['application/x-unheard-of', 'bin'], ['video/mp4', 'mp4'], ['image/jpeg', 'jpg'],
    ['text/plain; charset=utf-8', 'txt'],
    ['application/vnd.apple.mpegurl', 'm3u8'], ['video/mp2t', 'ts'], ['application/pdf', 'pdf']] as const
  for (const [index, [type, extension]] of rows.entries()) {
    const blob = seededBlob(`extension ${index}`, 100 + index)
    const descriptor = await described(await upload(url, signer, blob, { 'content-type': type }))
    t.equal(descriptor.url, `${url}/${blob.sha256}.${extension}`)
    t.equal((await fetch(descriptor.url)).status, 200)
  }
})

t.test('02-5, 02-6, 02-7 the bytes MUST be stored as they came, whatever they are called: JSON, text, forms of words', async t => {
  const rows: [string, string][] = [
    ['application/json', '{ "b": 1,  "a": [1e3, "\\u0041"], "__proto__": 1 }\r\n'], ['application/json', '{broken'],
    ['application/json', ' '], ['text/plain', 'line\r\nünï\0\r'],
    ['application/x-www-form-urlencoded', 'a=1&b=%20'], ['text/html', '<script>1</script>'], ['application/problem+json', '[1, 2]'],
    ['multipart/mixed', '--x\r\n']
  ]
  for (const [index, [type, text]] of rows.entries()) {
    const blob = blobOf(Buffer.from(`${text}${index === 2 ? ' '.repeat(5_000_000) : ''}`))
    const response = await upload(url, signer, blob, { 'content-type': type })
    t.equal(response.status, 201, text.slice(0, 30))
    t.equal((await described(response)).type, type)
    t.ok((await stored(blob.sha256)).equals(blob.bytes))
  }
})

t.test('02-8, 02-13, A27 a chunked body without length, without X-SHA-256 and without a HEAD before it is taken', async t => {
  for (const size of [1, 4097, 2_500_000]) {
    const blob = seededBlob(`chunked ${size}`, size)
    async function * pieces (): AsyncGenerator<Uint8Array> {
      for (let at = 0; at < size; at += 300_000) yield blob.bytes.subarray(at, at + 300_000)
    }
    const response = await fetch(`${url}/upload`, {
      method: 'PUT', body: pieces() as unknown as ReadableStream, duplex: 'half',
        headers: { authorization: signer.token('upload', { hashes: [blob.sha256] }) }
    } as RequestInit)
    t.equal(response.status, 201)
    t.match(await response.json(), { sha256: blob.sha256, size, type: 'application/octet-stream' })
    t.ok((await stored(blob.sha256)).equals(blob.bytes))
  }
})

t.test('A9 the empty blob is a blob', async t => {
  const blob = blobOf(Buffer.alloc(0))
  const response = await upload(url, signer, blob)
  t.equal(response.status, 201)
  t.match(await response.json(), { sha256: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855', size: 0,
    type: 'application/octet-stream' })
  t.equal((await upload(url, signer, blob)).status, 200)
  t.equal((await stored(blob.sha256)).length, 0)
})

t.test('02-9 bytes that are not what X-SHA-256 says are 409, and nothing is kept', async t => {
  for (const size of [10, 5000, 1_500_000]) {
    const blob = seededBlob(`announced ${size}`, size)
    const response = await fetch(`${url}/upload`, {
      method: 'PUT', body: blob.bytes as Uint8Array<ArrayBuffer>,
        headers: { 'authorization': signer.token('upload', { hashes: [OTHER, blob.sha256] }), 'x-sha-256': OTHER }
    })
    t.equal(response.status, 409)
    t.equal(await code(response), 'HASH_MISMATCH')
    t.equal((await fetch(`${url}/${blob.sha256}`)).status, 404)
    t.equal((await fetch(`${url}/${OTHER}`)).status, 404)
  }
})

t.test('11-14, A1, A2 one x tag MUST be the hash: with X-SHA-256 said before the body, without it found after; both 401', async t => {
  const blob = seededBlob('covered', 6000)
  const body = blob.bytes as Uint8Array<ArrayBuffer>
  const put = (hashes: string[], announced: string | null): Promise<Response> => fetch(`${url}/upload`, {
    method: 'PUT', body, headers: { authorization: signer.token('upload', { hashes }),
      ...(announced === null ? {} : { 'x-sha-256': announced }) }
  })
  for (const [hashes, announced] of [[[OTHER], blob.sha256], [[OTHER], null], [[], blob.sha256], [[], null],
    [[OTHER, 'ef'.repeat(32)], null], [[''], null]] as const) {
    const response = await put([...hashes], announced)
    t.equal(response.status, 401, `${hashes.length} x tags, ${announced === null ? 'nothing' : 'hash'} announced`)
    t.equal(response.headers.get('www-authenticate'), 'Nostr')
    t.equal(await code(response), 'TOKEN_HASH')
    t.equal((await fetch(`${url}/${blob.sha256}`)).status, 404)
  }
  t.equal((await put([OTHER, blob.sha256], null)).status, 201, 'one of several is enough')
  const upper = seededBlob('upper case', 50)
  const answer = await upload(url, signer, { ...upper, sha256: upper.sha256.toUpperCase() })
  t.equal(answer.status, 201, 'A4: upper case is taken')
  t.equal((await described(answer)).sha256, upper.sha256)
})

t.test('what is not 64 hex digits in X-SHA-256 is 400', async t => {
  const blob = seededBlob('bad hash', 20)
  for (const value of ['', 'abc', `${blob.sha256}0`, `${blob.sha256}, ${blob.sha256}`, 'g'.repeat(64), `sha256:${blob.sha256}`]) {
    const response = await upload(url, signer, blob, { 'x-sha-256': value })
    t.equal(response.status, 400, value)
    t.equal(await code(response), 'HASH_INVALID')
  }
})

const png = Buffer.from('89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489', 'hex')
const mp4 = Buffer.from('0000001c667479706d703432000000006d70343269736f6d61766331', 'hex')
const pdf = Buffer.from('%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<< >>\nendobj\ntrailer\n<< >>\n%%EOF\n', 'latin1')

t.test('a specific type of the client wins; octet-stream or none is what the bytes show (T9)', async t => {
  const rows: [Buffer, string | null, string][] = [
    [png, null, 'image/png'], [png, 'application/octet-stream', 'image/png'], [png, '', 'image/png'], [png, 'text/plain', 'text/plain'],
    [mp4, null, 'video/mp4'], [mp4, 'application/octet-stream', 'video/mp4'], [pdf, null, 'application/pdf'],
    [pdf, 'image/png', 'image/png'],
    [seededBlob('ciphertext', 5000).bytes, null, 'application/octet-stream'], [Buffer.from('just words'), null, 'application/octet-stream']
  ]
  for (const [index, [bytes, type, wanted]] of rows.entries()) {
    const blob = blobOf(Buffer.concat([bytes, Buffer.from([0x0a, index])]))
    const response = await upload(url, signer, blob, type === null ? {} : { 'content-type': type })
    t.equal(response.status, 201)
    t.equal((await described(response)).type, wanted, `${String(type)} ${wanted}`)
    t.equal((await fetch(`${url}/${blob.sha256}`, { method: 'HEAD' })).headers.get('content-type'), wanted)
  }
})

t.test('A25 parameters are dropped, but for the charset of text; names become lower case; what is no type is 400', async t => {
  const rows = [['Video/MP4; codecs="avc1"', 'video/mp4'], ['text/PLAIN;charset=UTF-8', 'text/plain; charset=utf-8'],
    ['text/html ; x=1; charset="Latin1"', 'text/html; charset=latin1'],
    ['application/json; charset=utf-8', 'application/json']] as const
  for (const [index, [type, wanted]] of rows.entries()) {
    t.equal((await described(await upload(url, signer, seededBlob(`parameters ${index}`, 30), { 'content-type': type }))).type, wanted)
  }
  for (const type of ['foo', 'image/', '/png', 'image/png, image/gif', 'a b/c', 'image/png\tx']) {
    const response = await upload(url, signer, seededBlob('malformed', 30), { 'content-type': type })
    t.equal(response.status, 400, type)
    t.equal(await code(response), 'TYPE_INVALID')
  }
})

t.test('A10 the first type stays; only octet-stream gives way to a specific one', async t => {
  const blob = seededBlob('retyped', 700)
  for (const [type, wanted] of [['application/octet-stream', 'application/octet-stream'], ['video/mp4', 'video/mp4'],
    ['image/gif', 'video/mp4'], ['application/octet-stream', 'video/mp4']] as const) {
    t.equal((await described(await upload(url, signer, blob, { 'content-type': type }))).type, wanted)
    t.equal((await fetch(`${url}/${blob.sha256}`, { method: 'HEAD' })).headers.get('content-type'), wanted)
  }
})

t.test('A26 a form is 415 with a reason that helps', async t => {
  const form = new FormData()
  form.set('file', new Blob(['hello']))
  const response = await fetch(`${url}/upload`,
    { method: 'PUT', body: form, headers: { authorization: signer.token('upload', { hashes: [OTHER] }) } })
  t.equal(response.status, 415)
  t.match(response.headers.get('x-reason'), /send the bytes themselves, not a form/)
})

t.test('sixteen uploads of one blob at once: each 200 or 201, one of them 201, one pack', async t => {
  for (const size of [3000, 300_000, 2_000_000]) {
    const blob = seededBlob(`at once ${size}`, size)
    const signers = [signer, new Signer(), new Signer()]
    const answers = await Promise.all(Array.from({ length: 16 }, (_, index) => upload(url, signers[index % 3]!, blob)))
    const statuses = answers.map(({ status }) => status).sort()
    t.strictSame(statuses, [...Array.from({ length: 15 }, () => 200), 201])
    // a smaller one becomes a file later, as do those of the tests before
    if (size > 200_000) t.ok(existsSync(join(dataDir, 'store', new Layout(false).pack(sha256Multihash(blob.sha256)))))
    t.ok((await stored(blob.sha256)).equals(blob.bytes))
    for (const each of signers) {
      const listed = await (await fetch(`${url}/list/${each.pubkey}`,
        { headers: { authorization: each.token('list') } })).json() as BlobDescriptor[]
      t.ok(listed.some(({ sha256 }) => sha256 === blob.sha256), 'and each is an owner')
    }
  }
  t.strictSame(readdirSync(join(dataDir, 'store', 'drafts')), [])
})

t.test('12-2, 02-2 an upload and a list describe a blob alike', async t => {
  const blob = seededBlob('alike', 60)
  const { nip94, ...descriptor } = await described(await upload(url, signer, blob, { 'content-type': 'audio/mpeg' }))
  t.ok(nip94)
  const listed = await (await fetch(`${url}/list/${signer.pubkey}`,
    { headers: { authorization: signer.token('list') } })).json() as BlobDescriptor[]
  t.strictSame(listed.find(({ sha256 }) => sha256 === blob.sha256), descriptor)
})
