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

interface Row {
  read_to: number
  top: number | null
  down_to: number | null
  full_at: number
}

export class RelayCursors {
  readonly #get: Statement<[string, string], Row>
  readonly #put: Statement<[string, string, number, number | null, number | null, number]>

  constructor (database: Database) {
    this.#get = database.prepare('SELECT read_to, top, down_to, full_at FROM relay_cursors WHERE relay = ? AND topic = ?')
    this.#put = database.prepare('INSERT OR REPLACE INTO relay_cursors (relay, topic, read_to, top, down_to, full_at) VALUES (?, ?, ?, ?, ?, ?)')
  }

  get (relay: string, topic: string): RelayCursor {
    const row = this.#get.get(relay, topic)
    if (row === undefined) return { readTo: 0, under: null, fullAt: 0 }
    const { read_to: readTo, top, down_to: downTo, full_at: fullAt } = row
    return { readTo, under: top === null || downTo === null ? null : { top, downTo }, fullAt }
  }

  put (relay: string, topic: string, { readTo, under, fullAt }: RelayCursor): void {
    this.#put.run(relay, topic, readTo, under?.top ?? null, under?.downTo ?? null, fullAt)
  }
}
