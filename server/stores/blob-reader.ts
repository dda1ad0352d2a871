// A blob's bytes from wherever they lie: memory, a log not yet settled, its own pack, a part of another, its index record.

import { HOT_BYTES, HotBlobs } from './hot-blobs.ts'
import { identityBytes, sha256Multihash } from './multihash.ts'
import { bytesReading } from './places.ts'
import { placesIn } from './index-store.ts'
import type { Blob } from './descriptors.ts'
import type { HotBlob } from './hot-blobs.ts'
import type { Multihash } from './multihash.ts'
import type { Stores } from './open.ts'
import type { PackReading } from './pack-store.ts'

/** How long bytes in memory are good where another node may delete the blob, milliseconds. */
const HOT_MS = 2000

export class BlobReader {
  readonly #stores: Stores
  readonly #hot: HotBlobs
  readonly #now: () => number

  /** @param cacheSize bytes of small blobs kept in memory */
  constructor (stores: Stores, cacheSize: number, now: () => number) {
    this.#stores = stores
    this.#hot = new HotBlobs(cacheSize)
    this.#now = now
  }

  /** The blob with all its bytes, if it is in memory. */
  hot (sha256: string): HotBlob | null {
    return this.#hot.get(sha256, this.#now())
  }

  /** What was kept of it in memory may no longer be true. */
  cool (sha256: string): void {
    this.#hot.drop(sha256)
  }

  /** All bytes of a small blob that can be had at once, and keeps them in memory; null otherwise. */
  now (blob: Blob): Buffer | null {
    if (blob.size > HOT_BYTES) return null
    const bytes = this.#stores.journal?.pending(blob.sha256) ??
      (blob.place.kind === 'own' ? this.#stores.packs.readNow?.(sha256Multihash(blob.sha256), 0, blob.size) : null) ?? null
    if (bytes !== null) this.#hot.put({ blob, bytes, until: this.#stores.shared ? this.#now() + HOT_MS : Infinity })
    return bytes
  }

  /** Opens `length` bytes from `start`; null when they are nowhere. Rejects with StoreError. */
  async open (blob: Blob, start: number, length: number): Promise<PackReading | null> {
    const pending = this.#stores.journal?.pending(blob.sha256) ?? null
    if (pending !== null) return bytesReading(pending.subarray(start, start + length))
    const self = sha256Multihash(blob.sha256)
    if (blob.place.kind === 'inline') {
      const bytes = await this.#inlineBytes(self)
      return bytes === null ? null : bytesReading(bytes.subarray(start, start + length))
    }
    const [pack, offset] = blob.place.kind === 'own' ? [self, 0] : [blob.place.pack, blob.place.offset]
    return this.#stores.packs.read(pack, offset + start, length)
  }

  async #inlineBytes (multihash: Multihash): Promise<Uint8Array | null> {
    const own = await this.#stores.index.own(multihash)
    const records = own !== null ? [own] : await this.#stores.index.get(multihash)
    for (const record of records) {
      for (const leaf of placesIn(record, multihash)) {
        const bytes = leaf.type === 3 && typeof leaf.location !== 'string' ? identityBytes(leaf.location) : null
        if (bytes !== null) return bytes
      }
    }
    return null
  }
}
