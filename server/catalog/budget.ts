// How large an event may be: what we sign is small enough for every relay met, what others signed may be as large as relays commonly allow.
// Sources: strfry's defaults (65,536 bytes, 2,000 tags, 1,024 bytes a value), nostr-rs-relay 0.8.12 (131,072 bytes). Pure.

import { CatalogFault } from './faults.ts'
import type { EventDraft, SignedEvent } from '../auth/signature.ts'

export interface Budget {
  /** Of the whole event as JSON, in bytes. */
  readonly bytes: number
  readonly tags: number
  /** Of one element of a tag, in bytes of UTF-8. */
  readonly element: number
}

/** What we sign: never more, or a relay somewhere drops it without a word. */
export const OUR_BUDGET: Budget = { bytes: 48 * 1024, tags: 400, element: 1000 }

/** What we take from others: strfry's defaults, the narrowest among the common relays. */
export const TAKEN_BUDGET: Budget = { bytes: 64 * 1024, tags: 2000, element: 1024 }

const UNSIGNED = { id: '0'.repeat(64), pubkey: '0'.repeat(64), sig: '0'.repeat(128) }

/** The bytes of an event as JSON; an unsigned one counts as if it were signed. */
export function eventBytes (event: EventDraft | SignedEvent): number {
  const { kind, created_at, tags, content } = event
  const { id, pubkey, sig } = 'id' in event ? event : UNSIGNED
  return Buffer.byteLength(JSON.stringify({ id, pubkey, created_at, kind, tags, content, sig }))
}

/** Throws TAGS_TOO_MANY, ELEMENT_TOO_LONG or EVENT_TOO_LARGE. */
export function judgeBudget (event: EventDraft | SignedEvent, budget: Budget = OUR_BUDGET): void {
  const { tags, content } = event
  if (tags.length > budget.tags) throw new CatalogFault('TAGS_TOO_MANY', `${tags.length}, at most ${budget.tags}`)
  let least = content.length
  for (const tag of tags) {
    for (const element of tag) {
      least += element.length
      if (element.length > budget.element || Buffer.byteLength(element) > budget.element) {
        throw new CatalogFault('ELEMENT_TOO_LONG', `of ${String(tag[0]).slice(0, 32)}, at most ${budget.element} bytes`)
      }
    }
  }
  // no JSON is shorter than what it says: a giant is refused before it is written out once more
  if (least > budget.bytes || eventBytes(event) > budget.bytes) throw new CatalogFault('EVENT_TOO_LARGE', `at most ${budget.bytes} bytes`)
}
