// One configured relay: a link that is kept open for as long as the server runs, with growing pauses between attempts, and what is known of it
// for `marquee relays` and the metrics.

import { pauseAfter } from './backoff.ts'
import { RelayLink } from './relay-link.ts'
import { RelayError } from './relay-error.ts'
import type { Backoff } from './backoff.ts'
import type { RelayLinkParts } from './relay-link.ts'

export interface RelayStatus {
  url: string
  state: 'connecting' | 'open' | 'waiting' | 'closed'
  /** Unix milliseconds: since when. */
  since: number
  /** Attempts in a row that failed. */
  failures: number
  /** The last thing that went wrong; '' for nothing yet. */
  words: string
  /** Messages of this link that were none, or that nobody had asked for. */
  faults: number
}

export interface RelayParts extends Omit<RelayLinkParts, 'onEnd'> {
  backoff?: Backoff
  /** From 0 to 1. */
  random?: () => number
}

const BACKOFF: Backoff = { first: 1000, most: 300_000 }
/** A link that lived this long was a good one: the next failure is the first again. */
const GOOD_MS = 60_000

export class Relay {
  readonly url: string
  readonly #parts: RelayParts
  readonly #users: ((link: RelayLink) => void)[] = []
  #status: RelayStatus
  #link: RelayLink | null = null
  #timer: NodeJS.Timeout | null = null

  constructor (parts: RelayParts) {
    this.url = parts.url
    this.#parts = parts
    this.#status = { url: parts.url, state: 'closed', since: parts.now(), failures: 0, words: '', faults: 0 }
  }

  get status (): RelayStatus {
    return { ...this.#status, faults: this.#status.faults + (this.#link?.faults ?? 0) }
  }

  /** The open link, or null. */
  get link (): RelayLink | null {
    return this.#link?.isOpen === true ? this.#link : null
  }

  /** `use` is called with every link that opens. */
  onOpen (use: (link: RelayLink) => void): void {
    this.#users.push(use)
  }

  start (): void {
    if (this.#status.state === 'closed') this.#connect()
  }

  #connect (): void {
    this.#turn('connecting')
    const { now } = this.#parts
    let opened = 0
    const link = new RelayLink({
      ...this.#parts,
      onEnd: (words) => {
        if (this.#link === link) this.#fail(words, now() - opened > GOOD_MS)
      }
    })
    this.#link = link
    link.open().then(() => {
      if (this.#link !== link) return void link.close() // closed meanwhile
      opened = now()
      this.#turn('open')
      for (const use of this.#users) use(link)
    }, (error: unknown) => {
      if (this.#link === link) this.#fail(error instanceof RelayError ? error.words : String(error), false)
    })
  }

  #fail (words: string, wasGood: boolean): void {
    this.#status.faults += this.#link?.faults ?? 0
    this.#link = null
    this.#status.words = words
    this.#status.failures = wasGood ? 1 : this.#status.failures + 1
    this.#turn('waiting')
    const { backoff = BACKOFF, random = Math.random } = this.#parts
    this.#timer = setTimeout(() => { this.#connect() }, pauseAfter(this.#status.failures, backoff, random()))
    this.#timer.unref()
  }

  /** What was asked went well: the pauses begin anew. */
  praise (): void {
    this.#status.failures = 0
  }

  #turn (state: RelayStatus['state']): void {
    this.#status.state = state
    this.#status.since = this.#parts.now()
  }

  close (): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#link?.close()
    this.#link = null
    this.#turn('closed')
  }
}
