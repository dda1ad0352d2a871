// Who asks too often (design §4): 429 with `Retry-After`. Counted by address before a token is looked at, and by key once it is proven. Failed
// tokens count for themselves, so that nobody has signatures checked without end. Reads of blobs are not counted at all. Takes the time as a
// function; pure otherwise.

import { Failure } from '../errors.ts'
import { RateBuckets } from './rate-buckets.ts'
import type { ClientAddresses, Incoming } from './client-address.ts'

/** So many a minute; null for no limit. */
export interface Rates {
  /** Uploads, mirrors, deletes and reports of one key. */
  readonly keyChanges: number | null
  /** The same from one address. */
  readonly addressChanges: number | null
  /** Lists, preflights and everything else with a token, from one address. */
  readonly addressAsks: number | null
  /** Tokens that did not hold, from one address. */
  readonly failedTokens: number | null
  /** Questions for film keys and sessions, from one address and by one key. */
  readonly addressFilmKeys: number | null
  readonly keyFilmKeys: number | null
}

export interface RateLimitParts {
  addresses: ClientAddresses
  /** Null: nobody is refused. */
  rates: Rates | null
  /** Milliseconds. */
  now: () => number
}

/** Every method takes `from`, an address by `addressOf`; null is never refused, and neither are its keys. Each throws RATE_LIMITED. */
export class RateLimits {
  readonly #now: () => number
  #addresses: ClientAddresses
  #rates: Rates | null = null
  #keyChanges: RateBuckets | null = null
  #addressChanges: RateBuckets | null = null
  #addressAsks: RateBuckets | null = null
  #failedTokens: RateBuckets | null = null
  #addressFilmKeys: RateBuckets | null = null
  #keyFilmKeys: RateBuckets | null = null

  constructor ({ addresses, rates, now }: RateLimitParts) {
    this.#addresses = addresses
    this.#now = now
    this.reload({ addresses, rates })
  }

  /** Other limits and proxies from now on. Who is counted under a limit that stays goes on being counted. */
  reload ({ addresses, rates }: Omit<RateLimitParts, 'now'>): void {
    const before = this.#rates
    const buckets = (limit: keyof Rates, known: RateBuckets | null): RateBuckets | null => {
      const perMinute = rates?.[limit] ?? null
      if (perMinute === (before?.[limit] ?? null)) return known
      return perMinute === null ? null : new RateBuckets({ perMinute })
    }
    this.#keyChanges = buckets('keyChanges', this.#keyChanges)
    this.#addressChanges = buckets('addressChanges', this.#addressChanges)
    this.#addressAsks = buckets('addressAsks', this.#addressAsks)
    this.#failedTokens = buckets('failedTokens', this.#failedTokens)
    this.#addressFilmKeys = buckets('addressFilmKeys', this.#addressFilmKeys)
    this.#keyFilmKeys = buckets('keyFilmKeys', this.#keyFilmKeys)
    this.#addresses = addresses
    this.#rates = rates
  }

  addressOf (request: Incoming): string | null {
    return this.#rates !== null ? this.#addresses.of(request) : null
  }

  /** One change from this address. */
  change (from: string | null): void {
    this.#take(this.#addressChanges, from, 'from this address')
  }

  /** One change by this key. */
  changeBy (pubkey: string, from: string | null): void {
    if (from !== null) this.#take(this.#keyChanges, pubkey, 'by this key')
  }

  /** Throws what a change would be told, and takes nothing. */
  foresee (from: string | null, pubkey: string | null): void {
    if (from === null) return
    if (pubkey === null) this.#tell(this.#addressChanges?.wait(from, this.#now()), 'from this address')
    else this.#tell(this.#keyChanges?.wait(pubkey, this.#now()), 'by this key')
  }

  /** One request with a token that changes nothing. */
  ask (from: string | null): void {
    this.#take(this.#addressAsks, from, 'from this address')
  }

  /** One question for a film key from this address. */
  filmKey (from: string | null): void {
    this.#take(this.#addressFilmKeys, from, 'for film keys, from this address')
  }

  /** The same by this key. */
  filmKeyBy (pubkey: string, from: string | null): void {
    if (from !== null) this.#take(this.#keyFilmKeys, pubkey, 'for film keys, by this key')
  }

  /** May this address have another token checked? */
  trust (from: string | null): void {
    if (from !== null) this.#tell(this.#failedTokens?.wait(from, this.#now()), 'bad tokens from this address')
  }

  /** A token from this address did not hold. Throws nothing. */
  fail (from: string | null): void {
    if (from !== null) this.#failedTokens?.take(from, this.#now())
  }

  #take (buckets: RateBuckets | null, name: string | null, what: string): void {
    if (name !== null) this.#tell(buckets?.take(name, this.#now()), what)
  }

  #tell (wait: number | undefined, what: string): void {
    if (wait === undefined || wait === 0) return
    throw new Failure('RATE_LIMITED', what, { headers: { 'retry-after': String(Math.max(1, Math.ceil(wait / 1000))) } })
  }
}
