// A small file read at once, without a trip through the thread pool: three system calls on pages that are in memory take 20 µs, three trips
// take 150. A disk that must really be asked would hold everybody up, so each read is timed: after a few slow ones the pool is used for a while.
//
// Into buffers that are used again: fresh memory for each read costs its page faults and a garbage collection every few hundred of them, a
// third of a read of 64 KiB.

import { closeSync, openSync, readSync } from 'node:fs'
import type { Piece } from '../pack-store.ts'

const SLOW_MS = 3
/** So much waiting in one period, milliseconds: one slow read may as well be the scheduler's doing. */
const PATIENCE_MS = 25
const PERIOD_MS = 2000
/** Pieces up to here have memory of their own. */
const TINY = 8 * 1024
const POOLED_BYTES = 256 * 1024
const KEPT = 128

export class QuickReader {
  #period = 0
  #waited = 0
  readonly #free: Buffer[] = []

  /** The bytes; null when they are not to be had this way now, whatever the reason: the slow way then tells it. */
  read (path: string, offset: number, length: number): Piece | null {
    const started = performance.now()
    if (!this.#mayWait(started) || length > POOLED_BYTES) return null
    const pooled = length > TINY
    const buffer = pooled ? this.#free.pop() ?? Buffer.allocUnsafeSlow(POOLED_BYTES) : Buffer.allocUnsafeSlow(length)
    let file: number | null = null
    let whole = false
    try {
      file = openSync(path, 'r')
      whole = readSync(file, buffer, 0, length, offset) === length
    } catch {
      // told by the slow way
    } finally {
      if (file !== null) closeSync(file)
      const took = performance.now() - started
      if (took > SLOW_MS) this.#waited += took
    }
    if (whole) return { bytes: buffer.subarray(0, length), release: pooled ? this.#giver(buffer) : () => {} }
    if (pooled) this.#give(buffer)
    return null
  }

  #mayWait (now: number): boolean {
    if (now - this.#period > PERIOD_MS) {
      this.#period = now
      this.#waited = 0
    }
    return this.#waited < PATIENCE_MS
  }

  #giver (buffer: Buffer): () => void {
    let given = false
    return () => {
      if (given) return
      given = true
      this.#give(buffer)
    }
  }

  #give (buffer: Buffer): void {
    if (this.#free.length < KEPT) this.#free.push(buffer)
  }
}
