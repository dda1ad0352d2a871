// The log of who asked: durable entry by entry, of all nodes, newest first, a page at a time, and gone after its days.

import t from 'tap'
import { StoreError } from '../../server/errors.ts'
import { AUDIT_DAYS, AuditLog } from '../../server/keys/audit-log.ts'
import { parseTitleName } from '../../server/keys/title-name.ts'
import { UsedEvents } from '../../server/keys/used-events.ts'
import { Layout } from '../../server/stores/layout.ts'
import { MemoryObjects } from '../../server/stores/memory/objects.ts'
import { StateStore } from '../../server/stores/state.ts'
import type { AuditEntry } from '../../server/keys/audit-log.ts'

const title = parseTitleName(`34235:${'ab'.repeat(32)}:film`)
const T0 = 1_795_000_000_000
const facts = (n: number): Omit<AuditEntry, 'at'> => ({ pubkey: String(n).padStart(64, '0'), key: null, action: 'session', granted: true, reason: 'listed' })
const numbersOf = (entries: readonly AuditEntry[]): number[] => entries.map(({ pubkey }) => Number(pubkey))

function opened (): { objects: MemoryObjects, state: StateStore, clock: { now: number }, node: () => AuditLog } {
  const objects = new MemoryObjects()
  const state = new StateStore(objects, new Layout(false))
  const clock = { now: T0 }
  return { objects, state, clock, node: () => new AuditLog(state, () => clock.now) }
}

/** What was begun in the background has ended: a memory takes no time. */
function turn (): Promise<void> {
  return new Promise((resolve) => { setImmediate(resolve) })
}

async function namesIn (state: StateStore, folder: string): Promise<string[]> {
  const names = []
  for await (const name of state.list(folder)) names.push(name)
  return names
}

t.test('entries of several nodes over hours come newest first, whatever the size of a page, each once', async t => {
  const { state, clock, node } = opened()
  const nodes = [node(), node(), node()]
  const count = 2500
  for (let n = 0; n < count; n++) {
    await nodes[n % 7 % 3]!.note(title, facts(n))
    if (n % 5 === 4) clock.now += 17_000 // some of one moment
  }
  t.ok((await namesIn(state, 'key-audit/')).length < count / 5, 'many entries lie in one object')
  const all = numbersOf((await nodes[0]!.read(title, 10_000, null)).entries)
  t.strictSame([...all].sort((a, b) => a - b), Array.from({ length: count }, (_, n) => n))
  t.strictSame(all.map((n) => Math.floor(n / 5)), Array.from({ length: count }, (_, n) => Math.floor((count - 1 - n) / 5)), 'by their time')
  for (const limit of [1, 7, 100, 999, 2499, 2500]) {
    const paged: AuditEntry[] = []
    let next: string | null = null
    do {
      const page: Awaited<ReturnType<AuditLog['read']>> = await nodes[1]!.read(title, limit, next)
      t.ok(page.entries.length === limit || page.next === null)
      paged.push(...page.entries)
      next = page.next
    } while (next !== null && paged.length < (limit === 1 ? 40 : count))
    t.strictSame(numbersOf(paged), all.slice(0, paged.length), `${limit} at a time`)
  }
  t.strictSame((await nodes[0]!.read(parseTitleName(`34235:${'ab'.repeat(32)}:other`), 10, null)).entries, [])
})

t.test('an entry is there when note resolves, also among hundreds at once and when the object before it is full', async t => {
  const { node } = opened()
  const log = node()
  await Promise.all(Array.from({ length: 1300 }, async (_, n) => {
    await log.note(title, facts(n))
    if (n % 100 === 0) t.ok(numbersOf((await node().read(title, 2000, null)).entries).includes(n))
  }))
  t.equal((await node().read(title, 2000, null)).entries.length, 1300)
})

t.test('when the store fails nothing was noted, and what comes after that is', async t => {
  const { objects, node } = opened()
  const log = node()
  await log.note(title, facts(1))
  const put = objects.put.bind(objects)
  objects.put = async (key) => { throw new StoreError('memory', 'put', key, 'away') }
  const failed = await Promise.allSettled([2, 3, 4].map((n) => log.note(title, facts(n))))
  t.strictSame(failed.map(({ status }) => status), ['rejected', 'rejected', 'rejected'])
  objects.put = put
  await log.note(title, facts(5))
  t.strictSame(numbersOf((await log.read(title, 10, null)).entries), [5, 1])
})

t.test('entries go after their days', async t => {
  const { state, clock, node } = opened()
  const log = node()
  await log.note(title, facts(1))
  clock.now += 86_400_000
  await log.note(title, facts(2))
  clock.now += (AUDIT_DAYS - 1) * 86_400_000 + 600_000
  await log.note(title, facts(3))
  await turn()
  t.strictSame(numbersOf((await log.read(title, 10, null)).entries), [3, 2])
  t.equal((await namesIn(state, 'key-audit/')).length, 2)
})

t.test('an event is used once, and forgotten when it could not be used any more', async t => {
  const { state, clock } = opened()
  const [a, b] = [new UsedEvents(state, () => clock.now), new UsedEvents(state, () => clock.now)]
  const event = (n: number): { id: string, createdAt: number } => ({ id: String(n).padStart(64, '0'), createdAt: Math.floor(clock.now / 1000) })
  const first = event(1)
  await a.spend(first)
  for (const each of [a, b]) await t.rejects(each.spend(first), { code: 'TOKEN_REPLAYED' })
  clock.now += 120_000
  await b.spend(event(2))
  await turn()
  await t.rejects(a.spend(first), { code: 'TOKEN_REPLAYED' }, 'its minute, and a clock that is off by one')
  await turn()
  clock.now += 170_000
  await a.spend(event(3))
  await turn()
  t.strictSame((await namesIn(state, 'key-uses/')).map((name) => Number(name.slice(-4))), [2, 3])
})
