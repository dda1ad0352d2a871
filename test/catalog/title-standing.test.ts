// How a title stands: live, gone (withdrawn, taken back, over its time) or unknown, in whatever order its events came.

import t from 'tap'
import { TitleStandings } from '../../server/catalog/views/title-standing.ts'
import { CatalogStore } from '../../server/catalog/catalog-store.ts'
import { parseCatalogEvent } from '../../server/catalog/catalog-event.ts'
import { openDatabase } from '../../server/database.ts'
import { B3, CREATOR, SHA, T0, eventOf } from './samples.ts'
import type { Test } from 'tap'
import type { SignedEvent } from '../../server/auth/signature.ts'

const ADDRESS = `34235:${CREATOR}:film`

function version (createdAt: number, more: string[][] = []): SignedEvent {
  return eventOf({ kind: 34235, created_at: createdAt, tags: [['d', 'film'], ['title', 'Film'], ['manifest', SHA, B3, '9'], ['x', SHA, 'manifest'], ...more] })
}

const withdrawn = (createdAt: number): SignedEvent => eventOf({ kind: 34235, created_at: createdAt, tags: [['d', 'film'], ['status', 'withdrawn']] })
const takenBack = (createdAt: number, ...tags: string[][]): SignedEvent => eventOf({ kind: 5, created_at: createdAt, tags })

function opened (t: Test, events: readonly SignedEvent[]): TitleStandings {
  const database = openDatabase(`${t.testdir()}/marquee.db`)
  t.teardown(() => { database.close() })
  const store = new CatalogStore(database)
  for (const event of events) store.add(parseCatalogEvent(event))
  return new TitleStandings(database)
}

const CASES: readonly (readonly [name: string, events: SignedEvent[], expected: object, now?: number])[] = [
  ['nothing came', [], { standing: 'unknown' }],
  ['published', [version(T0)], { standing: 'live', at: T0 }],
  ['withdrawn by a newer version', [version(T0), withdrawn(T0 + 1)], { standing: 'gone', at: T0 + 1 }],
  ['published again', [version(T0), withdrawn(T0 + 1), version(T0 + 2)], { standing: 'live', at: T0 + 2 }],
  ['taken back by its address', [version(T0), takenBack(T0 + 1, ['a', ADDRESS])], { standing: 'gone', at: T0 + 1 }],
  ['taken back before any version came', [takenBack(T0 + 1, ['a', ADDRESS])], { standing: 'gone', at: T0 + 1 }],
  ['taken back, and published later', [takenBack(T0 + 1, ['a', ADDRESS]), version(T0 + 2)], { standing: 'live', at: T0 + 2 }],
  ['its only version taken back by id', [version(T0), takenBack(T0 + 1, ['e', version(T0).id])], { standing: 'gone', at: T0 }],
  ['the newer of two taken back by id', [version(T0), version(T0 + 1), takenBack(T0 + 2, ['e', version(T0 + 1).id])], { standing: 'live', at: T0 }],
  ['a second before it is over', [version(T0, [['expiration', String(T0 + 9)]])], { standing: 'live', at: T0 }, T0 + 8],
  ['over its time', [version(T0, [['expiration', String(T0 + 9)]])], { standing: 'gone', at: T0 }, T0 + 9]
]

t.test('a title is live, gone or unknown', async t => {
  for (const [name, events, expected, now = T0 + 100] of CASES) {
    for (const order of [events, [...events].reverse()]) {
      await t.test(name, async t => { t.strictSame(opened(t, order).get(ADDRESS, now), expected) })
    }
  }
  t.strictSame(opened(t, []).get('no address', T0), { standing: 'unknown' })
})

t.test('which titles an event may have changed: its own, those it takes back by address or by id, and nothing else', async t => {
  const standings = opened(t, [version(T0)])
  t.strictSame(standings.touchedBy(withdrawn(T0)), [ADDRESS])
  t.strictSame(standings.touchedBy(takenBack(T0, ['a', ADDRESS], ['e', version(T0).id], ['a', `30081:${CREATOR}:${SHA}`])), [ADDRESS])
  t.strictSame(standings.touchedBy(takenBack(T0, ['e', version(T0).id])), [ADDRESS])
  t.strictSame(standings.touchedBy(takenBack(T0, ['e', SHA])), [])
  t.strictSame(standings.touchedBy(eventOf({ kind: 10002 })), [])
})
