// Makes an arrived blob durable: through the journal where small ones share a sync, else pack → owner → BLAKE3 record → sha256 record, the
// last of which makes it visible to the other nodes of a shared store. An inline blob has no pack, and its BLAKE3 record, which holds all its
// bytes, stands for one: BLAKE3 record → owner → sha256 record. In a bucket that is three objects and no look at any of them afterwards.

import { StoreError } from '../errors.ts'
import { blake3Multihash, sha256Multihash } from './multihash.ts'
import { recordFor } from './places.ts'
import type { Place } from './descriptors.ts'
import type { Arrival } from './intake.ts'
import type { Multihash } from './multihash.ts'
import type { Stores } from './open.ts'
import type { Ownership } from './owners.ts'
import type { PackDraft } from './pack-store.ts'
import type { Sweeper } from './sweeper.ts'

/** Blobs up to this size share a sync, where the store has a journal. */
const JOURNALED_BYTES = 128 * 1024

export class BlobWriter {
  readonly #stores: Stores
  readonly #sweeper: Sweeper | null
  readonly #inlineLimit: number

  constructor (stores: Stores, sweeper: Sweeper | null, inlineLimit: number) {
    this.#stores = stores
    this.#sweeper = sweeper
    this.#inlineLimit = inlineLimit
  }

  /** Blobs up to this many bytes are handed over in memory: those that go into their record, and those that share a sync. */
  get keepUpTo (): number {
    return this.#stores.journal?.takes() === true ? Math.max(this.#inlineLimit, JOURNALED_BYTES) : this.#inlineLimit
  }

  /** Durable when it resolves; where the blob lies. `over`: what is left of its pack is damaged. `draft` holds the bytes that are not in `arrival`. Rejects with StoreError. */
  async write (arrival: Arrival, draft: PackDraft | null, ownership: Ownership, over = false): Promise<Place> {
    const { sha256, owner, size, blake3 } = ownership
    const place: Place = size <= this.#inlineLimit ? { kind: 'inline' } : { kind: 'own' }
    const { journal } = this.#stores
    if (journal !== null && arrival.whole !== null && journal.takes()) {
      await journal.append({ op: 'keep', ownership, inline: place.kind === 'inline', bytes: arrival.whole })
      return place
    }
    let made = true
    if (place.kind === 'own') await this.#commit(sha256, arrival, draft, over)
    else made = await this.#addRecord(blake3Multihash(blake3), ownership, place, arrival.whole)
    // a log may still speak of this blob, and end an earlier ownership when it becomes files
    if (journal?.speaksOf(sha256) === true) await journal.append({ op: 'own', ownership })
    await this.#stores.owners.put(ownership)
    try {
      // one that was there before may have been on its way out with the last owner: whoever removed it looked for owners once more, and by
      // now either sees ours or is done
      if (place.kind === 'own' || !made) await this.#addRecord(blake3Multihash(blake3), ownership, place, arrival.whole)
      await this.#addRecord(sha256Multihash(sha256), ownership, place, arrival.whole)
    } catch (error) {
      // refused, so it must not appear at the next start; a store that is down keeps the owner, and the blob is then whole. One that says nothing is
      // not asked: it could do it late, when the sender has come again and was told that the blob is there
      if (!(error instanceof StoreError && error.unheard)) {
        // of this one nothing may be heard: whoever comes again is not told that the blob is there until it can come no more
        await this.#stores.owners.remove(sha256, owner).catch((late: unknown) => {
          if (error instanceof StoreError && !(late instanceof StoreError && late.isUndone)) error.removing = true
        })
      }
      throw error
    }
    return place
  }

  /** True when this call made it. */
  #addRecord (multihash: Multihash, { sha256, size }: Ownership, place: Place, whole: Uint8Array | null): Promise<boolean> {
    return this.#stores.index.add(recordFor(multihash, sha256Multihash(sha256), size, place, place.kind === 'inline' ? whole : null))
  }

  /** Writes the bytes of a damaged blob anew over whatever is left of them, and its records; its owners stay. Durable when it resolves. */
  async rewrite (arrival: Arrival, draft: PackDraft | null): Promise<Place> {
    const { sha256, blake3, size, whole } = arrival
    const place: Place = size <= this.#inlineLimit && whole !== null ? { kind: 'inline' } : { kind: 'own' }
    if (place.kind === 'own') await this.#commit(sha256, arrival, draft, true)
    const self = sha256Multihash(sha256)
    for (const multihash of [blake3Multihash(blake3), self]) await this.#stores.index.replace(recordFor(multihash, self, size, place, whole))
    return place
  }

  async #commit (sha256: string, arrival: Arrival, draft: PackDraft | null, over = false): Promise<void> {
    const pack = sha256Multihash(sha256)
    let mine: PackDraft | null = null
    try {
      if (draft === null && arrival.whole !== null) {
        mine = await this.#stores.packs.draft({ promised: pack, size: arrival.size, type: null })
        await mine.write([arrival.whole])
      }
      const ready = draft ?? mine
      // deleted while these bytes came in unwritten: rare, and the sender may try again
      if (ready === null) throw new StoreError(this.#stores.packs.name, 'commit', sha256, new Error('the blob was deleted meanwhile'))
      if (await ready.commit(pack, over) === 'created') return
      // what another node found damaged a moment ago, and its owner deleted, is still there: the next try puts these bytes over it
      if (this.#sweeper !== null && await this.#stores.state.get(`damaged/${sha256}`) !== null) {
        throw new StoreError(this.#stores.packs.name, 'commit', sha256, new Error('a damaged copy is in the way'))
      }
      await this.#sweeper?.spare(pack)
    } finally {
      await mine?.discard()
    }
  }

  /** Both records, each only if it is absent. `whole`: the bytes of an inline blob. */
  async writeRecords (sha256: string, blake3: string, size: number, place: Place, whole: Uint8Array | null): Promise<void> {
    const self = sha256Multihash(sha256)
    for (const multihash of [blake3Multihash(blake3), self]) {
      await this.#stores.index.add(recordFor(multihash, self, size, place, whole))
    }
  }
}
