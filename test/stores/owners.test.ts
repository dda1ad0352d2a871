// Owner objects: who owns a blob, in the store itself (design §3).

import t from 'tap'
import { StoreError } from '../../server/errors.ts'
import { Layout } from '../../server/stores/layout.ts'
import { MemoryObjects } from '../../server/stores/memory/objects.ts'
import { sha256Multihash } from '../../server/stores/multihash.ts'
import { NO_OWNER, OwnerStore, buildOwner, parseOwner } from '../../server/stores/owners.ts'
import type { Ownership } from '../../server/stores/owners.ts'

const SHA256 = 'ab'.repeat(32)
const ALICE = 'a'.repeat(64)
const OWNERSHIP: Ownership = { sha256: SHA256, owner: ALICE, type: 'video/mp4', uploaded: 1_800_000_000, blake3: 'cd'.repeat(32), size: 5 }

function open () {
  const [objects, layout] = [new MemoryObjects(), new Layout(false)]
  return { objects, layout, owners: new OwnerStore(objects, layout) }
}

t.test('an owner object is the JSON that the design names', async (t) => {
  const text = `{"v":1,"type":"video/mp4","uploaded":1800000000,"blake3":"${'cd'.repeat(32)}","size":5}`
  t.equal(buildOwner(OWNERSHIP).toString(), text)
  t.equal(buildOwner({ ...OWNERSHIP, expires: 1_900_000_000 }).toString(), `${text.slice(0, -1)},"expires":1900000000}`)
  t.same(parseOwner(SHA256, ALICE, Buffer.from(text)), OWNERSHIP)
  t.same(parseOwner(SHA256, ALICE, buildOwner({ ...OWNERSHIP, expires: 7 })), { ...OWNERSHIP, expires: 7 })
})

t.test('what is no owner object of this version is refused', async (t) => {
  const good = JSON.parse(buildOwner(OWNERSHIP).toString()) as Record<string, unknown>
  const bad: unknown[] = [
    {}, [], 7, 'text', { ...good, v: 2 }, { ...good, v: '1' }, { ...good, type: 7 }, { ...good, uploaded: '7' }, { ...good, uploaded: 0.5 },
    { ...good, size: null }, { ...good, blake3: 'cd' }, { ...good, blake3: 'CD'.repeat(32) }, { ...good, expires: '7' }, { ...good, expires: null }
  ]
  for (const value of bad) t.throws(() => parseOwner(SHA256, ALICE, Buffer.from(JSON.stringify(value))), Error, JSON.stringify(value))
  for (const text of ['', '{', 'null']) t.throws(() => parseOwner(SHA256, ALICE, Buffer.from(text)), Error, text)
})

t.test('an ownership is put, renewed, found and removed', async (t) => {
  const { owners } = open()
  t.equal(await owners.get(SHA256, ALICE), null)
  await owners.put(OWNERSHIP)
  t.same(await owners.get(SHA256, ALICE), OWNERSHIP)
  await owners.put({ ...OWNERSHIP, type: 'audio/mpeg' })
  await owners.put({ ...OWNERSHIP, owner: NO_OWNER })
  t.equal((await owners.get(SHA256, ALICE))?.type, 'audio/mpeg')
  t.same((await owners.namesOf(SHA256)).sort(), [ALICE, NO_OWNER])
  t.same((await owners.of(SHA256)).map(({ owner }) => owner).sort(), [ALICE, NO_OWNER])
  t.same(await owners.namesOf('00'.repeat(32)), [])
  t.equal(await owners.remove(SHA256, ALICE), true)
  t.equal(await owners.remove(SHA256, ALICE), false)
  t.same(await owners.namesOf(SHA256), [NO_OWNER])
})

t.test('a damaged owner object is a StoreError, and its owner is counted still', async (t) => {
  const { owners, objects, layout } = open()
  await objects.put(layout.owner(sha256Multihash(SHA256), ALICE), Buffer.from('rubbish'))
  await t.rejects(owners.get(SHA256, ALICE), StoreError)
  await t.rejects(owners.of(SHA256), StoreError)
  t.same(await owners.namesOf(SHA256), [ALICE], 'so that nobody removes the blob')
})

t.test('every owner object is listed, a stranger’s file is not, and what is fresh is told', async (t) => {
  const { owners, objects, layout } = open()
  const others = ['11', '22', '33'].map((byte) => byte.repeat(32))
  for (const sha256 of others) await owners.put({ ...OWNERSHIP, sha256 })
  await objects.put(`${layout.owners(sha256Multihash(SHA256))}notes.txt`, Buffer.from('mine'))
  await objects.put('owners/readme', Buffer.from('mine'))
  const all: { sha256: string, fresh: boolean }[] = []
  for await (const each of owners.list()) all.push(each)
  t.same(all.map(({ sha256 }) => sha256).sort(), others)
  t.ok(all.every(({ fresh }) => fresh))
  for await (const { fresh } of owners.list(Date.now() + 1e6)) t.equal(fresh, false)
})
