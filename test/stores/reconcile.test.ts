// Rows from the store: after an unclean end, and into an empty database. SQLite holds nothing that cannot be rebuilt (design §1.3).

import t from 'tap'
import { openDatabase } from '../../server/database.ts'
import { Descriptors } from '../../server/stores/descriptors.ts'
import { sha256Multihash } from '../../server/stores/multihash.ts'
import { openMemoryStores } from '../../server/stores/open.ts'
import { reconcile } from '../../server/stores/reconcile.ts'
import { ALICE, BOB, START, dump, keysOf, nodeOf } from '../suites/node-of.ts'
import { writePack } from '../suites/packs.ts'
import { seededBlob } from '../support/keys.ts'
import type { Database } from '../../server/database.ts'
import type { Reconciled } from '../../server/stores/reconcile.ts'
import type { Node } from '../suites/node-of.ts'

const CAROL = 'c'.repeat(64)
const NOTHING: Reconciled = { learned: 0, forgotten: 0, restored: 0, lost: [] }

/** A node with blobs of every kind: small, large, empty; of one owner, of several, of no key; typed and not. */
async function lived (): Promise<Node> {
  const node = nodeOf(openMemoryStores())
  const owners = [ALICE, BOB, CAROL, 'none']
  for (let i = 0; i < 24; i++) {
    node.pass(i % 3 === 0 ? 1000 : 0)
    const { bytes } = seededBlob(`lived ${i}`, [0, 10, 4096, 4097, 20_000][i % 5]! + (i >= 5 ? i : 0))
    for (const [j, owner] of owners.entries()) {
      if ((i + j) % 3 !== 0) continue
      node.pass(j * 1000)
      await node.put(bytes, { owner, type: (i + j) % 2 === 0 ? null : `video/x-${j}` })
    }
  }
  const [first, second] = node.listed(ALICE)
  await node.blobs.disown(first!.sha256, ALICE)
  await node.blobs.disown(second!.sha256, ALICE)
  return node
}

function run (node: Node, database: Database = node.database, since = 0): Promise<Reconciled> {
  return reconcile({ stores: node.stores, descriptors: new Descriptors(database), since, now: START / 1000 })
}

void t.test('rows rebuilt from the store alone are identical, every one of them', async (t) => {
  const node = await lived()
  const before = dump(node.database)
  t.ok(before.blobs.length >= 15 && before.owners.length > before.blobs.length, `${before.blobs.length} blobs, ${before.owners.length} owners`)
  const fresh = openDatabase(':memory:')
  t.same(await run(node, fresh), { ...NOTHING, learned: before.owners.length })
  t.same(dump(fresh), before)
  t.same(await run(node, fresh), NOTHING, 'a second time learns nothing')
  t.same(dump(fresh), before)
})

void t.test('where all is well nothing changes', async (t) => {
  const node = await lived()
  const [before, keys] = [dump(node.database), await keysOf(node.stores)]
  for (const since of [0, Date.now() + 1e6]) t.same(await run(node, node.database, since), NOTHING)
  t.same(dump(node.database), before)
  t.same(await keysOf(node.stores), keys)
})

void t.test('rows that a power cut took come back, also when only what is fresh is read', async (t) => {
  const node = await lived()
  const before = dump(node.database)
  const gone = node.listed(ALICE)
  node.database.exec(`DELETE FROM owners WHERE pubkey = x'${ALICE}'; DELETE FROM blobs WHERE sha256 NOT IN (SELECT sha256 FROM owners)`)
  t.same(await run(node, node.database, Date.now() + 1e6), { ...NOTHING, learned: gone.length }, 'none of the objects is fresh')
  t.same(dump(node.database), before)
})

void t.test('a row that says otherwise than a fresh owner object is put right', async (t) => {
  const node = await lived()
  const before = dump(node.database)
  node.database.exec("UPDATE owners SET type = 'no/such', uploaded = 7")
  t.same(await run(node), NOTHING)
  t.same(dump(node.database), before)
})

void t.test('an owner whose record a crash prevented gets it back from the pack, and is found', async (t) => {
  const node = nodeOf(openMemoryStores())
  const { bytes, sha256 } = seededBlob('no record', 20_000)
  const { blob } = await node.put(bytes, { type: 'video/mp4' })
  const [before, keys] = [dump(node.database), await keysOf(node.stores)]
  node.descriptors.forget(sha256, 0)
  for await (const multihash of node.stores.index.list()) await node.stores.index.remove(multihash)
  t.same(await run(node), { ...NOTHING, learned: 1, restored: 1 })
  t.same(dump(node.database), before)
  t.same(await keysOf(node.stores), keys)
  t.same(await node.blobs.find(sha256), blob)
  t.ok((await node.get(sha256))?.equals(bytes))
})

void t.test('an owner whose sha256 record a crash prevented gets it back from the BLAKE3 record, where that holds the bytes', async (t) => {
  const node = nodeOf(openMemoryStores())
  const { bytes, sha256 } = seededBlob('no record, no pack', 2000)
  const { blob } = await node.put(bytes, { type: 'video/mp4' })
  const [before, keys] = [dump(node.database), await keysOf(node.stores)]
  node.descriptors.forget(sha256, 0)
  await node.stores.index.remove(sha256Multihash(sha256))
  t.same(await run(node), { ...NOTHING, learned: 1, restored: 1 })
  t.same(dump(node.database), before)
  t.same(await keysOf(node.stores), keys)
  t.same(await node.blobs.find(sha256), blob)
  t.ok((await node.get(sha256))?.equals(bytes))
})

void t.test('record and owner without a row become a row', async (t) => {
  const node = nodeOf(openMemoryStores())
  for (const size of [100, 20_000]) await node.put(seededBlob(`no row ${size}`, size).bytes)
  const before = dump(node.database)
  for (const { sha256 } of node.listed()) node.descriptors.forget(sha256, 0)
  t.same(await run(node), { ...NOTHING, learned: 2 })
  t.same(dump(node.database), before)
})

void t.test('a row without an owner in the store goes', async (t) => {
  const node = await lived()
  const [one, two] = node.listed(BOB)
  await node.stores.owners.remove(one!.sha256, BOB)
  const shared = (await node.stores.owners.namesOf(one!.sha256)).length > 0
  await node.put(seededBlob('alone', 100).bytes, { owner: CAROL })
  const alone = seededBlob('alone', 100).sha256
  await node.stores.owners.remove(alone, CAROL)
  t.same(await run(node), { ...NOTHING, forgotten: 2 })
  t.equal(node.descriptors.ownership(one!.sha256, BOB), null)
  t.equal(await node.blobs.find(one!.sha256) !== null, shared)
  t.equal(await node.blobs.find(alone), null)
  t.not(node.descriptors.ownership(two!.sha256, BOB), null)
})

void t.test('an owner of bytes that are nowhere is told and left alone, and is no row', async (t) => {
  const node = nodeOf(openMemoryStores())
  const { bytes, sha256 } = seededBlob('nowhere', 20_000)
  await node.put(bytes)
  node.descriptors.forget(sha256, 0)
  for await (const multihash of node.stores.index.list()) await node.stores.index.remove(multihash)
  await node.stores.packs.remove(sha256Multihash(sha256))
  t.same(await run(node), { ...NOTHING, lost: [`${sha256} of ${ALICE}: neither record nor pack`] })
  t.equal(await node.blobs.find(sha256), null)
  t.not(await node.stores.owners.get(sha256, ALICE), null)
})

void t.test('a pack that nobody owns, as a crash before the owner leaves it, is no row', async (t) => {
  const node = nodeOf(openMemoryStores())
  const { bytes, sha256 } = seededBlob('half', 20_000)
  await writePack(node.stores.packs, bytes, sha256)
  t.same(await run(node), NOTHING)
  t.equal(await node.blobs.find(sha256), null)
  t.equal((await node.put(bytes)).created, true)
})
