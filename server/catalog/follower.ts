// Follows one relay: first everything from now on, then what it has stored since we last read it, page by page. Events go in by the one road
// (publish.ts) in batches; what is wrong with them is counted. Where it was is kept, so that neither restarts nor broken links lose a page.

import { backfill } from './backfill.ts'
import { RelayError } from './relay-error.ts'
import type { SignedEvent } from '../auth/signature.ts'
import type { RelayCursors } from './cursors.ts'
import type { Publisher } from './publish.ts'
import type { Relay } from './relay.ts'
import type { Filter, RelayLink } from './relay-link.ts'

export interface Topic {
  name: string
  filter: Filter
  /** Seconds: what was made longer ago is not read; null: everything is. */
  reach: number | null
}

export interface FollowerStatus {
  relay: string
  /** Following from now on, and has read what was stored. */
  caughtUp: boolean
  /** Events that came, and how many of them were new and good. */
  came: number
  taken: number
  /** How many were refused, by the code of what was wrong. */
  faults: Record<string, number>
  /** Events that no filter of ours asked for. */
  strays: number
  /** The last that went wrong; '' for nothing. */
  words: string
}

export interface FollowerParts {
  relay: Relay
  publisher: Pick<Publisher, 'takeBatch'>
  cursors: RelayCursors
  topics: readonly Topic[]
  /** Topics that are read once, from the beginning, for what the others brought too early: `readMore` says that they have changed. */
  more?: () => readonly Topic[]
  /** Unix milliseconds. */
  now: () => number
}

/** Seconds by which what was read last is read again: clocks differ, and relays take events that were made earlier. */
const OVERLAP = 3600
/** Seconds: everything is read anew this often, for events that came late with an early time. */
const FULL_EVERY = 7 * 24 * 3600
/** Seconds that an event may be made ahead of our clock. */
const AHEAD = 900
/** Events that came live are taken together, after so many milliseconds. */
const GATHER_MS = 50
const MOST_GATHERED = 500
/** Answers of one page may not be longer than asked; some relays add one. */
const SLACK = 10

/** What a relay that sends nothing but what we have or do not want costs: not worth a word. */
const QUIET = new Set<string>(['EVENT_KNOWN', 'EVENT_OLDER', 'AUTHOR_REFUSED', 'EVENT_DELETED', 'ADVERT_STALE', 'EVENT_EXPIRED', 'KIND_UNKNOWN', 'BUNDLE_OLDER', 'BUNDLE_EXPIRED', 'POINTER_OLDER', 'POINTER_EXPIRED'])

export class Follower {
  readonly #parts: FollowerParts
  readonly #status: FollowerStatus
  #gathered: SignedEvent[] = []
  #timer: NodeJS.Timeout | null = null
  #running: Promise<void> = Promise.resolve()
  /** The link that we gave up: that it then closes is not what was wrong. */
  #left: RelayLink | null = null

  constructor (parts: FollowerParts) {
    this.#parts = parts
    this.#status = { relay: parts.relay.url, caughtUp: false, came: 0, taken: 0, faults: {}, strays: 0, words: '' }
    parts.relay.onOpen((link) => { this.#running = this.#follow(link) })
  }

  get status (): FollowerStatus {
    return { ...this.#status, faults: { ...this.#status.faults } }
  }

  /** Resolves when the present link has been read to the end, or broke. */
  async settled (): Promise<void> {
    await this.#running
    this.#flush()
  }

  async #follow (link: RelayLink): Promise<void> {
    const { topics, relay } = this.#parts
    this.#status.caughtUp = false
    try {
      // first, so that nothing falls between; without `since`, for events that are published late with an early time
      for (const { filter } of topics) link.subscribe([{ ...filter, limit: 1 }], (event) => { this.#gather(event) }, (words) => { this.#ended(link, words) })
      for (const topic of topics) await this.#catchUp(link, topic)
      await this.#readMore(link)
      this.#status.caughtUp = true
      relay.praise()
    } catch (error) {
      // a relay that ends one answer badly may yet be a good one: the next link goes on from the cursor
      this.#ended(link, error instanceof RelayError ? error.words : String(error))
    }
  }

  /** To be called when there are other topics to be read once than before. */
  readMore (): void {
    const { link } = this.#parts.relay
    if (link === null) return // its opening reads them
    this.#running = this.#running.then(() => this.#readMore(link)).catch((error: unknown) => {
      this.#ended(link, error instanceof RelayError ? error.words : String(error))
    })
  }

  async #readMore (link: RelayLink): Promise<void> {
    const { cursors, relay, now, more = () => [] } = this.#parts
    for (const topic of more()) {
      if (!link.isOpen || cursors.get(relay.url, topic.name).fullAt > 0) continue
      const seconds = Math.floor(now() / 1000)
      await this.#read(link, topic, 0, seconds + AHEAD, seconds)
    }
  }

  /** The relay ended a subscription, or the link did: without it we follow nothing. */
  #ended (link: RelayLink, words: string): void {
    if (this.#left === link) return
    this.#left = link
    this.#status.caughtUp = false
    this.#status.words = words
    link.close()
  }

  async #catchUp (link: RelayLink, topic: Topic): Promise<void> {
    const { cursors, relay, now } = this.#parts
    const seconds = Math.floor(now() / 1000)
    let cursor = cursors.get(relay.url, topic.name)
    const floor = topic.reach === null ? 0 : seconds - topic.reach
    if (cursor.under !== null) {
      await this.#read(link, topic, Math.max(floor, cursor.readTo - OVERLAP), cursor.under.downTo, cursor.under.top)
      cursor = cursors.get(relay.url, topic.name)
    }
    const full = topic.reach === null && seconds - cursor.fullAt > FULL_EVERY
    await this.#read(link, topic, full ? 0 : Math.max(floor, cursor.readTo - OVERLAP, 0), seconds + AHEAD, seconds)
  }

  async #read (link: RelayLink, topic: Topic, since: number, until: number, top: number): Promise<void> {
    const { cursors, relay, now } = this.#parts
    const before = cursors.get(relay.url, topic.name)
    // what is read from the beginning does not count as read before it is
    const readTo = since === 0 ? 0 : before.readTo
    const found = await backfill({
      ask: (filter, onEvent) => link.ask(filter, onEvent, filter.limit! + SLACK),
      filter: topic.filter,
      since,
      until,
      onPage: (events) => { this.#take(events) },
      onProgress: (downTo) => { cursors.put(relay.url, topic.name, { ...before, readTo, under: { top, downTo } }) }
    })
    this.#status.strays += found.strays
    if (found.crowded.length > 0) this.#status.words = `more events of one second than it tells of (${found.crowded.length} times)`
    if (!found.complete) throw new RelayError(relay.url, `no end after ${found.pages} pages`)
    cursors.put(relay.url, topic.name, { readTo: top, under: null, fullAt: since === 0 ? Math.floor(now() / 1000) : before.fullAt })
  }

  #gather (event: SignedEvent): void {
    this.#gathered.push(event)
    if (this.#gathered.length >= MOST_GATHERED) this.#flush()
    else this.#timer ??= setTimeout(() => { this.#flush() }, GATHER_MS)
  }

  #flush (): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    const events = this.#gathered
    this.#gathered = []
    if (events.length > 0) this.#take(events)
  }

  #take (events: SignedEvent[]): void {
    const { taken, faults } = this.#parts.publisher.takeBatch(events)
    this.#status.came += events.length
    this.#status.taken += taken
    for (const [code, count] of faults) {
      this.#status.faults[code] = (this.#status.faults[code] ?? 0) + count
      if (!QUIET.has(code)) this.#status.words = `sent an event that was refused: ${code}`
    }
  }

  close (): void {
    this.#flush()
  }
}
