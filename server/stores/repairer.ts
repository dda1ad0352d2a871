// Repairs damaged blobs by itself: from the store's own second copy where a small blob has one, else from the known mirrors, one blob at a time, each
// tried again after a growing pause. It knows no HTTP: a mirror is a function that opens a body.

import { Readable } from 'node:stream'
import { blake3Multihash } from './multihash.ts'
import { bytesOfTwin } from './places.ts'
import type { DamagedBlobs } from './damaged.ts'
import type { Descriptors } from './descriptors.ts'
import type { Stores } from './open.ts'
import type { Quarantine } from './quarantine.ts'
import type { Tell } from './scrubber.ts'

export interface Mirror {
  /** For the log. */
  name: string
  /** The bytes it has under this hash, whatever they are. Rejects when it has none. */
  open: (sha256: string, signal: AbortSignal) => Promise<Readable>
}

export interface RepairerParts {
  stores: Stores
  descriptors: Descriptors
  damaged: DamagedBlobs
  quarantine: Quarantine
  mirrors: readonly Mirror[]
  /** Milliseconds. */
  now: () => number
  tell: Tell
  /** Between two blobs. */
  stepMs?: number
  /** After the first try of one blob; twice as long after each. */
  pauseMs?: number
}

const STEP_MS = 500
const PAUSE_MS = 30_000
const LONGEST_MS = 6 * 3600_000

export class Repairer {
  readonly #parts: RepairerParts
  readonly #tries = new Map<string, { count: number, at: number }>()
  readonly #ended = new AbortController()
  #timer: NodeJS.Timeout | null = null
  #trying: Promise<void> | null = null

  constructor (parts: RepairerParts) {
    this.#parts = parts
  }

  start (): void {
    this.#timer ??= setInterval(() => {
      this.#trying ??= this.#step().finally(() => { this.#trying = null })
    }, this.#parts.stepMs ?? STEP_MS).unref()
  }

  async stop (): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#ended.abort(new Error('the server is closing'))
    await this.#trying
  }

  /** The damaged blob whose turn it is, if there is one. */
  async #step (): Promise<void> {
    const { damaged, now, tell, pauseMs = PAUSE_MS } = this.#parts
    if (damaged.size === 0) return void this.#tries.clear()
    const due = damaged.all().find((sha256) => (this.#tries.get(sha256)?.at ?? 0) <= now())
    if (due === undefined) return
    const count = (this.#tries.get(due)?.count ?? 0) + 1
    this.#tries.set(due, { count, at: now() + Math.min(LONGEST_MS, pauseMs * 2 ** (count - 1)) })
    try {
      if (await this.#repair(due)) this.#tries.delete(due)
    } catch (error) {
      if (!this.#ended.signal.aborted) tell('warn', { err: error, sha256: due }, 'a damaged blob could not be repaired')
    }
  }

  async #repair (sha256: string): Promise<boolean> {
    const { stores, descriptors, quarantine, mirrors, tell } = this.#parts
    if (await quarantine.reconsider(sha256)) return true
    const blob = descriptors.get(sha256)
    if (blob === null || blob.foreign) return false
    const twin = blob.blake3 === null ? null : await stores.index.own(blake3Multihash(blob.blake3)).catch(() => null)
    const bytes = bytesOfTwin(twin, blob)
    if (bytes !== null && await quarantine.mend(sha256, Readable.from([bytes]), 'its BLAKE3 record')) return true
    for (const { name, open } of mirrors) {
      try {
        const body = await open(sha256, this.#ended.signal)
        try {
          return await quarantine.mend(sha256, body, name)
        } finally {
          body.destroy()
        }
      } catch (error) {
        if (this.#ended.signal.aborted) throw error
        tell('warn', { err: error, sha256, mirror: name }, 'a mirror could not repair a damaged blob')
      }
    }
    return false
  }
}
