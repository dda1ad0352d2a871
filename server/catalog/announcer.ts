// Empties the outbox of one relay whenever it is reachable: a few events at a time, slower when the relay says so, and each verdict is kept.
// NIP-01's machine-readable prefixes rule: `duplicate:` is success, `rate-limited:` slows down, `blocked:`, `invalid:`, `restricted:` and
// `pow:` stop, anything else is tried again.

import { pauseAfter } from './backoff.ts'
import { expirationOf } from './versions.ts'
import type { Backoff } from './backoff.ts'
import type { Outbox, Waiting } from './outbox.ts'
import type { RelayLink } from './relay-link.ts'
import type { Relay } from './relay.ts'

export interface AnnouncerParts {
  relay: Relay
  outbox: Outbox
  /** Milliseconds. */
  now: () => number
  backoff?: Backoff
  /** From 0 to 1. */
  random?: () => number
}

/** Between attempts to tell one event. */
const BACKOFF: Backoff = { first: 5000, most: 3600_000 }
/** How many events are under way at a time. */
const AT_ONCE = 8

/** What a relay's verdict means for the event. */
export function judgeVerdict (accepted: boolean, words: string): 'done' | 'refused' | 'slow' | 'again' {
  // nostr-rs-relay says `replaced:`, or `duplicate:`, of an address whose newer version it has
  if (accepted || /^(duplicate|replaced):/.test(words)) return 'done'
  // nostr-rs-relay puts `blocked: ` before all that its admission service refuses
  if (/^(blocked: )?rate-limited:/.test(words)) return 'slow'
  return /^(blocked|invalid|restricted|pow|auth-required):/.test(words) ? 'refused' : 'again'
}

export class Announcer {
  readonly #parts: AnnouncerParts
  #running: Promise<void> | null = null
  #timer: NodeJS.Timeout | null = null
  /** `rate-limited:` in a row. */
  #slowed = 0
  /** Unix milliseconds: nothing is told to this relay before. */
  #notBefore = 0
  #closed = false

  constructor (parts: AnnouncerParts) {
    this.#parts = parts
    parts.relay.onOpen(() => { this.wake() })
  }

  /** Something may be due. */
  wake (): void {
    if (this.#closed || this.#running !== null) return
    this.#running = this.#run().finally(() => {
      this.#running = null
      this.#sleep()
    })
  }

  /** Resolves when what was due has been told, or could not be. */
  async settled (): Promise<void> {
    await this.#running
  }

  #sleep (): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    const { outbox, relay, now } = this.#parts
    if (this.#closed || relay.link === null) return // its opening wakes us
    const next = outbox.nextDue(relay.url)
    if (next === null) return
    const pause = Math.max(next, this.#notBefore) - now()
    this.#timer = setTimeout(() => { this.wake() }, Math.min(Math.max(100, pause), 2 ** 31 - 1))
    this.#timer.unref()
  }

  async #run (): Promise<void> {
    const { outbox, relay, now } = this.#parts
    for (;;) {
      const { link } = relay
      if (this.#closed || link === null || now() < this.#notBefore) return
      const due = outbox.due(relay.url, now(), this.#slowed > 0 ? 1 : AT_ONCE)
      if (due.length === 0) return
      const fast = await Promise.all(due.map((waiting) => this.#tell(link, waiting)))
      if (fast.includes(false)) return
    }
  }

  /** False when the relay wants us to slow down, or is gone. */
  async #tell (link: RelayLink, { event, attempts }: Waiting): Promise<boolean> {
    const { outbox, relay, now, backoff = BACKOFF, random = Math.random } = this.#parts
    if ((expirationOf(event) ?? Infinity) * 1000 <= now()) { // a relay that was away for long; not every one says `invalid:` of it
      outbox.refused(event.id, relay.url, 'it expired before this relay could be told', now())
      return true
    }
    let verdict: { accepted: boolean, words: string }
    try {
      verdict = await link.publish(event)
    } catch (error) {
      outbox.failed(event.id, relay.url, error instanceof Error ? error.message : String(error), now() + pauseAfter(attempts + 1, backoff, random()))
      return false
    }
    const { words } = verdict
    const meaning = judgeVerdict(verdict.accepted, words)
    if (meaning === 'slow') {
      this.#notBefore = now() + pauseAfter(++this.#slowed, backoff, random())
      outbox.failed(event.id, relay.url, words, this.#notBefore)
      return false
    }
    this.#slowed = 0
    if (meaning === 'done') {
      outbox.done(event.id, relay.url, words, now())
      relay.praise()
    } else if (meaning === 'refused') {
      outbox.refused(event.id, relay.url, words, now())
    } else {
      outbox.failed(event.id, relay.url, words === '' ? 'refused without a word' : words, now() + pauseAfter(attempts + 1, backoff, random()))
    }
    return true
  }

  close (): void {
    this.#closed = true
    if (this.#timer !== null) clearTimeout(this.#timer)
  }
}
