// The background scrub: every blob's bytes are read and hashed anew at a bounded rate, in the order of their sha256, over and over. A damaged one is
// noted and kept aside (quarantine.ts). It goes past the memory of hot blobs, works in steps of half a MiB, and goes on after a restart where it was.

import { Failure, StoreError } from '../errors.ts'
import { examine } from './examine.ts'
import type { DamagedBlobs } from './damaged.ts'
import type { Blob, Descriptors } from './descriptors.ts'
import type { Stores } from './open.ts'
import type { Quarantine } from './quarantine.ts'
import type { ScrubRows } from './scrub-rows.ts'
import type { ScrubShares, Share } from './scrub-shares.ts'

/** A small blob costs as much as this many bytes: what it takes is looks, not bytes. */
const LEAST_BYTES = 32 * 1024
const ROWS = 64
/** How far it has come is noted this often. */
const SAVE_MS = 10_000
/** After a fault of the store, and between looks for work. */
const REST_MS = 30_000

export type Tell = (level: 'error' | 'warn' | 'info', facts: object, message: string) => void

export interface ScrubberParts {
  stores: Stores
  descriptors: Descriptors
  rows: ScrubRows
  shares: ScrubShares
  quarantine: Quarantine
  damaged: DamagedBlobs
  /** Bytes a second. */
  rate: number
  /** Milliseconds from the start of one pass to the start of the next, at least. */
  every: number
  /** Milliseconds. */
  now: () => number
  tell: Tell
  saveMs?: number
  restMs?: number
}

export class Scrubber {
  readonly #parts: ScrubberParts
  readonly #known = new Map<string, { share: Share, at: number }>()
  /** Blobs of this pass that could not be read, though nothing shows that they are damaged. */
  readonly #unsure = new Set<string>()
  #running: Promise<void> | null = null
  #stopped = false
  #wake = (): void => {}
  #next = 0
  /** By this node, since it started. */
  blobs = 0
  bytes = 0
  skipped = 0

  constructor (parts: ScrubberParts) {
    this.#parts = parts
  }

  start (): void {
    if (this.#parts.rate > 0) this.#running ??= this.#run()
  }

  /** Resolves when it has noted where it is. */
  async stop (): Promise<void> {
    this.#stopped = true
    this.#wake()
    await this.#running
  }

  /** How much of the pass is done, 0 to 1, and when it began (unix seconds; 0 for never), as far as this node has seen. */
  get progress (): { position: number, started: number } {
    const shares = this.#parts.shares.prefixes.map((prefix) => this.#known.get(prefix)?.share)
    const done = shares.reduce((sum, share) => sum + (share === undefined ? 0 : positionOf(share)), 0)
    const started = Math.min(...shares.map((share) => share?.started ?? 0))
    return { position: done / shares.length, started: Math.floor(started / 1000) }
  }

  /**
   * A moment (unix seconds) since when this blob was read and found whole: the start of the pass that did it. Null when none did yet (it was checked
   * when it came), or it is damaged, or not here. Rejects with StoreError.
   */
  async lastScrubbed (sha256: string): Promise<number | null> {
    const { descriptors, damaged, shares, now } = this.#parts
    const blob = descriptors.get(sha256)
    if (blob === null || damaged.has(sha256) || this.#unsure.has(sha256)) return null
    const prefix = shares.prefixOf(sha256)
    let known = this.#known.get(prefix)
    if (known === undefined || now() - known.at > 60_000) known = this.#know(await shares.read(prefix))
    const { started, cursor, over, whole } = known.share
    const covers = (from: number): boolean => from > 0 && blob.uploaded <= Math.floor(from / 1000)
    if (!over && cursor !== null && sha256 <= cursor && covers(started)) return Math.floor(started / 1000)
    return covers(whole) ? Math.floor(whole / 1000) : null
  }

  #know (share: Share): { share: Share, at: number } {
    const known = { share, at: this.#parts.now() }
    this.#known.set(share.prefix, known)
    return known
  }

  async #run (): Promise<void> {
    const { tell, restMs = REST_MS } = this.#parts
    while (!this.#stopped) {
      try {
        const share = await this.#due()
        if (share === null) await this.#rest(restMs)
        else await this.#scrub(share)
      } catch (error) {
        tell('warn', { err: error }, 'the scrub waits for the store')
        await this.#rest(restMs)
      }
    }
  }

  /** A share that is this node's to go on with or begin; null when there is none now. */
  async #due (): Promise<Share | null> {
    const { shares, every, now } = this.#parts
    const first = Math.floor(Math.random() * shares.prefixes.length)
    for (const [index] of shares.prefixes.entries()) {
      if (this.#stopped) return null
      const prefix = shares.prefixes[(first + index) % shares.prefixes.length]!
      const { share } = this.#know(await shares.read(prefix))
      if (share.over && now() - share.started < every) continue
      const claimed = await shares.claim(share.over ? { ...share, started: now(), cursor: null, over: false } : share)
      if (claimed !== null) return this.#know(claimed).share
    }
    return null
  }

  async #scrub (share: Share): Promise<void> {
    const { rows, shares, now, tell, saveMs = SAVE_MS } = this.#parts
    let saved = now()
    for (let some = rows.after(share.cursor, share.prefix, ROWS); some.length > 0; some = rows.after(share.cursor, share.prefix, ROWS)) {
      for (const blob of some) {
        const looked = await this.#look(blob)
        if (!looked || this.#stopped) return void await shares.release(share)
        share.cursor = blob.sha256
        if (now() - saved < saveMs) continue
        saved = now()
        if (!await shares.save(share)) return // another node thought us dead
      }
    }
    const seconds = Math.round((now() - share.started) / 1000)
    Object.assign(share, { over: true, cursor: null, whole: share.started })
    await shares.release(share)
    tell('info', { share: share.prefix === '' ? 'all' : share.prefix, seconds }, 'a scrub came to its end')
  }

  /** False when it was stopped before it could tell. Rejects with StoreError when the store does not answer. */
  async #look (blob: Blob): Promise<boolean> {
    const { stores, damaged, quarantine, tell } = this.#parts
    const { sha256 } = blob
    this.#unsure.delete(sha256)
    if (damaged.has(sha256)) return true
    let read = 0
    try {
      const what = await examine(stores, blob, async (bytes) => {
        read += bytes
        this.bytes += bytes
        await this.#pace(bytes)
        if (this.#stopped) throw new Stopped()
      })
      if (read < LEAST_BYTES) await this.#pace(LEAST_BYTES - read)
      this.blobs++
      if (what !== null) await quarantine.look(sha256, 'scrub')
    } catch (error) {
      if (error instanceof Stopped) return false
      if (error instanceof Failure && error.code === 'BLOB_DAMAGED') return true
      if (!(error instanceof StoreError)) throw error
      await stores.prove() // it is down: everything waits
      this.skipped++
      this.#unsure.add(sha256)
      tell('error', { err: error, sha256 }, 'the scrub could not read a blob')
    }
    return true
  }

  /** Waits until so many more bytes may be read. */
  async #pace (bytes: number): Promise<void> {
    const now = performance.now()
    this.#next = Math.max(this.#next, now - 10) + bytes / this.#parts.rate * 1000
    await this.#rest(Math.max(0, this.#next - now))
  }

  async #rest (ms: number): Promise<void> {
    if (this.#stopped) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms).unref()
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}

class Stopped extends Error {}

/** How much of a share's pass is done, 0 to 1. */
function positionOf ({ prefix, cursor, over, started }: Share): number {
  if (over || cursor === null) return over && started > 0 ? 1 : 0
  return parseInt(cursor.slice(prefix.length, prefix.length + 8), 16) / 2 ** 32
}
