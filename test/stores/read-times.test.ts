// When blobs were read, for rules that say keepUnread: noted in memory, written many at a time, told to the other nodes; and whatever cannot be
// known counts as read.

import t from 'tap'
import { openDatabase } from '../../server/database.ts'
import { openMemoryStores } from '../../server/stores/open.ts'
import { ALICE, START, nodeOf } from '../suites/node-of.ts'
import { seededBlob } from '../support/keys.ts'
import type { Database } from '../../server/database.ts'
import type { Node } from '../suites/node-of.ts'
import type { Stores } from '../../server/stores/open.ts'
import type { RetentionRule } from '../../server/stores/retention-rules.ts'

const DAY = 24 * 3600
const DAY_MS = DAY * 1000
const HOUR_MS = 3600_000
const RULES = [{ types: ['image/*'] }, { keepUnread: DAY }]
/** A read is known to the hour. */
const LATER = DAY_MS + HOUR_MS

/** How many rows the connection has changed: what a read must not do. */
function changes (database: Database): number {
  return (database.prepare('SELECT total_changes() AS n').get() as { n: number }).n
}

async function put (node: Node, name: string, type = 'video/mp4'): Promise<string> {
  const { bytes, sha256 } = seededBlob(name, 500)
  await node.put(bytes, { type })
  return sha256
}

async function read (node: Node, sha256: string): Promise<void> {
  const blob = await node.blobs.find(sha256)
  if (blob === null) throw new Error('it is not here')
  node.retained.retention.read(blob)
}

/** The same database under a new server. */
const restarted = (node: Node, stores: Stores = node.stores, rules: readonly RetentionRule[] = RULES): Node => nodeOf(stores, { database: node.database, rules, at: node.now() })

t.test('a blob that nobody reads ends so long after its upload, one that is read so long after its last read', async t => {
  const node = nodeOf(openMemoryStores(), { rules: RULES })
  const [unread, often, image] = [await put(node, 'unread'), await put(node, 'often'), await put(node, 'image', 'image/png')]
  for (let day = 0; day < 4; day++) {
    node.pass(DAY_MS / 2)
    await read(node, often)
    node.pass(DAY_MS / 2)
    await node.sweep.sweep()
    t.equal(node.descriptors.has(unread), false, 'the first day was its last')
    t.equal(node.descriptors.has(often), true, `day ${day}`)
  }
  node.pass(DAY_MS / 2 - HOUR_MS)
  t.equal(await node.sweep.sweep(), 0)
  node.pass(2 * HOUR_MS)
  t.equal(await node.sweep.sweep(), 1)
  t.same([unread, often, image].map((sha256) => node.descriptors.has(sha256)), [false, false, true])
})

t.test('a read writes nothing; what was read becomes rows in one transaction at the next flush, each blob once an hour', async t => {
  const node = nodeOf(openMemoryStores(), { rules: RULES })
  const names = await Promise.all(Array.from({ length: 10 }, (_, i) => put(node, `noted ${i}`)))
  const image = await put(node, 'noted image', 'image/png')
  const before = changes(node.database)
  for (let round = 0; round < 50; round++) for (const sha256 of [...names, image]) await read(node, sha256)
  t.equal(changes(node.database), before)
  await node.retained.reads.flush()
  t.equal(changes(node.database), before + 10, 'of the image no rule asks when it was read')
  for (const sha256 of names) await read(node, sha256)
  await node.retained.reads.flush()
  t.equal(changes(node.database), before + 10, 'the same hour')
  node.pass(HOUR_MS)
  for (const sha256 of names) await read(node, sha256)
  await node.retained.reads.flush()
  t.ok(changes(node.database) > before + 10)
})

t.test('where no rule asks for reads nothing is noted, and without rules and wishes nothing is looked up', async t => {
  for (const rules of [[], [{ keep: DAY }]]) {
    const node = nodeOf(openMemoryStores(), { rules })
    const sha256 = await put(node, 'unasked')
    await read(node, sha256)
    await node.retained.reads.flush()
    await node.retained.reads.close()
    t.same(node.database.prepare('SELECT * FROM reads').all(), [])
    t.equal(node.descriptors.mark('reads-since'), null)
    const blob = (await node.blobs.find(sha256))!
    if (rules.length > 0) continue
    node.database.exec('DROP TABLE owners')
    t.equal(node.retained.retention.read(blob), null, 'the owners are not asked')
  }
})

t.test('after a proper end the next start knows every read; after a kill everything counts as read at the start', async t => {
  const node = nodeOf(openMemoryStores(), { rules: RULES })
  const [kept, unread] = [await put(node, 'kept'), await put(node, 'let go')]
  node.pass(DAY_MS - HOUR_MS)
  await read(node, kept)
  await node.retained.reads.close()
  const next = restarted(node)
  next.pass(2 * HOUR_MS)
  t.equal(await next.sweep.sweep(), 1)
  t.same([kept, unread].map((sha256) => next.descriptors.has(sha256)), [true, false])

  next.pass(DAY_MS / 2)
  await read(next, kept) // and this is forgotten: it was not flushed when the server is killed
  next.pass(1000)
  const after = restarted(next)
  after.pass(LATER - 2 * HOUR_MS)
  t.equal(await after.sweep.sweep(), 0, 'not removed within a day of the read that nobody remembers')
  after.pass(2 * HOUR_MS)
  t.equal(await after.sweep.sweep(), 1, 'and not kept for ever')
})

t.test('a database that is new, or was rebuilt, counts everything as read when it was made; so does the first start with such a rule', async t => {
  const stores = openMemoryStores()
  const first = nodeOf(stores)
  const sha256 = await put(first, 'old')
  for (const database of [first.database, openDatabase(':memory:')]) {
    const node = nodeOf(stores, { database, rules: RULES, at: START + 30 * DAY_MS })
    if (node.descriptors.ownership(sha256, ALICE) === null) await node.put(seededBlob('old', 500).bytes, { owner: 'none' })
    for (const ownership of await stores.owners.of(sha256)) node.descriptors.save(ownership, { kind: 'inline' })
    node.pass(DAY_MS - 1000)
    t.equal(await node.sweep.sweep(), 0)
    if (database !== first.database) continue
    await node.retained.reads.close()
  }
  const node = nodeOf(stores, { database: first.database, rules: RULES, at: START + 31 * DAY_MS })
  t.ok(await node.sweep.sweep() >= 1, 'nor does it last for ever')
})

t.test('a blob that was read while no rule asked when counts as read when such a rule comes; so does one that was pinned', async t => {
  const pinned = new Set<string>()
  const node = nodeOf(openMemoryStores(), { rules: RULES, pinned })
  const [image, film] = [await put(node, 'read unseen', 'image/png'), await put(node, 'pinned and read')]
  pinned.add(film)
  node.pass(10 * DAY_MS)
  for (const sha256 of [image, film]) await read(node, sha256)
  await node.sweep.sweep()
  pinned.delete(film)
  node.pass(HOUR_MS)
  t.equal(await node.sweep.sweep(), 0, 'it was read an hour ago')
  await node.retained.reads.close()
  const next = restarted(node, node.stores, [{ keepUnread: DAY }, { minSize: 1 }])
  t.equal(await next.sweep.sweep(), 0)
  next.pass(LATER)
  t.equal(await next.sweep.sweep(), 2)
})

t.test('reads that count for nothing any more are forgotten', async t => {
  const node = nodeOf(openMemoryStores(), { rules: RULES })
  const image = await put(node, 'long read', 'video/mp4')
  await read(node, image)
  await node.retained.reads.flush()
  t.equal(node.database.prepare('SELECT * FROM reads').all().length, 1)
  node.pass(4 * DAY_MS)
  await node.sweep.sweep()
  t.same(node.database.prepare('SELECT * FROM reads').all(), [])
})

t.test('more reads than memory has room for are written early, and lose nothing', async t => {
  const node = nodeOf(openMemoryStores(), { rules: RULES })
  for (let i = 0; i < 60_000; i++) node.retained.reads.note(i.toString(16).padStart(64, '0'))
  await node.retained.reads.flush()
  t.equal((node.database.prepare('SELECT count(*) AS n FROM reads').get() as { n: number }).n, 60_000)
  for (let i = 0; i < 110_000; i++) node.retained.reads.note(i.toString(16).padStart(64, 'f')) // in one go: nothing can be written meanwhile
  t.ok(node.retained.reads.last('ab'.repeat(32)) >= START / 1000, 'what could not be told apart: everything counts as read')
})

t.test('another node\'s reads count: told every five minutes, and looked at before anything is ended as unread', async t => {
  const stores = { ...openMemoryStores(), shared: true }
  const [here, there] = [nodeOf(stores, { rules: RULES }), nodeOf(stores, { rules: RULES })]
  const pass = (ms: number): void => { for (const node of [here, there]) node.pass(ms) }
  const tell = async (): Promise<void> => { for (const node of [here, there]) await node.retained.reads.publish() }
  for (const node of [here, there]) await node.retained.reads.follow() // both are there from the start
  const [read1, unread] = [await put(here, 'read there'), await put(here, 'read nowhere')]
  pass(DAY_MS - HOUR_MS)
  await read(there, read1)
  await tell()
  pass(HOUR_MS + 25 * 60_000)
  await tell()
  // the first look of a node after half a day counts everything as read: these two looked all along
  t.equal(await here.sweep.sweep(), 0, 'it was away for too long to have heard everything')
  const follow = async (hours: number): Promise<void> => {
    for (let i = 0; i < hours; i++) {
      pass(HOUR_MS)
      await tell()
      for (const node of [here, there]) await node.retained.reads.follow()
      if (i % 8 === 0) await read(there, read1)
    }
  }
  await follow(24)
  pass(25 * 60_000)
  await tell()
  t.equal(await here.sweep.sweep(), 1)
  t.same([read1, unread].map((sha256) => here.descriptors.has(sha256)), [true, false])

  const lying = async (): Promise<string[]> => {
    const names: string[] = []
    for await (const name of stores.state.list('reads/')) names.push(name)
    return names
  }
  t.ok((await lying()).length > 2)
  await follow(14)
  t.ok((await lying()).length < 8, 'what everybody has had time to read is removed')
  for (const node of [here, there]) await node.retained.reads.close()
  t.same((await lying()).filter((name) => name.includes('node-')), [], 'they said goodbye')
})

t.test('a node that is killed may have served reads that it told nobody of: on the others, and on itself, everything counts as read then', async t => {
  const stores = { ...openMemoryStores(), shared: true }
  const [here, there] = [nodeOf(stores, { rules: RULES }), nodeOf(stores, { rules: RULES })]
  const sha256 = await put(here, 'read before the kill')
  for (const node of [here, there]) {
    await node.retained.reads.publish()
    await node.retained.reads.follow()
  }
  const pass = async (...nodes: Node[]): Promise<void> => {
    for (const node of nodes) node.pass(HOUR_MS)
    for (const node of nodes) await node.retained.reads.publish()
    for (const node of nodes) await node.retained.reads.follow()
  }
  for (let hour = 0; hour < 23; hour++) await pass(here, there)
  await read(there, sha256) // and `there` is killed
  for (let hour = 0; hour < 23; hour++) {
    await pass(here)
    await here.sweep.sweep()
  }
  t.ok(here.descriptors.has(sha256), 'within a day of its last words')
  for (let hour = 0; hour < 4; hour++) {
    await pass(here)
    await here.sweep.sweep()
  }
  t.notOk(here.descriptors.has(sha256), 'and not for ever')

  const second = await put(here, 'read before the second kill')
  for (let hour = 0; hour < 10; hour++) await pass(here)
  there.pass(here.now() - there.now())
  const again = restarted(there, stores)
  await again.retained.reads.publish()
  for (let hour = 0; hour < 16; hour++) await pass(here, again)
  await here.sweep.sweep()
  t.ok(here.descriptors.has(second), 'it told of its restart ten hours after that upload')
  for (let hour = 0; hour < 10; hour++) await pass(here, again)
  await here.sweep.sweep()
  t.notOk(here.descriptors.has(second))
})

t.test('where the other nodes cannot be heard nothing is ended as unread', async t => {
  const stores = { ...openMemoryStores(), shared: true }
  const node = nodeOf(stores, { rules: [{ types: ['video/*'], keepUnread: 10 * DAY }, { keep: DAY }] })
  const [unread, aged] = [await put(node, 'unheard'), await put(node, 'aged', 'text/plain')]
  await node.retained.reads.follow()
  node.pass(12 * DAY_MS)
  const list = stores.state.list.bind(stores.state)
  stores.state.list = () => { throw new Error('the store is away') }
  await t.rejects(node.sweep.sweep(), /away/)
  t.ok(node.descriptors.has(unread))
  stores.state.list = list
  t.equal(await node.sweep.sweep(), 1)
  t.notOk(node.descriptors.has(aged))
  t.ok(node.descriptors.has(unread), 'it was deaf for days: everything counts as read')
})
