// FILL_MISSES: a read of a blob that is not here, and that a live title or a release names, waits while it is fetched from a provider. One fetch for all
// who wait; after ten seconds they are told to come again while it goes on. A blob is whole and checked before its first byte is served: ranges come out
// of it like out of any other, and a large one is simply not there until it is. It is the server's own.

import { setTimeout as wait } from 'node:timers/promises'
import { Failure, StoreError } from '../../errors.ts'
import { Seen } from '../../stores/seen.ts'
import { toldOf } from './obtaining.ts'
import { ServerMemory } from './server-memory.ts'
import type { Blob } from '../../stores/descriptors.ts'
import type { Obtaining, Told } from './obtaining.ts'
import type { Places } from './places.ts'

export interface MissFillerParts {
  obtaining: Obtaining
  places: Places
  /** Whether a live title or a release names it: nothing else is ever looked for. */
  names: (sha256: string) => boolean
  /** Bytes of a blob, where all that name it say the same. @param now unix seconds */
  sizeOf: (sha256: string, now: number) => number | null
  /** Hears of what came, before its readers do: a manifest makes more names known. Rejects with StoreError. */
  onHere: (sha256: string) => Promise<unknown>
  /** The server's own key. */
  owner: string
  /** Hears why a blob could not be had, where no place was at fault. */
  onFault: (sha256: string, why: Told) => void
  /** Milliseconds a reader waits. */
  patience?: number
  /** Unix milliseconds. */
  now: () => number
}

const PATIENCE_MS = 10_000
const ABSENT_MS = 60_000
/** A manifest or a title may come any moment. */
const UNNAMED_MS = 5000
const MOST_ABSENT = 10_000
/** Being fetched at a time. */
const MOST = 8
const RETRY_SECONDS = '5'

export class MissFiller {
  readonly #parts: MissFillerParts
  readonly #going = new Map<string, { promise: Promise<Blob | null>, control: AbortController }>()
  readonly #absent = new Seen(MOST_ABSENT)
  readonly #memory = new ServerMemory()
  #closed = false
  /** Fetched since the start. */
  bytes = 0

  constructor (parts: MissFillerParts) {
    this.#parts = parts
  }

  /** The blob, once it is here; null when nobody has it, or nothing names it. Rejects with BLOB_COMING, CLOSING, or StoreError. */
  async fill (sha256: string): Promise<Blob | null> {
    const going = this.#going.get(sha256)?.promise ?? this.#begin(sha256)
    if (going === null) return null
    const enough = new AbortController()
    const patience = wait(this.#parts.patience ?? PATIENCE_MS, 'late' as const, { signal: enough.signal }).catch(() => 'late' as const)
    const blob = await Promise.race([going, patience]).finally(() => { enough.abort() })
    if (blob === 'late') throw new Failure('BLOB_COMING', undefined, { headers: { 'retry-after': RETRY_SECONDS } })
    return blob
  }

  /** Ends what goes on; those who wait are told CLOSING. */
  async close (): Promise<void> {
    this.#closed = true
    const going = [...this.#going.values()]
    for (const { control } of going) control.abort(new Failure('CLOSING'))
    await Promise.allSettled(going.map(({ promise }) => promise))
  }

  #begin (sha256: string): Promise<Blob | null> | null {
    const { names, now } = this.#parts
    if (this.#closed) throw new Failure('CLOSING')
    if (this.#absent.has(sha256, now())) return null
    if (!names(sha256)) {
      this.#absent.add(sha256, now() + UNNAMED_MS)
      return null
    }
    if (this.#going.size >= MOST) throw new Failure('BLOB_COMING', 'others come first', { headers: { 'retry-after': RETRY_SECONDS } })
    const control = new AbortController()
    const promise = this.#fetch(sha256, control.signal).finally(() => { this.#going.delete(sha256) })
    promise.catch(() => {}) // all who waited may have left
    this.#going.set(sha256, { promise, control })
    return promise
  }

  async #fetch (sha256: string, signal: AbortSignal): Promise<Blob | null> {
    const { obtaining, places, sizeOf, owner, onHere, onFault, now } = this.#parts
    const seconds = Math.floor(now() / 1000)
    try {
      const { blob, ...got } = await obtaining.obtain({
        sha256, size: sizeOf(sha256, seconds), owner, forServer: true, signal, memory: this.#memory,
        places: () => places.of(sha256, null, seconds), onBytes: () => {}, onPlace: () => {}
      })
      if (blob !== null && 'created' in got && got.created) this.bytes += blob.size
      if (blob === null) this.#absent.add(sha256, now() + ABSENT_MS)
      else await onHere(sha256)
      return blob
    } catch (error) {
      if (signal.aborted) throw signal.reason
      if (error instanceof StoreError) throw error
      // no room, or not to be had here: it is not asked for again with every read
      this.#absent.add(sha256, now() + ABSENT_MS)
      onFault(sha256, toldOf(error))
      return null
    }
  }
}
