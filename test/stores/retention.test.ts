// Ownerships end when their time has come, and blobs with the last of them, on every kind of store: bytes, records, rows, lists and usage follow.
// Pins, renewals and whatever else comes in between keep them.

import { copyFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { openDatabase } from '../../server/database.ts'
import { StoreError } from '../../server/errors.ts'
import { Descriptors } from '../../server/stores/descriptors.ts'
import { Layout } from '../../server/stores/layout.ts'
import { MemoryObjects } from '../../server/stores/memory/objects.ts'
import { MemoryPackStore } from '../../server/stores/memory/pack-store.ts'
import { keyOf, sha256Multihash } from '../../server/stores/multihash.ts'
import { composeStores, openFsStores, openMemoryStores, openS3Stores } from '../../server/stores/open.ts'
import { reconcile } from '../../server/stores/reconcile.ts'
import { Usage } from '../../server/stores/usage.ts'
import { ALICE, BOB, KEEPER, START, dump, keysOf, nodeOf } from '../suites/node-of.ts'
import { newFolder } from '../support/both-stores.ts'
import { seededBlob } from '../support/keys.ts'
import { startMinio } from '../support/minio.ts'
import { ROOT } from '../support/source.ts'
import type { Test } from 'tap'
import type { Stores } from '../../server/stores/open.ts'

const DAY = 24 * 3600
const NOW = START / 1000
const SIZES = [900, 60_000]

const minio = await startMinio(t)

/** Runs it over an empty store of each kind. */
async function onEvery (name: string, run: (t: Test, stores: Stores, again: () => Promise<Stores>) => Promise<unknown>): Promise<void> {
  await t.test(`${name}: memory`, (t) => {
    const stores = openMemoryStores()
    return run(t, stores, async () => stores)
  })
  await t.test(`${name}: folders`, async (t) => {
    const stores = await openFsStores(newFolder(t))
    await run(t, stores, async () => stores)
  })
  if (minio === null) return
  await t.test(`${name}: MinIO`, async (t) => {
    const { endpoint, accessKey, secretKey, region } = minio
    const bucket = await minio.newBucket()
    const again = async (): Promise<Stores> => {
      const stores = await openS3Stores({ endpoint, accessKey, secretKey, region, bucket }, join(newFolder(t), 'uploads'))
      t.teardown(stores.close)
      return stores
    }
    await run(t, await again(), again)
  })
}

await onEvery('what its owners asked to end ends then, with the last of them, and lists and usage follow', async (t, stores) => {
  const node = nodeOf(stores)
  const usage = new Usage(node.database)
  for (const size of SIZES) {
    const { bytes, sha256 } = seededBlob(`asked ${size}`, size)
    t.equal((await node.put(bytes, { expires: NOW + 100 })).blob.expires, NOW + 100)
    await node.put(bytes, { owner: BOB, expires: NOW + 200 })
    t.equal(node.blobs.known(sha256)?.expires, NOW + 200, 'the later of both')
  }
  const forever = seededBlob('for ever', 700)
  await node.put(forever.bytes)
  node.pass(99_999)
  t.equal(await node.sweep.sweep(), 0, 'not a second too early')
  node.pass(1)
  t.equal(await node.sweep.sweep(), 2)
  t.same(node.listed(ALICE).map(({ sha256 }) => sha256), [forever.sha256])
  t.equal(node.listed(BOB).length, 2, 'his stay')
  node.pass(100_000)
  t.equal(await node.sweep.sweep(), 2)
  for (const size of SIZES) {
    const { sha256 } = seededBlob(`asked ${size}`, size)
    t.equal(await node.get(sha256), null)
    t.same(await stores.owners.namesOf(sha256), [])
  }
  const keys = (await keysOf(stores)).filter((key) => !stores.shared || !key.startsWith('pack/')) // those go by the sweeper's grace
  t.equal(keys.length, 3, 'two records and an owner of the other blob')
  t.same(usage.all(), { blobs: 1, bytes: 700 })
  t.same([usage.of(ALICE), usage.of(BOB)], [{ blobs: 1, bytes: 700 }, { blobs: 0, bytes: 0 }])
  t.ok((await node.get(forever.sha256))?.equals(forever.bytes))
})

await onEvery('a rule ends what it is about, the first that matches, and neither what a pin names nor what the keeper of pins owns', async (t, stores) => {
  const pinned = new Set<string>()
  const rules = [{ types: ['image/*'] }, { types: ['video/*'], keep: DAY }, { minSize: 1000, keep: 2 * DAY }]
  const node = nodeOf(stores, { rules, pinned })
  const put = async (name: string, size: number, type: string, owner = ALICE): Promise<string> => {
    const { bytes, sha256 } = seededBlob(name, size)
    await node.put(bytes, { type, owner })
    return sha256
  }
  const [image, film, pin, later, keepers, small, large] = [
    await put('image', 5000, 'image/png'), await put('film', 500, 'video/mp4'), await put('pin', 500, 'video/mp4'), await put('later', 500, 'video/mp4'),
    await put('keepers', 500, 'video/mp4', KEEPER), await put('small', 999, 'text/plain'), await put('large', 1000, 'text/plain')
  ]
  pinned.add(pin)
  const left = (): string[] => [image, film, pin, later, keepers, small, large].filter((sha256) => node.descriptors.has(sha256))
  t.equal(node.retained.retention.endOf(node.blobs.known(film)!), NOW + DAY)
  for (const sha256 of [image, pin, keepers, small]) t.equal(node.retained.retention.endOf(node.blobs.known(sha256)!), null)
  node.pass(DAY * 1000 - 1)
  t.equal(await node.sweep.sweep(), 0)
  node.pass(1)
  pinned.add(later) // a moment before
  node.pass(3600_000)
  t.equal(await node.sweep.sweep(), 1)
  t.same(left(), [image, pin, later, keepers, small, large])
  t.same(await stores.owners.namesOf(film), [])
  node.pass(DAY * 1000)
  t.equal(await node.sweep.sweep(), 1)
  t.same(left(), [image, pin, later, keepers, small])
  pinned.delete(pin)
  node.pass(3600_000)
  t.equal(await node.sweep.sweep(), 1, 'no longer pinned')
  t.same(left(), [image, later, keepers, small])
})

await onEvery('its newest upload counts: another end, none at all, and a rule\'s time anew', async (t, stores) => {
  const rules = [{ types: ['video/*'], keep: DAY }]
  const node = nodeOf(stores, { rules })
  const { bytes, sha256 } = seededBlob('newest', 900)
  await node.put(bytes, { type: 'text/plain', expires: NOW + 100 })
  for (const expires of [NOW + 50, NOW + 300, null, NOW + 200]) {
    t.equal((await node.put(bytes, { type: 'text/plain', expires })).blob.expires, expires)
    t.equal((await stores.owners.get(sha256, ALICE))?.expires ?? null, expires, 'the store says the same')
  }
  t.equal((await node.blobs.adopt(sha256, ALICE, null))?.expires, NOW + 200, 'who says nothing of it leaves it')
  t.equal((await node.blobs.adopt(sha256, ALICE, null, NOW + 400))?.expires, NOW + 400, 'a mirror is an upload')
  t.equal(node.listed()[0]?.uploaded, NOW)

  const film = seededBlob('newest film', 60_000)
  await node.put(film.bytes, { type: 'video/mp4' })
  node.pass((DAY - 1) * 1000)
  t.equal((await node.put(film.bytes, { type: 'video/mp4' })).blob.uploaded, NOW + DAY - 1)
  node.pass(3600_000)
  await node.sweep.sweep()
  t.ok(node.descriptors.has(film.sha256))
  t.notOk(node.descriptors.has(sha256), 'the other has ended meanwhile')
})

await onEvery('`rebuild` keeps the ends that owners asked for, and rules count from the uploads as before', async (t, stores) => {
  const node = nodeOf(stores)
  const blobs = SIZES.map((size) => seededBlob(`rebuilt ${size}`, size))
  for (const [index, { bytes }] of blobs.entries()) {
    await node.put(bytes, { expires: NOW + 100 + index })
    if (index === 1) await node.put(bytes, { owner: BOB })
  }
  const database = openDatabase(':memory:')
  await reconcile({ stores, descriptors: new Descriptors(database), since: 0, now: NOW })
  t.same(dump(database), dump(node.database))
  const rebuilt = nodeOf(stores, { database, at: START + 101_000 })
  t.equal(await rebuilt.sweep.sweep(), 2)
  t.notOk(rebuilt.descriptors.has(blobs[0]!.sha256))
  t.same(rebuilt.descriptors.ownersOf(blobs[1]!.sha256), [BOB])
})

t.test('who renews it, or pins it, while the sweep waits for the blob\'s lock keeps it', async (t) => {
  const pinned = new Set<string>()
  const stores = openMemoryStores()
  const node = nodeOf(stores, { rules: [{ types: ['video/*'], keep: 100 }], pinned })
  const [renewed, pin, aged, gone] = ['renewed', 'pin', 'aged', 'gone'].map((name) => seededBlob(name, 60_000)) as [ReturnType<typeof seededBlob>, ReturnType<typeof seededBlob>, ReturnType<typeof seededBlob>, ReturnType<typeof seededBlob>]
  for (const { bytes } of [renewed, pin, gone]) await node.put(bytes, { type: 'image/png', expires: NOW + 100 })
  await node.put(aged.bytes, { type: 'video/mp4' })
  node.pass(100_000)
  const disown = node.blobs.disown.bind(node.blobs)
  node.blobs.disown = async (sha256, owner, isDue) => {
    // between the sweep's look at its rows and its turn
    if (sha256 === renewed.sha256) await node.put(renewed.bytes, { expires: NOW + 500 })
    if (sha256 === aged.sha256) await node.put(aged.bytes)
    if (sha256 === pin.sha256) pinned.add(sha256)
    return disown(sha256, owner, isDue)
  }
  t.equal(await node.sweep.sweep(), 1)
  t.same([renewed, pin, aged, gone].map(({ sha256 }) => node.descriptors.has(sha256)), [true, true, true, false])
  for (const { bytes, sha256 } of [renewed, pin, aged]) t.ok((await node.get(sha256))?.equals(bytes))
})

t.test('it looks at a bounded number of rows a step, waits after each, and goes on where it was after a restart', async (t) => {
  const stores = openMemoryStores()
  let pauses = 0
  const node = nodeOf(stores, { rules: [{ keep: 100 }], pause: async () => { if (++pauses === 2) throw new Error('the server ends here') } })
  const blobs = Array.from({ length: 20 }, (_, i) => seededBlob(`walked ${i}`, 20 + i))
  for (const [index, { bytes }] of blobs.entries()) await node.put(bytes, { owner: index % 2 === 0 ? ALICE : BOB })
  node.pass(99_000)
  await t.rejects(node.sweep.sweep(), /ends here/)
  t.equal(node.descriptors.counts().owners, 20)
  const place = node.descriptors.mark('retention-place')
  t.match(place, new RegExp(`^${ALICE}/`), 'two steps of three rows each: six of the first owner\'s ten')

  const next = nodeOf(stores, { database: node.database, rules: [{ keep: 100 }], at: START + 100_000, pause: async () => { pauses++ } })
  pauses = 0
  t.equal(await next.sweep.sweep(), 14, 'those after that place')
  t.equal(pauses, 4, 'rows 7 to 20 in five steps')
  t.equal(next.descriptors.mark('retention-place'), null)
  t.equal(await next.sweep.sweep(), 0)
  next.pass(3600_000)
  t.equal(await next.sweep.sweep(), 6, 'an hour after one walk the next begins')
})

t.test('a database that was filled by an earlier version knows after its migration when its blobs end', async (t) => {
  const folder = t.testdir({ old: {} })
  const ours = join(ROOT, 'migrations')
  for (const name of readdirSync(ours).filter((name) => name < '004')) copyFileSync(join(ours, name), join(folder, 'old', name))
  const node = nodeOf(openMemoryStores(), { database: openDatabase(join(folder, 'filled.db')) })
  for (const [index, ends] of [[NOW + 1], [null], [NOW + 5, NOW + 9], [NOW + 5, null]].entries()) {
    for (const [who, expires] of ends.entries()) await node.put(seededBlob(`migrated ${index}`, 40).bytes, { owner: [ALICE, BOB][who]!, expires })
  }
  const want = dump(node.database)
  t.same((want.blobs as { expires: number | null }[]).map(({ expires }) => expires).sort(), [NOW + 1, NOW + 9, null, null])
  node.database.close()
  const old = openDatabase(join(folder, 'old.db'), join(folder, 'old'))
  old.prepare('ATTACH ? AS filled').run(join(folder, 'filled.db'))
  old.exec(`INSERT INTO blobs SELECT sha256, blake3, size, type, uploaded, place, pack, offset, alien FROM filled.blobs;
    INSERT INTO owners SELECT pubkey, sha256, uploaded, type, expires FROM filled.owners`)
  old.close()
  t.same(dump(openDatabase(join(folder, 'old.db'))), want)
})

t.test('a damaged owner object keeps its blob, and nothing else', async (t) => {
  const stores = openMemoryStores()
  const [damaged, fine] = [seededBlob('damaged', 30), seededBlob('fine', 31)]
  const seen: StoreError[] = []
  const node = nodeOf(stores)
  for (const { bytes } of [damaged, fine]) await node.put(bytes, { expires: NOW + 1 })
  node.pass(1000)
  const disown = node.blobs.disown.bind(node.blobs)
  let down = true
  node.blobs.disown = async (sha256, owner, isDue) => {
    if (sha256 === damaged.sha256) throw new StoreError('memory', 'parse', sha256, new Error('owner object is damaged'))
    if (down) throw new StoreError('memory', 'get', sha256, new Error('the store does not answer'))
    return disown(sha256, owner, isDue)
  }
  const sweep = node.retained.sweepOver(node.blobs, (error) => { seen.push(error) })
  await t.rejects(sweep.sweep(), /does not answer/, 'a store that is down ends this sweep')
  down = false
  t.equal(await sweep.sweep(), 1, 'the next does what was left')
  t.ok(seen.length >= 1 && seen.every(({ key }) => key === damaged.sha256))
  t.same([damaged, fine].map(({ sha256 }) => node.descriptors.has(sha256)), [true, false])
})

t.test('two nodes of one bucket may sweep at once: what one has ended is gone for the other too, and what was renewed at one is kept by the other', async (t) => {
  const shared = { ...openMemoryStores(), shared: true }
  const [one, other] = [nodeOf(shared), nodeOf(shared)]
  const [gone, renewed] = [seededBlob('gone', 60_000), seededBlob('renewed there', 60_000)]
  for (const { bytes, sha256 } of [gone, renewed]) {
    await one.put(bytes, { expires: NOW + 100 })
    t.equal((await other.blobs.find(sha256))?.expires, NOW + 100)
  }
  for (const node of [one, other]) node.pass(99_000)
  await other.put(renewed.bytes, { expires: NOW + 5000 })
  for (const node of [one, other]) node.pass(1000)
  t.equal((await Promise.all([one.sweep.sweep(), other.sweep.sweep()])).filter((ended) => ended > 0).length >= 1, true)
  for (const node of [one, other]) {
    await node.blobs.followChanges()
    t.equal(await node.get(gone.sha256), null)
    t.ok((await node.get(renewed.sha256))?.equals(renewed.bytes))
    t.equal((await node.blobs.find(renewed.sha256))?.expires, NOW + 5000)
  }
  const pinnedThere = seededBlob('pinned there', 50)
  await one.put(pinnedThere.bytes, { expires: NOW + 101 })
  await shared.state.put(`pinned/${pinnedThere.sha256}`, { v: 1, at: NOW, reason: '' })
  one.pass(60_000)
  t.equal(await one.sweep.sweep(), 0, 'a pin that this node has not heard of yet')
  t.ok((await one.get(pinnedThere.sha256)) !== null)
})

t.test('whenever its owner renews it through another node while this one ends it, what was acknowledged is there in the end', async (t) => {
  for (const size of [60, 60_000]) {
    for (let moment = 0; ; moment++) {
      const [packs, objects] = [new MemoryPackStore(), new MemoryObjects()]
      let [calls, armed] = [0, false]
      let renewal: Promise<unknown> | null = null
      const { bytes, sha256 } = seededBlob('contended', size)
      const there = nodeOf(composeStores(packs, objects, new Layout(true), true))
      const between = async (): Promise<void> => {
        if (!armed || calls++ !== moment) return
        renewal = there.put(bytes, { expires: NOW + 5000 })
        await sleep(5) // it may wait for us: we do not wait for it
      }
      const watched = new Proxy(objects, {
        get: (target, name) => {
          const method = Reflect.get(target, name) as unknown
          if (typeof method !== 'function' || name === 'list' || name === 'names') return typeof method === 'function' ? method.bind(target) as unknown : method
          return async (...given: unknown[]) => {
            await between()
            return (method as (...given: unknown[]) => unknown).apply(target, given)
          }
        }
      })
      const here = nodeOf(composeStores(packs, watched, new Layout(true), true))
      await here.put(bytes, { expires: NOW + 1 })
      await there.blobs.find(sha256)
      for (const node of [here, there]) node.pass(1000)
      armed = true
      await here.sweep.sweep()
      if (renewal === null) {
        t.ok(moment > 6, `${moment} moments`)
        break
      }
      await renewal
      for (const node of [here, there]) {
        node.pass(3000)
        await node.blobs.followChanges()
        t.ok((await node.get(sha256))?.equals(bytes), `of ${size} bytes, at moment ${moment}`)
        t.same(node.descriptors.ownersOf(sha256), [ALICE])
      }
      t.equal((await objects.get(`owners/${keyOf(sha256Multihash(sha256))}/${ALICE}`)) !== null, true)
      const left: string[] = []
      for await (const name of here.stores.state.list('ending/')) left.push(name)
      t.same(left, [], 'no mark is left')
    }
  }
})
