// Which version of an address is live: the heart of the catalog, for the fold in memory and for the rows of SQLite alike. NIP-01, NIP-09, NIP-40.
//
// All versions are kept, with the tombstones. Who keeps the newest alone ends differently by the order of arrival: a deletion by id of the newest
// brings the one before it back, if that was not thrown away. Time ends the winner only and never brings an older version back. Pure.

import { addressOf, compareVersions } from './address.ts'
import { ADVERT_MAX_AGE, PROVIDER_ADVERT_KIND } from './kinds/provider-advert.ts'
import { WITHDRAWAL_KIND, namedIn } from './kinds/withdrawal.ts'
import { valueOf } from './tags.ts'
import type { SignedEvent } from '../auth/signature.ts'

/** What of an event decides. */
export interface Version {
  readonly id: string
  readonly pubkey: string
  readonly kind: number
  /** Unix seconds. */
  readonly created_at: number
  /** `kind:pubkey:d`; null for a regular event, which is its own only version. */
  readonly address: string | null
  /** Unix seconds from which it is over; null: never. */
  readonly endsAt: number | null
}

export interface Tombstones {
  /** Did this key take back this id? */
  hasId: (id: string, pubkey: string) => boolean
  /** The created_at up to which versions of an address are taken back (by its own key); null: none. */
  until: (address: string) => number | null
}

/** One withdrawal's marks: a store keeps them as rows. */
export interface Marks {
  /** Each counts for events of `pubkey` alone. */
  ids: readonly string[]
  pubkey: string
  addresses: readonly string[]
  /** Unix seconds: versions of the addresses up to here, inclusive. */
  until: number
}

export function versionOf (event: SignedEvent): Version {
  const { id, pubkey, created_at, kind } = event
  const said = expirationOf(event)
  // the 72 hours after which an advert is let go of, whatever it says
  const endsAt = kind === PROVIDER_ADVERT_KIND ? Math.min(said ?? Infinity, created_at + ADVERT_MAX_AGE) : said
  return { id, pubkey, kind, created_at, address: addressOf(event), endsAt }
}

/** NIP-40's tag in Unix seconds; null without a readable one. */
export function expirationOf ({ tags }: Pick<SignedEvent, 'tags'>): number | null {
  const text = valueOf(tags, 'expiration')
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : null
}

/** What a kind 5 event takes back; null for another kind, and for one that names nothing of its author. */
export function marksOf (event: SignedEvent): Marks | null {
  const { kind, pubkey, created_at: until } = event
  if (kind !== WITHDRAWAL_KIND) return null
  const { ids, addresses } = namedIn(event)
  return ids.length === 0 && addresses.length === 0 ? null : { ids, pubkey, addresses, until }
}

/** Was it taken back by its author? */
export function isDeleted ({ id, pubkey, kind, address, created_at: createdAt }: Version, tombstones: Tombstones): boolean {
  // taking back a withdrawal has no effect: else it would count or not by which of the two came first
  if (kind === WITHDRAWAL_KIND) return false
  if (tombstones.hasId(id, pubkey)) return true
  return address !== null && createdAt <= (tombstones.until(address) ?? -Infinity)
}

/** The version that stands, whatever the time: the newest that was not taken back, of equal ones the lowest id. Null: none. */
export function winnerOf<V extends Version> (versions: Iterable<V>, tombstones: Tombstones): V | null {
  let winner: V | null = null
  for (const version of versions) {
    if ((winner === null || compareVersions(version, winner) < 0) && !isDeleted(version, tombstones)) winner = version
  }
  return winner
}

/** The live version of one address at `now` (Unix seconds), from all its versions; null: none. */
export function liveOf<V extends Version> (versions: Iterable<V>, tombstones: Tombstones, now: number): V | null {
  const winner = winnerOf(versions, tombstones)
  // not the next one: what its newest version let run out, or took back by running out, does not come back as it was before
  return winner !== null && (winner.endsAt === null || winner.endsAt > now) ? winner : null
}

/** Where an accepted event may change who is live: addresses, and events by id, whose own addresses must be looked up. */
export function touchedBy (event: SignedEvent): { addresses: string[], ids: string[] } {
  const marks = marksOf(event)
  if (marks !== null) return { addresses: [...marks.addresses], ids: [...marks.ids] }
  const address = addressOf(event)
  return address === null ? { addresses: [], ids: [event.id] } : { addresses: [address], ids: [] }
}

export type Standing = 'new' | 'known' | 'deleted' | 'older'

/** How an event stands to what is kept of its address. `older` is kept all the same when a relay brings it; a publisher is told. */
export function standingOf (event: Version, versions: Iterable<Version>, tombstones: Tombstones): Standing {
  const kept = [...versions]
  if (kept.some(({ id }) => id === event.id)) return 'known'
  if (isDeleted(event, tombstones)) return 'deleted'
  return winnerOf([...kept, event], tombstones) === event ? 'new' : 'older'
}
