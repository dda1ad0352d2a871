// Takes a blob out of the store when its last owner has left: index records removed → owners listed once more (one came meanwhile: the records
// are put back) → pack removed, where no other node can be about to use it (design §3).

import { blake3Multihash, sha256Multihash } from './multihash.ts'
import { inlineOf } from './places.ts'
import type { BlobWriter } from './blob-writer.ts'
import type { Blob, Descriptors } from './descriptors.ts'
import type { Stores } from './open.ts'

export class BlobRemover {
  readonly #stores: Stores
  readonly #rows: Descriptors
  readonly #writer: BlobWriter
  readonly #onGone: () => void

  /** @param onGone a blob is no longer here */
  constructor (stores: Stores, descriptors: Descriptors, writer: BlobWriter, onGone: () => void = () => {}) {
    this.#onGone = onGone
    this.#stores = stores
    this.#rows = descriptors
    this.#writer = writer
  }

  /** Removes what belongs to a blob, unless somebody owns it. Rejects with StoreError. */
  async clear (blob: Blob): Promise<void> {
    if ((await this.#stores.owners.namesOf(blob.sha256)).length > 0) return
    const self = sha256Multihash(blob.sha256)
    // either has the bytes of an inline blob; the first may be gone already, where another node removes the same blob
    const record = await this.#stores.index.own(self) ?? (blob.blake3 === null ? null : await this.#stores.index.own(blake3Multihash(blob.blake3)))
    const hashes = blob.blake3 === null ? [self] : [self, blake3Multihash(blob.blake3)]
    for (const multihash of hashes) await this.#stores.index.remove(multihash)
    const late = await this.#stores.owners.of(blob.sha256)
    if (late.length > 0) {
      // an owner came through another node between the two looks: the blob stays
      const bytes = record === null ? null : inlineOf(record)
      if (blob.blake3 !== null && (blob.place.kind === 'own' || bytes !== null)) await this.#writer.writeRecords(blob.sha256, blob.blake3, blob.size, blob.place, bytes)
      for (const ownership of late) this.#rows.save(ownership, blob.place)
      return
    }
    this.#onGone()
    // several nodes on one bucket: somebody may be about to use these bytes; the sweeper looks again after a grace period
    if (blob.place.kind === 'own' && !this.#stores.shared) await this.#stores.packs.remove(self)
  }
}
