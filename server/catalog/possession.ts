// Is a blob that we say to have really here, with every byte? Asked before each advert: small ones are read and hashed anew, large ones must have been
// scrubbed lately (or have come lately, since coming hashed them) and have their last byte.

import { createHash } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { Failure } from '../errors.ts'
import { readWhole } from '../stores/pack-store.ts'
import type { Blobs } from '../stores/blobs.ts'
import type { Blob } from '../stores/descriptors.ts'

/** Bytes: what is larger is the scrub's to read. */
export const REHASH_LIMIT = 16 * 1024 * 1024

/** Seconds for which a scrub is good. */
export const SCRUB_AGE = 7 * 24 * 3600

/** Bytes of one look; nothing is held open between two. */
const PIECE = 1024 * 1024

/** `unproven`: large, and nobody has read it for too long. */
export type Possessed = 'held' | 'gone' | 'damaged' | 'unproven'

export interface PossessionParts {
  blobs: Pick<Blobs, 'find' | 'read'>
  /** Unix seconds since when the scrub has found it whole; null: not yet. */
  lastScrubbed: (sha256: string) => Promise<number | null> | number | null
  /** Unix milliseconds. */
  now: () => number
  /** Bytes read a second. */
  rate?: number
  /** Waits so many milliseconds. */
  sleep?: (ms: number) => Promise<unknown>
}

export class Possession {
  readonly #parts: PossessionParts

  constructor (parts: PossessionParts) {
    this.#parts = parts
  }

  /** Rejects with StoreError when the store does not answer: that says nothing of the blob. */
  async check (sha256: string): Promise<Possessed> {
    const { blobs, lastScrubbed, now } = this.#parts
    const blob = await blobs.find(sha256)
    if (blob === null) return 'gone'
    try {
      if (blob.size <= REHASH_LIMIT) return await this.#rehash(blob)
      const scrubbed = Math.max(await lastScrubbed(sha256) ?? 0, blob.uploaded)
      if (scrubbed < Math.floor(now() / 1000) - SCRUB_AGE) return 'unproven'
      const last = await blobs.read(blob, blob.size - 1, 1)
      return last === null ? 'gone' : (await readWhole(last)).length === 1 ? 'held' : 'damaged'
    } catch (error) {
      // a blob that is refused to its own server has been found bad
      if (error instanceof Failure) return 'damaged'
      throw error
    }
  }

  async #rehash (blob: Blob): Promise<Possessed> {
    const { blobs, rate = 20 * 1024 * 1024, sleep = (ms) => pause(ms, undefined, { ref: false }) } = this.#parts
    const hash = createHash('sha256')
    for (let at = 0; at < blob.size; at += PIECE) {
      const length = Math.min(PIECE, blob.size - at)
      const reading = await blobs.read(blob, at, length)
      if (reading === null) return 'gone'
      try {
        for (let piece = await reading.next(); piece !== null; piece = await reading.next()) {
          hash.update(piece.bytes)
          piece.release()
        }
      } finally {
        await reading.close()
      }
      await sleep(Math.ceil(length / rate * 1000))
    }
    return hash.digest('hex') === blob.sha256 ? 'held' : 'damaged'
  }
}
