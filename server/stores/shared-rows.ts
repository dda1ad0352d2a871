// What holds only where several nodes share a store, each with rows of its own: a blob that another node wrote is learned when somebody asks for
// it, what other nodes tell (changes.ts) is looked at within seconds, and what the rows say is believed only once it was compared with the
// store (catch-up.ts says how far that has come). Rows are brought into line under the blob's lock, with the store as it is then.

import { Changes } from './changes.ts'
import { Ending } from './ending.ts'
import { StoreError } from '../errors.ts'
import { sha256Multihash } from './multihash.ts'
import { placeOf } from './places.ts'
import { forget, learn } from './reconcile.ts'
import { Seen } from './seen.ts'
import type { Blob, Descriptors } from './descriptors.ts'
import type { EndingParts } from './ending.ts'
import type { Stores } from './open.ts'
import type { Reconciled } from './reconcile.ts'
import type { IndexRecord } from './record.ts'

/** An owner who came to a blob, or left it. */
export interface Change {
  sha256: string
  /** 64 hex digits, or 'none'. */
  owner: string
  there: boolean
}

/** A blob that is here, and its record where the store was asked for it. */
export interface Here {
  blob: Blob
  record: IndexRecord | null
}

/** A note may be read before the change that it tells is made: so long, milliseconds, a change that is not to be seen yet is looked for. */
const WATCH_MS = 20_000
/** A change that took longer than this after its note is told once more. */
const PROMPT_MS = 10_000
const LOOKS_AT_ONCE = 8
/** After so many looks new notes are read before the rest: a delete must not wait behind what a long absence left to do. */
const LOOKS_BEFORE_NEWS = 200
const VERIFIED = 10_000
/** How long a row that was compared by itself is believed while its shard was not, milliseconds. */
const BELIEVED_MS = 2000

const TEXT = /^([0-9a-f]{64})(?: (in|out) ([0-9a-f]{64}|none))?$/

interface Watched {
  sha256: string
  /** Null: all that the store has of this blob. */
  change: Change | null
  /** Unix milliseconds. */
  until: number
}

export class SharedRows {
  readonly #parts: EndingParts
  readonly #changes: Changes
  readonly #due = new Map<string, Watched>()
  /** Blobs whose rows were compared a moment ago, while not all were. */
  readonly #verified = new Seen(VERIFIED)
  /** What a fault of the store left half-way. */
  readonly ending: Ending
  #following: Promise<number> | null = null
  /** Rows of blobs whose sha256 begins with this byte or a later one were not compared yet; null: all were. */
  unsureFrom: number | null = null

  constructor (parts: EndingParts) {
    this.#parts = parts
    this.#changes = new Changes(parts.stores.state, parts.now)
    this.ending = new Ending(parts, (sha256) => this.tell(sha256))
  }

  /** Whether the row of this blob may be older than what other nodes did while this one was away: the store must be asked. */
  doubts (sha256: string): boolean {
    return this.unsureFrom !== null && parseInt(sha256.slice(0, 2), 16) >= this.unsureFrom && !this.#verified.has(sha256, this.#parts.now())
  }

  /** The blob as the store has it now, its rows brought into line; null when it is not here. Rejects with StoreError. */
  async current (sha256: string): Promise<Here | null> {
    const { stores, descriptors, reader, now } = this.#parts
    const record = await stores.index.own(sha256Multihash(sha256))
    const owners = record === null ? [] : await stores.owners.of(sha256)
    for (const name of descriptors.ownersOf(sha256)) {
      if (!owners.some(({ owner }) => owner === name)) descriptors.removeOwner(sha256, name, Math.floor(now() / 1000))
    }
    for (const ownership of owners) descriptors.save(ownership, placeOf(record!))
    // another node may have moved it: an inline blob that was found damaged, and repaired there
    if (owners.length > 0) descriptors.move(sha256, placeOf(record!))
    reader.cool(sha256)
    if (this.unsureFrom !== null) this.#verified.add(sha256, now() + BELIEVED_MS)
    const blob = descriptors.get(sha256)
    return blob === null ? null : { blob, record }
  }

  /** Does `work`, which changes the store, and tells the others meanwhile: when it resolves both are durable. Rejects as `work`, or with StoreError. */
  async telling<T> ({ sha256, owner, there }: Change, work: () => Promise<T>): Promise<T> {
    const text = `${sha256} ${there ? 'in' : 'out'} ${owner}`
    const started = this.#parts.now()
    const told = this.#changes.note(text)
    told.catch(() => {}) // `work` may fail first; it is awaited below
    try {
      const result = await work()
      await told
      if (this.#parts.now() - started > PROMPT_MS) await this.#changes.note(text)
      return result
    } catch (error) {
      this.ending.brokeOff(sha256, error instanceof StoreError ? error.removing || (!there && !error.isUndone) : !there)
      throw error
    }
  }

  /** Tells the others to look at all that the store has of a blob. Durable when it resolves. */
  tell (sha256: string): Promise<void> {
    return this.#changes.note(sha256)
  }

  /** What was told at `time` (unix milliseconds) and later is looked at, too. */
  lookFrom (time: number): void {
    this.#changes.lookFrom(time)
  }

  /** Brings the rows of what other nodes told into line with the store; how many blobs were new to it. Rejects with StoreError, and goes on next time. */
  follow (): Promise<number> {
    this.#following ??= this.#follow().finally(() => { this.#following = null })
    return this.#following
  }

  async #follow (): Promise<number> {
    const told = new Set<string>()
    const looked = new Set<string>()
    for (;;) {
      await this.#hear(told)
      // what is gone must not be served: it goes first
      const due = [...this.#due].filter(([text]) => !looked.has(text)).sort(([, a], [, b]) => Number(a.change?.there ?? false) - Number(b.change?.there ?? false))
      const some = due.slice(0, LOOKS_BEFORE_NEWS)
      await this.#lookAt(some)
      if (some.length === due.length) return told.size
      for (const [text] of some) looked.add(text)
    }
  }

  async #hear (told: Set<string>): Promise<void> {
    for (const text of await this.#changes.look()) {
      const [, sha256, direction, owner] = TEXT.exec(text) ?? []
      if (sha256 === undefined) continue
      told.add(sha256)
      const change = owner === undefined ? null : { sha256, owner, there: direction === 'in' }
      this.#due.set(text, { sha256, change, until: this.#parts.now() + WATCH_MS })
    }
  }

  async #lookAt (due: readonly [string, Watched][]): Promise<void> {
    const { locks, now } = this.#parts
    const left = due[Symbol.iterator]()
    const lane = async (): Promise<void> => {
      for (let next = left.next(); next.done !== true; next = left.next()) {
        const [text, watched] = next.value
        const seen = await locks.run(watched.sha256, () => this.#looksSo(watched.sha256, watched.change))
        const over = now() >= watched.until
        // an owner without a record for so long: who put it there was killed, and may have lost its own notes. All bytes come before an owner
        if (!seen && over && watched.change?.there === true) await this.learn(watched.sha256, watched.change.owner, { learned: 0, forgotten: 0, restored: 0, lost: [] })
        // told again meanwhile: that is another watch
        if ((seen || over) && this.#due.get(text) === watched) this.#due.delete(text)
      }
    }
    const lanes = await Promise.allSettled(Array.from({ length: LOOKS_AT_ONCE }, lane))
    for (const each of lanes) if (each.status === 'rejected') throw each.reason
  }

  /** Puts the rows right, and says whether the store shows the change that was told. */
  async #looksSo (sha256: string, change: Change | null): Promise<boolean> {
    const { stores, descriptors, reader, now } = this.#parts
    try {
      if (change === null) {
        await this.current(sha256)
        return true
      }
      const { owner, there } = change
      const [ownership, record] = await Promise.all([stores.owners.get(sha256, owner), stores.index.own(sha256Multihash(sha256))])
      if (ownership !== null && record !== null) {
        descriptors.save(ownership, placeOf(record))
      } else if (ownership === null && descriptors.ownership(sha256, owner) !== null) {
        descriptors.removeOwner(sha256, owner, Math.floor(now() / 1000))
      }
      reader.cool(sha256)
      return there ? ownership !== null && record !== null : ownership === null
    } catch (error) {
      // a damaged object is for `verify` to tell; it must not hide what else was told
      if (error instanceof StoreError && error.action === 'parse') return false
      throw error
    }
  }

  /** One ownership that the store lists becomes a row, its record written again where a kill prevented it. False when there is none to be had. */
  learn (sha256: string, owner: string, result: Reconciled): Promise<boolean> {
    return this.#parts.locks.run(sha256, async () => {
      const before = result.restored
      const learned = await learn(this.#sides(), sha256, owner, result)
      this.#parts.reader.cool(sha256)
      if (result.restored > before) await this.tell(sha256)
      return learned
    })
  }

  /** Rows of a blob whose owner the store does not have go. */
  forget (sha256: string, result: Reconciled): Promise<void> {
    return this.#parts.locks.run(sha256, async () => {
      await forget(this.#sides(), sha256, result)
      this.#parts.reader.cool(sha256)
    })
  }

  #sides (): { stores: Stores, descriptors: Descriptors, now: number } {
    const { stores, descriptors, now } = this.#parts
    return { stores, descriptors, now: Math.floor(now() / 1000) }
  }
}
