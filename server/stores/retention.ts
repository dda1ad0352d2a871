// How long what is here is kept: the rules in force, what owners asked for, and pins, as one answer for each read and each upload. A read of a blob
// that no rule and no wish is about costs one comparison; nothing is noted of it unless a rule asks when blobs were read.

import { endAfter, endingOf, lastEnd } from './retention-rules.ts'
import type { Blob } from './descriptors.ts'
import type { ReadTimes } from './read-times.ts'
import type { Ending, Kept, RetentionRule } from './retention-rules.ts'
import type { KeptBlob, RetentionRows } from './retention-rows.ts'

/** What an answer tells of a blob's end. */
export interface Notice {
  /** Unix seconds. */
  end: number
  /** Seconds for which a copy is good. */
  maxAge: number
}

export interface RetentionParts {
  rules: readonly RetentionRule[]
  /** Who owns what is pinned: 64 hex digits. */
  keeper: string
  rows: RetentionRows
  reads: ReadTimes
  isPinned: (sha256: string) => boolean
  /** Milliseconds. */
  now: () => number
}

export class Retention {
  readonly rules: readonly RetentionRule[]
  readonly #parts: RetentionParts
  /** Of rows that are kept in memory: they are new objects when their owners change. */
  readonly #endings = new WeakMap<Blob, readonly Ending[]>()

  constructor (parts: RetentionParts) {
    this.rules = parts.rules
    this.#parts = parts
  }

  /** The longest time after its last read that any rule gives, seconds; null where none asks for reads. */
  get longestUnread (): number | null {
    const all = this.rules.flatMap(({ keepUnread }) => keepUnread ?? [])
    return all.length === 0 ? null : Math.max(...all)
  }

  #seconds (): number {
    return Math.floor(this.#parts.now() / 1000)
  }

  #endingsOf (blob: Blob): readonly Ending[] {
    let endings = this.#endings.get(blob)
    if (endings === undefined) {
      endings = this.#parts.rows.of(blob.sha256).map((kept) => this.endingOf(kept))
      this.#endings.set(blob, endings)
    }
    return endings
  }

  endingOf (kept: Kept): Ending {
    return endingOf(this.rules, this.#parts.keeper, kept)
  }

  /** When a blob ends if nobody reads it, unix seconds; null where no end is known. */
  endOf (blob: Blob): number | null {
    if ((this.rules.length === 0 && blob.expires === null) || this.#parts.isPinned(blob.sha256)) return null
    return this.rules.length === 0 ? blob.expires : lastEnd(this.#endingsOf(blob), 0)
  }

  /** Called with every read: notes it where that counts. What its answer says of the end; null where none is known. */
  read (blob: Blob): Notice | null {
    if (this.rules.length === 0 && blob.expires === null) return null
    const now = this.#seconds()
    const endings = this.rules.length === 0 ? null : this.#endingsOf(blob)
    const unread = endings?.reduce<number>((least, ending) => Math.min(least, ending.unread ?? Infinity), Infinity) ?? Infinity
    if (unread < Infinity) this.#parts.reads.note(blob.sha256) // of a pinned one too: it may be unpinned
    if (this.#parts.isPinned(blob.sha256)) return null
    const end = endings === null ? blob.expires : lastEnd(endings, now)
    if (end === null) return null
    // a cache that always has it would let it end unread: it comes back twice in that time
    return { end, maxAge: Math.max(0, Math.min(end - now, Math.floor(unread / 2))) }
  }

  /** Has an ownership ended, for certain? What other nodes may have read is counted as read. Pins are not asked here. */
  hasEnded (kept: KeptBlob): boolean {
    const { reads } = this.#parts
    const ending = this.endingOf(kept)
    const end = ending.unread === null ? ending.at : endAfter(ending, reads.last(kept.sha256) + reads.margin)
    return end !== null && end <= this.#seconds()
  }

  /** Does a rule's time run for this ownership? Then an upload by the same owner begins it anew. */
  renews (kept: Kept): boolean {
    const { at, unread } = this.endingOf({ ...kept, expires: null })
    return at !== null || unread !== null
  }
}
