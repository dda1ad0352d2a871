// Lists of hashes in the store and in memory: what one node decides another follows, also after the store or the notes failed it.

import t from 'tap'
import { HashLists } from '../../server/stores/hash-lists.ts'
import { Layout } from '../../server/stores/layout.ts'
import { MemoryObjects } from '../../server/stores/memory/objects.ts'
import { StateStore } from '../../server/stores/state.ts'
import { StoreError } from '../../server/errors.ts'

const [one, two, three] = ['11', '22', '33'].map((byte) => byte.repeat(32)) as [string, string, string]

/** Objects that fail when told to. */
class Failing extends MemoryObjects {
  failing = false

  override async get (key: string): Promise<Uint8Array | null> {
    if (this.failing) throw new StoreError('memory', 'get', key, new Error('away'))
    return super.get(key)
  }

  override async put (key: string, bytes: Uint8Array): Promise<void> {
    if (this.failing) throw new StoreError('memory', 'put', key, new Error('away'))
    return super.put(key, bytes)
  }
}

function nodes (): { objects: Failing, clock: { now: number }, a: HashLists, b: HashLists } {
  const objects = new Failing()
  const clock = { now: 1_800_000_000_000 }
  const node = (): HashLists => new HashLists(new StateStore(objects, new Layout(true)), { shared: true, now: () => clock.now })
  return { objects, clock, a: node(), b: node() }
}

t.test('a decision is in force at once, listed with its time and reason, and read again by the next life', async t => {
  const { clock, a, b } = nodes()
  await a.add('blocked', one, 'why')
  clock.now += 5000
  await a.add('blocked', two)
  await a.add('pinned', two)
  t.same([a.hides(one), a.has('pinned', one), a.has('pinned', two)], [true, false, true])
  t.throws(() => { a.judge(one) }, { code: 'HASH_BLOCKED' })
  t.same(await a.lines('blocked'), [{ sha256: two, at: 1_800_000_005, reason: '' }, { sha256: one, at: 1_800_000_000, reason: 'why' }])
  t.notOk(b.hides(one))
  await b.load()
  t.same([b.hides(one), b.hides(two), b.has('pinned', two), b.has('allowed', two)], [true, true, true, false])
  await a.remove('blocked', one)
  t.notOk(a.hides(one))
  t.doesNotThrow(() => { a.judge(one) })
})

t.test('another node follows, and goes on where the store failed it', async t => {
  const { objects, clock, a, b } = nodes()
  await a.add('blocked', one)
  t.same(await b.follow(), [one])
  t.ok(b.hides(one))
  t.same(await b.follow(), [], 'once')
  clock.now += 2000
  await a.remove('blocked', one)
  await a.add('blocked', two)
  objects.failing = true
  await t.rejects(b.follow(), StoreError)
  t.ok(b.hides(one), 'what holds goes on holding')
  objects.failing = false
  await b.follow()
  t.same([b.hides(one), b.hides(two)], [false, true])
  t.same(await a.follow(), [], 'its own decisions are no news')
})

t.test('what could not be written is refused and not in force', async t => {
  const { objects, a } = nodes()
  objects.failing = true
  await t.rejects(a.add('blocked', one), StoreError)
  t.notOk(a.hides(one))
  objects.failing = false
  await a.add('blocked', one)
  t.ok(a.hides(one))
})

t.test('a node that heard nothing for longer than notes are kept compares its lists in full', async t => {
  const { objects, clock, a, b } = nodes()
  await a.add('blocked', one)
  await a.add('blocked', two)
  await b.follow()
  clock.now += 1000
  await a.remove('blocked', one)
  await a.add('blocked', three)
  clock.now += 2 * 3600_000
  await a.follow() // removes the old notes, in the background
  for (let left = 1; left > 0;) {
    await new Promise((resolve) => setImmediate(resolve))
    left = 0
    for await (const {} of objects.list('state/list-changes/')) left++
  }
  await b.follow()
  t.same([one, two, three].map((each) => b.hides(each)), [false, true, true])
})

t.test('with the allow-list on, only what is on it is served, and a block is stronger', async t => {
  const lists = new HashLists(new StateStore(new MemoryObjects(), new Layout(false)), { shared: false, allowListOnly: true })
  t.ok(lists.hides(one))
  t.throws(() => { lists.judge(one) }, { code: 'HASH_NOT_ALLOWED' })
  await lists.add('allowed', one)
  t.notOk(lists.hides(one))
  lists.judge(one)
  await lists.add('blocked', one)
  t.ok(lists.hides(one))
  t.throws(() => { lists.judge(one) }, { code: 'HASH_BLOCKED' })
  t.same(await lists.follow(), [], 'a store of its own has nobody to follow')
})

t.test('who may read what is restricted is followed as it changes, also by a node that was deaf; a damaged entry lets nobody in', async t => {
  const { objects, clock, a, b } = nodes()
  t.equal(a.readersOf(one), null)
  await a.add('restricted', one, 'why', [two])
  t.same([...a.readersOf(one)!], [two])
  t.same(await a.lines('restricted'), [{ sha256: one, at: 1_800_000_000, reason: 'why', to: [two] }])
  await b.follow()
  t.same([...b.readersOf(one)!], [two])
  clock.now += 1000
  await a.add('restricted', one, '', [three])
  await a.add('restricted', three)
  t.same([...a.readersOf(one)!], [three])
  clock.now += 2 * 3600_000
  await a.follow() // removes the notes that b never read
  await b.follow()
  t.same([[...b.readersOf(one)!], [...b.readersOf(three)!]], [[three], []])
  await objects.put(`state/restricted/${two}`, Buffer.from('{"v":1,"to":"everybody"}'))
  const next = new HashLists(new StateStore(objects, new Layout(true)), { shared: true, now: () => clock.now })
  await next.load()
  t.same([[...next.readersOf(one)!], [...next.readersOf(two)!]], [[three], []])
  await a.remove('restricted', one)
  t.equal(a.readersOf(one), null)
  await b.follow()
  t.equal(b.readersOf(one), null)
})
