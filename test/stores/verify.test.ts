// marquee verify on folders: every kind of fault is found, told by its name, and mended where that needs no guess.

import t from 'tap'
import { readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { blake3Multihash, identityMultihash, keyOf, sha256Multihash } from '../../server/stores/multihash.ts'
import { openFsStores } from '../../server/stores/open.ts'
import { recordFor } from '../../server/stores/places.ts'
import { verify } from '../../server/stores/verify.ts'
import { ALICE, BOB, nodeOf } from '../suites/node-of.ts'
import { writePack } from '../suites/packs.ts'
import { seededBlob } from '../support/keys.ts'
import type { Test } from 'tap'
import type { Verified } from '../../server/stores/verify.ts'
import type { Node } from '../suites/node-of.ts'

interface Place extends Node {
  root: string
  check: (options?: { repair?: boolean, foreignBlobs?: boolean, rows?: boolean }) => Promise<Verified>
  /** The kinds of fault that are found, sorted, one each. */
  kinds: (options?: { repair?: boolean, foreignBlobs?: boolean }) => Promise<string[]>
}

const LARGE = seededBlob('large', 50_000)
const SMALL = seededBlob('small', 1000)

/** A sound store with one blob in a pack and one inside its record, both ALICE's. */
async function place (t: Test): Promise<Place> {
  const root = t.testdir({})
  const node = nodeOf(await openFsStores(root))
  await node.put(LARGE.bytes)
  await node.put(SMALL.bytes)
  const check: Place['check'] = ({ repair = false, foreignBlobs = false, rows = true } = {}) =>
    verify({ stores: node.stores, descriptors: rows ? node.descriptors : null, repair, foreignBlobs, now: Date.now() })
  return { ...node, root, check, kinds: async (options) => [...new Set((await check(options)).faults.map(({ kind }) => kind))].sort() }
}

const packOf = (root: string, sha256: string): string => join(root, 'pack', `${keyOf(sha256Multihash(sha256))}.car`)
const recordPath = (root: string, key: string): string => join(root, 'index', key, '0')
const key = ({ sha256 }: { sha256: string }): string => keyOf(sha256Multihash(sha256))

void t.test('a sound store has no faults, and everything in it is counted', async (t) => {
  const { check, put } = await place(t)
  await put(LARGE.bytes, { owner: BOB })
  t.same(await check(), { packs: 1, bytes: 50_000, records: 4, owners: 3, faults: [] })
  t.same((await check({ rows: false })).faults, [])
  t.same((await check({ foreignBlobs: true, repair: true })).faults, [])
})

void t.test('pack-damaged: a byte that turned, or went missing, is found and left alone', async (t) => {
  for (const damage of [(bytes: Buffer) => { bytes[30_000]! ^= 1; return bytes }, (bytes: Buffer) => bytes.subarray(0, 49_999)]) {
    const { root, check, kinds } = await place(t)
    const path = packOf(root, LARGE.sha256)
    const damaged = damage(readFileSync(path))
    writeFileSync(path, damaged)
    t.same(await kinds(), ['pack-damaged', 'record-without-bytes'])
    const { faults } = await check({ repair: true })
    t.match(faults.find(({ kind }) => kind === 'pack-damaged'), { about: key(LARGE), repaired: false })
    t.same(faults.filter(({ repaired }) => repaired), [], 'somebody owns it: nothing is taken away')
    t.ok(readFileSync(path).equals(damaged))
  }
})

void t.test('pack-unused: a pack that no owned record needs is found, and removed by a repair', async (t) => {
  const { stores, kinds } = await place(t)
  const { bytes, sha256 } = seededBlob('unused', 10_000)
  await writePack(stores.packs, bytes, sha256)
  t.same(await kinds(), ['pack-unused'])
  t.not(await stores.packs.stat(sha256Multihash(sha256)), null, 'only told')
  t.same(await kinds({ foreignBlobs: true }), [], 'it may be theirs')
  t.same(await kinds({ repair: true }), ['pack-unused'])
  t.equal(await stores.packs.stat(sha256Multihash(sha256)), null)
  t.same(await kinds(), [])
})

void t.test('record-without-bytes: a record whose pack is gone is found; removed by a repair only if nobody owns the blob', async (t) => {
  const { root, stores, check, kinds } = await place(t)
  rmSync(packOf(root, LARGE.sha256))
  t.same(await kinds(), ['record-without-bytes'])
  t.same((await check({ repair: true })).faults.map(({ kind, repaired }) => [kind, repaired]), [
    ['record-without-bytes', false], ['record-without-bytes', false], ['blob-damaged', false]
  ], 'it was noted, and is told until it is whole')
  const lost = sha256Multihash('ab'.repeat(32))
  await stores.index.add(recordFor(lost, lost, 5, { kind: 'own' }, null))
  t.match((await check({ repair: true })).faults.filter(({ repaired }) => repaired), [{ kind: 'record-without-bytes', about: 'ab'.repeat(32) }])
  t.equal(await stores.index.own(lost), null)
  t.not(await stores.index.own(sha256Multihash(LARGE.sha256)), null)
})

void t.test('record-without-bytes: a record that asks for more than its pack has', async (t) => {
  const { stores, check } = await place(t)
  const self = sha256Multihash(LARGE.sha256)
  await stores.index.replace(recordFor(self, self, LARGE.bytes.length + 1, { kind: 'own' }, null))
  t.match((await check()).faults, [{ kind: 'record-without-bytes', about: LARGE.sha256, repaired: false }])
})

void t.test('record-wrong: inline bytes that are not those of the record’s name are found and left alone', async (t) => {
  const { stores, check, kinds } = await place(t)
  const self = sha256Multihash(SMALL.sha256)
  const record = (await stores.index.own(self))!
  for (const bytes of [Buffer.alloc(1000), SMALL.bytes.subarray(0, 999)]) {
    await stores.index.replace({ ...record, location: identityMultihash(bytes) })
    t.same((await kinds({ repair: true })).filter((kind) => kind !== 'blob-damaged'), ['record-wrong'])
    t.ok((await check()).faults.every(({ about }) => about === SMALL.sha256), 'that it was noted is told as well')
  }
})

void t.test('record-wrong: a record that cannot be read is told once, and written again where the bytes are elsewhere', async (t) => {
  const { root, check, kinds, get, blobs } = await place(t)
  const twins = await Promise.all([LARGE, SMALL].map(async ({ sha256 }) => keyOf(blake3Multihash((await blobs.find(sha256))!.blake3!))))
  for (const damaged of [key(LARGE), ...twins]) {
    const path = recordPath(root, damaged)
    const before = readFileSync(path)
    for (const rubbish of ['', '{"data":', 'rubbish']) {
      writeFileSync(path, rubbish)
      t.match((await check()).faults, [{ kind: 'record-wrong', repaired: false }])
      t.match((await check({ repair: true })).faults, [{ kind: 'record-wrong', repaired: true }])
      t.ok(readFileSync(path).equals(before))
      t.same(await kinds(), [])
    }
  }
  writeFileSync(recordPath(root, key(SMALL)), 'the bytes of the blob were in here')
  t.match((await check({ repair: true })).faults, [{ kind: 'record-wrong', about: SMALL.sha256, repaired: false }])
  t.equal(readFileSync(recordPath(root, key(SMALL)), 'utf8'), 'the bytes of the blob were in here')
  t.ok((await get(LARGE.sha256))?.equals(LARGE.bytes))
})

void t.test('record-missing: an owned blob without its record, under either hash, gets it back by a repair', async (t) => {
  const { root, stores, blobs, check, kinds } = await place(t)
  const files = [key(LARGE)]
  for (const { sha256 } of [LARGE, SMALL]) files.push(keyOf(blake3Multihash((await blobs.find(sha256))!.blake3!)))
  const before = files.map((each) => readFileSync(recordPath(root, each)))
  for (const each of files) rmSync(join(root, 'index', each), { recursive: true })
  t.same(await kinds(), ['record-missing'])
  t.same((await check({ repair: true })).faults.map(({ kind, repaired }) => [kind, repaired]), files.map(() => ['record-missing', true]))
  for (const [i, each] of files.entries()) t.ok(readFileSync(recordPath(root, each)).equals(before[i]!), 'the same bytes as before')
  t.same(await kinds(), [])
  t.not(await stores.packs.stat(sha256Multihash(LARGE.sha256)), null)
})

void t.test('record-missing: an inline blob gets its sha256 record back from its BLAKE3 record alone', async (t) => {
  const { stores, check, kinds, get } = await place(t)
  await stores.index.remove(sha256Multihash(SMALL.sha256))
  t.same(await kinds(), ['record-missing'])
  t.same((await check({ repair: true })).faults.map(({ kind, repaired }) => [kind, repaired]), [['record-missing', true]])
  t.same(await kinds(), [])
  t.ok((await get(SMALL.sha256))?.equals(SMALL.bytes))
})

void t.test('record-ownerless: a record that nobody owns is a leftover and goes by a repair, with its pack and its twin', async (t) => {
  for (const blob of [LARGE, SMALL]) {
    const { stores, descriptors, check, kinds } = await place(t)
    await stores.owners.remove(blob.sha256, ALICE)
    descriptors.removeOwner(blob.sha256, ALICE, 0)
    t.same(await kinds({ foreignBlobs: true, repair: true }), [], 'with somebody else’s tools it may be theirs')
    const found = blob === LARGE ? ['pack-unused', 'record-ownerless'] : ['record-ownerless']
    t.same(await kinds(), found)
    t.same(await kinds({ repair: true }), found)
    t.match(await check(), { packs: blob === LARGE ? 0 : 1, records: 2, owners: 1, faults: [] })
  }
})

void t.test('owner-without-blob: an owner of bytes that are nowhere is told, and stays', async (t) => {
  const { root, stores, check } = await place(t)
  rmSync(packOf(root, LARGE.sha256))
  rmSync(join(root, 'index', key(LARGE)), { recursive: true })
  const { faults } = await check({ repair: true })
  t.match(faults.find(({ kind }) => kind === 'owner-without-blob'), { about: LARGE.sha256, repaired: false })
  t.not(await stores.owners.get(LARGE.sha256, ALICE), null)
})

void t.test('owner-damaged: an owner object that cannot be read is told, and stays', async (t) => {
  const { root, check } = await place(t)
  const path = join(root, 'owners', key(LARGE), ALICE)
  for (const rubbish of ['', '{}', '{"v":2}', 'rubbish']) {
    writeFileSync(path, rubbish)
    t.match((await check({ repair: true })).faults, [{ kind: 'owner-damaged', about: LARGE.sha256, repaired: false }])
    t.equal(readFileSync(path, 'utf8'), rubbish)
  }
  t.equal(readdirSync(join(root, 'pack')).length, 1, 'the pack stays too')
})

void t.test('row-missing: an ownership that the rows do not have comes back by a repair', async (t) => {
  const { descriptors, check, kinds, listed } = await place(t)
  const before = listed()
  for (const { sha256 } of [LARGE, SMALL]) descriptors.removeOwner(sha256, ALICE, 0)
  t.same(await kinds(), ['row-missing'])
  t.same((await check({ rows: false })).faults, [], 'the store alone is sound')
  await kinds({ repair: true })
  t.same(listed(), before)
  t.same(await kinds(), [])
})

void t.test('row-stale: a row that the store knows nothing of goes by a repair', async (t) => {
  const { descriptors, check, kinds, listed } = await place(t)
  const sha256 = 'ab'.repeat(32)
  descriptors.save({ sha256, owner: BOB, type: 'a/b', uploaded: 1, blake3: 'cd'.repeat(32), size: 5 }, { kind: 'own' })
  descriptors.save({ sha256: LARGE.sha256, owner: BOB, type: 'a/b', uploaded: 1, blake3: 'cd'.repeat(32), size: 50_000 }, { kind: 'own' })
  t.same((await check({ repair: true })).faults.map(({ kind, about }) => [kind, about]).sort(), [['row-stale', sha256], ['row-stale', LARGE.sha256]].sort())
  t.same(listed(BOB), [])
  t.equal(listed(ALICE).length, 2)
  t.same(await kinds(), [])
})

void t.test('row-wrong: a row that says otherwise than the owner object is put right by a repair', async (t) => {
  const { database, check, kinds, listed } = await place(t)
  const before = listed()
  for (const change of ["UPDATE owners SET type = 'no/such'", 'UPDATE owners SET uploaded = 7', 'UPDATE blobs SET size = 7', "UPDATE blobs SET blake3 = x'00'"]) {
    database.exec(change)
    t.match((await check()).faults, [{ kind: 'row-wrong', repaired: false }, { kind: 'row-wrong', repaired: false }], change)
    await kinds({ repair: true })
    t.same(await kinds(), [])
    t.same(listed(), before)
  }
})
