// What is still to be told to relays, in SQLite, so that it survives restarts (design §5): a row for each event and relay. With the audit log
// the one thing in the database that no store can give back.

import type { Database, Statement } from '../database.ts'
import type { SignedEvent } from '../auth/signature.ts'

export type OutboxState = 'waiting' | 'done' | 'refused'

/** What one relay made of one event. */
export interface Told {
  relay: string
  state: OutboxState
  attempts: number
  /** The relay's own, or why it could not be asked. */
  words: string
}

export interface OutboxSummary {
  relay: string
  waiting: number
  done: number
  refused: number
  /** Unix milliseconds; null when nothing waits. */
  oldest: number | null
}

/** An event that waits, with how often it was tried. */
export interface Waiting {
  event: SignedEvent
  attempts: number
}

const DONE_KEPT_MS = 7 * 24 * 3600_000

export class Outbox {
  readonly #queue: Statement<[{ event: Buffer, relay: string, raw: string, now: number }]>
  readonly #due: Statement<[string, number, number], { raw: string, attempts: number }>
  readonly #next: Statement<[string], { at: number | null }>
  readonly #turn: Statement<[OutboxState, number, string, Buffer, string]>
  readonly #told: Statement<[Buffer], Told>
  readonly #summary: Statement<[], OutboxSummary>
  readonly #waiting: Statement<[], { relay: string, waiting: number }>
  readonly #refused: Statement<[string, number], { event: Buffer, raw: string, words: string }>
  readonly #drop: Statement<[number]>
  readonly #dropWaiting: Statement<[Buffer]>
  readonly #queueAll: (event: SignedEvent, relays: readonly string[], now: number) => void

  constructor (database: Database) {
    // an event that was refused, or is being told again on purpose, starts anew
    this.#queue = database.prepare(`
      INSERT INTO outbox (event, relay, raw, state, attempts, next_at, queued_at, words) VALUES (@event, @relay, @raw, 'waiting', 0, @now, @now, '')
      ON CONFLICT (event, relay) DO UPDATE SET state = 'waiting', next_at = @now WHERE state = 'refused'`)
    this.#due = database.prepare("SELECT raw, attempts FROM outbox WHERE relay = ? AND state = 'waiting' AND next_at <= ? ORDER BY next_at LIMIT ?")
    this.#next = database.prepare("SELECT min(next_at) AS at FROM outbox WHERE relay = ? AND state = 'waiting'")
    this.#turn = database.prepare('UPDATE outbox SET state = ?, attempts = attempts + 1, next_at = ?, words = ? WHERE event = ? AND relay = ?')
    this.#told = database.prepare('SELECT relay, state, attempts, words FROM outbox WHERE event = ? ORDER BY relay')
    this.#summary = database.prepare(`
      SELECT relay, count(*) FILTER (WHERE state = 'waiting') AS waiting, count(*) FILTER (WHERE state = 'done') AS done,
        count(*) FILTER (WHERE state = 'refused') AS refused, min(queued_at) FILTER (WHERE state = 'waiting') AS oldest
      FROM outbox GROUP BY relay ORDER BY relay`)
    this.#waiting = database.prepare("SELECT relay, count(*) AS waiting FROM outbox WHERE state = 'waiting' GROUP BY relay")
    this.#refused = database.prepare("SELECT event, raw, words FROM outbox WHERE relay = ? AND state = 'refused' ORDER BY queued_at DESC LIMIT ?")
    this.#drop = database.prepare("DELETE FROM outbox WHERE state = 'done' AND next_at < ?")
    this.#dropWaiting = database.prepare("DELETE FROM outbox WHERE event = ? AND state = 'waiting'")
    this.#queueAll = database.transaction((event: SignedEvent, relays: readonly string[], now: number) => {
      for (const relay of relays) this.#queue.run({ event: Buffer.from(event.id, 'hex'), relay, raw: JSON.stringify(event), now })
    })
  }

  /** @param now unix milliseconds */
  queue (event: SignedEvent, relays: readonly string[], now: number): void {
    this.#queueAll(event, relays, now)
  }

  /** What this relay is to be told now, the longest due first. */
  due (relay: string, now: number, limit: number): Waiting[] {
    return this.#due.all(relay, now, limit).map(({ raw, attempts }) => ({ event: JSON.parse(raw) as SignedEvent, attempts }))
  }

  /** When the next is due, unix milliseconds; null when nothing waits. */
  nextDue (relay: string): number | null {
    return this.#next.get(relay)!.at
  }

  /** The relay has it, and when. */
  done (id: string, relay: string, words: string, now: number): void {
    this.#turn.run('done', now, words, Buffer.from(id, 'hex'), relay)
  }

  /** The relay will not have it, ever. */
  refused (id: string, relay: string, words: string, now: number): void {
    this.#turn.run('refused', now, words, Buffer.from(id, 'hex'), relay)
  }

  /** It did not go through; it is due again at `at`. */
  failed (id: string, relay: string, words: string, at: number): void {
    this.#turn.run('waiting', at, words, Buffer.from(id, 'hex'), relay)
  }

  /** What became of an event at each relay it was queued for. */
  told (id: string): Told[] {
    return this.#told.all(Buffer.from(id, 'hex'))
  }

  summary (): OutboxSummary[] {
    return this.#summary.all()
  }

  /** How much waits for each relay that something waits for: out of the index alone. */
  waiting (): Map<string, number> {
    return new Map(this.#waiting.all().map(({ relay, waiting }) => [relay, waiting]))
  }

  /** The newest that a relay refused, with its words. */
  refusals (relay: string, limit: number): { id: string, kind: number, words: string }[] {
    return this.#refused.all(relay, limit).map(({ event, raw, words }) => ({ id: event.toString('hex'), kind: (JSON.parse(raw) as SignedEvent).kind, words }))
  }

  /** A newer version took its place: relays that were not told of it yet need not be. */
  drop (id: string): void {
    this.#dropWaiting.run(Buffer.from(id, 'hex'))
  }

  /** Forgets what was done a week ago. */
  sweep (now: number): void {
    this.#drop.run(now - DONE_KEPT_MS)
  }
}
