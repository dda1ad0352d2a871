// A blob's bytes from wherever they lie: memory, a log not yet settled, its own pack, a part of another, its index record. Up to 1 MiB nothing is
// given out that was not checked against the blob's name first; what is in memory was checked when it came there.

import { HOT_BYTES, HotBlobs } from './hot-blobs.ts'
import { Lately } from './lately.ts'
import { CHECKED_BYTES, CheckedReader, DamagedBytes, isSound } from './checked-bytes.ts'
import { inlineBytes } from './inline-bytes.ts'
import { sha256Multihash } from './multihash.ts'
import { readWhole } from './pack-store.ts'
import { bytesReading } from './places.ts'
import type { Blob } from './descriptors.ts'
import type { HotBlob } from './hot-blobs.ts'
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
  readonly #checked = new CheckedReader((blob) => this.unchecked(blob, 0, blob.size))

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

  /** All bytes of a small blob that can be had at once, checked; null otherwise. Who is read a second time is kept in memory. */
  now (blob: Blob): Piece | null {
    if (blob.size > HOT_BYTES || blob.size === 0) return null
    const pending = this.#stores.journal?.pending(blob.sha256) ?? null
    const piece = pending !== null
      ? { bytes: pending, release: () => {} }
      : (blob.place.kind === 'own' ? this.#stores.packs.readNow?.(sha256Multihash(blob.sha256), 0, blob.size) : null) ?? null
    if (piece === null) return null
    // what the journal holds was checked as it came in; the slow way looks again at what is damaged, and tells
    if (pending === null && !isSound(piece.bytes, blob)) {
      piece.release()
      return null
    }
    if (this.#lately.again(blob.sha256, blob.size)) this.#keep(blob, Buffer.from(piece.bytes))
    return piece
  }

  #keep (blob: Blob, bytes: Buffer): void {
    this.#hot.put({ blob, bytes, until: this.#stores.shared ? this.#now() + HOT_MS : Infinity })
  }

  /**
   * All bytes of a small blob, checked against its name and kept in memory; those who ask at the same time share one read. Null for a larger
   * blob, and when they are nowhere. Rejects with DamagedBytes when they are not what they should be, or StoreError.
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
    const reading = await this.unchecked(blob, 0, blob.size)
    if (reading === null) return null
    const bytes = await readWhole(reading)
    if (!isSound(bytes, blob)) throw new DamagedBytes('its bytes are not those of its name')
    return bytes
  }

  /**
   * Opens `length` bytes from `start`; null when they are nowhere. Up to CHECKED_BYTES the whole blob is read and checked first. Rejects with
   * DamagedBytes, or StoreError.
   */
  async open (blob: Blob, start: number, length: number): Promise<PackReading | null> {
    if (blob.size > CHECKED_BYTES || blob.size === 0) return this.unchecked(blob, start, length)
    if (blob.size > HOT_BYTES) return this.#checked.read(blob, start, length)
    const hot = this.#hot.peek(blob.sha256, this.#now())?.bytes ?? this.#stores.journal?.pending(blob.sha256) ?? null
    if (hot !== null) return bytesReading(hot.subarray(start, start + length))
    const piece = this.now(blob)
    if (piece !== null) {
      const bytes = Buffer.from(piece.bytes.subarray(start, start + length))
      piece.release()
      return bytesReading(bytes)
    }
    const bytes = await this.small(blob)
    return bytes === null ? null : bytesReading(bytes.subarray(start, start + length))
  }

  /** The same as it lies in the store, right or wrong. */
  async unchecked (blob: Blob, start: number, length: number): Promise<PackReading | null> {
    const pending = this.#stores.journal?.pending(blob.sha256) ?? null
    if (pending !== null) return bytesReading(pending.subarray(start, start + length))
    const self = sha256Multihash(blob.sha256)
    if (blob.place.kind === 'inline') {
      const bytes = await inlineBytes(this.#stores.index, self)
      return bytes === null ? null : bytesReading(bytes.subarray(start, start + length))
    }
    const [pack, offset] = blob.place.kind === 'own' ? [self, 0] : [blob.place.pack, blob.place.offset]
    return this.#stores.packs.read(pack, offset + start, length)
  }
}
