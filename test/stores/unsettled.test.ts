// What is under way is noted before the store changes, and struck out with the row: which operations leave a note, and what strikes it out.

import t from 'tap'
import { openDatabase } from '../../server/database.ts'
import { Journal } from '../../server/stores/fs/journal.ts'
import { NodeFiles } from '../../server/stores/fs/files.ts'
import { Layout } from '../../server/stores/layout.ts'
import { composeStores, openFsStores, openMemoryStores } from '../../server/stores/open.ts'
import { MemoryObjects } from '../../server/stores/memory/objects.ts'
import { MemoryPackStore } from '../../server/stores/memory/pack-store.ts'
import { Unsettled } from '../../server/stores/unsettled.ts'
import { ALICE, BOB, nodeOf } from '../suites/node-of.ts'
import { seededBlob } from '../support/keys.ts'
import type { Stores } from '../../server/stores/open.ts'
import type { Node } from '../suites/node-of.ts'

const large = seededBlob('noted, large', 300_000)
const small = seededBlob('noted, small', 500)
const noted = (node: Node): string[] => node.descriptors.unsettled.all().map(({ sha256 }) => sha256)

/** The same stores, telling what was noted whenever one of these methods is called; on demand it fails. */
function watched (stores: Stores, look: (call: string) => void): Stores {
  const spy = <T extends object>(target: T, of: string, methods: string[]): T => new Proxy(target, {
    get: (_target, name) => {
      const value: unknown = Reflect.get(target, name, target)
      if (typeof value !== 'function') return value
      return (...args: unknown[]): unknown => {
        if (methods.includes(String(name))) look(`${of}.${String(name)}`)
        return value.apply(target, args) as unknown
      }
    }
  })
  return {
    ...stores, packs: spy(stores.packs, 'packs', ['remove']), owners: spy(stores.owners, 'owners', ['put', 'remove']), index: spy(stores.index, 'index', ['add', 'remove'])
  }
}

t.test('a note stands while the store is changed, and none is left when rows and store agree', async (t) => {
  for (const { bytes, sha256 } of [large, small]) {
    const seen: [string, string[]][] = []
    const node: Node = nodeOf(watched(openMemoryStores(), (call) => { seen.push([call, noted(node)]) }))
    const { blob } = await node.put(bytes)
    for (const step of [
      async () => { await node.put(bytes, { owner: BOB }) },
      async () => { await node.blobs.adopt(sha256, 'c'.repeat(64), 'text/plain') },
      async () => { await node.blobs.disown(sha256, ALICE) },
      async () => { await node.blobs.disown(sha256, BOB) },
      async () => { await node.blobs.disown(sha256, 'c'.repeat(64)) }
    ]) {
      t.same(noted(node), [])
      await step()
    }
    t.same(noted(node), [])
    t.ok(seen.length > 8, `${seen.length} changes of the store`)
    for (const [call, hashes] of seen) t.same(hashes, [sha256], call)
    t.equal(await node.blobs.find(sha256), null)
    t.type(blob.blake3, 'string')
  }
})

t.test('what did not come to an end leaves its note, with the BLAKE3 that leads to its other record', async (t) => {
  for (const broken of ['owners.put', 'index.add']) {
    let failing = true
    const node = nodeOf(watched(openMemoryStores(), (call) => { if (failing && call === broken) throw new Error('no') }))
    await t.rejects(node.put(large.bytes), /no/)
    const [note] = node.descriptors.unsettled.all()
    t.equal(note?.sha256, large.sha256)
    failing = false
    const { blob } = await node.put(large.bytes)
    t.equal(note?.blake3, blob.blake3)
    t.same(noted(node), [large.sha256], 'a later success does not strike out what an earlier failure may have left')
  }
  const node = nodeOf(watched(openMemoryStores(), (call) => { if (call === 'packs.remove') throw new Error('no') }))
  await node.put(large.bytes)
  await t.rejects(node.blobs.disown(large.sha256, ALICE), /no/)
  t.same(noted(node), [large.sha256], 'a delete too')
})

t.test('a row that could not be written leaves the note: row and note change in one transaction', async (t) => {
  const node = nodeOf(openMemoryStores())
  node.database.exec("CREATE TRIGGER full BEFORE DELETE ON unsettled BEGIN SELECT RAISE(ABORT, 'disk full'); END")
  await t.rejects(node.put(large.bytes), /disk full/)
  t.same(noted(node), [large.sha256])
  t.equal(node.descriptors.get(large.sha256), null, 'nor is there a row without the note struck out')
})

t.test('small uploads that share a sync are noted by their log alone, unless their row fails', async (t) => {
  const root = t.testdir({})
  const stores = await openFsStores(root, new NodeFiles(), new Journal(root))
  stores.journal!.recover(() => {})
  const database = openDatabase(':memory:')
  database.exec('CREATE TABLE heard (n INTEGER); CREATE TRIGGER hear AFTER INSERT ON unsettled BEGIN INSERT INTO heard VALUES (1); END')
  const node = nodeOf(stores, { database })
  await node.put(small.bytes)
  t.equal(database.prepare('SELECT count(*) FROM heard').pluck().get(), 0, 'no note was ever written')
  database.exec("CREATE TRIGGER full BEFORE INSERT ON owners BEGIN SELECT RAISE(ABORT, 'disk full'); END")
  const other = seededBlob('rowless', 600)
  await t.rejects(node.put(other.bytes), /disk full/)
  t.same(noted(node), [other.sha256])
  await stores.close()
})

t.test('where other nodes write to the store, too, a blob is noted while rows and store may differ: the next start ends what broke off', async (t) => {
  const stores = composeStores(new MemoryPackStore(), new MemoryObjects(), new Layout(true), true)
  let most = 0
  const node: Node = nodeOf(watched(stores, () => { most = Math.max(most, noted(node).length) }))
  await node.put(large.bytes)
  await node.blobs.disown(large.sha256, ALICE)
  t.equal(most, 1)
  t.same(noted(node), [])
})

t.test('a note that is there already is nobody else\'s to strike out; one from a log keeps the BLAKE3 that it has', async (t) => {
  const unsettled = new Unsettled(openDatabase(':memory:'))
  t.ok(unsettled.add(large.sha256, 'b'.repeat(64)))
  t.notOk(unsettled.add(large.sha256, 'b'.repeat(64)))
  unsettled.addAll([{ sha256: large.sha256, blake3: null }, { sha256: small.sha256, blake3: null }, { sha256: small.sha256, blake3: 'c'.repeat(64) }])
  t.same(unsettled.all().sort((a, b) => a.sha256 < b.sha256 ? -1 : 1), [
    { sha256: large.sha256, blake3: 'b'.repeat(64) }, { sha256: small.sha256, blake3: 'c'.repeat(64) }
  ].sort((a, b) => a.sha256 < b.sha256 ? -1 : 1))
  unsettled.clear()
  t.same(unsettled.all(), [])
})
