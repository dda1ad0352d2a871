// Says what this server has: an advert (30081) for each manifest, hash sequence and single blob that advert-targets.ts names, good for 48 hours, made anew
// after a day, and only after the bytes were looked at; taken back when the blob is gone. Knows nothing but the rows of its own adverts.

import { setImmediate, setTimeout as pause } from 'node:timers/promises'
import { formatAddress } from './address.ts'
import { dueAt, isOutdated, LEAST_BETWEEN } from './advert-times.ts'
import { ADVERT_CAPS } from './accept.ts'
import { ADVERT_LIFETIME, PROVIDER_ADVERT_KIND, buildProviderAdvert, buildWithdrawnAdvert } from './kinds/provider-advert.ts'
import { buildWithdrawal } from './kinds/withdrawal.ts'
import type { EventDraft } from '../auth/signature.ts'
import type { AdvertTargets, Target } from './advert-targets.ts'
import type { Outbox } from './outbox.ts'
import type { Possession } from './possession.ts'
import type { Publisher } from './publish.ts'
import type { OwnAdvertRows, StandingAdvert } from './rows/own-advert-rows.ts'

export interface AdvertiserParts {
  publisher: Pick<Publisher, 'publishOwn' | 'pubkey'>
  rows: OwnAdvertRows
  targets: Pick<AdvertTargets, 'wanted' | 'coverage' | 'mayTell'>
  possession: Pick<Possession, 'check'>
  outbox: Outbox
  /** URLs of the relays that are told. */
  relays: readonly string[]
  /** Something was put into the outbox. */
  onQueued: () => void
  /** Where our blobs are had: the origin of the public URL. */
  servers: () => readonly string[]
  /** Hears of what failed in the background, and of blobs whose bytes are not what they were. */
  onFault: (error: unknown, what: string) => void
  /** Unix milliseconds. */
  now: () => number
  /** From 0 to 1. */
  random?: () => number
  /** Waits so many milliseconds. */
  sleep?: (ms: number) => Promise<unknown>
}

/** Other servers take 2000 of one key: some room is left for those that are replaced while they are on their way. */
const MOST = ADVERT_CAPS.perAuthor - 100
/** Milliseconds between rounds. */
const ROUND_MS = 60_000
/** Milliseconds that a round may take: what was deleted meanwhile is taken back at the beginning of the next. */
const LONGEST_MS = 60_000
/** Events of one second: a relay cannot page through more than it tells at once. */
const PER_SECOND = 10
/** Lists whose coverage is counted in one round. */
const COUNTED = 40
/** Addresses that one kind 5 takes back. */
const TOGETHER = 50
/** Seconds for which withdrawals that a kill cut short are looked for. */
const UNFINISHED = 24 * 3600
/** Seconds until a blob that could not be shown to be here is looked at again. */
const AGAIN = { damaged: 24 * 3600, gone: 60, unproven: 3600, fault: 600 } as const

export class Advertiser {
  readonly #parts: AdvertiserParts & Required<Pick<AdvertiserParts, 'random' | 'sleep'>>
  /** By the id of an advert: when it is due, unix seconds. Drawn anew after a restart, from the same hours. */
  readonly #due = new Map<string, number>()
  /** By BLAKE3: when its coverage was counted, unix seconds. */
  readonly #counted = new Map<string, number>()
  /** By BLAKE3: not before, unix seconds. */
  readonly #waiting = new Map<string, number>()
  #second = 0
  #inSecond = 0
  #running: Promise<void> | null = null
  #timer: NodeJS.Timeout | null = null
  /** Some may wait for their kind 5: of this life, or of one that a kill ended. */
  #burying = true
  #closed = false
  #started = false
  #woken = false
  /** Unix milliseconds: so that looking is a fiftieth of the time. */
  #restUntil = 0

  constructor (parts: AdvertiserParts) {
    this.#parts = { random: Math.random, sleep: (ms) => pause(ms, undefined, { ref: false }), ...parts }
  }

  /** How many of our adverts stand. */
  get live (): number {
    return this.#parts.rows.count(Math.floor(this.#parts.now() / 1000))
  }

  /** Tells relays what a kill kept from them, and begins. */
  start (): void {
    const { rows, relays, outbox, onQueued, now } = this.#parts
    const since = Math.floor(now() / 1000) - ADVERT_LIFETIME
    for (const relay of relays) for (const event of rows.untold(relay, since)) outbox.queue(event, [relay], now())
    onQueued()
    this.#started = true
    this.#schedule(0)
  }

  /** Something was deleted, blocked or found damaged: looks in a second instead of in its time. */
  wake (): void {
    if (!this.#started || this.#woken) return
    this.#woken = true
    if (this.#running !== null) return // soon after its end
    this.#schedule(Math.max(1000, this.#restUntil - this.#parts.now()))
  }

  #schedule (ms: number): void {
    if (this.#closed) return
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = setTimeout(() => { void this.#take() }, ms)
    this.#timer.unref()
  }

  async #take (): Promise<void> {
    const { now, onFault } = this.#parts
    const began = now()
    let looked = 0
    this.#woken = false
    try {
      await this.round(() => { looked = now() - began })
    } catch (error) {
      onFault(error, 'adverts could not be made')
    }
    this.#restUntil = now() + 50 * looked
    this.#schedule(Math.max(this.#woken ? 1000 : ROUND_MS, 50 * looked))
  }

  /** Takes back what is no longer so, and says what is new or due. One at a time. Rejects with StoreError; the next one goes on. */
  round (onLooked: () => void = () => {}): Promise<void> {
    this.#running ??= this.#round(onLooked).finally(() => { this.#running = null })
    return this.#running
  }

  async #round (onLooked: () => void): Promise<void> {
    const { rows, targets, now } = this.#parts
    const began = now()
    const wanted = await targets.wanted(Math.floor(began / 1000), MOST)
    const standing = rows.standing(Math.floor(now() / 1000))
    onLooked()
    this.#forget(wanted, standing)
    for (const advert of standing.values()) if (!wanted.has(advert.blake3)) await this.#takeBack(advert)
    await this.#bury()
    // those that stand first, the oldest before others: what is new waits rather than that something ends
    const order = [...standing.keys(), ...[...wanted.keys()].filter((blake3) => !standing.has(blake3))]
    let counts = COUNTED
    for (const blake3 of order) {
      const target = wanted.get(blake3)
      if (target === undefined) continue
      if (this.#closed || now() - began > LONGEST_MS) return
      const advert = standing.get(blake3) ?? null
      const counting = counts > 0
      const why = this.#reason(target, advert, counting)
      if (why.counted) {
        counts--
        await setImmediate() // thousands of rows each: others get their turn between two
      }
      if (why.due) await this.#say(target, advert)
    }
    await this.#bury()
  }

  #forget (wanted: ReadonlyMap<string, Target>, standing: ReadonlyMap<string, StandingAdvert>): void {
    const events = new Set([...standing.values()].map(({ event }) => event))
    for (const event of this.#due.keys()) if (!events.has(event)) this.#due.delete(event)
    for (const map of [this.#counted, this.#waiting]) for (const blake3 of map.keys()) if (!wanted.has(blake3)) map.delete(blake3)
  }

  #reason (target: Target, advert: StandingAdvert | null, mayCount: boolean): { due: boolean, counted: boolean } {
    const { targets, servers, now, random } = this.#parts
    const seconds = Math.floor(now() / 1000)
    if (seconds < (this.#waiting.get(target.blake3) ?? 0)) return { due: false, counted: false }
    if (advert === null) return { due: true, counted: false }
    let due = this.#due.get(advert.event)
    if (due === undefined) this.#due.set(advert.event, due = dueAt(advert.created_at, random()))
    if (seconds >= due) return { due: true, counted: false }
    if (seconds < advert.created_at + LEAST_BETWEEN) return { due: false, counted: false }
    if (isOutdated(advert, target, servers(), advert.coverage)) return { due: true, counted: false }
    if (target.scope === 'blob' || !mayCount || seconds < (this.#counted.get(target.blake3) ?? 0) + LEAST_BETWEEN) return { due: false, counted: false }
    this.#counted.set(target.blake3, seconds)
    return { due: isOutdated(advert, target, servers(), targets.coverage(target)), counted: true }
  }

  /** Makes the advert, if the bytes are here. */
  async #say (target: Target, advert: StandingAdvert | null): Promise<void> {
    const { possession, targets, servers, onFault, now } = this.#parts
    const { blake3, sha256, scope, size } = target
    const wait = (why: keyof typeof AGAIN): void => { this.#waiting.set(blake3, Math.floor(now() / 1000) + AGAIN[why]) }
    try {
      const possessed = await possession.check(sha256)
      // blocked while it was read: the next round takes it back
      if (this.#closed || !targets.mayTell(sha256)) return
      if (possessed === 'held') {
        await this.#publish((createdAt) => buildProviderAdvert({ blake3, sha256, scope, coverage: targets.coverage(target), servers: [...servers()], size }, createdAt))
        if (advert !== null) this.#parts.outbox.drop(advert.event)
        return
      }
      wait(possessed)
      // what is only unproven ends by itself
      if (possessed === 'damaged' || possessed === 'gone') {
        if (possessed === 'damaged') onFault(new Error(`${sha256} is damaged`), 'a blob that was to be advertised is not what it was')
        if (advert !== null) await this.#takeBack(advert)
      }
    } catch (error) {
      wait('fault')
      onFault(error, 'an advert could not be made')
    }
  }

  /** Replaced by one without any way to us: of the newest version alone all relays agree. */
  async #takeBack ({ blake3, sha256, event }: StandingAdvert): Promise<void> {
    this.#burying = true
    await this.#publish((createdAt) => buildWithdrawnAdvert({ blake3, sha256 }, createdAt))
    this.#parts.outbox.drop(event)
  }

  /** Then deleted, also what a kill left at the replacement. */
  async #bury (): Promise<void> {
    const { rows, publisher, now } = this.#parts
    if (!this.#burying) return
    const unburied = rows.unburied(Math.floor(now() / 1000) - UNFINISHED)
    for (let at = 0; at < unburied.length; at += TOGETHER) {
      const some = unburied.slice(at, at + TOGETHER)
      const newest = Math.max(...some.map(({ created_at }) => created_at))
      const addresses = some.map(({ blake3 }) => formatAddress({ kind: PROVIDER_ADVERT_KIND, pubkey: publisher.pubkey, d: blake3 }))
      await this.#publish((createdAt) => buildWithdrawal({ ids: some.flatMap(({ ids }) => ids), addresses }, Math.max(createdAt, newest)))
    }
    this.#burying = false
  }

  async #publish (build: (createdAt: number) => EventDraft): Promise<void> {
    const { publisher, outbox, relays, onQueued, now, sleep } = this.#parts
    const second = Math.floor(now() / 1000)
    if (second !== this.#second) [this.#second, this.#inSecond] = [second, 0]
    if (++this.#inSecond > PER_SECOND) {
      await sleep(1000 - now() % 1000)
      ;[this.#second, this.#inSecond] = [Math.floor(now() / 1000), 1]
    }
    const { parsed: { event } } = await publisher.publishOwn(build)
    outbox.queue(event, relays, now())
    onQueued()
  }

  /** Resolves when nothing of it runs any more. */
  async close (): Promise<void> {
    this.#closed = true
    if (this.#timer !== null) clearTimeout(this.#timer)
    await this.#running?.catch(() => {})
  }
}
