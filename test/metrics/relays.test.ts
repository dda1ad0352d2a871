// What the metrics say of relays and adverts, of a report whose numbers are known.

import t from 'tap'
import { openDatabase } from '../../server/database.ts'
import { DEFINITIONS } from '../../server/metrics/exposition.ts'
import { AWAY, GOOD, LEFT, fillOutbox, relayReportOf } from '../support/relay-report.ts'
import type { Sources } from '../../server/metrics/exposition.ts'

t.test('links that are open, events that wait, what came by what became of it, adverts that stand', async t => {
  const database = openDatabase(':memory:')
  fillOutbox(database)
  const sources = { relays: relayReportOf(database) } as unknown as Sources
  const read = async (name: string): Promise<unknown[]> => (await DEFINITIONS.find((each) => each.name === name)!.read(sources)).map(({ labels, value }) => [...Object.values(labels ?? {}), value])
  t.strictSame(await read('marquee_relay_up'), [[GOOD, 1], [AWAY, 0]])
  t.strictSame((await read('marquee_outbox_waiting')).sort(), [[AWAY, 3], [GOOD, 1], [LEFT, 1]])
  t.strictSame((await read('marquee_relay_events_total')).slice(0, 3), [[GOOD, 'taken', 80], [GOOD, 'known', 12], [GOOD, 'refused', 8]])
  t.strictSame(await read('marquee_adverts_live'), [[42]])
})

t.test('a server without relays has no samples of them', async t => {
  for (const name of ['marquee_relay_up', 'marquee_outbox_waiting', 'marquee_relay_events_total', 'marquee_adverts_live']) {
    t.strictSame(DEFINITIONS.find((each) => each.name === name)!.read({ relays: null } as unknown as Sources), [])
  }
})
