// Signs titles: nothing that is over the budget or that our own parser would refuse, and never two versions of one second.

import { nextCreatedAt } from '../../server/catalog/address.ts'
import { judgeBudget } from '../../server/catalog/budget.ts'
import { parseCatalogEvent } from '../../server/catalog/catalog-event.ts'
import { CatalogFault } from '../../server/catalog/faults.ts'
import { TitleFault } from './faults.ts'
import type { EventDraft, SignedEvent } from '../../server/auth/signature.ts'
import type { Signer } from '../signer.ts'

/** Throws TitleFault. */
export function checkDraft (draft: EventDraft, pubkey: string): void {
  try {
    judgeBudget(draft)
    parseCatalogEvent({ ...draft, pubkey, id: '0'.repeat(64), sig: '0'.repeat(128) })
  } catch (error) {
    if (error instanceof CatalogFault) throw new TitleFault(`this title would not be taken anywhere: ${error.message}`)
    throw error
  }
}

/** Rejects with TitleFault or KeyFault. */
export async function signChecked (draft: EventDraft, signer: Signer): Promise<SignedEvent> {
  checkDraft(draft, signer.pubkey)
  return signer.sign(draft)
}

/** Unix seconds for the next version after these. */
export function nextVersionAt (versions: readonly Pick<SignedEvent, 'created_at'>[]): number {
  const last = versions.length === 0 ? null : Math.max(...versions.map(({ created_at: at }) => at))
  return nextCreatedAt(last, Math.floor(Date.now() / 1000))
}
