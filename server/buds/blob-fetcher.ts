// ★ How a blob comes in from elsewhere, for PUT /mirror and for the catalog's providers alike: through the address guard (origin.ts), by the same door
// as an upload, judged by policy, lists and quotas as one, and owned by who asked.

import { Failure } from '../errors.ts'
import { UNTYPED, essenceOf, parseMediaType, playedType } from '../stores/media-type.ts'
import { openOrigin } from './origin.ts'
import type { OurNames } from '../auth/our-names.ts'
import type { Policy, UploadFacts } from '../auth/policy.ts'
import type { Blobs } from '../stores/blobs.ts'
import type { Blob } from '../stores/descriptors.ts'
import type { HashLists } from '../stores/hash-lists.ts'
import type { Received } from '../stores/receiving.ts'
import type { Held, Room } from './room.ts'

export interface BlobFetcherParts {
  blobs: Blobs
  policy: Policy
  lists: HashLists
  room: Room
  names: () => OurNames
  /** `idleTimeout`: milliseconds a body may stand still. */
  settings: { readonly current: { readonly mirrorAllowPrivate: boolean, readonly idleTimeout: number } }
}

export interface FetchRules {
  /** 64 hex digits. */
  owner: string
  /** The sha256 that must arrive; null where `acceptHash` decides. */
  promised: string | null
  /** The sha256 that will most likely arrive. */
  likely: string | null
  /** Bytes it must have, where they are known. */
  size?: number | null
  /** Its media type, where the place tells none, or one that says little; null or absent: unknown. */
  expected?: string | null
  /** Throws a Failure when this hash may not arrive. */
  acceptHash?: (sha256: string) => void
  /** Hears how many bytes more have come. Small bodies are not told. */
  onBytes?: (bytes: number) => void
  /** Ends it, with its reason as the error. */
  signal?: AbortSignal
  /** Bytes a second below which the place is given up, over the whole; absent for none. */
  slowest?: number
  /** Unix seconds when its owner wants it to end; null for no end. */
  expires?: number | null
  /** The server asks for itself: whose keys may upload is not asked. */
  forServer?: boolean
}

const CONNECT_MS = 15_000
const MAX_REDIRECTS = 5
/** For a body whose length nobody tells, where there is a slowest. */
const UNKNOWN_LENGTH_MS = 3600_000
/** What a timer of Node's can wait at most. */
const MAX_TIMER_MS = 2 ** 31 - 1

function extensionIn (url: URL): string | null {
  return /\.([A-Za-z0-9]{1,16})$/.exec(url.pathname)?.[1]?.toLowerCase() ?? null
}

/** What servers say of a file that they know nothing of, or only that it is text. */
function saysLittle (type: string | null): boolean {
  return type === null || [UNTYPED, 'binary/octet-stream', 'text/plain'].includes(essenceOf(type))
}

export class BlobFetcher {
  readonly #parts: BlobFetcherParts

  constructor (parts: BlobFetcherParts) {
    this.#parts = parts
  }

  /**
   * Makes a blob that is here the owner's too, until `expires` (unix seconds; null: no end; absent: as it was); null when it is not here. Rejects with a
   * Failure of policy, lists or quotas, or StoreError.
   */
  async own (sha256: string, owner: string, { forServer = false, expires }: { forServer?: boolean, expires?: number | null } = {}): Promise<Blob | null> {
    const { blobs, lists, room } = this.#parts
    lists.judge(sha256)
    // whoever owns a blob may read it: a restricted one is not to be had by naming its hash
    if (lists.readersOf(sha256)?.has(owner) === false && !await blobs.isOwner(sha256, owner)) throw new Failure('KEY_REFUSED')
    // what is damaged here is fetched: the bytes that come repair it
    const known = blobs.isDamaged(sha256) ? null : await blobs.find(sha256)
    if (known === null) return null
    this.#judge({ pubkey: owner, type: known.type, size: known.size }, forServer)
    const held = await room.hold({ owner, likely: sha256, size: known.size })
    return blobs.adopt(sha256, owner, null, expires).finally(held.release)
  }

  /** Fetches a URL into the store. Rejects as `openOrigin`, with HASH_MISMATCH, a Failure of policy, lists or quotas, the signal's reason, or StoreError. */
  async fetch (url: URL, { owner, promised, likely, size = null, expected = null, acceptHash, onBytes, signal, slowest, expires = null, forServer = false }: FetchRules): Promise<Received> {
    const { blobs, lists, room, names, settings } = this.#parts
    const { mirrorAllowPrivate: allowPrivate, idleTimeout } = settings.current
    if (names().isOurs(url)) throw new Failure('ORIGIN_FAILED', 'this server does not have the blob')
    const origin = await openOrigin(url, {
      allowPrivate, maxRedirects: MAX_REDIRECTS, connectTimeout: CONNECT_MS, idleTimeout,
      refuse: (next) => names().isOurs(next),
      ...(signal === undefined ? {} : { signal })
    })
    let held: Held | null = null
    let late: NodeJS.Timeout | undefined
    try {
      const length = size ?? origin.length
      // another length is another blob: not one byte of it is waited for
      if (origin.length !== null && origin.length !== length) throw new Failure('HASH_MISMATCH', `it has ${origin.length} bytes there and not ${length}`)
      if (slowest !== undefined) {
        const patience = length === null ? UNKNOWN_LENGTH_MS : idleTimeout + length / slowest * 1000
        late = setTimeout(() => { origin.body.destroy(new Failure('ORIGIN_FAILED', 'the origin is too slow')) }, Math.min(patience, MAX_TIMER_MS))
      }
      const told = origin.type === null ? null : parseMediaType(origin.type)
      const type = expected !== null && saysLittle(told) ? expected : told === null || told === UNTYPED ? playedType(url.pathname.split('/').at(-1)!) : told
      this.#judge({ pubkey: owner, type, size: length }, forServer)
      const holding = held = await room.hold({ owner, likely, size: length })
      let hash = ''
      let arrived = 0
      return await blobs.receive(origin.body, {
        owner,
        type,
        extension: extensionIn(url),
        promised,
        likely,
        expires,
        size: null, // the origin's Content-Length is checked by origin.ts, and counted whatever it says
        acceptHash: (sha256) => {
          acceptHash?.(sha256)
          lists.judge(sha256)
          // the sender has shown no bytes of its own
          if (lists.readersOf(sha256)?.has(owner) === false && !blobs.owns(sha256, owner)) throw new Failure('KEY_REFUSED')
          hash = sha256
        },
        acceptType: (found, real) => {
          this.#judge({ pubkey: owner, type: found, size: real }, forServer)
          holding.settle(hash, real)
        },
        grow: (bytes) => {
          arrived += bytes
          if (size !== null && arrived > size) throw new Failure('HASH_MISMATCH', `it has more than ${size} bytes there`)
          onBytes?.(bytes)
          holding.grow(bytes)
        }
      })
    } catch (error) {
      // a body that broke or stood still is the origin's fault here, not the client's
      if (error instanceof Failure && (error.code === 'BODY_BROKEN' || error.code === 'BODY_STALLED')) throw new Failure('ORIGIN_FAILED', error.message, { cause: error })
      throw error
    } finally {
      clearTimeout(late)
      held?.release()
      origin.body.destroy()
    }
  }

  #judge (facts: UploadFacts, forServer: boolean): void {
    if (forServer) this.#parts.policy.judgeClaims(facts)
    else this.#parts.policy.judge(facts)
  }
}
