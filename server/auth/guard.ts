// Who is asking, and may this token do this here? Reads BUD-11's table (buds/bud-11-authorization.ts); both kinds of token are taken on
// every blob endpoint (design §4). H-3: every fault of a token is 401, so that clients sign again.

import { Failure } from '../errors.ts'
import { checkBlossomToken } from './blossom-token.ts'
import { checkHttpToken, WINDOW_SECONDS } from './nip98.ts'
import { Replays } from './replays.ts'
import { BLOSSOM_KIND, HTTP_KIND, TokenCache } from './token.ts'
import type { OurNames } from './our-names.ts'
import type { RateLimits } from './rate-limits.ts'

/** What an endpoint asks of a token: the rows of BUD-11's table. */
export interface Demand {
  readonly verb: string
  readonly hash: 'path' | 'x-sha-256' | 'body' | 'none'
  readonly hashRequired: boolean
  readonly changes: boolean
  readonly payload: 'none' | 'blob' | 'json'
  /** It changes nothing, and a NIP-98 event is good once all the same. */
  readonly once?: true
}

export interface AskingRequest {
  authorization: string | undefined
  method: string
  /** The request's target as it came. */
  target: string
  /** Who it counts for, by RateLimits.addressOf; null is never refused. */
  from?: string | null
}

/** A token whose signature and limits hold; what hash it covers is asked separately. */
export interface Token {
  kind: number
  id: string
  pubkey: string
  /** Of the `x` tags of kind 24242. */
  hashes: readonly string[]
  /** Of kind 27235, null without one. */
  payload: string | null
  /** Unix seconds. */
  createdAt: number
}

export interface GuardSettings {
  names: () => OurNames
  requireServerTag: boolean
  /** Absent: nobody asks too often. */
  rates?: RateLimits
  /** Milliseconds. */
  now?: () => number
}

export class Guard {
  #settings: GuardSettings
  readonly #now: () => number
  readonly #cache = new TokenCache()
  readonly #used = new Replays()

  constructor (settings: GuardSettings) {
    this.#settings = settings
    this.#now = settings.now ?? Date.now
  }

  /** Another rule for delete tokens from now on. */
  reload ({ requireServerTag }: Pick<GuardSettings, 'requireServerTag'>): void {
    this.#settings = { ...this.#settings, requireServerTag }
  }

  /** Our own names, as tokens are checked against them. */
  get names (): OurNames {
    return this.#settings.names()
  }

  /** How often a token's header had been seen and checked before. */
  get tokenCache (): { hits: number, misses: number } {
    return this.#cache
  }

  /** The request's token for this endpoint. Throws a Failure of status 401, or 429 for who asks too often. */
  identify (request: AskingRequest, demand: Demand): Token {
    const { rates } = this.#settings
    const { authorization, from = null } = request
    if (demand.changes) rates?.change(from)
    else rates?.ask(from)
    if (!this.#cache.knows(authorization)) rates?.trust(from)
    try {
      return this.#check(request, demand)
    } catch (error) {
      if (error instanceof Failure && error.status === 401 && error.code !== 'TOKEN_MISSING') rates?.fail(from)
      throw error
    }
  }

  #check (request: AskingRequest, demand: Demand): Token {
    const opened = this.#cache.open(request.authorization)
    const { event } = opened
    const now = Math.floor(this.#now() / 1000)
    const names = this.#settings.names()
    const token: Token = { kind: event.kind, id: event.id, pubkey: event.pubkey, hashes: [], payload: null, createdAt: event.created_at }
    if (event.kind === BLOSSOM_KIND) {
      const requireServer = this.#settings.requireServerTag && demand.verb === 'delete'
      token.hashes = checkBlossomToken(event, { verb: demand.verb, names, now, requireServer })
      if (demand.hashRequired && token.hashes.length === 0) throw new Failure('TOKEN_HASH', 'it has no x tag')
    } else if (event.kind === HTTP_KIND) {
      token.payload = checkHttpToken(event, { method: request.method, target: request.target, names, now })
      if (demand.payload !== 'none' && token.payload === null) throw new Failure('TOKEN_PAYLOAD', 'it is needed here')
    } else {
      throw new Failure('TOKEN_KIND')
    }
    opened.prove()
    if (demand.changes) this.#settings.rates?.changeBy(token.pubkey, request.from ?? null)
    this.#spend(token, demand)
    return token
  }

  /** A NIP-98 event changes something, or gives a key, once: within its window the same id is a replay. */
  #spend ({ kind, id }: Token, demand: Demand): void {
    if (kind !== HTTP_KIND || !(demand.changes || demand.once === true)) return
    const now = this.#now()
    // an event from a fast clock is good for two windows
    if (!this.#used.spend(id, now, now + 2 * WINDOW_SECONDS * 1000 + 1000)) throw new Failure('TOKEN_REPLAYED')
  }

  /** 11-14: one `x` tag MUST be the hash at hand (where `x` tags are there at all); a NIP-98 payload must be the blob's. Throws 401. */
  cover (token: Token, demand: Demand, sha256: string): void {
    if (token.kind === HTTP_KIND) {
      if (demand.payload === 'blob' && token.payload !== sha256) throw new Failure('TOKEN_PAYLOAD')
      return // the URL or the JSON body names the blob
    }
    if ((demand.hashRequired || token.hashes.length > 0) && !token.hashes.includes(sha256)) throw new Failure('TOKEN_HASH')
  }
}
