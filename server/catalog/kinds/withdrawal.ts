// A withdrawal: kind 5, by id and by address. NIP-09. Not to be relied on alone: nostr-rs-relay passes over `a` tags, others let the deleted event
// back in. So a newer version that says withdrawn goes first (buildWithdrawn… of its kind), and this follows. Pure.

import { formatAddress, readAddress } from '../address.ts'
import { CatalogFault } from '../faults.ts'
import { checkSchema } from '../schema-check.ts'
import { WITHDRAWAL_SCHEMA } from '../schemas/withdrawal.ts'
import { tagsNamed, valuesOf } from '../tags.ts'
import type { EventDraft, SignedEvent } from '../../auth/signature.ts'

export const WITHDRAWAL_KIND = 5

export interface Withdrawal {
  /** Each 64 hex digits. It counts only for events of the same author, who is not known from an id. */
  ids: string[]
  /** Of its author alone; every version up to the withdrawal's created_at. */
  addresses: string[]
  kinds: number[]
  reason: string
}

/** Throws CatalogFault; TAG_MISSING when it names nothing that its author may take back. */
export function parseWithdrawal (event: SignedEvent): Withdrawal {
  checkSchema(WITHDRAWAL_SCHEMA, event)
  const { ids, addresses } = namedIn(event)
  if (ids.length === 0 && addresses.length === 0) throw new CatalogFault('TAG_MISSING', 'e or a, of the author')
  const kinds = [...new Set(tagsNamed(event.tags, 'k').map(([, kind]) => Number(kind)))]
  return { ids, addresses, kinds, reason: event.content }
}

/** What it names, without a look at the rest of it. */
export function namedIn ({ tags, pubkey }: Pick<SignedEvent, 'tags' | 'pubkey'>): Pick<Withdrawal, 'ids' | 'addresses'> {
  // a deletion of what another key signed MUST be passed over
  return { ids: valuesOf(tags, 'e'), addresses: valuesOf(tags, 'a').filter((text) => readAddress(text)?.pubkey === pubkey) }
}

/**
 * Takes back what stands at these addresses and every version of it that is known by id: `e` is for relays that pass over `a`.
 * `createdAt` in Unix seconds, not before that of the newest version.
 */
export function buildWithdrawal ({ ids = [], addresses = [], kinds = [], reason = '' }: Partial<Withdrawal>, createdAt: number): EventDraft {
  if (ids.length === 0 && addresses.length === 0) throw new CatalogFault('TAG_MISSING', 'e or a')
  const parsed = addresses.map((text) => {
    const address = readAddress(text)
    if (address === null) throw new CatalogFault('TAG_INVALID', 'a must be an address, kind:pubkey:d')
    return address
  })
  const all = new Set([...parsed.map(({ kind }) => kind), ...kinds])
  return {
    kind: WITHDRAWAL_KIND,
    created_at: createdAt,
    content: reason,
    tags: [...parsed.map((address) => ['a', formatAddress(address)]), ...ids.map((id) => ['e', id]), ...[...all].map((kind) => ['k', String(kind)])]
  }
}
