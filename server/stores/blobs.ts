// ★ The one door for bytes in and out (design §1.1): receive · find · read · disown. Everything that moves bytes goes through here, so
// that the hash is checked once, in one place, and no room can forget it.
//
// In:  pack → owner → index record (written last, again if absent) → row → the answer (blob-writer.ts). Durable before visible, visible before
//      acknowledged; a crash leaves at most bytes that nobody can see.
// Out: owner removed → row → what belongs to a blob that nobody owns any more (blob-remover.ts).
// While store and rows may differ the blob is noted (unsettled.ts), so that a start after a kill knows where to look.

import { Failure } from '../errors.ts'
import { BlobOwning } from './blob-owning.ts'
import { BlobReader } from './blob-reader.ts'
import { BlobRemover } from './blob-remover.ts'
import { BlobWriter } from './blob-writer.ts'
import { CHECKED_BYTES } from './checked-bytes.ts'
import { DamagedBlobs, damagedFailure } from './damaged.ts'
import { Locks } from './locks.ts'
import { takeIn } from './intake.ts'
import { resolveType } from './media-type.ts'
import { sha256Multihash } from './multihash.ts'
import { Quarantine } from './quarantine.ts'
import { Seen } from './seen.ts'
import { SharedRows } from './shared-rows.ts'
import type { Readable } from 'node:stream'
import type { Blob, Descriptors, ListQuery, OwnedBlob } from './descriptors.ts'
import type { ForeignFinder } from './foreign.ts'
import type { HotBlob } from './hot-blobs.ts'
import type { Arrival } from './intake.ts'
import type { Stores } from './open.ts'
import type { Ownership } from './owners.ts'
import type { PackDraft, PackReading, Piece } from './pack-store.ts'
import type { ReceiveHints, Received } from './receiving.ts'
import type { Retention } from './retention.ts'
import type { Change, Here } from './shared-rows.ts'
import type { Sweeper } from './sweeper.ts'

/** How long "not there" is remembered where other nodes may write to the same store (design §3). */
const MISS_MS = 2000

export interface BlobsParts {
  stores: Stores
  descriptors: Descriptors
  foreign: ForeignFinder | null
  /** Where several nodes share the store: what removes packs there. */
  sweeper?: Sweeper | null
  /** What is known to be damaged; empty by default. */
  damaged?: DamagedBlobs
  limits: { maxSize: number, idleTimeout: number, inlineLimit: number }
  /** Whose time runs by a rule; absent: nobody's. */
  retention?: Pick<Retention, 'renews'> | null
  /** Bytes of small blobs kept in memory; 0 by default. */
  cacheSize?: number
  /** A blob is no longer here. */
  onGone?: () => void
  /** Milliseconds. */
  now?: () => number
}

export class Blobs {
  readonly #stores: Stores
  readonly #rows: Descriptors
  readonly #foreign: ForeignFinder | null
  readonly #writer: BlobWriter
  readonly #remover: BlobRemover
  readonly #owning: BlobOwning
  #limits: BlobsParts['limits']
  readonly #now: () => number
  readonly #locks = new Locks()
  readonly #missing: Seen
  readonly #reader: BlobReader
  /** Null where no other node writes to the store. */
  readonly shared: SharedRows | null
  readonly damaged: DamagedBlobs
  /** Where damaged blobs are looked at, noted and repaired. */
  readonly quarantine: Quarantine

  constructor ({ stores, descriptors, foreign, sweeper = null, damaged, limits, retention = null, cacheSize = 0, onGone, now = Date.now }: BlobsParts) {
    this.#reader = new BlobReader(stores, cacheSize, now)
    this.#writer = new BlobWriter(stores, sweeper, limits.inlineLimit)
    this.#remover = new BlobRemover(stores, descriptors, this.#writer, onGone)
    this.#stores = stores
    this.#rows = descriptors
    this.#foreign = foreign
    this.#limits = limits
    this.#now = now
    this.#missing = new Seen(10_000)
    this.shared = stores.shared ? new SharedRows({ stores, descriptors, reader: this.#reader, remover: this.#remover, locks: this.#locks, now }) : null
    this.#owning = new BlobOwning({
      stores, rows: descriptors, reader: this.#reader, writer: this.#writer, shared: this.shared, retention, now, note: (sha256, blake3) => this.#note(sha256, blake3)
    })
    this.damaged = damaged ?? new DamagedBlobs(stores.state, { shared: stores.shared, now })
    this.quarantine = new Quarantine({
      stores, rows: descriptors, reader: this.#reader, writer: this.#writer, locks: this.#locks, damaged: this.damaged, limits, current: (sha256) => this.#current(sha256)
    })
  }

  /** Other limits for the bodies that come from now on. */
  reload (limits: Pick<BlobsParts['limits'], 'maxSize' | 'idleTimeout'>): void {
    this.#limits = { ...this.#limits, ...limits }
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
    if (this.shared?.doubts(sha256) === true) return null
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
    // what is learned from a shared store becomes rows, so it takes turns with whoever changes the blob
    if (this.shared !== null && this.known(sha256) === null) return this.#locks.run(sha256, () => this.#seek(sha256))
    return this.#seek(sha256)
  }

  async #seek (sha256: string): Promise<Blob | null> {
    const known = this.#rows.get(sha256)
    if (known !== null && this.shared?.doubts(sha256) !== true) return known
    if (this.knowsAll) return null
    if (known === null && this.#missing.has(sha256, this.#now())) return null
    const found = (await this.shared?.current(sha256))?.blob ?? await this.#foreign?.learn(sha256, this.#reader, this.#rows) ?? null
    if (found === null) this.#missing.add(sha256, this.#now() + MISS_MS)
    return found
  }

  /**
   * Takes a body in, whatever its length, and makes it a blob of `hints.owner`. Rejects with a Failure (nothing is left behind) or a
   * StoreError.
   */
  async receive (body: Readable, hints: ReceiveHints): Promise<Received> {
    // bytes that are here already are hashed, so that only who has them can own them, but not written again
    const { likely } = hints
    const here = likely !== null && !this.isDamaged(likely) && await (this.shared === null ? this.#current(likely) : this.#locks.run(likely, () => this.#current(likely))) !== null
    // the body may break while its draft is still being made
    let drafting: Promise<PackDraft> | null = null
    let draft: PackDraft | null = null
    try {
      const arrival = await takeIn(body, { ...this.#limits, keepUpTo: this.#writer.keepUpTo }, async (chunks) => {
        if (here) return
        hints.grow?.(chunks.reduce((sum, { length }) => sum + length, 0))
        drafting ??= this.#stores.packs.draft({ promised: likely === null ? null : sha256Multihash(likely), size: hints.size, type: hints.type })
        draft = await drafting
        await draft.write(chunks)
      })
      if (hints.size !== null && arrival.size !== hints.size) throw new Failure('LENGTH_WRONG')
      if (hints.promised !== null && arrival.sha256 !== hints.promised) throw new Failure('HASH_MISMATCH')
      hints.acceptHash(arrival.sha256)
      const type = await resolveType(hints.type, arrival.head, hints.extension)
      hints.acceptType(type, arrival.size)
      return await this.#locks.run(arrival.sha256, () => this.#settle(arrival, type, draft, hints.owner, hints.expires ?? null))
    } finally {
      await (await (drafting as Promise<PackDraft> | null)?.catch(() => null))?.discard()
    }
  }

  async #settle (arrival: Arrival, type: string, draft: PackDraft | null, owner: string, expires: number | null): Promise<Received> {
    const { sha256, blake3, size } = arrival
    this.shared?.ending.demandSettled(sha256)
    let here = await this.#current(sha256)
    if (here !== null && this.isDamaged(sha256)) {
      await this.quarantine.restore(here.blob, arrival, draft, 'an upload')
      here = await this.#current(sha256)
    }
    if (here !== null) return { blob: await this.#owning.own(here, owner, type, expires), created: false }
    const ownership: Ownership = { sha256, owner, type, uploaded: this.#seconds(), blake3, size, ...(expires === null ? {} : { expires }) }
    // of what shares a sync the journal's entry is the note
    const journaled = arrival.whole !== null && this.#stores.journal?.takes() === true
    const noted = !journaled && this.#note(sha256, blake3)
    const over = this.isDamaged(sha256)
    const place = await this.#telling({ sha256, owner, there: true }, () => this.#writer.write(arrival, draft, ownership, over))
    if (over) await this.quarantine.release(sha256, 'an upload')
    try {
      await this.#rows.saveTogether(ownership, place, noted)
    } catch (error) {
      if (journaled) this.#note(sha256, blake3) // the log is gone once its files are made
      throw error
    }
    this.#missing.delete(sha256)
    return { blob: { sha256, blake3, size, type, uploaded: ownership.uploaded, place, foreign: false, expires }, created: true }
  }

  /** Called before the store is changed; true when the note is the caller's to strike out, once the rows say the same. */
  #note (sha256: string, blake3: string | null): boolean {
    return this.#rows.unsettled.add(sha256, blake3)
  }

  /** Changes the store, and tells the other nodes, if there are any. */
  #telling<T> (change: Change, work: () => Promise<T>): Promise<T> {
    return this.shared === null ? work() : this.shared.telling(change, work)
  }

  #seconds (): number {
    return Math.floor(this.#now() / 1000)
  }

  /**
   * In the blob's turn: the blob that is here and somebody's, as the store has it now: where other nodes write too the rows may be behind, and are brought into
   * line. Null when it is not here, or foreign.
   */
  async #current (sha256: string): Promise<Here | null> {
    const known = await this.#seek(sha256)
    if (known === null || known.foreign) return null
    return this.shared === null ? { blob: known, record: null } : this.shared.current(sha256)
  }

  /**
   * Makes a blob that is here somebody's too, until `expires` (unix seconds; null: no end; absent: as it was). Null when it is not here (or
   * nobody's to give).
   */
  async adopt (sha256: string, owner: string, type: string | null, expires?: number | null): Promise<Blob | null> {
    return this.#locks.run(sha256, async () => {
      this.shared?.ending.demandSettled(sha256)
      const here = await this.#current(sha256)
      return here === null ? null : this.#owning.own(here, owner, type ?? here.blob.type, expires)
    })
  }

  /**
   * Brings the rows of blobs that other nodes changed into line with the store (how many there were), and to an end what a fault of the store
   * left half-way. Rejects with StoreError, and goes on next time.
   */
  async followChanges (): Promise<number> {
    return await this.shared?.follow() ?? 0
  }

  /** What other nodes found damaged or repaired; how many blobs that were. */
  async followDamage (): Promise<number> {
    const changed = await this.damaged.follow()
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
   * Ends one ownership, and with the last one the blob, unless `isDue`, asked right before, says no. 'disowned'; 'kept'; 'not-owner' when
   * somebody else's; null when it is not here.
   */
  async disown (sha256: string, owner: string, isDue?: () => boolean): Promise<'disowned' | 'kept' | 'not-owner' | null> {
    return this.#locks.run(sha256, async () => {
      const here = await this.#current(sha256)
      if (here === null) return await this.#seek(sha256) === null ? null : 'not-owner' // foreign blobs are nobody's
      if (this.#rows.ownership(sha256, owner) === null) return 'not-owner'
      await this.#stores.journal?.settled(sha256)
      if (isDue?.() === false) return 'kept'
      const noted = this.#note(sha256, here.blob.blake3)
      if (this.#stores.journal?.speaksOf(sha256) === true) await this.#stores.journal.append({ op: 'drop', sha256, owner })
      await this.#telling({ sha256, owner, there: false }, async () => {
        await this.#stores.owners.remove(sha256, owner)
        this.#rows.removeOwner(sha256, owner, this.#seconds())
        this.#reader.cool(sha256)
        await this.#remover.clear(here.blob)
      })
      if (noted) this.#rows.unsettled.remove(sha256)
      if (this.isDamaged(sha256) && this.#rows.get(sha256) === null) await this.quarantine.release(sha256, null)
      return 'disowned'
    })
  }

  /** Whether the rows say that this key owns the blob. */
  owns (sha256: string, owner: string): boolean {
    return this.#rows.ownership(sha256, owner) !== null
  }

  /** The same, and where other nodes write to the store it is asked too: the rows may be behind. Rejects with StoreError. */
  async isOwner (sha256: string, owner: string): Promise<boolean> {
    return this.owns(sha256, owner) || (this.#stores.shared && (await this.#stores.owners.namesOf(sha256)).includes(owner))
  }

  /** When an owner came to a blob, for cursors; null when it never did. */
  cursor (owner: string, sha256: string): { uploaded: number, sha256: string } | null {
    return this.#rows.cursor(owner, sha256)
  }

  list (query: ListQuery): OwnedBlob[] {
    return this.#rows.list(query)
  }
}
