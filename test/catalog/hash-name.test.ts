// Spellings of a blob's hash.

import t from 'tap'
import { cidOf, formatHashName, parseHashName, readHashName } from '../../server/catalog/hash-name.ts'
import { faultOf } from './faults.ts'

const HEX = 'b1674191a88ec5cdd733e4240a81803105dc412d6c6708d53ab94fc248f4f553'

t.test('hex, sha256:, blake3: and CIDs of raw bytes name a hash', async (t) => {
  t.strictSame(parseHashName(HEX), { algorithm: null, hex: HEX })
  t.strictSame(parseHashName(HEX.toUpperCase()), { algorithm: null, hex: HEX })
  t.strictSame(parseHashName(`sha256:${HEX}`), { algorithm: 'sha256', hex: HEX })
  t.strictSame(parseHashName(`BLAKE3:${HEX}`), { algorithm: 'blake3', hex: HEX })
  for (const algorithm of ['sha256', 'blake3'] as const) t.strictSame(parseHashName(cidOf(algorithm, HEX)), { algorithm, hex: HEX })
  t.match(cidOf('sha256', HEX), /^bafkrei/)
  t.match(cidOf('blake3', HEX), /^bafkr4i/)
})

t.test('the empty blob has the CIDs that IPFS and iroh write', async (t) => {
  t.equal(cidOf('sha256', 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'), 'bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku')
})

t.test('what is no such spelling names nothing', async (t) => {
  const cid = cidOf('sha256', HEX)
  // the last letter of a CID has bits to spare: another letter may decode to the same bytes
  const twin = [...'abcdefghijklmnopqrstuvwxyz234567'].map((letter) => cid.slice(0, -1) + letter).filter((each) => each !== cid)
  for (const text of [
    '', HEX.slice(1), `${HEX}0`, `g${HEX.slice(1)}`, `md5:${HEX}`, `sha256-${HEX}`, `sha256:`, ` ${HEX}`, `${HEX}\n`, `sha256:${cid}`, cid.toUpperCase(), cid.slice(0, -1),
    'bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi', 'QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG', 'bafkqaaa'
  ]) {
    t.equal(readHashName(text), null, JSON.stringify(text))
    t.equal(faultOf(() => parseHashName(text)), 'HASH_UNREADABLE')
  }
  for (const each of twin) t.not(readHashName(each)?.hex, HEX, each)
})

t.test('a name is written back with its algorithm', async (t) => {
  for (const text of [HEX, `sha256:${HEX}`, `blake3:${HEX}`]) t.equal(formatHashName(parseHashName(text)), text)
})
