// Whether an event is taken, in the order of what a look costs: shape and budget, kind, id, whether it is here, author, time, signature, schema
// (nostr-and-releases.md §3.2). A bad event costs no signature check. HTTP and relays come in by this one road. Pure: what it asks is given to it.

import { isEvent } from '../auth/signature.ts'
import { addressOf } from './address.ts'
import { TAKEN_BUDGET, judgeBudget } from './budget.ts'
import { parseCatalogEvent, typeOf } from './catalog-event.ts'
import { eventId } from './event-id.ts'
import { CatalogFault } from './faults.ts'
import { ADVERT_MAX_AGE } from './kinds/provider-advert.ts'
import type { SignedEvent } from '../auth/signature.ts'
import type { CatalogEvent, CatalogType } from './catalog-event.ts'
import type { Standing } from './versions.ts'

/** Seconds that an author's clock may be ahead: what relays commonly allow. */
export const FUTURE_TOLERANCE = 15 * 60

export interface AdvertCaps {
  /** Of one key. */
  perAuthor: number
  /** Of one BLAKE3: the freshest. */
  perHash: number
}

export const ADVERT_CAPS: AdvertCaps = { perAuthor: 2000, perHash: 50 }

export interface AcceptFacts {
  /** Unix seconds. */
  now: number
  /** Does the id hold and the signature? `isSigned` of auth/signature.ts. */
  verify: (event: SignedEvent) => boolean
  /** May this key sign what is of this type here? */
  mayAuthor: (type: CatalogType, event: SignedEvent) => boolean
  /** How it stands to what is kept of its address, `standingOf` (an older version is taken unless `refuseOlder`). */
  standing: (event: SignedEvent) => Standing
  /** A publisher must be told; from a relay an older version belongs into the log. */
  refuseOlder: boolean
  /** Adverts of the last 72 hours besides those at this address: of its key, and of its hash those with a later created_at. */
  advertsBeside: (address: string, event: SignedEvent) => { ofAuthor: number, fresherOfHash: number }
  caps: AdvertCaps
}

/** The event with what it says. Throws a CatalogFault for the first thing that is wrong. */
export function judgeEvent (event: unknown, facts: AcceptFacts): CatalogEvent {
  if (!isEvent(event)) throw new CatalogFault('EVENT_MALFORMED')
  judgeBudget(event, TAKEN_BUDGET)
  const type = typeOf(event)
  if (type === null) throw new CatalogFault('KIND_UNKNOWN', String(event.kind))
  if (eventId(event.pubkey, event) !== event.id) throw new CatalogFault('ID_WRONG')
  judgeStanding(facts.standing(event), facts.refuseOlder)
  if (!facts.mayAuthor(type, event)) throw new CatalogFault('AUTHOR_REFUSED')
  if (type === 'advert') judgeCaps(event, facts)
  judgeTime(event, type, facts.now)
  if (!facts.verify(event)) throw new CatalogFault('SIGNATURE_WRONG')
  return parseCatalogEvent(event)
}

function judgeStanding (standing: Standing, refuseOlder: boolean): void {
  if (standing === 'known') throw new CatalogFault('EVENT_KNOWN')
  if (standing === 'deleted') throw new CatalogFault('EVENT_DELETED')
  if (standing === 'older' && refuseOlder) throw new CatalogFault('EVENT_OLDER')
}

function judgeCaps (event: SignedEvent, { advertsBeside, caps }: AcceptFacts): void {
  const { ofAuthor, fresherOfHash } = advertsBeside(addressOf(event)!, event)
  if (ofAuthor >= caps.perAuthor) throw new CatalogFault('AUTHOR_FULL', `${caps.perAuthor} at most`)
  if (fresherOfHash >= caps.perHash) throw new CatalogFault('HASH_FULL', `${caps.perHash} at most`)
}

function judgeTime (event: SignedEvent, type: CatalogType, now: number): void {
  const { created_at: createdAt } = event
  if (createdAt > now + FUTURE_TOLERANCE) throw new CatalogFault('EVENT_FUTURE')
  // what is over by its own word is taken: it hides the versions before it, of which none can outlive this one when it is so old
  if (type === 'advert' && createdAt < now - ADVERT_MAX_AGE) throw new CatalogFault('ADVERT_STALE')
}
