// Blobs that somebody else's hash-stream tools wrote into the store (the setting foreignBlobs): found, served, nobody's.

import t from 'tap'
import { composeStores, openMemoryStores } from '../../server/stores/open.ts'
import { Layout } from '../../server/stores/layout.ts'
import { MemoryObjects } from '../../server/stores/memory/objects.ts'
import { MemoryPackStore } from '../../server/stores/memory/pack-store.ts'
import { sha256Hex, sha256Multihash } from '../../server/stores/multihash.ts'
import { ALICE, nodeOf } from '../suites/node-of.ts'
import { writePack } from '../suites/packs.ts'
import { HELLO, PACK, ROOT, THEIR_RECORDS, WORLD, theirFolder, theirTreeKey } from '../suites/their-files.ts'

const MISS_MS = 2000

/** A node over a store that holds these records of theirs, and the pack they speak of. */
async function nodeWith (records: Record<string, string>, { foreign = true, doubled = false, shared = false } = {}) {
  const objects = new MemoryObjects()
  const stores = composeStores(new MemoryPackStore(), objects, new Layout(doubled), shared)
  await writePack(stores.packs, PACK.bytes, PACK.sha256)
  for (const [key, text] of Object.entries(records)) await objects.put(key, Buffer.from(text))
  return { ...nodeOf(stores, { foreign }), objects }
}

for (const doubled of [false, true]) {
  const tree = doubled ? 'bucket' : 'folder'
  const cases: [string, Record<string, string>][] = [
    ['a record of its own', { [`${theirFolder(HELLO, doubled)}1795171932229`]: THEIR_RECORDS.single }],
    ['inside its record', { [`${theirFolder(HELLO, doubled)}1795171932229`]: THEIR_RECORDS.inline }],
    ['a leaf of a PACK tree', { [theirTreeKey(PACK, HELLO, doubled)]: THEIR_RECORDS.packTree }],
    ['a leaf of a CONTAINING tree', { [theirTreeKey(ROOT, PACK, doubled)]: THEIR_RECORDS.containing }]
  ]
  for (const [what, records] of cases) {
    void t.test(`${tree}: a blob of theirs that is ${what} is served and is nobody’s`, async (t) => {
      const node = await nodeWith(records, { doubled })
      t.match(await node.blobs.find(HELLO.sha256), { size: 5, foreign: true, blake3: null, type: 'application/octet-stream' })
      t.equal((await node.get(HELLO.sha256))?.toString(), 'hello')
      t.equal(await node.blobs.disown(HELLO.sha256, ALICE), 'not-owner')
      t.equal(await node.blobs.adopt(HELLO.sha256, ALICE, null), null)
      t.same(node.listed(), [])
    })
  }
}

void t.test('every leaf of a tree is found, and what comes later within two seconds', async (t) => {
  const node = await nodeWith({ [theirTreeKey(ROOT, PACK, false)]: THEIR_RECORDS.containing })
  t.equal((await node.get(WORLD.sha256))?.toString(), 'world!')
  t.equal(await node.get(ROOT.sha256), null, 'the root’s own bytes are in no pack')
  const late = await nodeWith({})
  t.equal(await late.get(WORLD.sha256), null)
  await late.objects.put(theirTreeKey(PACK, HELLO, false), Buffer.from(THEIR_RECORDS.packTree))
  late.pass(MISS_MS)
  t.equal((await late.get(WORLD.sha256))?.toString(), 'world!')
})

void t.test('a whole file of theirs that is its own pack is served', async (t) => {
  const node = await nodeWith({ [`${theirFolder(HELLO, false)}1795171932229`]: THEIR_RECORDS.itself })
  await writePack(node.stores.packs, HELLO.bytes, HELLO.sha256)
  t.equal((await node.get(HELLO.sha256))?.toString(), 'hello')
})

void t.test('a record of theirs that names a path, or is no record at all, finds nothing and stops nobody', async (t) => {
  const node = await nodeWith({
    [`${theirFolder(HELLO, false)}1795171932229`]: THEIR_RECORDS.path,
    [`${theirFolder(ROOT, false)}junk`]: 'not json',
    [theirTreeKey(PACK, HELLO, false)]: THEIR_RECORDS.packTree
  })
  t.equal((await node.get(HELLO.sha256))?.toString(), 'hello', 'by the tree')
  t.equal((await node.get(WORLD.sha256))?.toString(), 'world!')
})

void t.test('without the setting their blobs are not served', async (t) => {
  for (const shared of [true, false]) {
    const node = await nodeWith({ [`${theirFolder(HELLO, false)}1795171932229`]: THEIR_RECORDS.single }, { foreign: false, shared })
    t.equal(await node.blobs.find(HELLO.sha256), null)
  }
})

void t.test('a blob of theirs that somebody uploads becomes that owner’s, and goes with them', async (t) => {
  const node = await nodeWith({ [`${theirFolder(HELLO, false)}1795171932229`]: THEIR_RECORDS.inline })
  t.match(await node.blobs.find(HELLO.sha256), { foreign: true })
  t.equal((await node.put(HELLO.bytes, { likely: HELLO.sha256 })).created, true)
  t.match(await node.blobs.find(HELLO.sha256), { foreign: false, place: { kind: 'inline' } })
  t.equal(node.listed().length, 1)
})

void t.test('a large blob of theirs that somebody uploads, its hash announced, becomes that owner’s', async (t) => {
  const big = Buffer.alloc(50_000, 'big')
  const sha256 = sha256Hex(big)
  const base64 = Buffer.from(sha256Multihash(sha256)).toString('base64').replace(/=+$/, '')
  const record = THEIR_RECORDS.itself.replaceAll(HELLO.base64, base64).replace('"length":5', '"length":50000')
  const objects = new MemoryObjects()
  const stores = composeStores(new MemoryPackStore(), objects, new Layout(false), false)
  await writePack(stores.packs, big, sha256)
  await objects.put(`${stores.layout.records(sha256Multihash(sha256))}1795171932229`, Buffer.from(record))
  const node = nodeOf(stores, { foreign: true })
  t.match(await node.blobs.find(sha256), { foreign: true, size: 50_000 })
  const { blob, created } = await node.put(big, { promised: sha256, likely: sha256, size: big.length })
  t.equal(created, true)
  t.match(blob, { foreign: false, place: { kind: 'own' } })
  t.ok((await node.get(sha256))?.equals(big))
})

void t.test('what they removed is gone at the next read', async (t) => {
  const key = `${theirFolder(HELLO, false)}1795171932229`
  const node = await nodeWith({ [key]: THEIR_RECORDS.single })
  t.equal((await node.get(HELLO.sha256))?.toString(), 'hello')
  await node.objects.remove(key)
  await node.stores.packs.remove(sha256Multihash(PACK.sha256))
  t.equal(await node.get(HELLO.sha256), null)
  t.equal(await nodeOf(openMemoryStores(), { foreign: true }).get(HELLO.sha256), null)
})
