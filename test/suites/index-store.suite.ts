// What an IndexStore promises over every kind of small objects: one record of ours a multihash, and a reader's eye for what hash-stream's own
// tools left beside it.

import { StoreError } from '../../server/errors.ts'
import { IndexStore, placesIn } from '../../server/stores/index-store.ts'
import { blake3Multihash, identityBytes, keyOf, sha256Multihash } from '../../server/stores/multihash.ts'
import { recordFor } from '../../server/stores/places.ts'
import { HELLO, OFFSETS, PACK, ROOT, THEIR_RECORDS, WORLD, theirFolder, theirTreeKey } from './their-files.ts'
import type { Test } from 'tap'
import type { Multihash } from '../../server/stores/multihash.ts'
import type { IndexRecord } from '../../server/stores/record.ts'
import type { OpenedObjects } from './kinds.ts'

const A = sha256Multihash('aa'.repeat(32))
const B = blake3Multihash('bb'.repeat(32))
const hello = sha256Multihash(HELLO.sha256)

async function all<Item> (items: AsyncIterable<Item>): Promise<Item[]> {
  const found: Item[] = []
  for await (const item of items) found.push(item)
  return found
}

function plain (record: IndexRecord | null | undefined): unknown {
  if (record == null) return null
  const { location, multihash, subRecords } = record
  return { ...record, multihash: keyOf(multihash), location: typeof location === 'string' ? location : keyOf(location), subRecords: subRecords.map(plain) }
}

export function indexStoreSuite (t: Test, name: string, open: (t: Test) => Promise<OpenedObjects>): void {
  interface Opened extends OpenedObjects { index: IndexStore, theirs: (key: string, text: string) => Promise<void> }

  function test (sentence: string, body: (t: Test, opened: Opened) => Promise<unknown>): void {
    void t.test(`${name}: ${sentence}`, async (t) => {
      const opened = await open(t)
      const index = new IndexStore(opened.objects, opened.layout)
      await body(t, { ...opened, index, theirs: (key, text) => opened.objects.put(key, Buffer.from(text)) })
      t.equal(await opened.drafts(), 0)
    })
  }

  const record = (multihash: Multihash, size: number): IndexRecord => recordFor(multihash, A, size, { kind: 'own' }, null)

  test('a record is added once, replaced and removed', async (t, { index }) => {
    t.equal(await index.own(A), null)
    t.equal(await index.add(record(A, 5)), true)
    t.equal(await index.add(record(A, 6)), false)
    t.same(plain(await index.own(A)), plain(record(A, 5)))
    await index.replace(record(A, 7))
    t.same(plain(await index.own(A)), plain(record(A, 7)))
    t.equal(await index.own(B), null, 'another hash has none')
    t.equal(await index.remove(A), true)
    t.equal(await index.remove(A), false)
    t.equal(await index.own(A), null)
    await index.replace(record(A, 8))
    t.same((await index.get(A)).map(plain), [plain(record(A, 8))])
  })

  test('a record with the bytes inside comes back with them', async (t, { index }) => {
    for (const size of [0, 1, 127, 128, 4096]) {
      const bytes = Buffer.alloc(size, size)
      await index.replace(recordFor(A, A, size, { kind: 'inline' }, bytes))
      const { type, location, length } = (await index.own(A))!
      t.same([type, length], [3, size])
      t.ok(Buffer.from(identityBytes(location as Uint8Array)!).equals(bytes))
    }
  })

  test('every multihash that a record of ours is about is listed, under both hashes', async (t, { index, theirs, layout }) => {
    t.same(await all(index.list()), [])
    for (const multihash of [A, B]) await index.add(record(multihash, 5))
    await theirs(`${theirFolder(HELLO, layout.doubled)}1795171932229`, THEIR_RECORDS.single)
    await theirs(`${layout.records(A)}1795171932229`, THEIR_RECORDS.single)
    t.same((await all(index.list())).map(keyOf).sort(), [A, B].map(keyOf).sort())
  })

  test('the records about a multihash are ours first, then by name', async (t, { index, theirs, layout }) => {
    const folder = theirFolder(HELLO, layout.doubled)
    await theirs(`${folder}1795171932230`, THEIR_RECORDS.inline)
    await theirs(`${folder}1795171932229`, THEIR_RECORDS.single)
    await theirs(theirTreeKey(HELLO, WORLD, layout.doubled), THEIR_RECORDS.packTree)
    t.same((await index.get(hello)).map(({ type }) => type), [0, 3, 1])
    await index.add(recordFor(hello, A, 5, { kind: 'part', pack: A, offset: 7 }, null))
    const found = await index.get(hello)
    t.same(found.map(({ type, offset }) => [type, offset]), [[0, 7], [0, OFFSETS.hello], [3, 0], [1, undefined]])
    t.equal(await index.remove(hello), true, 'only ours goes')
    t.same((await index.get(hello)).map(({ type }) => type), [0, 3, 1])
    t.same(await index.get(A), [], 'nothing about another')
  })

  test('what their tools wrote is found, in every form', async (t, { index, theirs, layout }) => {
    const { doubled } = layout
    const files: Record<string, string> = {
      [`${theirFolder(HELLO, doubled)}1795171932229`]: THEIR_RECORDS.single,
      [`${theirFolder(PACK, doubled)}1795171932230`]: THEIR_RECORDS.pack,
      [theirTreeKey(PACK, HELLO, doubled)]: THEIR_RECORDS.packTree,
      [theirTreeKey(ROOT, PACK, doubled)]: THEIR_RECORDS.containing,
      [`${theirFolder(WORLD, doubled)}1795171932231`]: THEIR_RECORDS.path
    }
    for (const [key, text] of Object.entries(files)) await theirs(key, text)
    await index.add(record(A, 5))
    t.same((await all(index.foreign())).sort(), Object.keys(files).sort(), 'ours is not theirs')
    const leaves = new Map<string, string[]>()
    for (const key of await all(index.foreign())) {
      const found = [...placesIn((await index.at(key))!)]
      leaves.set(key, found.map(({ multihash, offset, length }) => `${keyOf(multihash)} ${offset} ${length}`))
    }
    const both = [`${HELLO.key} ${OFFSETS.hello} 5`, `${WORLD.key} ${OFFSETS.world} 6`]
    t.same([...Object.keys(files)].map((key) => leaves.get(key)), [both.slice(0, 1), [], both, both, [`${HELLO.key} 0 5`]])
    const [wanted] = [...placesIn((await index.at(theirTreeKey(ROOT, PACK, doubled)))!, sha256Multihash(WORLD.sha256))]
    t.match(wanted, { offset: OFFSETS.world, length: 6 }, 'a leaf by its name')
  })

  test('a damaged record is a StoreError, never "not there"; a stranger’s file asked for by its key is null', async (t, { index, objects, layout }) => {
    for (const rubbish of ['', '{', 'null', '{"data":{}}', THEIR_RECORDS.single.slice(0, 100)]) {
      await objects.put(layout.record(A), Buffer.from(rubbish))
      await t.rejects(index.own(A), StoreError)
      await t.rejects(index.get(A), StoreError)
      t.equal(await index.at(layout.record(A)), null)
    }
    t.equal(await index.at(layout.record(B)), null)
    t.equal(await index.remove(A), true, 'it can be removed all the same')
  })

  test('what is broken is a StoreError, never "not there"', async (t, { index, lose }) => {
    if (lose === undefined) return t.pass('it cannot be lost', { skip: 'memory is never gone' })
    await index.add(record(A, 5))
    const mend = await lose()
    try {
      for (const multihash of [A, B]) {
        await t.rejects(index.own(multihash), StoreError)
        await t.rejects(index.get(multihash), StoreError)
        await t.rejects(index.add(record(multihash, 5)), StoreError)
        await t.rejects(index.replace(record(multihash, 5)), StoreError)
        await t.rejects(index.remove(multihash), StoreError)
      }
      await t.rejects(all(index.list()), StoreError)
      await t.rejects(all(index.foreign()), StoreError)
    } finally {
      await mend()
    }
    t.same(plain(await index.own(A)), plain(record(A, 5)))
  })
}
