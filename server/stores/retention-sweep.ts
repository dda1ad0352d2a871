// Ends ownerships whose time has come, a few hundred rows a step with a pause after each: those whose owners asked for it from an index every
// minute, those that a rule is about by a walk through all of them every hour, which goes on where it was after a restart. Each goes out by the one
// door (blobs.ts), under the blob's lock, where its rows, its reads and its pin are looked at once more.

import { StoreError } from '../errors.ts'
import type { Blobs } from './blobs.ts'
import type { Descriptors } from './descriptors.ts'
import type { EndingMarks } from './ending-marks.ts'
import type { ReadTimes } from './read-times.ts'
import type { Retention } from './retention.ts'
import type { KeptBlob, RetentionRows } from './retention-rows.ts'

/** Rows of one look: a millisecond or two. */
const STEP = 200
const PAUSE_MS = 50
const SWEEP_MS = 60_000
const WALK_MS = 3600_000
const TELL_MS = 5 * 60_000
/** Reads are forgotten this long after they count for nothing any more, seconds. */
const FORGET_AFTER = 24 * 3600

/** Where the walk is, as `<owner>/<sha256>`. */
const PLACE = 'retention-place'

/** Of all in this process: ownerships ended, blobs that went with the last of theirs, and when a sweep last came to its end (unix seconds). */
export const retentionCounts = { ended: 0, removed: 0, sweptAt: 0 }

export interface RetentionSweepParts {
  retention: Retention
  reads: ReadTimes
  rows: RetentionRows
  blobs: Blobs
  descriptors: Descriptors
  /** Whether a hash is pinned in the store, which another node may have done just now; null where no other node is. Rejects with StoreError. */
  isPinnedThere: ((sha256: string) => Promise<boolean>) | null
  isPinned: (sha256: string) => boolean
  /** Where other nodes may be at the same ownership; null where there are none. */
  marks: EndingMarks | null
  /** Hears of an ownership whose objects are damaged: it stays. */
  onDamage: (error: StoreError) => void
  /** Milliseconds. */
  now: () => number
  /** Rows of one step, and what is waited for after it: tests have their own. */
  step?: number
  pause?: () => Promise<void>
}

export class RetentionSweep {
  readonly #parts: RetentionSweepParts
  readonly #step: number
  readonly #pause: () => Promise<void>
  #walked = -Infinity
  #running: Promise<number> | null = null
  #closing = false

  constructor (parts: RetentionSweepParts) {
    this.#parts = parts
    this.#step = parts.step ?? STEP
    this.#pause = parts.pause ?? (() => new Promise((resolve) => { setTimeout(resolve, PAUSE_MS) }))
  }

  /** Everything whose time has come; how many ownerships ended. Rejects with StoreError, and goes on from there the next time. */
  sweep (): Promise<number> {
    this.#running ??= this.#sweep().finally(() => { this.#running = null })
    return this.#running
  }

  async #sweep (): Promise<number> {
    const { retention, descriptors, now } = this.#parts
    let ended = await this.#endAsked()
    if (retention.rules.length > 0 && (descriptors.mark(PLACE) !== null || now() - this.#walked >= WALK_MS)) {
      ended += await this.#walk()
      await this.#forgetReads()
      this.#walked = now()
    }
    if (!this.#closing) retentionCounts.sweptAt = Math.floor(now() / 1000)
    return ended
  }

  async #endAsked (): Promise<number> {
    const { rows, now } = this.#parts
    const until = Math.floor(now() / 1000)
    let ended = 0
    for (let last: KeptBlob | null = null; !this.#closing;) {
      const some: KeptBlob[] = rows.asked(last, until, this.#step)
      ended += await this.#endThose(some)
      last = some.at(-1) ?? null
      if (some.length < this.#step) break
      await this.#pause()
    }
    return ended
  }

  async #walk (): Promise<number> {
    const { rows, descriptors } = this.#parts
    let ended = 0
    while (!this.#closing) {
      const [owner, sha256] = descriptors.mark(PLACE)?.split('/') ?? []
      const some = rows.after(owner === undefined || sha256 === undefined ? null : { owner, sha256 }, this.#step)
      ended += await this.#endThose(some)
      const last = some.at(-1)
      const more = last !== undefined && some.length === this.#step
      descriptors.setMark(PLACE, more ? `${last.owner}/${last.sha256}` : null)
      if (!more) break
      await this.#pause()
    }
    return ended
  }

  async #endThose (some: readonly KeptBlob[]): Promise<number> {
    const { retention, reads } = this.#parts
    const due = some.filter((kept) => this.#isDue(kept))
    // what other nodes read counts too: where they cannot be heard nothing is ended as unread
    if (due.some((kept) => retention.endingOf(kept).unread !== null)) await reads.follow()
    let ended = 0
    for (const kept of due) {
      if (this.#closing) break
      if (await this.#end(kept)) ended++
    }
    return ended
  }

  #isDue (kept: KeptBlob): boolean {
    const { retention, isPinned } = this.#parts
    return !isPinned(kept.sha256) && retention.hasEnded(kept)
  }

  async #end ({ sha256, owner }: KeptBlob): Promise<boolean> {
    const { blobs, rows, descriptors, isPinnedThere, marks } = this.#parts
    try {
      if (await isPinnedThere?.(sha256) === true) return false
      const end = (): ReturnType<Blobs['disown']> => blobs.disown(sha256, owner, () => {
        const kept = rows.one(sha256, owner)
        return kept !== null && this.#isDue(kept)
      })
      const outcome = marks === null ? await end() : await marks.alone(sha256, owner, end)
      if (outcome !== 'disowned') return false
      retentionCounts.ended++
      if (!descriptors.has(sha256)) retentionCounts.removed++
      return true
    } catch (error) {
      // one damaged object must not keep the others; a store that does not answer must
      if (!(error instanceof StoreError) || error.action !== 'parse') throw error
      this.#parts.onDamage(error)
      return false
    }
  }

  async #forgetReads (): Promise<void> {
    const { retention, rows, reads, now } = this.#parts
    const before = Math.floor(now() / 1000) - (retention.longestUnread ?? 0) - reads.margin - FORGET_AFTER
    while (!this.#closing && rows.forgetReads(before, this.#step) === this.#step) await this.#pause()
  }

  /** Sweeps and tells of reads from now on. `onFault` hears what went wrong; what ends the two. */
  start (onEnded: (ended: number) => void, onFault: (error: unknown) => void): () => Promise<void> {
    const { reads } = this.#parts
    const sweeping = setInterval(() => { this.sweep().then((ended) => { if (ended > 0) onEnded(ended) }, onFault) }, SWEEP_MS)
    const flushing = setInterval(() => { reads.flush().catch(onFault) }, SWEEP_MS)
    const telling = setInterval(() => { reads.publish().then(() => reads.follow()).catch(onFault) }, TELL_MS)
    return async () => {
      for (const timer of [sweeping, flushing, telling]) clearInterval(timer)
      this.#closing = true
      await this.#running?.catch(() => {})
      await reads.close().catch(onFault)
    }
  }
}
