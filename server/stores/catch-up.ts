// A node of a shared store catches up with what the others did while it was away, or before it was: in the background, while it serves. Away for
// less than notes are kept it reads those (changes.ts); else it compares the whole bucket with its rows, by the first byte of the sha256, 256
// shards in turn. Where it stands is a mark in the database, so that a restart goes on there. Until a shard was compared nobody believes its
// old rows (shared-rows.ts), and lists and quotas tell what is known so far. A store that fails is asked again after a pause.

import { KEPT_MS } from './changes.ts'
import type { Descriptors } from './descriptors.ts'
import type { Stores } from './open.ts'
import type { Reconciled } from './reconcile.ts'
import type { SharedRows } from './shared-rows.ts'

const SHARDS = 256
/** Within a shard rows and owners are counted by the next 12 bits: what differs is looked at one by one. */
const SLOTS = 4096
const LEARNED_AT_ONCE = 8
const PAUSE_MS = 5000
/** Where a comparison stands: { next, since }. Absent: all was compared. */
const CURSOR = 'catch-up'
/** Up to when the notes of other nodes were read, unix milliseconds. */
const FOLLOWED = 'followed'
const MARK_EVERY_MS = 5000
const FINISH_EVERY_MS = 60_000
const FINISHED_AT_ONCE = 8
/** For so long at a time what broke off is looked at between two looks for what other nodes did, which must be seen within seconds. */
const FINISH_MS = 1000
/** A node that heard nothing for half the life of a note does not count on notes. */
const DEAF_MS = KEPT_MS / 2
/** A note may be read this long before its change is to be seen. */
const UNSEEN_MS = 30_000

interface Cursor {
  /** The shard that comes next. */
  next: number
  /** Unix milliseconds: of ownerships that have a row only those written since then are read. */
  since: number
}

export interface LastRun {
  /** The rows are those that it had at its end. */
  sound: boolean
  /** Unix milliseconds: of blobs that have a row what was written to the bucket before that is known. */
  since: number
}

export interface CatchUpParts {
  shared: SharedRows
  stores: Stores
  descriptors: Descriptors
  foreignBlobs: boolean
  log: { info: (facts: object, text: string) => void, warn: (facts: object, text: string) => void, error: (facts: object, text: string) => void }
  /** Milliseconds. */
  now: () => number
  pauseMs?: number
}

export class CatchUp {
  readonly #parts: CatchUpParts
  /** What was found since the start. */
  readonly counts = { seen: 0, learned: 0, forgotten: 0, restored: 0, faults: 0 }
  #cursor: Cursor | null = null
  #running: Promise<void> | null = null
  #stopped = false
  #wake: () => void = () => {}
  /** When notes were last read, here; null: not yet. */
  #followed: number | null = null
  readonly #born: number
  #marked = 0
  #finished: number
  #finishing: Promise<void> | null = null

  constructor (parts: CatchUpParts) {
    this.#parts = parts
    this.#born = parts.now()
    this.#finished = parts.now()
    parts.shared.unsureFrom = 0
    parts.shared.ending.recall(parts.descriptors.unsettled.all())
  }

  /** How far it is; null when it has caught up. */
  get progress (): { shard: number, of: number, seen: number, learned: number } | null {
    if (this.#running === null) return null
    const { seen, learned } = this.counts
    return { shard: this.#cursor?.next ?? 0, of: SHARDS, seen, learned }
  }

  get ratio (): number {
    return this.#running === null ? 1 : (this.#cursor?.next ?? 0) / SHARDS
  }

  /** Begins in the background. */
  begin ({ sound, since }: LastRun): void {
    const { descriptors, shared, now } = this.#parts
    const followed = descriptors.mark(FOLLOWED)
    const mark = descriptors.mark(CURSOR)
    const cursor = mark === null ? null : JSON.parse(mark) as Cursor
    if (sound && followed !== null && now() - Number(followed) < DEAF_MS) {
      shared.lookFrom(Number(followed) - UNSEEN_MS)
      this.#start(cursor)
    } else {
      this.#start({ next: 0, since: Math.min(since, cursor?.since ?? since) })
    }
  }

  #start (cursor: Cursor | null): void {
    this.#parts.shared.unsureFrom = cursor?.next ?? 0
    this.#keep(cursor)
    this.#running = this.#run().catch((error: unknown) => {
      this.#parts.log.error({ err: error }, 'catching up with the bucket broke off')
    }).finally(() => { this.#running = null })
  }

  /** Resolves when it has caught up, or was stopped. */
  async ended (): Promise<void> {
    await this.#running
  }

  stop (): void {
    this.#stopped = true
    this.#wake()
    this.#markFollowed()
  }

  /** Called every few seconds: looks at what other nodes told. Rejects with StoreError, and goes on next time. */
  async follow (): Promise<void> {
    const { shared, stores, now, log } = this.#parts
    const started = now()
    await shared.follow()
    const since = this.#followed ?? this.#born
    this.#followed = started
    if (started - this.#marked > MARK_EVERY_MS) this.#markFollowed()
    // before anything that may fail: the next time it is not known any more
    if (started - since > DEAF_MS && this.#running === null && !this.#stopped) {
      log.warn({ since }, 'other nodes were not heard for too long: rows and bucket are compared in full')
      this.#start({ next: 0, since: since - UNSEEN_MS })
    }
    await stores.packs.endLate?.()
    // what a fault left half-way is ended as soon as the store answers, and not at the next start
    if (this.#finishing === null && (shared.ending.broken.anyDue(started) || started - this.#finished > FINISH_EVERY_MS)) await this.#finish(now() + FINISH_MS)
  }

  #markFollowed (): void {
    if (this.#followed === null) return
    this.#marked = this.#followed
    this.#parts.descriptors.setMark(FOLLOWED, String(this.#followed))
  }

  #keep (cursor: Cursor | null): void {
    this.#cursor = cursor
    this.#parts.descriptors.setMark(CURSOR, cursor === null ? null : JSON.stringify(cursor))
  }

  async #run (): Promise<void> {
    const { shared, log } = this.#parts
    await this.#finishing?.catch(() => {})
    await this.#persist(() => this.#finish(Infinity))
    await this.#persist(() => this.follow())
    const whole = this.#cursor !== null
    const result: Reconciled = { learned: 0, forgotten: 0, restored: 0, lost: [] }
    while (this.#cursor !== null && !this.#stopped) {
      const { next, since } = this.#cursor
      shared.unsureFrom = next
      await this.#persist(() => this.#compare(next, since, result))
      if (this.#stopped) return
      this.#keep(next + 1 === SHARDS ? null : { next: next + 1, since })
    }
    if (this.#stopped) return
    shared.unsureFrom = null
    this.#markFollowed()
    const { learned, forgotten, restored, lost } = result
    if (whole && learned + forgotten + restored > 0) log.warn({ learned, forgotten, restored }, 'compared rows and store')
    for (const each of lost) log.error({ owner: each }, 'an owner without a blob: see `marquee verify`')
  }

  /** Tries until it is done, or we are stopped. */
  async #persist (work: () => Promise<unknown>): Promise<void> {
    const { log, pauseMs = PAUSE_MS } = this.#parts
    while (!this.#stopped) {
      try {
        await work()
        return
      } catch (error) {
        if (this.#stopped) return
        this.counts.faults++
        log.warn({ err: error }, 'catching up with the bucket is tried again')
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, pauseMs)
          this.#wake = () => {
            clearTimeout(timer)
            resolve()
          }
        })
      }
    }
  }

  /** What broke off, here or in an earlier run. `until`: unix milliseconds, from when on no look is begun. */
  #finish (until: number): Promise<void> {
    this.#finishing ??= this.#lookAtBroken(until).finally(() => { this.#finishing = null })
    return this.#finishing
  }

  async #lookAtBroken (until: number): Promise<void> {
    const { shared, descriptors, foreignBlobs, log, now } = this.#parts
    this.#finished = now()
    const all = descriptors.unsettled.all()
    const lost: string[] = []
    shared.ending.broken.keepOnly(new Set(all.map(({ sha256 }) => sha256)))
    const left = shared.ending.broken.due(all, now())[Symbol.iterator]()
    const faults: unknown[] = []
    const lane = async (): Promise<void> => {
      // a store that is down is asked no more than once by each lane
      while (faults.length === 0 && !this.#stopped && now() < until) {
        const next = left.next()
        if (next.done === true) return
        const own: Reconciled = { learned: 0, forgotten: 0, restored: 0, lost: [] }
        const last = await shared.ending.finish(next.value, foreignBlobs, own).catch((error: unknown) => {
          shared.ending.broken.failed(next.value.sha256, now())
          faults.push(error)
        })
        this.#count(own)
        if (last === true) lost.push(...own.lost) // what is lost is told once, at the end
      }
    }
    await Promise.all(Array.from({ length: FINISHED_AT_ONCE }, lane))
    for (const each of lost) log.error({ owner: each }, 'an owner without a blob: see `marquee verify`')
    if (faults.length > 0) throw faults[0]
  }

  #count ({ learned, forgotten, restored }: Reconciled): void {
    this.counts.learned += learned
    this.counts.forgotten += forgotten
    this.counts.restored += restored
  }

  /** One shard: what the bucket has becomes rows, and what it does not have any more goes. */
  async #compare (first: number, since: number, all: Reconciled): Promise<void> {
    const { shared, stores, descriptors } = this.#parts
    const result: Reconciled = { learned: 0, forgotten: 0, restored: 0, lost: [] }
    // rows less those that were met in the bucket
    const unmet = new Int32Array(SLOTS)
    const slotOf = (sha256: string): number => parseInt(sha256.slice(2, 5), 16)
    const flying = new Set<Promise<void>>()
    let fault: { error: unknown } | null = null
    for await (const { sha256, owner, fresh } of stores.owners.shard(first, since)) {
      if (fault !== null || this.#stopped) break
      this.counts.seen++
      const known = descriptors.ownership(sha256, owner) !== null
      if (known) unmet[slotOf(sha256)]!--
      if (known && !fresh) continue
      const flight: Promise<void> = shared.learn(sha256, owner, result).then((learned) => {
        if (learned && !known) unmet[slotOf(sha256)]!--
      }, (error: unknown) => { fault ??= { error } }).finally(() => { flying.delete(flight) })
      flying.add(flight)
      if (flying.size === LEARNED_AT_ONCE) await Promise.race(flying)
    }
    await Promise.all(flying)
    this.#count(result)
    if (fault !== null) throw (fault as { error: unknown }).error
    if (this.#stopped) return
    for (const sha256 of descriptors.owned(first)) unmet[slotOf(sha256)]!++
    const doubtful = new Set<string>()
    if (unmet.some((left) => left !== 0)) {
      for (const sha256 of descriptors.owned(first)) if (unmet[slotOf(sha256)] !== 0) doubtful.add(sha256)
    }
    const before = result.forgotten
    for (const sha256 of doubtful) await shared.forget(sha256, result)
    this.counts.forgotten += result.forgotten - before
    all.learned += result.learned
    all.forgotten += result.forgotten
    all.restored += result.restored
    all.lost.push(...result.lost)
  }
}
