// Who may write what to a relay of ours, told once: the adapters for strfry and nostr-rs-relay (strfry-plugin.ts, admission-service.ts) only carry
// it. A relay has checked id and signature before it asks. NIP-01's prefixes: `blocked:` by who or what, `invalid:` for the event itself,
// `rate-limited:` for now. Not what the catalog relies on: it judges every event again (accept.ts), since a relay may admit what nobody judged. Pure.

import { isEvent } from '../auth/signature.ts'
import { RateBuckets } from '../auth/rate-buckets.ts'
import { readAddress } from './address.ts'
import { judgeBudget } from './budget.ts'
import { typeOf } from './catalog-event.ts'
import { CatalogFault } from './faults.ts'
import { SNAPSHOT_NAME, TRUST_BUNDLE_NAME, carrierRole } from './kinds/application-data.ts'
import { ADVERT_MAX_AGE } from './kinds/provider-advert.ts'
import { tagsNamed, valueOf } from './tags.ts'
import { expirationOf } from './versions.ts'
import type { SignedEvent } from '../auth/signature.ts'
import type { Budget } from './budget.ts'
import type { CatalogType } from './catalog-event.ts'

/** Keys are 64 lowercase hex digits. */
export interface WriteRules {
  /** Whose titles and collections are taken. */
  readonly creators: ReadonlySet<string>
  /** Whose applications, releases, artifacts, trust bundles and pointers are taken. */
  readonly releaseKeys: ReadonlySet<string>
  /** Whose snapshots are taken, and whose adverts are not counted. */
  readonly servers: ReadonlySet<string>
  /** Adverts and withdrawals of everybody who is not named above; an hour's worth may come at once. */
  readonly strangers: { readonly perKeyPerHour: number, readonly perHour: number }
  readonly budget: Budget
  /** Seconds that created_at may be ahead of our clock, and behind it. */
  readonly future: number
  readonly past: number
}

export type WriteDecision = { accepted: true } | { accepted: false, words: string }

const ACCEPTED: WriteDecision = { accepted: true }

/** One name for what all strangers share. */
const ALL = 'all'

export class WritePolicy {
  readonly #rules: WriteRules
  readonly #perKey: RateBuckets
  readonly #inAll: RateBuckets

  constructor (rules: WriteRules) {
    const { perKeyPerHour, perHour } = rules.strangers
    this.#rules = rules
    this.#perKey = new RateBuckets({ perMinute: perKeyPerHour / 60, burst: perKeyPerHour })
    this.#inAll = new RateBuckets({ perMinute: perHour / 60, burst: perHour, names: 1 })
  }

  /** Counts what it accepts. @param event any JSON @param now unix seconds */
  judge (event: unknown, now: number): WriteDecision {
    if (!isEvent(event)) return refused('invalid', 'this is no signed Nostr event')
    const type = typeOf(event)
    if (type === null) return refused('blocked', `events of kind ${event.kind} are not kept here`)
    const stranger = !this.#isNamed(event.pubkey)
    return this.#judgeAuthor(type, event) ?? this.#judgeBudget(event) ?? this.#judgeTime(type, event, now) ??
      (stranger ? this.#count(event.pubkey, now * 1000) : null) ?? ACCEPTED
  }

  #isNamed (pubkey: string): boolean {
    const { creators, releaseKeys, servers } = this.#rules
    return creators.has(pubkey) || releaseKeys.has(pubkey) || servers.has(pubkey)
  }

  #judgeAuthor (type: CatalogType, event: SignedEvent): WriteDecision | null {
    const { pubkey, tags } = event
    if (type !== 'withdrawal') return this.#mayWrite(type, pubkey, tags) ? null : refused('blocked', `events of kind ${event.kind} are not taken from this key`)
    // whose events of a kind are not here has nothing to take back of it
    for (const [, address = ''] of tagsNamed(tags, 'a')) {
      const named = readAddress(address)
      if (named === null || named.pubkey !== pubkey) return refused('blocked', 'a key takes back its own events only')
      if (!this.#mayWriteKind(named.kind, named.d, pubkey)) return refused('blocked', `events of kind ${named.kind} are not taken from this key`)
    }
    for (const [, kind = ''] of tagsNamed(tags, 'k')) {
      if (!this.#mayWriteKind(Number(kind), null, pubkey)) return refused('blocked', `events of kind ${Number(kind)} are not taken from this key`)
    }
    return null
  }

  #mayWrite (type: CatalogType, pubkey: string, tags: readonly string[][]): boolean {
    const { creators, releaseKeys, servers } = this.#rules
    switch (type) {
      case 'title': case 'collection': return creators.has(pubkey)
      case 'application': case 'release': case 'artifact': return releaseKeys.has(pubkey)
      case 'carrier': return (carrierRole(valueOf(tags, 'd') ?? '')?.role === 'snapshot' ? servers : releaseKeys).has(pubkey)
      case 'servers': case 'relays': return this.#isNamed(pubkey)
      case 'advert': case 'withdrawal': return true
    }
  }

  /** @param d null: whatever it is, which only carriers ask for */
  #mayWriteKind (kind: number, d: string | null, pubkey: string): boolean {
    const names = d === null ? [SNAPSHOT_NAME, TRUST_BUNDLE_NAME] : [d]
    return names.some((name) => {
      const tags = [['d', name]]
      const type = typeOf({ kind, tags })
      return type !== null && this.#mayWrite(type, pubkey, tags)
    })
  }

  #judgeBudget (event: SignedEvent): WriteDecision | null {
    try {
      judgeBudget(event, this.#rules.budget)
      return null
    } catch (error) {
      if (error instanceof CatalogFault) return refused('invalid', error.message)
      throw error
    }
  }

  #judgeTime (type: CatalogType, event: SignedEvent, now: number): WriteDecision | null {
    const { future, past } = this.#rules
    const { created_at: createdAt } = event
    if (createdAt > now + future) return refused('invalid', `created_at is more than ${future} s in the future: check the clock`)
    const oldest = type === 'advert' ? Math.min(past, ADVERT_MAX_AGE) : past
    if (createdAt < now - oldest) return refused('invalid', `created_at is more than ${oldest} s in the past`)
    if (type !== 'withdrawal' && (expirationOf(event) ?? Infinity) <= now) return refused('invalid', 'the event has expired')
    return null
  }

  /** Keys cost nothing, so that a cap for each bounds nobody: there is one for all of them together. */
  #count (pubkey: string, now: number): WriteDecision | null {
    const { perKeyPerHour, perHour } = this.#rules.strangers
    if (this.#perKey.wait(pubkey, now) > 0) return refused('rate-limited', `${perKeyPerHour} adverts an hour are taken from one key`)
    if (this.#inAll.take(ALL, now) > 0) return refused('rate-limited', `${perHour} adverts an hour are taken from all who are not named here`)
    this.#perKey.take(pubkey, now)
    return null
  }
}

function refused (prefix: 'blocked' | 'invalid' | 'rate-limited', words: string): WriteDecision {
  return { accepted: false, words: `${prefix}: ${words}` }
}
