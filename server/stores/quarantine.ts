// What becomes of a blob whose bytes are damaged: looked at once more under its lock → noted, in force at once → its bytes kept aside for a person
// to look at → and, when the very bytes come again (an upload, a mirror), its pack written anew, the note struck out, what was kept removed. Its
// owners stay throughout.

import { Failure, StoreError } from '../errors.ts'
import { damagedFailure } from './damaged.ts'
import { damageIn, examine } from './examine.ts'
import { sha256Multihash } from './multihash.ts'
import { recordFor } from './places.ts'
import { takeIn } from './intake.ts'
import type { Readable } from 'node:stream'
import type { BlobReader } from './blob-reader.ts'
import type { BlobWriter } from './blob-writer.ts'
import type { DamagedBlobs, Finder } from './damaged.ts'
import type { Blob, Descriptors } from './descriptors.ts'
import type { Arrival } from './intake.ts'
import type { Locks } from './locks.ts'
import type { Stores } from './open.ts'
import type { PackDraft, PackReading } from './pack-store.ts'

export interface QuarantineParts {
  stores: Stores
  rows: Descriptors
  reader: BlobReader
  writer: BlobWriter
  locks: Locks
  damaged: DamagedBlobs
  limits: { maxSize: number, idleTimeout: number }
  /** The blob as the store has it now, under its lock. */
  current: (sha256: string) => Promise<{ blob: Blob } | null>
}

export class Quarantine {
  readonly #parts: QuarantineParts

  constructor (parts: QuarantineParts) {
    this.#parts = parts
  }

  /** Runs a read; where it comes upon damage the blob is looked at and the read told by BLOB_DAMAGED, or tried once more. */
  async watch<T> (blob: Blob, read: (blob: Blob) => Promise<T>): Promise<T | null> {
    try {
      return await read(blob)
    } catch (error) {
      if (damageIn(error) === null) throw error
      const now = await this.look(blob.sha256, 'read', error)
      // it was the reading that went wrong, or the blob was written anew meanwhile
      return now === null ? null : await read(now)
    }
  }

  /** The same for a reading that goes out in pieces: whoever comes next is told. */
  watched (blob: Blob, reading: PackReading): PackReading {
    return {
      next: async () => {
        try {
          return await reading.next()
        } catch (error) {
          // what has gone out cannot be called back: the connection breaks, whatever the second look says
          if (damageIn(error) !== null) this.look(blob.sha256, 'read', error).catch(() => {})
          throw error
        }
      },
      close: () => reading.close()
    }
  }

  /**
   * Looks at a blob that seems damaged, under its lock. The blob where it is whole, null where it is gone; rejects with BLOB_DAMAGED when it is
   * damaged, which is noted by then, and with StoreError when the store does not answer.
   */
  look (sha256: string, by: Finder, cause?: unknown): Promise<Blob | null> {
    const { stores, rows, locks, damaged, reader } = this.#parts
    return locks.run(sha256, async () => {
      if (damaged.has(sha256)) throw damagedFailure(cause)
      const blob = await this.#now(sha256)
      if (blob === null) return null
      const what = await examine(stores, blob)
      if (what === null) return blob
      if (blob.foreign && await this.#isGone(sha256)) {
        rows.forget(sha256, 0)
        reader.cool(sha256)
        return null
      }
      reader.cool(sha256)
      await damaged.add(sha256, what, by)
      await this.#setAside(blob)
      throw damagedFailure(cause)
    })
  }

  /** Somebody else's blob, which they removed with their own tools: no record tells of it any more. */
  async #isGone (sha256: string): Promise<boolean> {
    return (await this.#parts.stores.index.get(sha256Multihash(sha256))).length === 0
  }

  /** As it is now: on a shared store another node may have deleted it, or written it anew elsewhere. */
  async #now (sha256: string): Promise<Blob | null> {
    const { stores, rows, current } = this.#parts
    const row = rows.get(sha256)
    if (row === null || row.foreign || !stores.shared) return row
    try {
      return (await current(sha256))?.blob ?? null
    } catch (error) {
      if (damageIn(error) === null) throw error
      return row
    }
  }

  async #setAside (blob: Blob): Promise<void> {
    const { stores, rows } = this.#parts
    const { sha256, place, size, foreign } = blob
    const self = sha256Multihash(sha256)
    // part of a pack that holds other blobs, or that others lie in: it stays where it is
    if (foreign || place.kind === 'part' || (place.kind === 'own' && rows.usesPack(self))) return
    if (place.kind === 'own') return void await stores.packs.setAside(self)
    // another node repaired it since it was looked at: its record must not be written over
    if (await examine(stores, { ...blob, place: { kind: 'inline' } }) === null) return
    await stores.index.setAside(self)
    // a record that can be read, of a pack that will come: whoever deletes or repairs the blob then finds what it knows
    await stores.index.replace(recordFor(self, self, size, { kind: 'own' }, null))
    rows.move(sha256, { kind: 'own' })
  }

  /** The very bytes have come, and lie in `arrival` or `draft`: they become the blob's. Called under its lock. Rejects with StoreError. */
  async restore (blob: Blob, arrival: Arrival, draft: PackDraft | null, by: string): Promise<void> {
    const { rows, reader, writer } = this.#parts
    rows.move(blob.sha256, await writer.rewrite(arrival, draft))
    reader.cool(blob.sha256)
    await this.release(blob.sha256, by)
  }

  /**
   * The note and what was kept are removed: the blob is whole (`by` says through whom), or deleted (null). Where a damaged pack stays until the
   * sweeper takes it the note stays as well: who uploads the blob again must not think that its bytes are there.
   */
  async release (sha256: string, by: string | null): Promise<void> {
    const { stores, damaged } = this.#parts
    const self = sha256Multihash(sha256)
    const last = by !== null || !stores.shared || await stores.packs.stat(self) === null
    await stores.packs.dropAside(self)
    if (last) await damaged.remove(sha256, by)
  }

  /**
   * Repairs a damaged blob from a body of anybody's; false when it is not damaged (any more), or nobody's. Rejects with a Failure when the body
   * is another's, or StoreError.
   */
  async mend (sha256: string, body: Readable, by: string): Promise<boolean> {
    const { stores, rows, locks, damaged, limits, writer, current } = this.#parts
    const size = rows.get(sha256)?.size ?? 0
    let draft: PackDraft | null = null
    try {
      const arrival = await takeIn(body, { ...limits, maxSize: Math.min(limits.maxSize, size), keepUpTo: writer.keepUpTo }, async (chunks) => {
        draft ??= await stores.packs.draft({ promised: sha256Multihash(sha256), size, type: null })
        await draft.write(chunks)
      })
      if (arrival.sha256 !== sha256) throw new Failure('HASH_MISMATCH')
      return await locks.run(sha256, async () => {
        const here = damaged.has(sha256) ? await current(sha256) : null
        if (here === null) return false
        await this.restore(here.blob, arrival, draft, by)
        return true
      })
    } finally {
      await (draft as PackDraft | null)?.discard()
    }
  }

  /** A note whose blob is whole after all (somebody put the pack back) goes; true then. Rejects with StoreError. */
  async reconsider (sha256: string): Promise<boolean> {
    const { stores, rows, locks, damaged } = this.#parts
    return locks.run(sha256, async () => {
      const blob = rows.get(sha256)
      if (!damaged.has(sha256)) return true
      try {
        if (blob !== null && await examine(stores, blob) !== null) return false
      } catch (error) {
        if (error instanceof StoreError && error.action === 'compare') return false
        throw error
      }
      await this.release(sha256, blob === null ? null : 'it is whole again')
      return !damaged.has(sha256)
    })
  }
}
