// The one way to a signature of ours: an event that is over our budget, or that our own parser would refuse, is never signed. Pure: the signer
// is given to it.

import { judgeBudget } from './budget.ts'
import { parseCatalogEvent } from './catalog-event.ts'
import type { EventDraft, SignedEvent } from '../auth/signature.ts'

export interface TemplateSigner {
  /** 64 hex digits. */
  pubkey: string
  sign: (draft: EventDraft) => SignedEvent
}

/** Throws a CatalogFault, and asks the signer for nothing then. */
export function signTemplate (draft: EventDraft, { pubkey, sign }: TemplateSigner): SignedEvent {
  judgeBudget(draft)
  parseCatalogEvent({ ...draft, pubkey, id: '0'.repeat(64), sig: '0'.repeat(128) })
  return sign(draft)
}
