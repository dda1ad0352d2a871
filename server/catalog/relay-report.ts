// What the operator is told of relays, by `marquee relays` and the metrics: how each link stands, what waits for it and what it refused, how far it was
// read. Of a server that runs, or of its tables alone.

import { RelayCursors } from './cursors.ts'
import { Outbox } from './outbox.ts'
import type { Database } from '../database.ts'
import type { TopicCursor } from './cursors.ts'
import type { Follower, FollowerStatus } from './follower.ts'
import type { OutboxSummary } from './outbox.ts'
import type { Relay, RelayStatus } from './relay.ts'

export interface RelayLine {
  url: string
  /** False: something of it is left in the outbox, and nobody connects to it any more. */
  configured: boolean
  /** Null: no server runs. */
  link: Omit<RelayStatus, 'url'> | null
  outbox: Omit<OutboxSummary, 'relay'>
  /** The newest, with the relay's words. */
  refusals: { id: string, kind: number, words: string }[]
  /** Null: no server runs. */
  following: Omit<FollowerStatus, 'relay'> | null
  /** How far each topic was read, unix seconds. */
  read: TopicCursor[]
}

export interface RelayReportParts {
  database: Database
  /** URLs, as they are configured. */
  urls: readonly string[]
  /** Of a server that runs. */
  relays?: readonly Pick<Relay, 'status'>[]
  followers?: readonly Pick<Follower, 'status'>[]
  /** How many of our own adverts stand. */
  adverts?: () => number
}

const REFUSALS = 5
const NOTHING: RelayLine['outbox'] = { waiting: 0, done: 0, refused: 0, oldest: null }

export class RelayReport {
  readonly #parts: Required<RelayReportParts>
  readonly #outbox: Outbox
  readonly #cursors: RelayCursors

  constructor (parts: RelayReportParts) {
    this.#parts = { relays: [], followers: [], adverts: () => 0, ...parts }
    this.#outbox = new Outbox(parts.database)
    this.#cursors = new RelayCursors(parts.database)
  }

  /** Those that are configured in their order, then those of which something is left. */
  lines (): RelayLine[] {
    const { urls, relays, followers } = this.#parts
    const links = new Map(relays.map(({ status: { url, ...link } }) => [url, link]))
    const following = new Map(followers.map(({ status: { relay, ...status } }) => [relay, status]))
    const told = new Map(this.#outbox.summary().map(({ relay, ...summary }) => [relay, summary]))
    return [...new Set([...urls, ...told.keys()])].map((url) => ({
      url, configured: urls.includes(url), link: links.get(url) ?? null, outbox: told.get(url) ?? NOTHING, refusals: this.#outbox.refusals(url, REFUSALS),
      following: following.get(url) ?? null, read: this.#cursors.of(url)
    }))
  }

  /** 1 for each relay whose link is open. */
  up (): { relay: string, value: number }[] {
    return this.#parts.relays.map(({ status: { url, state } }) => ({ relay: url, value: state === 'open' ? 1 : 0 }))
  }

  waiting (): { relay: string, value: number }[] {
    const waiting = this.#outbox.waiting()
    return [...new Set([...this.#parts.urls, ...waiting.keys()])].map((relay) => ({ relay, value: waiting.get(relay) ?? 0 }))
  }

  /** What came from each since the start: new and good, here already, refused. */
  events (): { relay: string, outcome: 'taken' | 'known' | 'refused', value: number }[] {
    return this.#parts.followers.flatMap(({ status: { relay, taken, faults } }) => {
      const { EVENT_KNOWN: known = 0, ...others } = faults
      const refused = Object.values(others).reduce((sum, count) => sum + count, 0)
      return [{ relay, outcome: 'taken' as const, value: taken }, { relay, outcome: 'known' as const, value: known }, { relay, outcome: 'refused' as const, value: refused }]
    })
  }

  get adverts (): number {
    return this.#parts.adverts()
  }
}
