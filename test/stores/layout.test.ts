// Where bytes land: every path that layout.ts draws, for folders and for buckets, and back.

import t from 'tap'
import { Layout } from '../../server/stores/layout.ts'
import { blake3Multihash, keyOf, sha256Multihash } from '../../server/stores/multihash.ts'

const HEX = 'ab'.repeat(32)
const PUBKEY = 'cd'.repeat(32)
const sha256 = sha256Multihash(HEX)
const blake3 = blake3Multihash(HEX)
const [C, B] = [keyOf(sha256), keyOf(blake3)]

t.test('folders: every path as drawn', async (t) => {
  const layout = new Layout(false)
  t.equal(layout.pack(sha256), `pack/${C}.car`)
  t.equal(layout.record(sha256), `index/${C}/0`)
  t.equal(layout.record(blake3), `index/${B}/0`)
  t.equal(layout.records(sha256), `index/${C}/`)
})

t.test('buckets: the name of pack and records is doubled', async (t) => {
  const layout = new Layout(true)
  t.equal(layout.pack(sha256), `pack/${C}/${C}.car`)
  t.equal(layout.record(sha256), `index/${C}/${C}/0`)
  t.equal(layout.record(blake3), `index/${B}/${B}/0`)
  t.equal(layout.records(sha256), `index/${C}/${C}/`)
})

for (const doubled of [false, true]) {
  const layout = new Layout(doubled)
  const kind = doubled ? 'buckets' : 'folders'
  const other = new Layout(!doubled)

  t.test(`${kind}: owners and state are named alike in both`, async (t) => {
    t.equal(layout.owners(sha256), `owners/${C}/`)
    t.equal(layout.owner(sha256, PUBKEY), `owners/${C}/${PUBKEY}`)
    t.equal(layout.owner(sha256, 'none'), `owners/${C}/none`)
    t.equal(layout.state('reports/7'), 'state/reports/7')
  })

  t.test(`${kind}: what a key is about is read back from it, and a stranger’s key is null`, async (t) => {
    for (const multihash of [sha256, blake3]) {
      t.equal(keyOf(layout.packOf(layout.pack(multihash))!), keyOf(multihash))
      t.match(layout.recordOf(layout.record(multihash)), { ours: true })
      t.equal(keyOf(layout.recordOf(layout.record(multihash))!.multihash), keyOf(multihash))
      t.match(layout.recordOf(`${layout.records(multihash)}1795171932229`), { ours: false })
      t.match(layout.recordOf(`${layout.records(multihash)}${C}/${C}`), { ours: false })
      t.equal(layout.packOf(other.pack(multihash)), null, 'the other tree')
    }
    for (const key of [
      '', 'pack/', 'pack/.car', 'pack/readme.car', 'pack/ba.car', `pack/${C}`, `pack/${C}.car.tmp`, `pack/${C}.CAR`, `other/${C}.car`,
      `pack/${C}/${B}.car`, `pack/x/${C}.car`, `pack/${C}/${C}/${C}.car`, `index/${C}/0`
    ]) t.equal(layout.packOf(key), null, key)
    for (const key of ['', 'index/', 'index/readme', `index/${C}`, `index/ba/0`, `other/${C}/0`, `pack/${C}/${C}.car`]) t.equal(layout.recordOf(key), null, key)
    t.equal(layout.recordOf(`index/${C}/${B}/0`)?.ours ?? false, false, 'doubled with another name')
  })

  t.test(`${kind}: which owner of which blob a key names, and nothing else is an owner`, async (t) => {
    for (const owner of [PUBKEY, 'none']) {
      const found = layout.ownerOf(layout.owner(sha256, owner))!
      t.equal(keyOf(found.blob), C)
      t.equal(found.owner, owner)
    }
    for (const key of [
      '', 'owners/', `owners/${C}`, `owners/${C}/`, `owners/${C}/nobody`, `owners/${C}/${PUBKEY.toUpperCase()}`, `owners/${C}/${PUBKEY}0`,
      `owners/${C}/${PUBKEY}/x`, `owners/readme/${PUBKEY}`, `owners/ba/${PUBKEY}`
    ]) t.equal(layout.ownerOf(key), null, key)
  })
}
