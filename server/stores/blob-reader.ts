// A blob's bytes from wherever they lie: memory, a log not yet settled, its own pack, a part of another, its index record.

import { HOT_BYTES, HotBlobs } from './hot-blobs.ts'
import { Lately } from './lately.ts'
import { StoreError } from '../errors.ts'
import { identityBytes, sha256Hex, sha256Multihash } from './multihash.ts'
import { readWhole } from './pack-store.ts'
import { bytesReading } from './places.ts'
import { placesIn } from './index-store.ts'
import type { Blob } from './descriptors.ts'
import type { HotBlob } from './hot-blobs.ts'
import type { Multihash } from './multihash.ts'
import type { Stores } from './open.ts'
import type { PackReading, Piece } from './pack-store.ts'

/**
 * How long bytes in memory are good where another node may delete the blob, milliseconds. Deletes elsewhere are followed within seconds
 * (changes.ts) and cool the blob; this is for the one that was missed.
 */
const HOT_MS = 60_000

/** A row takes half a KiB. */
const KEPT_ROWS = 4096

export class BlobReader {
  readonly #stores: Stores
  readonly #hot: HotBlobs
  readonly #now: () => number
  readonly #lately: Lately
  readonly #looked = new Lately(KEPT_ROWS / 2)
  readonly #rows = new Map<string, Blob>()
  readonly #reading = new Map<string, Promise<Buffer | null>>()

  /** @param cacheSize bytes of small blobs kept in memory */
  constructor (stores: Stores, cacheSize: number, now: () => number) {
    this.#stores = stores
    this.#hot = new HotBlobs(cacheSize)
    this.#lately = new Lately(cacheSize / 2)
    this.#now = now
  }

  /** The blob with all its bytes, if it is in memory. */
  hot (sha256: string): HotBlob | null {
    return this.#hot.get(sha256, this.#now())
  }

  /** A row that was looked up lately, as it still is: saves HEADs, conditional and partial GETs the look. */
  remembered (sha256: string): Blob | null {
    return this.#rows.get(sha256) ?? null
  }

  /** Keeps a row that was just looked up, from the second look on; gives it back. */
  remember (blob: Blob | null): Blob | null {
    // on a shared store another node may have changed it
    if (blob === null || this.#stores.shared || !this.#looked.again(blob.sha256, 1)) return blob
    this.#rows.set(blob.sha256, blob)
    if (this.#rows.size > KEPT_ROWS) this.#rows.delete(this.#rows.keys().next().value!)
    return blob
  }

  /** What was kept of it in memory may no longer be true. */
  cool (sha256: string): void {
    this.#rows.delete(sha256)
    this.#hot.drop(sha256)
    this.#reading.delete(sha256)
  }

  /** All bytes of a small blob that can be had at once; null otherwise. Who is read a second time is kept in memory. */
  now (blob: Blob): Piece | null {
    if (blob.size > HOT_BYTES || blob.size === 0) return null
    const pending = this.#stores.journal?.pending(blob.sha256) ?? null
    const piece = pending !== null
      ? { bytes: pending, release: () => {} }
      : (blob.place.kind === 'own' ? this.#stores.packs.readNow?.(sha256Multihash(blob.sha256), 0, blob.size) : null) ?? null
    if (piece !== null && this.#lately.again(blob.sha256, blob.size)) this.#keep(blob, Buffer.from(piece.bytes))
    return piece
  }

  #keep (blob: Blob, bytes: Buffer): void {
    this.#hot.put({ blob, bytes, until: this.#stores.shared ? this.#now() + HOT_MS : Infinity })
  }

  /**
   * All bytes of a small blob, checked against its name and kept in memory; those who ask at the same time share one read. Null for a larger
   * blob, and when they are nowhere. Rejects with StoreError, also when they are not what they should be.
   */
  async small (blob: Blob): Promise<Buffer | null> {
    if (blob.size > HOT_BYTES || blob.size === 0) return null
    const { sha256 } = blob
    const running = this.#reading.get(sha256)
    if (running !== undefined) return running
    const reading = this.#readSmall(blob).then((bytes) => {
      // `cool` in the meantime: the blob may be gone, so it is not kept
      if (bytes !== null && this.#reading.get(sha256) === reading) this.#keep(blob, bytes)
      return bytes
    }).finally(() => {
      if (this.#reading.get(sha256) === reading) this.#reading.delete(sha256)
    })
    this.#reading.set(sha256, reading)
    return reading
  }

  async #readSmall (blob: Blob): Promise<Buffer | null> {
    const reading = await this.open(blob, 0, blob.size)
    if (reading === null) return null
    const bytes = await readWhole(reading)
    if (sha256Hex(bytes) !== blob.sha256) throw new StoreError(this.#stores.packs.name, 'read', blob.sha256, new Error('the bytes are damaged'))
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
