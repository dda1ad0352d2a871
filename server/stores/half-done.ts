// What a fault of the store left half-way, where several nodes share it: an owner whose records did not follow, records whose owner has left,
// a change that may have been made although its answer was lost. Who asked was told 503; here it is looked at again until the store answers, so
// that rows and store agree without a new start. Each ends as it would after a kill: wholly there where an owner is, wholly gone where none is.
// Where one server owns the store, unsettled.ts leaves this to the next start.

import { UNTYPED } from './media-type.ts'
import { blake3Multihash, sha256Multihash } from './multihash.ts'
import { reconcileSome } from './reconcile.ts'
import type { BlobRemover } from './blob-remover.ts'
import type { Changes } from './changes.ts'
import type { Descriptors } from './descriptors.ts'
import type { Stores } from './open.ts'

/** Only a store that fails again and again between two calls makes more of them; the oldest are then `marquee verify`'s. */
const KEPT = 10_000

export interface HalfDoneParts {
  stores: Stores
  descriptors: Descriptors
  remover: BlobRemover
  changes: Changes
  /** Milliseconds. */
  now: () => number
}

export class HalfDone {
  readonly #parts: HalfDoneParts
  /** BLAKE3 by sha256; null when nobody knows it. */
  readonly #blobs = new Map<string, string | null>()

  constructor (parts: HalfDoneParts) {
    this.#parts = parts
  }

  /** Called before the first change of a blob in the store. */
  add (sha256: string, blake3: string | null): void {
    this.#blobs.set(sha256, blake3 ?? this.#blobs.get(sha256) ?? null)
    if (this.#blobs.size > KEPT) this.#blobs.delete(this.#blobs.keys().next().value!)
  }

  /** Called when all of it was done. */
  remove (sha256: string): void {
    this.#blobs.delete(sha256)
  }

  names (): string[] {
    return [...this.#blobs.keys()]
  }

  /** Ends one, in the blob's turn; true when there was one. Rejects with StoreError, and may then be asked again. */
  async end (sha256: string): Promise<boolean> {
    const blake3 = this.#blobs.get(sha256)
    if (blake3 === undefined) return false
    const { stores, descriptors, remover, changes, now } = this.#parts
    await reconcileSome({ stores, descriptors, now: Math.floor(now() / 1000) }, [sha256])
    if ((await stores.owners.namesOf(sha256)).length === 0) {
      const record = await stores.index.own(sha256Multihash(sha256)) ?? (blake3 === null ? null : await stores.index.own(blake3Multihash(blake3)))
      if (record !== null) {
        await remover.clear({
          sha256, blake3, size: record.length ?? 0, type: UNTYPED, uploaded: 0, place: { kind: record.type === 3 ? 'inline' : 'own' }, foreign: false
        })
      }
      await changes.note(sha256)
    }
    this.#blobs.delete(sha256)
    return true
  }
}
