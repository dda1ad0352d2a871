// Small blobs that were read lately, whole, in a bounded piece of memory (`CACHE_SIZE`): a hot 64 KiB blob goes out without a look at the
// database or the disk. The one read longest ago goes first.

import type { Blob } from './descriptors.ts'

/** Larger ones are read as fast from the page cache, and would push many small ones out. */
export const HOT_BYTES = 256 * 1024

export interface HotBlob {
  blob: Blob
  bytes: Buffer
  /** Unix milliseconds; after that it must be asked for again, since another node may have deleted it. */
  until: number
}

/** Of all in this process: how often a blob was asked for, and the bytes they have now. */
export const hotBlobCounts = { hits: 0, misses: 0, bytes: 0 }

export class HotBlobs {
  readonly #blobs = new Map<string, HotBlob>()
  readonly #limit: number
  #bytes = 0

  /** @param limit bytes; 0 keeps nothing */
  constructor (limit: number) {
    this.#limit = limit
  }

  get (sha256: string, now: number): HotBlob | null {
    const hot = this.#blobs.get(sha256)
    if (hot === undefined || hot.until < now) {
      hotBlobCounts.misses++
      this.drop(sha256)
      return null
    }
    hotBlobCounts.hits++
    // to the end of the map: what stands first was read longest ago
    this.#blobs.delete(sha256)
    this.#blobs.set(sha256, hot)
    return hot
  }

  /** The same without a word to the counts and the order: for a second look in one request. */
  peek (sha256: string, now: number): HotBlob | null {
    const hot = this.#blobs.get(sha256)
    return hot === undefined || hot.until < now ? null : hot
  }

  put (hot: HotBlob): void {
    if (hot.bytes.length > HOT_BYTES || hot.bytes.length > this.#limit) return
    this.drop(hot.blob.sha256)
    this.#blobs.set(hot.blob.sha256, hot)
    this.#bytes += hot.bytes.length
    hotBlobCounts.bytes += hot.bytes.length
    for (const oldest of this.#blobs.keys()) {
      if (this.#bytes <= this.#limit) break
      this.drop(oldest)
    }
  }

  drop (sha256: string): void {
    const hot = this.#blobs.get(sha256)
    if (hot === undefined) return
    this.#blobs.delete(sha256)
    this.#bytes -= hot.bytes.length
    hotBlobCounts.bytes -= hot.bytes.length
  }
}
