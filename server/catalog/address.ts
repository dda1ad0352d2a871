// Where an event stands: NIP-01's addresses of replaceable and addressable kinds, which version of an address wins, and how people spell
// an address or a key (NIP-19). Pure.

import { decode, naddrEncode, npubEncode } from 'nostr-tools/nip19'
import { CatalogFault } from './faults.ts'
import type { SignedEvent } from '../auth/signature.ts'

export interface Address {
  kind: number
  /** 64 lowercase hex digits. */
  pubkey: string
  /** Empty for replaceable kinds. */
  d: string
}

const HEX64 = /^[0-9a-f]{64}$/

/** Kinds of which one version by (kind, key) is current. Source: NIP-01, Kinds. */
export function isReplaceable (kind: number): boolean {
  return kind === 0 || kind === 3 || (kind >= 10_000 && kind < 20_000)
}

/** Kinds of which one version by (kind, key, `d`) is current. */
export function isAddressable (kind: number): boolean {
  return kind >= 30_000 && kind < 40_000
}

/** `kind:pubkey:d`, as an `a` tag has it; null for regular kinds, which stand for themselves. */
export function addressOf ({ kind, pubkey, tags }: Pick<SignedEvent, 'kind' | 'pubkey' | 'tags'>): string | null {
  if (isReplaceable(kind)) return `${kind}:${pubkey}:`
  if (!isAddressable(kind)) return null
  return `${kind}:${pubkey}:${tags.find(([name]) => name === 'd')?.[1] ?? ''}`
}

export function formatAddress ({ kind, pubkey, d }: Address): string {
  return `${kind}:${pubkey}:${d}`
}

/** Reads the text of an `a` tag; null for what is none, an address of a regular kind included. */
export function readAddress (text: string): Address | null {
  const match = /^(0|[1-9]\d{0,4}):([0-9a-f]{64}):(.*)$/s.exec(text)
  if (match === null) return null
  const [, number, pubkey = '', d = ''] = match
  const kind = Number(number)
  if (isReplaceable(kind)) return d === '' ? { kind, pubkey, d } : null
  return isAddressable(kind) ? { kind, pubkey, d } : null
}

/** An address as a person gives it: `kind:pubkey:d`, `naddr1…`, with or without `nostr:`. Throws ADDRESS_UNREADABLE. */
export function parseAddressName (text: string): Address {
  const bare = text.replace(/^nostr:/i, '')
  const address = /^naddr1/i.test(bare) ? decodeAddress(bare) : readAddress(bare)
  if (address === null) throw new CatalogFault('ADDRESS_UNREADABLE')
  return address
}

function decodeAddress (text: string): Address | null {
  try {
    const { type, data } = decode(text.toLowerCase())
    return type === 'naddr' ? readAddress(`${data.kind}:${data.pubkey}:${data.identifier}`) : null
  } catch {
    return null // of a wrong checksum, or cut
  }
}

/** A key as a person gives it: hex, `npub1…`, `nprofile1…`, with or without `nostr:`. Returns 64 lowercase hex digits. Throws KEY_UNREADABLE. */
export function parseKeyName (text: string): string {
  const bare = text.replace(/^nostr:/i, '').toLowerCase()
  if (HEX64.test(bare)) return bare
  try {
    const decoded = decode(bare)
    if (decoded.type === 'npub') return decoded.data
    if (decoded.type === 'nprofile') return decoded.data.pubkey
  } catch {
    // told below
  }
  throw new CatalogFault('KEY_UNREADABLE')
}

export function formatNaddr ({ kind, pubkey, d }: Address): string {
  return naddrEncode({ kind, pubkey, identifier: d })
}

export function formatNpub (pubkey: string): string {
  return npubEncode(pubkey)
}

/** For `sort`, the winner first: the newest created_at, and of equal ones the lowest id. Source: NIP-01, Kinds. */
export function compareVersions (a: { id: string, created_at: number }, b: { id: string, created_at: number }): number {
  return b.created_at - a.created_at || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)
}

/**
 * The created_at of our next version of an address, in Unix seconds: never that of the last one, since half of the relays keep the first of
 * two that came within one second. When our clock fell back it runs ahead of it.
 */
export function nextCreatedAt (last: number | null, now: number): number {
  return last === null ? now : Math.max(now, last + 1)
}
