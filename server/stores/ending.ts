// What is begun with a blob of a shared store and broke off because the store failed (broken-off.ts says when it is looked at again): until it is ended
// nobody is told that the blob is theirs where a removal may still be done, and then rows and records agree with what the store has.

import { StoreError } from '../errors.ts'
import { BrokenOff } from './broken-off.ts'
import { blake3Multihash, sha256Multihash } from './multihash.ts'
import { placeOf } from './places.ts'
import { forget, learn } from './reconcile.ts'
import type { BlobReader } from './blob-reader.ts'
import type { BlobRemover } from './blob-remover.ts'
import type { Descriptors, Place } from './descriptors.ts'
import type { Locks } from './locks.ts'
import type { Stores } from './open.ts'
import type { Reconciled } from './reconcile.ts'
import type { NotedBlob } from './unsettled.ts'

export interface EndingParts {
  stores: Stores
  descriptors: Descriptors
  reader: BlobReader
  remover: BlobRemover
  locks: Locks
  /** Milliseconds. */
  now: () => number
}

/** With a blob's sha256 behind it, the mark in the database that a removal broke off: a restart does not end it. */
const LEAVING = 'leaving '

export class Ending {
  readonly #parts: EndingParts
  readonly #tell: (sha256: string) => Promise<void>
  readonly broken = new BrokenOff()

  /** @param tell the others are to look at all that the store has of a blob */
  constructor (parts: EndingParts, tell: (sha256: string) => Promise<void>) {
    this.#parts = parts
    this.#tell = tell
  }

  /** A change of this blob broke off: one that may still be done, and takes it away, where it is `leaving`. */
  brokeOff (sha256: string, leaving: boolean): void {
    this.broken.add(sha256, leaving)
    if (!leaving) return
    try {
      this.#parts.descriptors.setMark(`${LEAVING}${sha256}`, '')
    } catch {
      // a database that is closed or full: this run knows it all the same, and the fault that is told is the store's
    }
  }

  /** Called before anything is served: which of the noted blobs a removal broke off with in an earlier run. */
  recall (noted: readonly NotedBlob[]): void {
    for (const { sha256 } of noted) if (this.#parts.descriptors.mark(`${LEAVING}${sha256}`) !== null) this.broken.add(sha256, true)
  }

  /**
   * Asked before somebody is told that a blob is theirs. Throws a StoreError while a removal that got no answer may still be done: it would take what was
   * acknowledged after it. That is over a minute after the store answers again. And while more broke off than is remembered.
   */
  demandSettled (sha256: string): void {
    if (this.broken.full) throw new StoreError(this.#parts.stores.packs.name, 'own', sha256, new Error('too much that broke off waits to be ended'))
    if (this.broken.isLeaving(sha256)) throw new StoreError(this.#parts.stores.packs.name, 'own', sha256, new Error('a removal that broke off may still be done'))
  }

  /**
   * Ends what was begun with a blob and broke off (broken-off.ts): who owns it is a row and has its records, and where nobody does the records go; its
   * pack is the sweeper's. The others are told. True when it was looked at for the last time, and its note struck out. Rejects with StoreError.
   */
  finish ({ sha256, blake3 }: NotedBlob, foreignBlobs: boolean, result: Reconciled): Promise<boolean> {
    const { stores, descriptors, reader, locks, now } = this.#parts
    return locks.run(sha256, async () => {
      const sides = { stores, descriptors, now: Math.floor(now() / 1000) }
      const before = result.learned + result.forgotten + result.restored
      let cleared = false
      const owners = await stores.owners.namesOf(sha256)
      for (const owner of owners) await learn(sides, sha256, owner, result)
      await forget(sides, sha256, result)
      if (owners.length === 0 && !foreignBlobs) {
        try {
          cleared = await this.#clear(sha256, blake3)
        } catch (error) {
          // a damaged record is for `verify` to tell; it must not hide what else broke off
          if (!(error instanceof StoreError) || error.action !== 'parse') throw error
          result.lost.push(`${sha256}: ${error.message}`)
        }
      }
      reader.cool(sha256)
      const news = cleared || before !== result.learned + result.forgotten + result.restored
      if (news || !this.broken.wasSeen(sha256)) await this.#tell(sha256)
      const leaving = this.broken.isLeaving(sha256)
      const last = this.broken.looked(sha256, now())
      if (last) descriptors.unsettled.remove(sha256)
      if (last && leaving) descriptors.setMark(`${LEAVING}${sha256}`, null)
      return last
    })
  }

  /** The records of a blob that nobody owns go; false when there are none. */
  async #clear (sha256: string, blake3: string | null): Promise<boolean> {
    const { stores, remover } = this.#parts
    const own = await stores.index.own(sha256Multihash(sha256))
    const record = own ?? (blake3 === null ? null : await stores.index.own(blake3Multihash(blake3)))
    if (record === null) return false
    // the record under BLAKE3 names the blob's own pack by another name than its own
    const place: Place = own !== null ? placeOf(own) : { kind: record.type === 3 ? 'inline' : 'own' }
    try {
      await remover.clear({ sha256, blake3, size: record.length ?? 0, type: '', uploaded: 0, place, foreign: false, expires: null })
    } catch (error) {
      this.brokeOff(sha256, true) // it may still be done, and would take a record that somebody made meanwhile
      throw error
    }
    return true
  }
}
