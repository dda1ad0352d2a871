// The log of accepted events, in SQLite: appended to and read, never changed (design §1.4). What can never count again is let go of: provider
// adverts over their time.

import type { Database, Statement } from '../database.ts'
import type { SignedEvent } from '../auth/signature.ts'

export interface LoggedEvent {
  /** The order of arrival here. */
  seq: number
  /** As it was signed. */
  raw: string
}

/** One version of an address. */
export interface Version {
  id: string
  created_at: number
}

/** A whole row: what it says besides `raw` is what finds it. */
export interface Entry extends LoggedEvent {
  id: Buffer
  pubkey: Buffer
  kind: number
  d: string
  created_at: number
}

interface VersionRow {
  id: Buffer
  created_at: number
}

const ENTRY = 'seq, id, pubkey, kind, d, created_at, raw'

export class EventLog {
  readonly #append: Statement<[Buffer, Buffer, number, string, number, string]>
  readonly #get: Statement<[Buffer], LoggedEvent>
  readonly #versions: Statement<[number, Buffer, string], VersionRow>
  readonly #since: Statement<[number, number], LoggedEvent>
  readonly #ofKind: Statement<[number, number, number, number], Entry>
  readonly #last: Statement<[], { seq: number | null }>
  readonly #goOn: Statement<[{ seq: number }]>
  readonly #entries: Statement<[number, number], Entry>
  readonly #newest: Statement<[Buffer, number], { created_at: number | null }>
  readonly #drop: Statement<[number, number, number]>

  constructor (database: Database) {
    this.#append = database.prepare('INSERT INTO events (id, pubkey, kind, d, created_at, raw) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING')
    this.#get = database.prepare('SELECT seq, raw FROM events WHERE id = ?')
    this.#versions = database.prepare('SELECT id, created_at FROM events WHERE kind = ? AND pubkey = ? AND d = ?')
    this.#since = database.prepare('SELECT seq, raw FROM events WHERE seq > ? ORDER BY seq LIMIT ?')
    this.#ofKind = database.prepare(`SELECT ${ENTRY} FROM events WHERE kind = ? AND (created_at, seq) > (?, ?) ORDER BY created_at, seq LIMIT ?`)
    this.#last = database.prepare('SELECT max(seq) AS seq FROM events')
    this.#goOn = database.prepare("UPDATE sqlite_sequence SET seq = max(seq, @seq) WHERE name = 'events'")
    this.#entries = database.prepare(`SELECT ${ENTRY} FROM events WHERE seq > ? ORDER BY seq LIMIT ?`)
    this.#newest = database.prepare('SELECT max(created_at) AS created_at FROM events WHERE pubkey = ? AND kind = ?')
    this.#drop = database.prepare('DELETE FROM events WHERE seq IN (SELECT seq FROM events WHERE kind = ? AND created_at < ? LIMIT ?)')
  }

  /** Its place in the log; null when it is there already. `d`: of its address; '' for kinds without. */
  append (event: SignedEvent, d: string): number | null {
    const { id, pubkey, kind, created_at: createdAt } = event
    const { changes, lastInsertRowid } = this.#append.run(Buffer.from(id, 'hex'), Buffer.from(pubkey, 'hex'), kind, d, createdAt, rawOf(event))
    return changes === 0 ? null : Number(lastInsertRowid)
  }

  get (id: string): LoggedEvent | null {
    return this.#get.get(Buffer.from(id, 'hex')) ?? null
  }

  event (id: string): SignedEvent | null {
    const found = this.get(id)
    return found === null ? null : JSON.parse(found.raw) as SignedEvent
  }

  /** Every version of an address that ever came, in no order. */
  versions (kind: number, pubkey: string, d: string): Version[] {
    return this.#versions.all(kind, Buffer.from(pubkey, 'hex'), d).map(({ id, created_at }) => ({ id: id.toString('hex'), created_at }))
  }

  /** What came after `seq`, in order. */
  since (seq: number, limit: number): LoggedEvent[] {
    return this.#since.all(seq, limit)
  }

  /** The whole log in order, read `step` at a time: the database may be written to meanwhile. */
  * entries (step: number): Iterable<Entry> {
    for (let page = this.#entries.all(0, step); page.length > 0; page = this.#entries.all(page.at(-1)!.seq, step)) yield * page
  }

  /** As `entries`, of one kind and in the order of their created_at. */
  * ofKind (kind: number, step: number): Iterable<Entry> {
    for (let page = this.#ofKind.all(kind, Number.MIN_SAFE_INTEGER, 0, step); page.length > 0;) {
      yield * page
      const { created_at: createdAt, seq } = page.at(-1)!
      page = this.#ofKind.all(kind, createdAt, seq, step)
    }
  }

  /** The newest place; 0 when nothing has come. */
  get last (): number {
    return this.#last.get()!.seq ?? 0
  }

  /** What comes next has a later place than this, whatever lies here. */
  goOnFrom (seq: number): void {
    this.#goOn.run({ seq })
  }

  /** The latest created_at of a key's events of this kind; null for none. */
  newest (pubkey: string, kind: number): number | null {
    return this.#newest.get(Buffer.from(pubkey, 'hex'), kind)!.created_at
  }

  /** Lets go of events of a kind that were made before this, `limit` at a time; how many there were. */
  drop (kind: number, before: number, limit: number): number {
    return this.#drop.run(kind, before, limit).changes
  }
}

/** The seven fields of NIP-01 and no other: whatever else came with an event is not signed. */
function rawOf ({ id, pubkey, created_at, kind, tags, content, sig }: SignedEvent): string {
  return JSON.stringify({ id, pubkey, created_at, kind, tags, content, sig })
}
