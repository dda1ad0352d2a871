// Brings the rows into line with what the store holds: for `marquee rebuild` (all of it, into an empty database), and at the start after an
// unclean end: of every blob where a power cut may have taken the last rows, of those that were under way (unsettled.ts) after a kill.

import { StoreError } from '../errors.ts'
import { bytesOfTwin, placeOf, recordFor } from './places.ts'
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

interface Sides {
  stores: Stores
  descriptors: Descriptors
  /** Unix seconds. */
  now: number
}

export interface ReconcileParts extends Sides {
  /** Milliseconds; of blobs that have a row only owner objects written since then are read. 0: all. */
  since: number
  onProgress?: (seen: number) => void
}

/** What a StoreError was doing when an object, not the store, is at fault. */
const DAMAGE = new Set(['parse', 'compare'])

/** How many blobs are compared at a time where only some are. */
const AT_ONCE = 16

/** Owners are counted by the first 20 bits of the sha256: 4 MiB, however many there are. */
const SHARDS = 2 ** 20

function shardOf (sha256: string): number {
  return parseInt(sha256.slice(0, 5), 16)
}

/** Every blob of the store. Rejects with StoreError when the store does not answer. */
export async function reconcile ({ since, onProgress, ...sides }: ReconcileParts): Promise<Reconciled> {
  const { stores, descriptors } = sides
  const result: Reconciled = { learned: 0, forgotten: 0, restored: 0, lost: [] }
  // rows less those that were met in the store: what is left over in a shard is gone from the store
  const unmet = new Int32Array(SHARDS)
  let seen = 0
  for await (const { sha256, owner, fresh } of stores.owners.list(since)) {
    if (++seen % 1000 === 0) onProgress?.(seen)
    const known = descriptors.ownership(sha256, owner) !== null
    if (known) unmet[shardOf(sha256)]!--
    if (known && !fresh) continue
    if (await learn(sides, sha256, owner, result) && !known) unmet[shardOf(sha256)]!--
  }
  for (const sha256 of descriptors.owned()) unmet[shardOf(sha256)]!++
  const doubtful = new Set<string>()
  if (unmet.some((left) => left !== 0)) {
    for (const sha256 of descriptors.owned()) if (unmet[shardOf(sha256)] !== 0) doubtful.add(sha256)
  }
  for (const sha256 of doubtful) await forget(sides, sha256, result)
  return result
}

/** The blobs named, and no other. Rejects with StoreError when the store does not answer. */
export async function reconcileSome (sides: Sides, blobs: Iterable<string>): Promise<Reconciled> {
  const result: Reconciled = { learned: 0, forgotten: 0, restored: 0, lost: [] }
  const left = blobs[Symbol.iterator]()
  const lane = async (): Promise<void> => {
    for (let next = left.next(); next.done !== true; next = left.next()) {
      const sha256 = next.value
      for (const owner of await sides.stores.owners.namesOf(sha256)) await learn(sides, sha256, owner, result)
      await forget(sides, sha256, result)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, lane))
  return result
}

/** An ownership as the store has it becomes a row; false when there is none to be had. */
export async function learn ({ stores, descriptors }: Sides, sha256: string, owner: string, result: Reconciled): Promise<boolean> {
  let ownership: Ownership | null
  let place: Place | null
  try {
    ownership = await stores.owners.get(sha256, owner)
    if (ownership === null) return false // removed while we read
    place = await placeOfOwned(stores, ownership, result)
  } catch (error) {
    // one damaged object must not keep the server from starting; a store that does not answer must
    if (!(error instanceof StoreError) || !DAMAGE.has(error.action)) throw error
    result.lost.push(`${sha256} of ${owner}: ${error.message}`)
    return false
  }
  if (place === null) {
    result.lost.push(`${sha256} of ${owner}: neither record nor pack`)
    return false
  }
  if (descriptors.ownership(sha256, owner) === null) result.learned++
  descriptors.save(ownership, place)
  return true
}

/** Rows of a blob whose ownership the store does not have go. */
export async function forget ({ stores, descriptors, now }: Sides, sha256: string, result: Reconciled): Promise<void> {
  const rows = descriptors.ownersOf(sha256)
  if (rows.length === 0) return
  const names = await stores.owners.namesOf(sha256)
  for (const owner of rows) {
    if (names.includes(owner)) continue
    descriptors.removeOwner(sha256, owner, now)
    result.forgotten++
  }
}

/**
 * Where an owned blob lies. An owner is written before its record, so after a crash there may be none: the pack, or the BLAKE3 record of an
 * inline blob, which was written before both, is then the place and the record is written again. Null when there is neither.
 */
async function placeOfOwned (stores: Stores, ownership: Ownership, result: Reconciled): Promise<Place | null> {
  const { sha256, blake3, size } = ownership
  const self = sha256Multihash(sha256)
  const record = await stores.index.own(self)
  if (record !== null) return placeOf(record)
  const pack = await stores.packs.stat(self)
  if (pack === null) {
    const bytes = bytesOfTwin(await stores.index.own(blake3Multihash(blake3)), ownership)
    if (bytes === null) return null
    await stores.index.add(recordFor(self, self, size, { kind: 'inline' }, bytes))
    result.restored++
    return { kind: 'inline' }
  }
  if (pack.size !== size) throw new StoreError(stores.packs.name, 'compare', sha256, new Error(`the pack has ${pack.size} bytes, its owner says ${size}`))
  const place: Place = { kind: 'own' }
  for (const multihash of [blake3Multihash(blake3), self]) await stores.index.add(recordFor(multihash, self, size, place, null))
  result.restored++
  return place
}
