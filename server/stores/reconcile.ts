// Brings the rows into line with what the store holds: for `marquee rebuild` (all of it, into an empty database), and at the start after an
// unclean end, where a power cut may have taken the last rows, or a crash left an owner without its record.

import { StoreError } from '../errors.ts'
import { placeOf, recordFor } from './places.ts'
import { blake3Multihash, sha256Multihash } from './multihash.ts'
import type { Descriptors, Place } from './descriptors.ts'
import type { Stores } from './open.ts'
import type { Ownership } from './owners.ts'

export interface Reconciled {
  /** Ownerships that became rows. */
  learned: number
  /** Rows of ownerships that the store does not have. */
  forgotten: number
  /** Records written again beside an owner that had none. */
  restored: number
  /** Owner objects that are damaged, or whose bytes are nowhere: left alone, told. */
  lost: string[]
}

export interface ReconcileParts {
  stores: Stores
  descriptors: Descriptors
  /** Milliseconds; only owner objects written since then are read. 0: all. */
  since: number
  /** Unix seconds. */
  now: number
  onProgress?: (seen: number) => void
}

/** What a StoreError was doing when an object, not the store, is at fault. */
const DAMAGE = new Set(['parse', 'compare'])

/** Rejects with StoreError when the store does not answer. */
export async function reconcile ({ stores, descriptors, since, now, onProgress }: ReconcileParts): Promise<Reconciled> {
  const result: Reconciled = { learned: 0, forgotten: 0, restored: 0, lost: [] }
  const held = new Map<string, Set<string>>()
  let seen = 0
  for await (const { sha256, owner, fresh } of stores.owners.list(since)) {
    const owners = held.get(sha256) ?? new Set()
    held.set(sha256, owners.add(owner))
    if (++seen % 1000 === 0) onProgress?.(seen)
    if (!fresh && descriptors.ownership(sha256, owner) !== null) continue
    let ownership: Ownership | null
    let place: Place | null
    try {
      ownership = await stores.owners.get(sha256, owner)
      if (ownership === null) continue // removed while we read
      place = await placeOfOwned(stores, ownership, result)
    } catch (error) {
      // one damaged object must not keep the server from starting; a store that does not answer must
      if (!(error instanceof StoreError) || !DAMAGE.has(error.action)) throw error
      result.lost.push(`${sha256} of ${owner}: ${error.message}`)
      continue
    }
    if (place === null) {
      result.lost.push(`${sha256} of ${owner}: neither record nor pack`)
      continue
    }
    if (descriptors.ownership(sha256, owner) === null) result.learned++
    descriptors.save(ownership, place)
  }
  const gone: { sha256: string, owner: string }[] = []
  for (const { sha256, foreign } of descriptors.all()) {
    if (foreign) continue
    for (const owner of descriptors.ownersOf(sha256)) {
      if (held.get(sha256)?.has(owner) !== true) gone.push({ sha256, owner })
    }
  }
  for (const { sha256, owner } of gone) {
    // once more, by name: it may have come while we listed
    if (await stores.owners.get(sha256, owner) !== null) continue
    descriptors.removeOwner(sha256, owner, now)
    result.forgotten++
  }
  return result
}

/**
 * Where an owned blob lies. An owner is written before its record, so after a crash there may be none: the pack, which was written before
 * both, is then the place and the record is written again. Null when there is no pack either.
 */
async function placeOfOwned (stores: Stores, { sha256, blake3, size }: Ownership, result: Reconciled): Promise<Place | null> {
  const self = sha256Multihash(sha256)
  const record = await stores.index.own(self)
  if (record !== null) return placeOf(record)
  const pack = await stores.packs.stat(self)
  if (pack === null) return null
  if (pack.size !== size) throw new StoreError(stores.packs.name, 'compare', sha256, new Error(`the pack has ${pack.size} bytes, its owner says ${size}`))
  const place: Place = { kind: 'own' }
  for (const multihash of [blake3Multihash(blake3), self]) await stores.index.add(recordFor(multihash, self, size, place, null))
  result.restored++
  return place
}
