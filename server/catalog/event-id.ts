// The id that an event must have, without a look at its signature: 1/50 of the price, and most forgeries end here. NIP-01. Pure.

import { hash } from 'node:crypto'
import { serialize } from '../auth/signature.ts'
import type { EventDraft } from '../auth/signature.ts'

/** 64 hex digits: the sha256 of NIP-01's serialisation. */
export function eventId (pubkey: string, draft: EventDraft): string {
  return hash('sha256', serialize(pubkey, draft), 'hex')
}
