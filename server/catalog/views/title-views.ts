// Titles as they are asked for: lists by creator, topic, words, status and time, a page at a time, and one with its signed event.

import { formatCursor, parseCursor } from '../cursor.ts'
import type { Database, Statement } from '../../database.ts'
import type { SignedEvent } from '../../auth/signature.ts'
import type { Address } from '../address.ts'

export interface TitleQuery {
  /** 64 hex digits. */
  creator?: string | undefined
  /** A topic, in any case. */
  topic?: string | undefined
  /** Words that must stand in title, synopsis or topics; the last may be a beginning. */
  words?: string | undefined
  status?: 'published' | 'withdrawn' | 'incomplete' | 'any' | undefined
  /** Unix seconds: versions made since then. */
  updatedSince?: number | undefined
  limit: number
  cursor?: string | undefined
  /** Unix seconds. */
  now: number
}

export interface TitleRow {
  address: Address
  title: string
  /** `incomplete`: published, and its manifest blob has not been read here. */
  status: 'published' | 'withdrawn' | 'incomplete'
  /** Unix seconds, of the version. */
  created_at: number
  published_at: number | null
  /** Seconds. */
  duration: number | null
  /** Sha256. */
  manifest: string | null
  event: SignedEvent
}

interface Row {
  id: number
  kind: number
  pubkey: Buffer
  d: string
  created_at: number
  title: string
  status: string
  published_at: number | null
  duration: number | null
  manifest: Buffer | null
  event: Buffer
  raw: string
}

interface Bound {
  now: number
  limit: number
  creator?: Buffer
  topic?: string
  words?: string
  status?: string
  updated_since?: number
  before?: number
  before_event?: Buffer
  offset?: number
}

/** 'incomplete' is no state of the event: it is whether its manifest is known here. */
const READ = '(t.manifest IS NULL OR EXISTS (SELECT 1 FROM manifests m WHERE m.sha256 = t.manifest AND m.fault IS NULL))'
const STATUS = `CASE WHEN t.status = 'published' AND NOT ${READ} THEN 'incomplete' ELSE t.status END`
const COLUMNS = `t.id, t.kind, t.pubkey, t.d, t.created_at, t.title, ${STATUS} AS status, t.published_at, t.duration, t.manifest, t.event, e.raw`

/**
 * With words the best match comes first, and pages are counted. Words that stand in more titles than this say little of any of them, and to weigh
 * them all would cost a look at each: then the newest version comes first, as without words.
 */
const MOST_RANKED = 1000
/** Topics of more titles than this are looked for along the time, those of fewer the other way round. */
const MANY = 1000

export class TitleViews {
  readonly #database: Database
  readonly #statements = new Map<string, Statement<[Bound], Row>>()
  readonly #found: Statement<[string, number], { titles: number }>
  readonly #tagged: Statement<[string, number], { titles: number }>
  readonly #one: Statement<[number, Buffer, string, number], Row>

  constructor (database: Database) {
    this.#database = database
    this.#found = database.prepare('SELECT count(*) AS titles FROM (SELECT 1 FROM title_words WHERE title_words MATCH ? LIMIT ?)')
    this.#tagged = database.prepare('SELECT count(*) AS titles FROM (SELECT 1 FROM title_tags WHERE tag = ? LIMIT ?)')
    this.#one = database.prepare(`
      SELECT ${COLUMNS} FROM titles t JOIN events e ON e.id = t.event
      WHERE t.kind = ? AND t.pubkey = ? AND t.d = ? AND (t.expires_at IS NULL OR t.expires_at > ?)`)
  }

  /** A page, newest version first; with words that not too many have the best match first. `next` is null on the last. Throws CURSOR_UNREADABLE. */
  list (query: TitleQuery): { titles: TitleRow[], next: string | null } {
    const { words, limit, cursor } = query
    const match = words === undefined ? null : matchOf(words)
    if (match === '') return { titles: [], next: null }
    const bound: Bound = { now: query.now, limit: limit + 1 }
    const where = this.#conditions(query, bound)
    if (match !== null) bound.words = match
    const ranked = match !== null && this.#found.get(match, MOST_RANKED + 1)!.titles <= MOST_RANKED
    if (ranked) {
      const offset = cursor === undefined ? 0 : (parseCursor(cursor, ['number']) as [number])[0]
      const rows = this.#statement(`
        SELECT ${COLUMNS} FROM title_words w JOIN titles t ON t.id = w.rowid JOIN events e ON e.id = t.event
        WHERE title_words MATCH @words AND ${where.join(' AND ')} ORDER BY w.rank LIMIT @limit OFFSET @offset`).all({ ...bound, offset })
      return pageOf(rows, limit, () => formatCursor([offset + limit]))
    }
    // by the plus no title is looked up by its number: they are met in the order of time
    if (match !== null) where.push('+t.id IN (SELECT rowid FROM title_words WHERE title_words MATCH @words)')
    if (cursor !== undefined) {
      const [at, event] = parseCursor(cursor, ['number', 'string']) as [number, string]
      where.push('t.created_at <= @before AND (t.created_at < @before OR t.event > @before_event)')
      Object.assign(bound, { before: at, before_event: Buffer.from(event, 'hex') })
    }
    // places first: to sort them with their events would move those of all that is found
    const rows = this.#statement(`
      SELECT ${COLUMNS} FROM (SELECT t.id FROM titles t WHERE ${where.join(' AND ')} ORDER BY t.created_at DESC, t.event LIMIT @limit) p
        JOIN titles t ON t.id = p.id JOIN events e ON e.id = t.event
      ORDER BY t.created_at DESC, t.event`).all(bound)
    return pageOf(rows, limit, (last) => formatCursor([last.created_at, last.event.toString('hex')]))
  }

  #conditions ({ creator, topic, status = 'published', updatedSince }: TitleQuery, bound: Bound): string[] {
    const where = ['(t.expires_at IS NULL OR t.expires_at > @now)']
    if (creator !== undefined) { where.push('t.pubkey = @creator'); bound.creator = Buffer.from(creator, 'hex') }
    if (topic !== undefined) {
      bound.topic = topic.toLowerCase()
      const many = this.#tagged.get(bound.topic, MANY + 1)!.titles > MANY
      where.push(many ? 'EXISTS (SELECT 1 FROM title_tags g WHERE g.tag = @topic AND g.title = t.id)' : 't.id IN (SELECT title FROM title_tags WHERE tag = @topic)')
    }
    if (updatedSince !== undefined) { where.push('t.created_at >= @updated_since'); bound.updated_since = updatedSince }
    if (status === 'incomplete') where.push("t.status = 'published'", `NOT ${READ}`)
    else if (status === 'published') where.push("t.status = 'published'")
    else if (status === 'withdrawn') where.push("t.status = 'withdrawn'")
    return where
  }

  /** The live version at an address; null when none stands at `now` (unix seconds). */
  get ({ kind, pubkey, d }: Address, now: number): TitleRow | null {
    const row = this.#one.get(kind, Buffer.from(pubkey, 'hex'), d, now)
    return row === undefined ? null : titleOf(row)
  }

  /** There are few forms of the question; each is prepared once. */
  #statement (sql: string): Statement<[Bound], Row> {
    let statement = this.#statements.get(sql)
    if (statement === undefined) {
      statement = this.#database.prepare<[Bound], Row>(sql)
      this.#statements.set(sql, statement)
    }
    return statement
  }
}

function pageOf (rows: readonly Row[], limit: number, cursorOf: (last: Row) => string): { titles: TitleRow[], next: string | null } {
  const page = rows.slice(0, limit)
  return { titles: page.map(titleOf), next: rows.length > limit ? cursorOf(page.at(-1)!) : null }
}

function titleOf ({ kind, pubkey, d, title, status, created_at, published_at, duration, manifest, raw }: Row): TitleRow {
  return {
    address: { kind, pubkey: pubkey.toString('hex'), d }, title, status: status as TitleRow['status'], created_at, published_at, duration,
    manifest: manifest?.toString('hex') ?? null, event: JSON.parse(raw) as SignedEvent
  }
}

/** A person's words as an FTS5 query: each must stand there, the last may be a beginning. Nothing in them is an operator. */
function matchOf (words: string): string {
  const each = words.match(/[\p{L}\p{N}]+/gu) ?? []
  return each.slice(0, 16).map((word) => `"${word}"`).join(' ') + (each.length > 0 ? '*' : '')
}
