// A report of two relays, one well and one away, as a running server has it: a real outbox, and links and followers that say what they are told to.

import { Outbox } from '../../server/catalog/outbox.ts'
import { RelayCursors } from '../../server/catalog/cursors.ts'
import { RelayReport } from '../../server/catalog/relay-report.ts'
import { Signer } from './keys.ts'
import type { FollowerStatus } from '../../server/catalog/follower.ts'
import type { RelayStatus } from '../../server/catalog/relay.ts'
import type { Database } from '../../server/database.ts'

export const [GOOD, AWAY, LEFT] = ['wss://good.example/', 'wss://away.example/', 'wss://left.example/'] as const
export const AT = 1_800_000_000_000

/** Three events: one done and one refused at GOOD, all waiting for AWAY, one left for a relay that is no longer configured. */
export function fillOutbox (database: Database): void {
  const signer = new Signer()
  const outbox = new Outbox(database)
  const events = [34235, 30081, 5].map((kind) => signer.sign({ kind, created_at: AT / 1000, tags: [], content: '' }))
  for (const event of events) outbox.queue(event, [GOOD, AWAY], AT)
  outbox.done(events[0]!.id, GOOD, '', AT)
  outbox.refused(events[1]!.id, GOOD, 'blocked: \u001b[31mnot you\nhere', AT)
  outbox.queue(events[2]!, [LEFT], AT)
  const cursors = new RelayCursors(database)
  cursors.put(GOOD, 'catalog', { readTo: AT / 1000, under: null, fullAt: AT / 1000 })
  cursors.put(GOOD, 'adverts', { readTo: 0, under: { top: AT / 1000, downTo: AT / 1000 - 3600 }, fullAt: 0 })
}

export function relayReportOf (database: Database): RelayReport {
  const link = (url: string, state: RelayStatus['state'], words = ''): { status: RelayStatus } =>
    ({ status: { url, state, since: AT, failures: words === '' ? 0 : 3, words, faults: 0 } })
  const following = (relay: string, status: Partial<FollowerStatus> = {}): { status: FollowerStatus } =>
    ({ status: { relay, caughtUp: false, came: 0, taken: 0, faults: {}, strays: 0, words: '', ...status } })
  return new RelayReport({
    database, urls: [GOOD, AWAY],
    relays: [link(GOOD, 'open'), link(AWAY, 'waiting', 'connect ECONNREFUSED 127.0.0.1:1')],
    followers: [following(GOOD, { caughtUp: true, came: 100, taken: 80, faults: { EVENT_KNOWN: 12, SIGNATURE_WRONG: 5, KIND_UNKNOWN: 3 }, strays: 2 }), following(AWAY)],
    adverts: () => 42
  })
}
