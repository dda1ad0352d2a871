// What the catalog is given to bring blobs in with: one place asked for one blob, and whose fault it is when it does not come. A place's fault sends the
// asker to the next; ours or the owner's (quota, lists, store) is thrown, since the next place could do nothing about it.

import { Failure } from '../errors.ts'
import { OriginStatus } from './origin.ts'
import type { Blob } from '../stores/descriptors.ts'
import type { Decisions } from '../stores/decisions.ts'
import type { BlobFetcher } from './blob-fetcher.ts'

/** `absent`: it answered that it has no such blob; `refused`: what it sends is not taken here. */
export type PlaceFault = 'absent' | 'broken' | 'wrong' | 'forbidden' | 'refused'

export type Fetched = { fault: null, blob: Blob, created: boolean } | { fault: PlaceFault, code: string, status: number, reason: string }

export interface ProviderWanted {
  sha256: string
  /** Bytes, where they are known. */
  size: number | null
  /** Its media type, where what names it says so. */
  type?: string | null
  /** 64 hex digits. */
  owner: string
  /** The server asks for itself. */
  forServer: boolean
  signal: AbortSignal
  onBytes: (bytes: number) => void
}

/** Bytes a second: who sends less, over the whole, keeps a place that another could use. */
const SLOWEST = 16 * 1024

const FULL: readonly string[] = ['KEY_FULL', 'STORE_FULL', 'DISK_RESERVED', 'TOO_LARGE', 'TYPE_REFUSED']

export class ProviderFetch {
  readonly #fetcher: BlobFetcher
  readonly #decisions: Decisions

  constructor (fetcher: BlobFetcher, decisions: Decisions) {
    this.#fetcher = fetcher
    this.#decisions = decisions
  }

  /** As BlobFetcher's. */
  own (sha256: string, owner: string, forServer: boolean): Promise<Blob | null> {
    return this.#fetcher.own(sha256, owner, { forServer })
  }

  /** Asks one place. Rejects with a Failure that is not the place's, the signal's reason, or StoreError. */
  async fetch (url: URL, { sha256, size, type = null, owner, forServer, signal, onBytes }: ProviderWanted): Promise<Fetched> {
    try {
      const { blob, created } = await this.#fetcher.fetch(url, { owner, promised: sha256, likely: sha256, size, expected: type, forServer, signal, onBytes, slowest: SLOWEST })
      await this.#decisions.keep(sha256)
      return { fault: null, blob, created }
    } catch (error) {
      signal.throwIfAborted()
      const fault = error instanceof Failure ? faultOf(error, size !== null) : null
      if (fault === null) throw error
      const { code, status, message: reason } = error as Failure
      return { fault, code, status, reason }
    }
  }
}

/** Null where the place can do nothing about it. */
function faultOf ({ code, cause }: Failure, sizeKnown: boolean): PlaceFault | null {
  if (code === 'ORIGIN_FAILED') return cause instanceof OriginStatus && [404, 410].includes(cause.status) ? 'absent' : 'broken'
  if (code === 'HASH_MISMATCH') return 'wrong'
  if (code === 'ORIGIN_FORBIDDEN' || code === 'URL_INVALID') return 'forbidden'
  if (code === 'TYPE_REFUSED') return 'refused'
  // of a length that only the place told: it may have lied to have the owner's quota seem full
  return !sizeKnown && FULL.includes(code) ? 'refused' : null
}
