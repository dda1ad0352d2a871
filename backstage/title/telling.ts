// Brings signed events to the world: to the catalogs of the servers that have one, and to relays. What each made of them is told in its own words.

import { WITHDRAWAL_KIND } from '../../server/catalog/kinds/withdrawal.ts'
import { valueOf } from '../../server/catalog/tags.ts'
import { callJson } from '../http/json-calls.ts'
import { offersOf } from '../http/offers.ts'
import { ServerRefusal } from '../http/refusal.ts'
import { NetworkFault } from '../http/exchange.ts'
import { tellRelays } from '../http/relays.ts'
import { TitleFault } from './faults.ts'
import type { SignedEvent } from '../../server/auth/signature.ts'
import type { Signer } from '../signer.ts'
import type { Places, Session } from './session.ts'

export interface Told {
  /** An origin or a relay's URL. */
  place: string
  accepted: boolean
  /** As it said it; '' for nothing. */
  words: string
  /** Blobs that a catalog misses; empty elsewhere. */
  missing: string[]
}

/** Tells every place of these events in their order: each place's last word, or its first no. */
export async function tellAll ({ calls }: Pick<Session, 'calls'>, { servers, relays }: Places, events: readonly SignedEvent[], signer: Signer): Promise<Told[]> {
  const [catalogs, told] = await Promise.all([
    Promise.all(servers.map((origin) => tellCatalog(calls, origin, events))),
    tellRelays(relays, events, signer)
  ])
  return [...catalogs.flat(), ...told.map(({ relay, accepted, words }) => ({ place: relay, accepted, words, missing: [] }))]
}

/** Nothing for a server without a catalog. */
async function tellCatalog (calls: Session['calls'], origin: string, events: readonly SignedEvent[]): Promise<Told[]> {
  try {
    if (!(await offersOf(calls, origin)).catalog) return []
    // the event is its own proof: no token is needed
    for (const event of events) await tell(calls, origin, event)
    return [{ place: origin, accepted: true, words: '', missing: [] }]
  } catch (error) {
    if (error instanceof ServerRefusal) {
      const { missing } = (error.body ?? {}) as { missing?: unknown }
      return [{ place: origin, accepted: false, words: `${error.status} ${error.reason}`, missing: Array.isArray(missing) ? missing.map(String) : [] }]
    }
    if (error instanceof NetworkFault) return [{ place: origin, accepted: false, words: error.message, missing: [] }]
    throw error
  }
}

async function tell (calls: Session['calls'], origin: string, event: SignedEvent): Promise<void> {
  try {
    await callJson(calls, { method: 'POST', url: `${origin}/catalog/events`, body: event })
  } catch (error) {
    // what takes a title back is not needed where the title is gone already
    const takesBack = event.kind === WITHDRAWAL_KIND || valueOf(event.tags, 'status') === 'withdrawn'
    if (!(takesBack && error instanceof ServerRefusal && error.code === 'EVENT_DELETED')) throw error
  }
}

/** Says what each place made of it. The exit code: 0 when all took it. Throws TitleFault when nobody did. */
export function report ({ tell }: Pick<Session, 'tell'>, told: readonly Told[], what: string): 0 | 1 {
  for (const { place, accepted, words } of told) {
    tell(`  ${accepted ? 'told' : 'NOT TOLD'}  ${place}${words === '' ? '' : `  ${words.replace(/[\p{Cc}\p{Cf}]/gu, '?')}`}`, { place, accepted, words })
  }
  if (told.every(({ accepted }) => !accepted)) throw new TitleFault(`no server and no relay took ${what}`)
  return told.every(({ accepted }) => accepted) ? 0 : 1
}
