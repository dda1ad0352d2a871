// When blobs were read, to the hour, for rules that say keepUnread. A read costs a look into a set: times wait in memory and become rows many at a
// time. What cannot be known (a kill, a new database, too much at once) counts as read: `#floor` is the moment up to which everything does.

import { sha256Hex } from './multihash.ts'
import type { Descriptors } from './descriptors.ts'
import type { RetentionRule } from './retention-rules.ts'
import type { RetentionRows } from './retention-rows.ts'
import type { SharedReads } from './shared-reads.ts'

const HOUR_MS = 3600_000
/** Names that need not be noted again this hour. */
const NOTED = 100_000
/** Times that wait for their rows: half of them are a reason to write at once, and more than these are not told apart. */
const WAITING = 100_000
/** Rows of one transaction: a millisecond or two. */
const AT_ONCE = 200

/** Unix seconds: up to there every blob counts as read. */
const SINCE = 'reads-since'
/** Which rules the reads were noted for: what none of them was about was read unseen. */
const RULES = 'reads-rules'
/** There after a proper end: everything that was noted is a row. */
const WHOLE = 'reads-whole'

export interface ReadTimesParts {
  rows: RetentionRows
  descriptors: Descriptors
  /** Other nodes on the same store; null for none. */
  others: SharedReads | null
  rules: readonly RetentionRule[]
  /** Milliseconds. */
  now: () => number
}

export class ReadTimes {
  readonly #parts: ReadTimesParts
  /** Whether any rule asks for them. */
  readonly #watching: boolean
  readonly #noted = new Set<string>()
  /** Unix seconds by sha256. */
  readonly #waiting = new Map<string, number>()
  #nextHour = 0
  #floor = 0
  #flushing: Promise<void> | null = null

  constructor (parts: ReadTimesParts) {
    this.#parts = parts
    const { descriptors, others, rules, now } = parts
    this.#watching = rules.some(({ keepUnread }) => keepUnread !== undefined)
    const about = sha256Hex(Buffer.from(JSON.stringify(rules)))
    const before = descriptors.mark(SINCE)
    const since = descriptors.mark(RULES) === about ? before : null
    descriptors.setMark(RULES, about)
    const killed = before !== null && descriptors.mark(WHOLE) === null
    descriptors.setMark(WHOLE, null)
    // while nobody watches reads go by unseen
    if (!this.#watching) descriptors.setMark(SINCE, null)
    else if (since === null || killed) this.#countAll(Math.floor(now() / 1000), killed)
    else this.#floor = Number(since)
    others?.since((at) => { this.#countAll(at, false) })
  }

  /** Everything counts as read up to then (unix seconds); `tell`: at the other nodes too. */
  #countAll (at: number, tell: boolean): void {
    if (tell) this.#parts.others?.addAll(at)
    if (at <= this.#floor) return
    this.#floor = at
    this.#parts.descriptors.setMark(SINCE, String(at))
  }

  /** Called with each read that counts. */
  note (sha256: string): void {
    const now = this.#parts.now()
    if (now >= this.#nextHour) {
      this.#noted.clear()
      this.#nextHour = (Math.floor(now / HOUR_MS) + 1) * HOUR_MS
    }
    if (this.#noted.has(sha256)) return
    if (this.#noted.size >= NOTED) this.#noted.clear() // some are then noted twice
    this.#noted.add(sha256)
    // the end of the hour: later reads in it are not noted
    const at = this.#nextHour / 1000
    if (this.#waiting.size >= WAITING) {
      this.#waiting.clear()
      return this.#countAll(at, true)
    }
    this.#waiting.set(sha256, at)
    if (this.#waiting.size === WAITING / 2) this.flush().catch(() => {}) // they wait on, and the next flush says why
  }

  /** The latest moment (unix seconds) at which this blob may have been read, as far as is known here. */
  last (sha256: string): number {
    return Math.max(this.#floor, this.#waiting.get(sha256) ?? 0, this.#parts.rows.readAt(sha256))
  }

  /** For so long (seconds) a read at another node may be unknown here. */
  get margin (): number {
    return this.#parts.others?.margin ?? 0
  }

  /** Times that wait become rows. Rejects with what the database says; they wait on. */
  flush (): Promise<void> {
    this.#flushing ??= this.#write().finally(() => { this.#flushing = null })
    return this.#flushing
  }

  async #write (): Promise<void> {
    while (this.#waiting.size > 0) {
      const some: [string, number][] = []
      for (const each of this.#waiting) {
        some.push(each)
        if (some.length === AT_ONCE) break
      }
      this.#parts.rows.saveReads(some)
      for (const [sha256] of some) this.#waiting.delete(sha256)
      this.#parts.others?.add(some)
      await new Promise(setImmediate)
    }
  }

  /** Flushes, and tells the other nodes of it. Rejects with StoreError; they are told the next time. */
  async publish (): Promise<void> {
    if (!this.#watching) return
    await this.flush()
    await this.#parts.others?.publish()
  }

  /** Takes over what other nodes read since the last call. Rejects with StoreError: then nothing may be ended as unread. */
  async follow (): Promise<void> {
    if (!this.#watching) return
    await this.#parts.others?.follow((reads) => { this.#parts.rows.saveReads(reads) })
  }

  /** Everything noted becomes rows; the next start knows that. */
  async close (): Promise<void> {
    if (!this.#watching) return
    await this.flush()
    this.#parts.descriptors.setMark(WHOLE, 'yes')
    await this.#parts.others?.leave()
  }
}
