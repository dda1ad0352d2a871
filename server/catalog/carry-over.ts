// What a new database takes over from the one it replaces, as far as that can still be read: what no store can give back (design §1.3). Not the cursors
// of relays: what came from there is not in the new one, and must be read again.

import type { Database } from '../database.ts'

export interface CarriedOver {
  outbox: number
  mirrorJobs: number
  authors: number
  /** What could not be read, in SQLite's words; null: all was. */
  fault: string | null
}

/** Each table with its primary key. */
const TABLES = [['outbox', 'outbox', ['event', 'relay']], ['mirrorJobs', 'mirror_jobs', ['id']], ['authors', 'authors', ['pubkey']]] as const
/** Rows read at a time: what lies on a damaged page takes no more than these with it. */
const STEP = 100

/** @param path of the old database, which is there; nothing in it is changed */
export function carryOver (database: Database, path: string): CarriedOver {
  const carried: CarriedOver = { outbox: 0, mirrorJobs: 0, authors: 0, fault: null }
  const attempt = (work: () => void): void => {
    try {
      work()
    } catch (error) {
      if (!/^SQLITE_/.test((error as { code?: string }).code ?? '')) throw error
      carried.fault ??= (error as Error).message
    }
  }
  attempt(() => {
    database.prepare('ATTACH DATABASE ? AS old').run(path)
    try {
      for (const [name, table, key] of TABLES) attempt(() => { copyRows(database, table, key, (rows) => { carried[name] += rows }) })
      attempt(() => { keepCounting(database) })
    } finally {
      database.exec('DETACH DATABASE old')
    }
  })
  return carried
}

function copyRows (database: Database, table: string, key: readonly string[], onRows: (rows: number) => void): void {
  const columns = (database.pragma(`main.table_info(${table})`) as { name: string }[]).map(({ name }) => name)
  const put = database.prepare<unknown[]>(`INSERT OR IGNORE INTO main.${table} (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`)
  const read = database.prepare<unknown[], Record<string, unknown>>(
    `SELECT ${columns.join(', ')} FROM old.${table} WHERE (${key.join(', ')}) > (${key.map(() => '?').join(', ')}) ORDER BY ${key.join(', ')} LIMIT ${STEP}`)
  // a number comes before every text and every blob
  for (let page = read.all(key.map(() => -1)); page.length > 0; page = read.all(key.map((name) => page.at(-1)![name]))) {
    for (const row of page) put.run(columns.map((name) => row[name]))
    onRows(page.length)
  }
}

/** Places of the log go on from the old ones: who follows this server by them hears of everything once more, and misses nothing. */
function keepCounting (database: Database): void {
  const last = database.prepare<[], { seq: number }>("SELECT seq FROM old.sqlite_sequence WHERE name = 'events'").get()?.seq ?? 0
  database.prepare("DELETE FROM main.sqlite_sequence WHERE name = 'events'").run()
  database.prepare("INSERT INTO main.sqlite_sequence (name, seq) VALUES ('events', ?)").run(last)
}
