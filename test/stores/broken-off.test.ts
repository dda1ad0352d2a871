// What broke off because the store failed, where there is much of it (server/stores/broken-off.ts, catch-up.ts): what other nodes do is seen within
// seconds all the same, one blob that the store cannot tell about stops no other, and memory has an end.

import t from 'tap'
import { StoreError } from '../../server/errors.ts'
import { BrokenOff, MOST_BROKEN } from '../../server/stores/broken-off.ts'
import { sha256Multihash } from '../../server/stores/multihash.ts'
import { cluster } from '../suites/cluster.ts'
import { ALICE, BOB, KEEPER } from '../suites/node-of.ts'
import { seededBlob } from '../support/keys.ts'
import type { Joined } from '../suites/cluster.ts'

const nameOf = (i: number): string => i.toString(16).padStart(64, '0')
const noted = (count: number): { sha256: string, blake3: null }[] => Array.from({ length: count }, (_, i) => ({ sha256: nameOf(i), blake3: null }))

async function joined (join: () => Joined): Promise<Joined> {
  const node = join()
  node.catchUp.begin({ sound: true, since: 0 })
  await node.catchUp.ended()
  return node
}

t.test('after an outage that broke off thousands of uploads the deletes of other nodes are seen within five seconds', async t => {
  const { join } = cluster()
  const [one, other] = [await joined(join), join()]
  const { bytes, sha256 } = seededBlob('deleted elsewhere', 500)
  await one.put(bytes)
  await other.blobs.followChanges()
  const broken = noted(3000)
  one.descriptors.unsettled.addAll(broken)
  for (const each of broken) one.blobs.shared!.ending.broken.add(each.sha256)
  let deletedAt = Infinity
  let asked = 0
  one.objects.before = async (action) => {
    if (action === 'list') one.pass(20) // so long it takes
    if (++asked === 50) {
      deletedAt = one.now()
      await other.blobs.disown(sha256, ALICE)
    }
  }
  let rounds = 0
  while (one.descriptors.has(sha256) && rounds++ < 10) {
    await one.catchUp.follow()
    if (one.descriptors.has(sha256)) one.pass(2000)
  }
  t.notOk(one.descriptors.has(sha256))
  t.ok(one.now() - deletedAt <= 5000, `${one.now() - deletedAt} ms`)
  for (rounds = 0; one.descriptors.unsettled.all().length > 0 && rounds < 500; rounds++) {
    await one.catchUp.follow()
    one.pass(2000)
  }
  t.same(one.descriptors.unsettled.all(), [], 'and all of it is ended')
})

t.test('a store that is down is asked for a few blobs at a time, however many wait', async t => {
  const { join } = cluster()
  const one = await joined(join)
  one.descriptors.unsettled.addAll(noted(2000))
  one.pass(61_000)
  let asked = 0
  one.objects.before = async (action, key) => {
    if (!key.startsWith('owners/')) return
    asked++
    await new Promise((resolve) => setImmediate(resolve))
    throw new StoreError('memory', action, key, new Error('down'))
  }
  await t.rejects(one.catchUp.follow(), StoreError)
  t.ok(asked > 0 && asked <= 8, `${asked} asked`)
})

t.test('one blob that the store cannot tell about stops no other', async t => {
  const { join } = cluster()
  const one = await joined(join)
  const blobs = Array.from({ length: 20 }, (_, i) => seededBlob(`left half-way ${i}`, 500))
  for (const { bytes } of blobs) await one.put(bytes)
  const [bad, damaged, ...good] = blobs.map(({ sha256 }) => sha256).sort()
  const { layout } = one.stores
  one.objects.before = async (action, key) => {
    if (key === layout.owners(sha256Multihash(bad!))) throw new StoreError('memory', action, key, new Error('this one cannot be listed'))
    if (action === 'get' && key === layout.record(sha256Multihash(damaged!))) throw new StoreError('memory', 'parse', key, new Error('damaged'))
  }
  for (const sha256 of [damaged!, ...good]) await one.stores.owners.remove(sha256, ALICE)
  one.descriptors.unsettled.addAll([bad!, damaged!, ...good].map((sha256) => ({ sha256, blake3: one.descriptors.get(sha256)!.blake3 })))
  for (let seconds = 0; seconds < 300; seconds += 3) {
    one.pass(3000)
    await one.catchUp.follow().catch(() => {})
  }
  t.same(one.descriptors.unsettled.all().map(({ sha256 }) => sha256), [bad])
})

t.test('what broke off is remembered to an end: with too much of it a blob is nobody’s new, and is again when that is ended', async t => {
  const { join } = cluster()
  const one = await joined(join)
  const { broken } = one.blobs.shared!.ending
  const { bytes, sha256 } = seededBlob('one more', 500)
  for (let i = 0; i < MOST_BROKEN; i++) broken.add(nameOf(i))
  await t.rejects(one.put(bytes), StoreError)
  await t.rejects(one.blobs.adopt(sha256, BOB, null), StoreError)
  t.same(one.descriptors.unsettled.all(), [], 'and nothing is noted')
  await one.catchUp.follow()
  t.match(await one.put(bytes), { created: true })
})

t.test('a rollback of which nothing is heard takes nothing that is acknowledged after it', async t => {
  const { join } = cluster()
  const one = await joined(join)
  const { bytes, sha256 } = seededBlob('rolled back', 20_000)
  one.objects.before = async (action, key) => {
    if (action === 'add' && key.startsWith('index/')) throw new StoreError('memory', action, key, new Error('no'))
    if (action === 'remove') throw new StoreError('memory', action, key, new Error('nothing was heard'))
  }
  await t.rejects(one.put(bytes), StoreError)
  one.objects.before = async () => {}
  let acknowledged = false
  for (let seconds = 0; seconds < 120; seconds += 3) {
    acknowledged ||= await one.put(bytes).then(() => true, () => false)
    // here comes what removes the owner
    if (seconds === 30) await one.stores.owners.remove(sha256, ALICE)
    one.pass(3000)
    await one.catchUp.follow()
  }
  t.ok(acknowledged)
  t.same(await one.stores.owners.namesOf(sha256), [ALICE])
  t.ok((await one.get(sha256))?.equals(bytes))
})

t.test('a removal that was given up may still be done after a restart, and takes nothing that is acknowledged after it', async t => {
  const { join } = cluster()
  const one = await joined(join)
  const { bytes, sha256 } = seededBlob('deleted before the restart', 20_000)
  await one.put(bytes)
  one.objects.before = async (action, key) => {
    if (action === 'remove') throw new StoreError('memory', action, key, new Error('nothing was heard'))
  }
  await t.rejects(one.blobs.disown(sha256, ALICE))
  one.catchUp.stop()
  const back = join(one.database)
  back.catchUp.begin({ sound: true, since: 0 })
  await t.rejects(back.put(bytes), StoreError, 'at once')
  await back.catchUp.ended()
  let acknowledged = false
  for (let seconds = 0; seconds < 120; seconds += 3) {
    acknowledged ||= await back.put(bytes).then(() => true, () => false)
    if (seconds === 30) await back.stores.owners.remove(sha256, ALICE)
    back.pass(3000)
    await back.catchUp.follow()
  }
  t.ok(acknowledged)
  t.same(await back.stores.owners.namesOf(sha256), [ALICE])
  t.same(back.database.prepare("SELECT name FROM marks WHERE name LIKE 'leaving%'").all(), [], 'no mark is left')
})

t.test('records whose removal was given up take none that somebody made meanwhile', async t => {
  const { join } = cluster()
  const one = await joined(join)
  const { bytes, sha256 } = seededBlob('cleared late', 500)
  await one.put(bytes)
  await one.stores.owners.remove(sha256, ALICE)
  one.descriptors.unsettled.addAll([{ sha256, blake3: one.descriptors.get(sha256)!.blake3 }])
  one.pass(61_000)
  one.objects.before = async (action, key) => {
    if (action === 'remove' && key.startsWith('index/')) throw new StoreError('memory', action, key, new Error('nothing was heard'))
  }
  await t.rejects(one.catchUp.follow(), StoreError)
  one.objects.before = async () => {}
  await t.rejects(one.put(bytes), StoreError)
})

t.test('a node that was deaf for too long compares everything, also where what broke off cannot be looked at yet', async t => {
  const { join } = cluster()
  const [one, other] = [await joined(join), join()]
  const { bytes, sha256 } = seededBlob('unheard of', 500)
  await other.put(bytes, { owner: KEEPER })
  one.descriptors.unsettled.addAll(noted(1))
  one.pass(3 * 3600_000)
  one.blobs.shared!.lookFrom(one.now()) // its note is gone
  let failing = true
  one.objects.before = async (action, key) => {
    if (failing && key.startsWith('owners/')) throw new StoreError('memory', action, key, new Error('not yet'))
  }
  await one.catchUp.follow().catch(() => {})
  failing = false
  await one.catchUp.follow()
  await one.catchUp.ended()
  t.ok(one.descriptors.has(sha256))
})

t.test('the longest due is looked at first, and a look that failed comes after the others', t => {
  const broken = new BrokenOff()
  const [a, b, c] = noted(3)
  for (const { sha256 } of [a!, b!, c!]) broken.add(sha256)
  broken.looked(b!.sha256, 1000)
  broken.failed(a!.sha256, 5000)
  t.same(broken.due([a!, b!, c!], 10_000), [c, b, a])
  t.end()
})

t.test('who comes again after a store that could not be reached, or said no itself, need not wait: nothing of it can come late', async t => {
  const { join } = cluster()
  const one = await joined(join)
  const gone = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
  const lost = new Error('the store closed the connection', { cause: gone })
  const no = Object.assign(new Error('the store answered 503: SlowDown'), { status: 503, code: 'SlowDown' })
  for (const [index, fault] of [gone, lost, no].entries()) {
    const { bytes, sha256 } = seededBlob(`store away ${index}`, 20_000)
    await one.put(bytes)
    one.objects.before = async (action, key) => { if (action === 'remove') throw new StoreError('memory', action, key, fault) }
    await t.rejects(one.blobs.disown(sha256, ALICE), StoreError)
    one.objects.before = async () => {}
    await one.put(bytes)
    one.objects.before = async (action, key) => { if (key.startsWith('owners/') || action === 'remove') throw new StoreError('memory', action, key, fault) }
    const other = seededBlob(`store away, upload ${index}`, 20_000)
    await t.rejects(one.put(other.bytes), StoreError)
    one.objects.before = async () => {}
    await one.put(other.bytes)
    t.ok(one.descriptors.ownersOf(other.sha256).includes(ALICE))
  }
  for (const unsure of [Object.assign(new Error('InternalError'), { status: 500, code: 'InternalError' }), Object.assign(new Error('a gateway'), { status: 504, code: '' })]) {
    const { bytes, sha256 } = seededBlob(`unsure ${unsure.message}`, 20_000)
    await one.put(bytes)
    one.objects.before = async (action, key) => { if (action === 'remove') throw new StoreError('memory', action, key, unsure) }
    await t.rejects(one.blobs.disown(sha256, ALICE), StoreError)
    one.objects.before = async () => {}
    await t.rejects(one.put(bytes), StoreError, unsure.message)
  }
})
