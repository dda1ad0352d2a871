// How far each followed relay has been read, in SQLite: a backfill that was broken off goes on where it was, after any restart.

import type { Database, Statement } from '../database.ts'

export interface RelayCursor {
  /** Unix seconds: what was made before was read to the end; 0: nothing yet. */
  readTo: number
  /** A backfill that is under way: where it began, and down to where it has come. */
  under: { top: number, downTo: number } | null
  /** Unix seconds: when a backfill down to the beginning was last complete; 0: never. */
  fullAt: number
}

/** A cursor, of the topic that it is for. */
export interface TopicCursor extends RelayCursor { topic: string }

interface Row {
  read_to: number
  top: number | null
  down_to: number | null
  full_at: number
}

export class RelayCursors {
  readonly #get: Statement<[string, string], Row>
  readonly #of: Statement<[string], Row & { topic: string }>
  readonly #put: Statement<[string, string, number, number | null, number | null, number]>

  constructor (database: Database) {
    this.#get = database.prepare('SELECT read_to, top, down_to, full_at FROM relay_cursors WHERE relay = ? AND topic = ?')
    this.#of = database.prepare('SELECT topic, read_to, top, down_to, full_at FROM relay_cursors WHERE relay = ? ORDER BY topic')
    this.#put = database.prepare('INSERT OR REPLACE INTO relay_cursors (relay, topic, read_to, top, down_to, full_at) VALUES (?, ?, ?, ?, ?, ?)')
  }

  get (relay: string, topic: string): RelayCursor {
    const row = this.#get.get(relay, topic)
    return row === undefined ? { readTo: 0, under: null, fullAt: 0 } : cursorOf(row)
  }

  /** How far each topic of a relay has been read. */
  of (relay: string): TopicCursor[] {
    return this.#of.all(relay).map((row) => ({ topic: row.topic, ...cursorOf(row) }))
  }

  put (relay: string, topic: string, { readTo, under, fullAt }: RelayCursor): void {
    this.#put.run(relay, topic, readTo, under?.top ?? null, under?.downTo ?? null, fullAt)
  }
}

function cursorOf ({ read_to: readTo, top, down_to: downTo, full_at: fullAt }: Row): RelayCursor {
  return { readTo, under: top === null || downTo === null ? null : { top, downTo }, fullAt }
}
