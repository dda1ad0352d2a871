// ★ The one door for bytes in and out (design §1.1): receive · find · read · disown. Everything that moves bytes goes through here, so
// that the hash is checked once, in one place, and no room can forget it.
//
// In:  pack → owner → index record (written last, again if absent) → row → the answer (blob-writer.ts). Durable before visible, visible before
//      acknowledged; a crash leaves at most bytes that nobody can see.
// Out: owner removed → row → what belongs to a blob that nobody owns any more (blob-remover.ts).
// While store and rows may differ the blob is noted (unsettled.ts), so that a start after a kill knows where to look.

import { Failure } from '../errors.ts'
import { BlobReader } from './blob-reader.ts'
import { BlobRemover } from './blob-remover.ts'
import { BlobWriter } from './blob-writer.ts'
import { Changes } from './changes.ts'
import { CHECKED_BYTES } from './checked-bytes.ts'
import { DamagedBlobs, damagedFailure } from './damaged.ts'
import { Locks } from './locks.ts'
import { takeIn } from './intake.ts'
import { resolveType, SNIFFED_BYTES, UNTYPED } from './media-type.ts'
import { sha256Multihash } from './multihash.ts'
import { inlineOf, placeOf } from './places.ts'
import { readWhole } from './pack-store.ts'
import { Quarantine } from './quarantine.ts'
import { Seen } from './seen.ts'
import type { Readable } from 'node:stream'
import type { Blob, Descriptors, ListQuery, OwnedBlob } from './descriptors.ts'
import type { ForeignFinder } from './foreign.ts'
import type { HotBlob } from './hot-blobs.ts'
import type { Arrival } from './intake.ts'
import type { Stores } from './open.ts'
import type { Ownership } from './owners.ts'
import type { PackDraft, PackReading, Piece } from './pack-store.ts'
import type { ReceiveHints, Received } from './receiving.ts'
import type { IndexRecord } from './record.ts'
import type { Sweeper } from './sweeper.ts'

/** How long "not there" is remembered where other nodes may write to the same store (design §3). */
const MISS_MS = 2000

/** A blob that is here, and its record where the store was asked for it. */
interface Here {
  blob: Blob
  record: IndexRecord | null
}

export interface BlobsParts {
  stores: Stores
  descriptors: Descriptors
  foreign: ForeignFinder | null
  /** Where several nodes share the store: what removes packs there. */
  sweeper?: Sweeper | null
  /** What is known to be damaged; empty by default. */
  damaged?: DamagedBlobs
  limits: { maxSize: number, idleTimeout: number, inlineLimit: number }
  /** Bytes of small blobs kept in memory; 0 by default. */
  cacheSize?: number
  /** Milliseconds. */
  now?: () => number
}

export class Blobs {
  readonly #stores: Stores
  readonly #rows: Descriptors
  readonly #foreign: ForeignFinder | null
  readonly #writer: BlobWriter
  readonly #remover: BlobRemover
  readonly #changes: Changes | null
  readonly #limits: BlobsParts['limits']
  readonly #now: () => number
  readonly #locks = new Locks()
  readonly #missing: Seen
  readonly #reader: BlobReader
  readonly damaged: DamagedBlobs
  /** Where damaged blobs are looked at, noted and repaired. */
  readonly quarantine: Quarantine

  constructor ({ stores, descriptors, foreign, sweeper = null, damaged, limits, cacheSize = 0, now = Date.now }: BlobsParts) {
    this.#reader = new BlobReader(stores, cacheSize, now)
    this.#changes = stores.shared ? new Changes(stores.state, now) : null
    this.#writer = new BlobWriter(stores, sweeper, limits.inlineLimit)
    this.#remover = new BlobRemover(stores, descriptors, this.#writer)
    this.#stores = stores
    this.#rows = descriptors
    this.#foreign = foreign
    this.#limits = limits
    this.#now = now
    this.#missing = new Seen(10_000)
    this.damaged = damaged ?? new DamagedBlobs(stores.state, { shared: stores.shared, now })
    this.quarantine = new Quarantine({
      stores, rows: descriptors, reader: this.#reader, writer: this.#writer, locks: this.#locks, damaged: this.damaged, limits, current: (sha256) => this.#current(sha256)
    })
  }

  /** Throws BLOB_DAMAGED for a blob that is here and waits to be repaired. */
  judge (sha256: string): void {
    if (this.isDamaged(sha256) && this.#rows.has(sha256)) throw damagedFailure()
  }

  isDamaged (sha256: string): boolean {
    return this.damaged.size > 0 && this.damaged.has(sha256)
  }

  /** True where the rows know every blob: a blob that `known` does not have is not here. */
  get knowsAll (): boolean {
    return !this.#stores.shared && this.#foreign === null
  }

  /** The blob, if the rows have it. */
  known (sha256: string): Blob | null {
    return this.#reader.remembered(sha256) ?? this.#reader.remember(this.#rows.get(sha256))
  }

  /** The blob with all its bytes, if it is in memory. */
  hot (sha256: string): HotBlob | null {
    return this.#reader.hot(sha256)
  }

  /** All bytes of a small blob, where they can be had at once; null otherwise. */
  readNow (blob: Blob): Piece | null {
    return this.#reader.now(blob)
  }

  /**
   * All bytes of a small blob, checked; null for a larger one, or one whose bytes are gone (`read` tells which). Rejects with BLOB_DAMAGED or
   * StoreError.
   */
  readSmall (blob: Blob): Promise<Buffer | null> {
    return this.quarantine.watch(blob, (now) => this.#reader.small(now))
  }

  /** The blob, null when it is not here. Rejects with StoreError when the store had to be asked and did not answer. */
  async find (sha256: string): Promise<Blob | null> {
    const known = this.#rows.get(sha256)
    if (known !== null) return known
    if (this.knowsAll) return null
    if (this.#missing.has(sha256, this.#now())) return null
    const found = (this.#stores.shared ? await this.#learn(sha256) : null) ?? await this.#learnForeign(sha256)
    if (found === null) this.#missing.add(sha256, this.#now() + MISS_MS)
    return found
  }

  /** A blob that another node put into the shared store: its record and owners become rows. */
  async #learn (sha256: string): Promise<Blob | null> {
    const record = await this.#stores.index.own(sha256Multihash(sha256))
    if (record === null) return null
    for (const ownership of await this.#stores.owners.of(sha256)) this.#rows.save(ownership, placeOf(record))
    return this.#rows.get(sha256) // still null where it has no owner: a leftover
  }

  async #learnForeign (sha256: string): Promise<Blob | null> {
    const found = await this.#foreign?.find(sha256) ?? null
    if (found === null) return null
    const { place, size } = found
    const blob: Blob = { sha256, blake3: null, size, type: UNTYPED, uploaded: Math.floor(this.#now() / 1000), place, foreign: true }
    const reading = await this.#reader.unchecked(blob, 0, Math.min(size, SNIFFED_BYTES))
    if (reading === null) return null
    blob.type = await resolveType(null, await readWhole(reading), null)
    this.#rows.saveForeign(blob, place)
    return blob
  }

  /**
   * Takes a body in, whatever its length, and makes it a blob of `hints.owner`. Rejects with a Failure (nothing is left behind) or a
   * StoreError.
   */
  async receive (body: Readable, hints: ReceiveHints): Promise<Received> {
    // bytes that are here already are hashed, so that only who has them can own them, but not written again
    const { likely } = hints
    const here = likely !== null && !this.isDamaged(likely) && await this.#current(likely) !== null
    let draft: PackDraft | null = null
    try {
      const arrival = await takeIn(body, { ...this.#limits, keepUpTo: this.#writer.keepUpTo }, async (chunks) => {
        if (here) return
        hints.grow?.(chunks.reduce((sum, { length }) => sum + length, 0))
        draft ??= await this.#stores.packs.draft({
          promised: likely === null ? null : sha256Multihash(likely), size: hints.size, type: hints.type
        })
        await draft.write(chunks)
      })
      if (hints.size !== null && arrival.size !== hints.size) throw new Failure('LENGTH_WRONG')
      if (hints.promised !== null && arrival.sha256 !== hints.promised) throw new Failure('HASH_MISMATCH')
      hints.acceptHash(arrival.sha256)
      const type = await resolveType(hints.type, arrival.head, hints.extension)
      hints.acceptType(type, arrival.size)
      return await this.#locks.run(arrival.sha256, () => this.#settle(arrival, type, draft, hints.owner))
    } finally {
      await (draft as PackDraft | null)?.discard()
    }
  }

  async #settle (arrival: Arrival, type: string, draft: PackDraft | null, owner: string): Promise<Received> {
    const { sha256, blake3, size } = arrival
    let here = await this.#current(sha256)
    if (here !== null && this.isDamaged(sha256)) {
      await this.quarantine.restore(here.blob, arrival, draft, 'an upload')
      here = await this.#current(sha256)
    }
    if (here !== null) return { blob: await this.#own(here, owner, type), created: false }
    const ownership: Ownership = { sha256, owner, type, uploaded: this.#seconds(), blake3, size }
    // of what shares a sync the journal's entry is the note
    const journaled = arrival.whole !== null && this.#stores.journal?.takes() === true
    const noted = !journaled && this.#note(sha256, blake3)
    const over = this.isDamaged(sha256)
    const place = await this.#writer.write(arrival, draft, ownership, over)
    if (over) await this.quarantine.release(sha256, 'an upload')
    try {
      await this.#rows.saveTogether(ownership, place, noted)
    } catch (error) {
      if (journaled) this.#note(sha256, blake3) // the log is gone once its files are made
      throw error
    }
    this.#missing.delete(sha256)
    return { blob: { sha256, blake3, size, type, uploaded: ownership.uploaded, place, foreign: false }, created: true }
  }

  /** Called before the store is changed; true when the note is the caller's to strike out, once the rows say the same. */
  #note (sha256: string, blake3: string | null): boolean {
    return !this.#stores.shared && this.#rows.unsettled.add(sha256, blake3)
  }

  #seconds (): number {
    return Math.floor(this.#now() / 1000)
  }

  /**
   * The blob that is here and somebody's, as the store has it now: where other nodes write too the rows may be behind, and are brought into
   * line. Null when it is not here, or foreign.
   */
  async #current (sha256: string): Promise<Here | null> {
    const known = await this.find(sha256)
    if (known === null || known.foreign) return null
    if (!this.#stores.shared) return { blob: known, record: null }
    const record = await this.#stores.index.own(sha256Multihash(sha256))
    const owners = record === null ? [] : await this.#stores.owners.of(sha256)
    for (const name of this.#rows.ownersOf(sha256)) {
      if (!owners.some(({ owner }) => owner === name)) this.#rows.removeOwner(sha256, name, this.#seconds())
    }
    for (const ownership of owners) this.#rows.save(ownership, placeOf(record!))
    this.#reader.cool(sha256)
    const blob = this.#rows.get(sha256)
    return blob === null ? null : { blob, record }
  }

  /** Makes a blob that is here somebody's too. Null when it is not here (or nobody's to give). */
  async adopt (sha256: string, owner: string, type: string | null): Promise<Blob | null> {
    return this.#locks.run(sha256, async () => {
      const here = await this.#current(sha256)
      return here === null ? null : this.#own(here, owner, type ?? here.blob.type)
    })
  }

  async #own ({ blob, record }: Here, owner: string, type: string): Promise<Blob> {
    const have = this.#rows.ownership(blob.sha256, owner)
    // the first type stays, but a specific one takes the place of octet-stream (A10)
    if (have !== null && (have.type !== UNTYPED || type === UNTYPED)) return blob
    const ownership: Ownership = {
      sha256: blob.sha256, owner, type, uploaded: have?.uploaded ?? this.#seconds(), blake3: blob.blake3!, size: blob.size,
      ...(have?.expires == null ? {} : { expires: have.expires })
    }
    const noted = this.#note(blob.sha256, blob.blake3)
    // while a log speaks of the blob, what becomes of its owners is logged too: replay must end where we are
    if (this.#stores.journal?.speaksOf(blob.sha256) === true) await this.#stores.journal.append({ op: 'own', ownership })
    await this.#stores.owners.put(ownership)
    // again if absent: another node may have removed the records as the last owner left, between our look and our owner
    if (record !== null && await this.#stores.index.own(record.multihash) === null) {
      await this.#writer.writeRecords(blob.sha256, blob.blake3!, blob.size, blob.place, inlineOf(record))
    }
    this.#rows.save(ownership, blob.place, noted)
    this.#reader.cool(blob.sha256) // its type may have changed
    return this.#rows.get(blob.sha256)!
  }

  /** Brings the rows of blobs that other nodes changed into line with the store; how many there were. */
  async followChanges (): Promise<number> {
    const changed = [...await this.#changes?.look() ?? [], ...await this.damaged.follow()]
    for (const sha256 of changed) {
      if (this.#rows.get(sha256) !== null) await this.#locks.run(sha256, () => this.#current(sha256))
    }
    return changed.length
  }

  /** Opens `length` bytes from `start`. Null when somebody deleted the blob meanwhile. Rejects with BLOB_DAMAGED or StoreError. */
  async read (blob: Blob, start: number, length: number): Promise<PackReading | null> {
    const reading = await this.quarantine.watch(blob, (now) => this.#reader.open(now, start, length))
    if (reading !== null) return blob.size > CHECKED_BYTES ? this.quarantine.watched(blob, reading) : reading
    const still = await this.quarantine.look(blob.sha256, 'read')
    return still === null ? null : this.#reader.open(still, start, length)
  }

  /**
   * Ends one ownership, and with the last one the blob. 'disowned'; 'not-owner' when somebody else's; null when it is not here.
   */
  async disown (sha256: string, owner: string): Promise<'disowned' | 'not-owner' | null> {
    return this.#locks.run(sha256, async () => {
      const here = await this.#current(sha256)
      if (here === null) return await this.find(sha256) === null ? null : 'not-owner' // foreign blobs are nobody's
      if (this.#rows.ownership(sha256, owner) === null) return 'not-owner'
      await this.#stores.journal?.settled(sha256)
      const noted = this.#note(sha256, here.blob.blake3)
      if (this.#stores.journal?.speaksOf(sha256) === true) await this.#stores.journal.append({ op: 'drop', sha256, owner })
      await this.#stores.owners.remove(sha256, owner)
      this.#rows.removeOwner(sha256, owner, this.#seconds())
      this.#reader.cool(sha256)
      await this.#remover.clear(here.blob)
      if (noted) this.#rows.unsettled.remove(sha256)
      if (this.isDamaged(sha256) && this.#rows.get(sha256) === null) await this.quarantine.release(sha256, null)
      await this.#changes?.note(sha256)
      return 'disowned'
    })
  }

  /** When an owner came to a blob, for cursors; null when it never did. */
  cursor (owner: string, sha256: string): { uploaded: number, sha256: string } | null {
    return this.#rows.cursor(owner, sha256)
  }

  list (query: ListQuery): OwnedBlob[] {
    return this.#rows.list(query)
  }
}
