// ★ The catalog in SQLite: the log of accepted events and the tables folded from it, changed together in one transaction (design §1.4). Any order of
// arrival, with duplicates, ends in the same tables; `rebuild` gives them again from the log.

import { addressOf, formatAddress, readAddress } from './address.ts'
import { eventId } from './event-id.ts'
import { EventLog } from './event-log.ts'
import { Projection } from './projection.ts'
import { PROVIDER_ADVERT_KIND, ADVERT_MAX_AGE } from './kinds/provider-advert.ts'
import { WITHDRAWAL_KIND } from './kinds/withdrawal.ts'
import { TombstoneRows } from './tombstone-rows.ts'
import { marksOf, standingOf, touchedBy, versionOf, winnerOf } from './versions.ts'
import type { Database } from '../database.ts'
import type { SignedEvent } from '../auth/signature.ts'
import type { Address } from './address.ts'
import type { CatalogEvent } from './catalog-event.ts'
import type { Entry } from './event-log.ts'
import type { Standing, Version } from './versions.ts'

export interface Rebuilt {
  events: number
  /** Places of entries that are not what they were: left in the log, and out of the tables. */
  damaged: number[]
}

const STEP = 1000

export class CatalogStore {
  readonly log: EventLog
  readonly #database: Database
  readonly #projection: Projection
  readonly #tombstones: TombstoneRows
  readonly #addAll: (events: readonly CatalogEvent[]) => (number | null)[]
  readonly #waiting: { parsed: CatalogEvent, resolve: (seq: number | null) => void, reject: (error: unknown) => void }[] = []
  /** Told after the transaction of each batch. */
  readonly #listeners = new Set<(events: readonly { seq: number, parsed: CatalogEvent }[]) => void>()

  constructor (database: Database) {
    this.#database = database
    this.log = new EventLog(database)
    this.#projection = new Projection(database)
    this.#tombstones = new TombstoneRows(database)
    this.#addAll = database.transaction((events: readonly CatalogEvent[]) => events.map((parsed) => this.#addOne(parsed)))
  }

  /** Appends an event that `judgeEvent` let pass; its place in the log, or null when it is there already. */
  add (parsed: CatalogEvent): number | null {
    return this.addAll([parsed])[0]!
  }

  /** The same for many, in one transaction. */
  addAll (events: readonly CatalogEvent[]): (number | null)[] {
    const seqs = this.#addAll(events)
    const fresh = seqs.flatMap((seq, index) => seq === null ? [] : [{ seq, parsed: events[index]! }])
    if (fresh.length > 0) for (const listener of this.#listeners) listener(fresh)
    return seqs
  }

  /** The same as `add`, in one transaction with whatever else comes in this turn of the event loop. */
  addTogether (parsed: CatalogEvent): Promise<number | null> {
    return new Promise((resolve, reject) => {
      if (this.#waiting.push({ parsed, resolve, reject }) === 1) setImmediate(() => { this.#addWaiting() })
    })
  }

  #addWaiting (): void {
    const waiting = this.#waiting.splice(0)
    try {
      const seqs = this.addAll(waiting.map(({ parsed }) => parsed))
      for (const [index, { resolve }] of waiting.entries()) resolve(seqs[index]!)
    } catch (error) {
      for (const { reject } of waiting) reject(error)
    }
  }

  /** `listener` hears of every event once it is in the tables; call what comes back to end that. */
  onAdded (listener: (events: readonly { seq: number, parsed: CatalogEvent }[]) => void): () => void {
    this.#listeners.add(listener)
    return () => { this.#listeners.delete(listener) }
  }

  /** How an event stands to what is kept. */
  standing (event: SignedEvent): Standing {
    const known = this.log.get(event.id) !== null
    if (known) return 'known'
    const address = addressOf(event)
    return standingOf(versionOf(event), address === null ? [] : this.#versions(address), this.#tombstones)
  }

  #addOne (parsed: CatalogEvent): number | null {
    const { event } = parsed
    const address = addressOf(event)
    const seq = this.log.append(event, address === null ? '' : readAddress(address)!.d)
    if (seq === null) return null
    const marks = marksOf(event)
    if (marks !== null) this.#tombstones.add(marks)
    const touched = touchedBy(event)
    for (const each of new Set(touched.addresses)) this.#refresh(each, parsed)
    for (const id of touched.ids) this.#refreshId(id, parsed)
    return seq
  }

  /** What an id stands for may have changed: its address, or itself where it is a regular event. */
  #refreshId (id: string, parsed: CatalogEvent): void {
    const event = id === parsed.event.id ? parsed.event : this.log.event(id)
    if (event === null) return
    const address = addressOf(event)
    if (address !== null) this.#refresh(address, parsed)
    else if (winnerOf([versionOf(event)], this.#tombstones) === null) this.#projection.clearRegular(id)
    else this.#projection.show(event)
  }

  #versions (address: string): Version[] {
    const { kind, pubkey, d } = readAddress(address)!
    return this.log.versions(kind, pubkey, d).map(({ id, created_at }) => ({ id, pubkey, kind, created_at, address, endsAt: null }))
  }

  /** The tables say of this address what its live version says. */
  #refresh (address: string, parsed: CatalogEvent | null): void {
    const winner = winnerOf(this.#versions(address), this.#tombstones)
    if (winner !== null && winner.id === parsed?.event.id) return this.#projection.show(parsed.event, parsed)
    this.#projection.clear(readAddress(address)!)
    const event = winner === null ? null : this.log.event(winner.id)
    if (event !== null) this.#projection.show(event)
  }

  /** Lets go of adverts that can never count again, some at a time; how many entries went. @param now unix seconds */
  sweep (now: number, limit = STEP): number {
    return this.#projection.adverts.sweep(now, limit) + this.log.drop(PROVIDER_ADVERT_KIND, now - ADVERT_MAX_AGE, limit)
  }

  /**
   * Empties the tables and folds the log again, in one transaction. Every id is checked, and with `verify` every signature.
   * @param verify true when an event is signed by its key
   */
  rebuild (verify: ((event: SignedEvent) => boolean) | null, onProgress: (events: number) => void = () => {}): Rebuilt {
    return this.#database.transaction(() => this.#rebuild(verify, onProgress))()
  }

  #rebuild (verify: ((event: SignedEvent) => boolean) | null, onProgress: (events: number) => void): Rebuilt {
    this.#projection.empty()
    const sound = (entry: Entry): SignedEvent | null => {
      const event = eventIn(entry)
      return event !== null && verify?.(event) !== false ? event : null
    }
    // every mark first: then each event is decided as it is met
    for (const entry of this.log.ofKind(WITHDRAWAL_KIND, STEP)) {
      const event = sound(entry)
      const marks = event === null ? null : marksOf(event)
      if (marks !== null) this.#tombstones.add(marks)
    }
    const result: Rebuilt = { events: 0, damaged: [] }
    const damaged = new Map<string, Address>()
    for (const entry of this.log.entries(STEP)) {
      const event = sound(entry)
      if (event === null) {
        result.damaged.push(entry.seq)
        damaged.set(entry.id.toString('hex'), { kind: entry.kind, pubkey: entry.pubkey.toString('hex'), d: entry.d })
        continue
      }
      const address = addressOf(event)
      const winner = winnerOf(address === null ? [versionOf(event)] : this.#versions(address), this.#tombstones)
      if (winner?.id === event.id) this.#projection.show(event)
      if (++result.events % STEP === 0) onProgress(result.events)
    }
    // where one of them would have won, another does
    for (const address of new Set([...damaged.values()].map(formatAddress))) {
      const winner = readAddress(address) === null ? null : winnerOf(this.#versions(address).filter(({ id }) => !damaged.has(id)), this.#tombstones)
      const event = winner === null ? null : this.log.event(winner.id)
      if (event !== null) this.#projection.show(event)
    }
    return result
  }
}

/** The event of an entry; null when it is not what it was: its id is not its hash, or the row says other things than it. */
function eventIn ({ id, pubkey, kind, d, created_at: createdAt, raw }: Entry): SignedEvent | null {
  const event = readRaw(raw)
  if (event === null || event.id !== id.toString('hex') || event.pubkey !== pubkey.toString('hex') || event.kind !== kind || event.created_at !== createdAt) return null
  if (eventId(event.pubkey, event) !== event.id) return null
  const address = addressOf(event)
  return d === (address === null ? '' : readAddress(address)!.d) ? event : null
}

function readRaw (raw: string): SignedEvent | null {
  try {
    return JSON.parse(raw) as SignedEvent
  } catch {
    return null
  }
}
