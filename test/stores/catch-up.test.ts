// A node that joins a bucket, or was away, catches up in the background (server/stores/catch-up.ts): rows as a full comparison makes them, safe
// against what happens meanwhile, resumed after a stop, patient with a store that fails, and nobody is served an old row in between.

import t from 'tap'
import { StoreError } from '../../server/errors.ts'
import { openDatabase } from '../../server/database.ts'
import { sha256Multihash } from '../../server/stores/multihash.ts'
import { cluster } from '../suites/cluster.ts'
import { ALICE, BOB, dump, keysOf } from '../suites/node-of.ts'
import { seededBlob } from '../support/keys.ts'
import type { Joined } from '../suites/cluster.ts'
import type { Node } from '../suites/node-of.ts'

const FIRST = { sound: false, since: 0 }
const SIZES = [0, 10, 4096, 4097, 20_000]

/** Blobs of two owners, and one that is gone again. */
async function fill (node: Node, count: number): Promise<string[]> {
  const names: string[] = []
  for (let i = 0; i < count; i++) {
    const { bytes, sha256 } = seededBlob(`filled ${i}`, SIZES[i % 5]! + (i >= 5 ? i : 0))
    await node.put(bytes, { owner: i % 3 === 0 ? BOB : ALICE, type: i % 2 === 0 ? 'video/mp4' : null })
    if (i % 4 === 0) await node.put(bytes, { owner: i % 3 === 0 ? ALICE : BOB })
    names.push(sha256)
  }
  return names
}

t.test('a node without a database ends with the rows of those that were there, and says how far it is', async t => {
  const { join } = cluster()
  const old = join()
  await fill(old, 60)
  const fresh = join()
  fresh.pass(3 * 3600_000)
  fresh.blobs.shared!.lookFrom(fresh.now()) // no note is left that would tell it
  t.equal(fresh.catchUp.progress, null)
  const shards: number[] = []
  fresh.objects.before = async (action, key) => {
    if (action === 'list' && key.startsWith('owners/')) shards.push(fresh.catchUp.progress?.shard ?? -1)
  }
  fresh.catchUp.begin(FIRST)
  t.match(fresh.catchUp.progress, { shard: 0, of: 256, seen: 0 })
  t.equal(fresh.catchUp.ratio, 0)
  await fresh.catchUp.ended()
  t.same(dump(fresh.database), dump(old.database))
  t.equal(fresh.catchUp.progress, null)
  t.equal(fresh.catchUp.ratio, 1)
  t.match(fresh.catchUp.counts, { seen: 75, learned: 75, forgotten: 0, faults: 0 })
  t.same(shards.filter((shard, i) => i === 0 || shard !== shards[i - 1]), Array.from({ length: 256 }, (_, i) => i))
})

t.test('what came, left and changed while a node was away is so in its rows afterwards, also beyond the life of notes', async t => {
  for (const away of [60_000, 5 * 3600_000]) {
    const { join } = cluster()
    const [one, other] = [join(), join()]
    const names = await fill(one, 40)
    other.catchUp.begin(FIRST)
    await other.catchUp.ended()
    other.catchUp.stop()
    t.same(dump(other.database), dump(one.database))
    one.pass(1000)
    for (const sha256 of names.slice(0, 8)) for (const owner of [ALICE, BOB]) await one.blobs.disown(sha256, owner)
    await one.put(seededBlob('meanwhile', 5000).bytes)
    await one.blobs.adopt(names[20]!, BOB, 'audio/ogg')
    const back = join(other.database)
    back.pass(away)
    const since = back.now() - away - 600_000
    back.catchUp.begin({ sound: true, since })
    await back.catchUp.ended()
    t.same({ ...dump(back.database) }, { ...dump(one.database) }, `${away} ms`)
    t.equal(back.catchUp.counts.seen > 0, away > 3600_000, 'only who was away for long looks at everything')
  }
})

t.test('until its shard was compared an old row is not believed: what was deleted elsewhere is not served, and what is there is', async t => {
  const { join } = cluster()
  const [one, other] = [join(), join()]
  const names = await fill(one, 30)
  other.catchUp.begin(FIRST)
  await other.catchUp.ended()
  for (const owner of [ALICE, BOB]) await one.blobs.disown(names[4]!, owner)
  const back = join(other.database)
  let go = (): void => {}
  const gate = new Promise<void>((resolve) => { go = resolve })
  back.objects.before = async (action) => { if (action === 'list' && back.catchUp.progress?.seen === 0) await Promise.race([gate, new Promise((resolve) => setImmediate(resolve))]) }
  back.catchUp.begin(FIRST)
  t.ok(back.descriptors.has(names[4]!), 'its row is there')
  t.equal(back.blobs.known(names[4]!), null)
  t.equal(await back.blobs.find(names[4]!), null)
  t.notOk(back.descriptors.has(names[4]!), 'and gone when somebody asked')
  t.match(await back.blobs.find(names[5]!), { sha256: names[5] })
  t.match(back.blobs.known(names[5]!), { sha256: names[5] }, 'asked once, it is believed')
  go()
  await back.catchUp.ended()
  t.same(dump(back.database), dump(one.database))
})

t.test('it goes on after a stop where it was, and what happened in between is heard', async t => {
  const { join } = cluster()
  const one = join()
  await fill(one, 60)
  const database = openDatabase(':memory:')
  let first: Joined = join(database)
  first.objects.before = async (action, key) => {
    if (action === 'list' && key.startsWith('owners/') && first.catchUp.progress?.shard === 100) first.catchUp.stop()
  }
  first.catchUp.begin(FIRST)
  await first.catchUp.ended()
  const met = first.catchUp.counts.seen
  t.ok(met > 0 && met < 75, `${met} met`)
  const early = one.listed().find(({ sha256 }) => parseInt(sha256.slice(0, 2), 16) < 90)!
  for (const owner of [ALICE, BOB]) await one.blobs.disown(early.sha256, owner)
  const second = join(database)
  second.pass(60_000)
  second.catchUp.begin({ sound: true, since: second.now() })
  t.equal(second.catchUp.progress?.shard, 100)
  await second.catchUp.ended()
  t.ok(second.catchUp.counts.seen <= 75 - met, `${second.catchUp.counts.seen} met`)
  t.same(dump(database), dump(one.database))
  first = second
})

t.test('a store that fails in the midst is asked again after a pause, wherever it failed', async t => {
  const { join } = cluster()
  const one = join()
  await fill(one, 40)
  const fresh = join()
  let calls = 0
  fresh.objects.before = async (action, key) => {
    if (++calls % 60 === 0) throw new StoreError('memory', action, key, new Error('gone for a moment'))
  }
  fresh.catchUp.begin(FIRST)
  await fresh.catchUp.ended()
  t.ok(fresh.catchUp.counts.faults > 3, `${fresh.catchUp.counts.faults} faults`)
  t.equal(fresh.told.filter((line) => line.startsWith('catching up with the bucket is tried again')).length, fresh.catchUp.counts.faults)
  t.same(dump(fresh.database), dump(one.database))
})

t.test('uploads and deletes at this node and at others while it catches up are as they were acknowledged', async t => {
  const { join } = cluster()
  const one = join()
  const names = await fill(one, 60)
  const fresh = join()
  let step = 0
  let busy = false
  fresh.objects.before = async (action) => {
    if (busy || action !== 'get' || step >= names.length) return
    busy = true // one change at every look, from beginning to end
    const sha256 = names[step]!
    const blob = seededBlob(`new ${step}`, step % 2 === 0 ? 600 : 6000)
    const actor = step % 3 === 0 ? fresh : one
    const kind = step++ % 4
    if (kind === 0) await one.blobs.disown(sha256, ALICE)
    if (kind === 1) await one.put(blob.bytes)
    if (kind === 2 && actor === one) await one.blobs.adopt(sha256, BOB, null)
    if (kind === 3) for (const owner of [ALICE, BOB]) await one.blobs.disown(sha256, owner)
    busy = false
  }
  fresh.catchUp.begin(FIRST)
  const own = seededBlob('own', 700)
  await Promise.all([fresh.put(own.bytes), fresh.blobs.adopt(names[50]!, 'c'.repeat(64), null)])
  await fresh.catchUp.ended()
  fresh.objects.before = async () => {}
  t.ok(step > 20, `${step} changes`)
  await fresh.blobs.followChanges()
  await one.blobs.followChanges()
  t.same(dump(fresh.database), dump(one.database))
  const third = join()
  third.catchUp.begin(FIRST)
  await third.catchUp.ended()
  t.same(dump(third.database), dump(one.database))
  t.match(fresh.listed().find(({ sha256 }) => sha256 === own.sha256), { size: 700 })
})

t.test('what a kill left half done is ended by the next start: owned blobs get their records, records that nobody owns go, and the others are told', async t => {
  const { join } = cluster()
  const [one, other] = [join(), join()]
  const [owned, ownerless, inline, large] = [seededBlob('owned', 20_000), seededBlob('ownerless', 20_000), seededBlob('ownerless inline', 500), seededBlob('deleting', 30_000)]
  for (const { bytes } of [owned, ownerless, inline, large]) await one.put(bytes)
  await other.blobs.followChanges()
  // as kills leave them: an owner before its record; records before an owner; a delete whose note was not written
  await one.stores.index.remove(sha256Multihash(owned.sha256))
  for (const { sha256 } of [ownerless, inline, large]) await one.stores.owners.remove(sha256, ALICE)
  for (const { sha256 } of [owned, ownerless, inline]) one.descriptors.forget(sha256, 0)
  const blake3 = new Map([...other.descriptors.all()].map((blob) => [blob.sha256, blob.blake3]))
  one.descriptors.unsettled.addAll([owned, ownerless, inline, large].map(({ sha256 }) => ({ sha256, blake3: blake3.get(sha256)! })))
  const back = join(one.database)
  back.catchUp.begin({ sound: true, since: 0 })
  await back.catchUp.ended()
  t.same(back.listed().map(({ sha256 }) => sha256), [owned.sha256])
  t.ok((await back.get(owned.sha256))?.equals(owned.bytes))
  const keys = (await keysOf(back.stores)).filter((key) => !key.startsWith('pack/'))
  t.equal(keys.length, 3, `two records and an owner: ${keys.join(' ')}`)
  await other.blobs.followChanges()
  t.same(other.listed().map(({ sha256 }) => sha256), [owned.sha256])
})

for (const when of ['in the same run', 'after a new start']) {
  t.test(`what the store still does after it was given up on is found ${when}: looks go on for a while`, async t => {
    const { join } = cluster()
    const [one, other] = [join(), join()]
    const [taken, left, whole] = [seededBlob('taken late', 20_000), seededBlob('left late', 20_000), seededBlob('left by one of two', 500)]
    for (const { bytes } of [taken, left, whole]) await one.put(bytes)
    await one.blobs.adopt(whole.sha256, BOB, null)
    await other.blobs.followChanges()
    one.catchUp.begin({ sound: true, since: 0 })
    await one.catchUp.ended()
    one.objects.before = async (action, key) => {
      if (['put', 'remove'].includes(action) && key.startsWith('owners/')) throw new StoreError('memory', action, key, new Error('nothing was heard'))
    }
    await t.rejects(one.blobs.adopt(taken.sha256, BOB, null))
    await t.rejects(one.blobs.disown(left.sha256, ALICE))
    await t.rejects(one.blobs.disown(whole.sha256, ALICE))
    one.objects.before = async () => {}
    await one.catchUp.follow()
    t.same(one.descriptors.ownersOf(taken.sha256), [ALICE], 'a look finds nothing of it')
    t.same(one.descriptors.ownersOf(left.sha256), [ALICE])
    if (when === 'after a new start') one.catchUp.stop()
    const then = when === 'in the same run' ? one : join(one.database)
    if (then !== one) {
      then.catchUp.begin({ sound: true, since: 0 })
      await then.catchUp.ended()
    }
    // and only now the requests arrive that nobody waits for
    await other.stores.owners.put({ ...(await other.stores.owners.get(taken.sha256, ALICE))!, owner: BOB })
    for (const { sha256 } of [left, whole]) await other.stores.owners.remove(sha256, ALICE)
    for (let seconds = 0; seconds < 90; seconds += 3) {
      then.pass(3000)
      await then.catchUp.follow()
    }
    t.same(then.descriptors.unsettled.all(), [], 'it ends')
    t.same(then.descriptors.ownersOf(taken.sha256).sort(), [ALICE, BOB])
    t.notOk(then.descriptors.has(left.sha256))
    t.same(then.descriptors.ownersOf(whole.sha256), [BOB])
    t.equal(await then.stores.index.own(sha256Multihash(left.sha256)), null, 'nor are records left')
    await other.blobs.followChanges()
    t.same(dump(other.database), dump(then.database), 'the others were told')
  })
}

t.test('a removal that was given up takes nothing that was acknowledged after it: the blob is nobody’s new until the removal can come no more', async t => {
  const { join } = cluster()
  const one = join()
  const [whole, inline] = [seededBlob('deleted, then wanted', 20_000), seededBlob('the same, inline', 500)]
  for (const { bytes } of [whole, inline]) await one.put(bytes)
  one.catchUp.begin({ sound: true, since: 0 })
  await one.catchUp.ended()
  one.objects.before = async (action, key) => {
    if (action === 'remove') throw new StoreError('memory', action, key, new Error('nothing was heard'))
  }
  for (const { sha256 } of [whole, inline]) await t.rejects(one.blobs.disown(sha256, ALICE))
  one.objects.before = async () => {}
  let [refused, gone] = [0, false]
  for (let seconds = 0; seconds < 120; seconds += 3) {
    for (const { bytes, sha256 } of [whole, inline]) {
      const again = await one.put(bytes).then(() => true, (error: unknown) => { t.type(error, StoreError) })
      if (again !== true) refused++
      else if (!gone) t.fail('acknowledged while the removal may still come')
      if (again !== true) await t.rejects(one.blobs.adopt(sha256, BOB, null), StoreError, 'nor does somebody else get it')
    }
    if (seconds === 30) {
      // here it comes
      for (const { sha256 } of [whole, inline]) await one.stores.owners.remove(sha256, ALICE)
      gone = true
    }
    one.pass(3000)
    await one.catchUp.follow()
  }
  t.ok(refused > 20, `${refused} refused`)
  for (const { sha256, bytes } of [whole, inline]) {
    t.same(one.descriptors.ownersOf(sha256), [ALICE])
    t.ok((await one.get(sha256))?.equals(bytes))
  }
})
