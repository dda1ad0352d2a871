// Opens SQLite and brings its tables up to date: migrations/NNN-name.sql in order, each in one transaction. The only importer of
// better-sqlite3. Rows are not synced one by one (WAL, synchronous=NORMAL): the store is the truth, and an unclean start compares.

import { readFileSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import Sqlite from 'better-sqlite3'

export type Database = Sqlite.Database
export type Statement<Bind extends unknown[], Row = unknown> = Sqlite.Statement<Bind, Row>

const MIGRATIONS = fileURLToPath(new URL('../../migrations/', import.meta.url))

interface Migration {
  number: number
  name: string
  sql: string
}

function migrations (folder: string): Migration[] {
  return readdirSync(folder)
    .filter((name) => /^\d{3}-.*\.sql$/.test(name))
    .sort()
    .map((name) => ({ number: Number(name.slice(0, 3)), name, sql: readFileSync(`${folder}/${name}`, 'utf8') }))
}

/** Brings the tables to the newest form. Throws when the database is newer than this program. */
function migrate (database: Database, folder: string): void {
  const have = database.pragma('user_version', { simple: true }) as number
  const all = migrations(folder)
  const newest = all.at(-1)?.number ?? 0
  if (have > newest) throw new Error(`the database is of version ${have}, this program knows ${newest}: it was used by a newer marquee`)
  for (const { number, sql } of all) {
    if (number <= have) continue
    database.transaction(() => {
      database.exec(sql)
      database.pragma(`user_version = ${number}`)
    })()
  }
}

/** Opens or makes the database at `path` (':memory:' for tests). Throws when it is damaged or newer than this program. */
export function openDatabase (path: string, folder = MIGRATIONS): Database {
  const database = new Sqlite(path)
  try {
    database.pragma('journal_mode = WAL')
    database.pragma('synchronous = NORMAL')
    database.pragma('foreign_keys = ON')
    database.pragma('busy_timeout = 5000')
    database.pragma('cache_size = -32768')
    // 64 MiB: a thread makes most of each checkpoint (checkpointer.ts); this is for a flood of writes that never lets it finish
    database.pragma('wal_autocheckpoint = 16384')
    migrate(database, folder)
  } catch (error) {
    database.close()
    const damaged = ['SQLITE_NOTADB', 'SQLITE_CORRUPT'].includes((error as { code?: string }).code ?? '')
    throw damaged ? new Error(`${path} is damaged (${(error as Error).message}): \`marquee rebuild\` makes it anew from the store`, { cause: error }) : error
  }
  return database
}

/** Brings the log into the database file and both to the disk; true when nothing was left out. `PASSIVE` waits for nobody. */
export function checkpoint (database: Database, mode: 'PASSIVE' | 'TRUNCATE'): boolean {
  const [{ busy, log, checkpointed }] = database.pragma(`wal_checkpoint(${mode})`) as [{ busy: number, log: number, checkpointed: number }]
  return busy === 0 && log === checkpointed
}

/**
 * Holds a file for this program alone until `release` or death: the kernel lets go when the program dies, so there is never a
 * stale lock to clear. Null when somebody else holds it.
 */
export function holdAlone (path: string): { release: () => void } | null {
  const lock = new Sqlite(path, { timeout: 0 })
  try {
    lock.pragma('journal_mode = DELETE')
    lock.exec('BEGIN EXCLUSIVE')
    return { release: () => { lock.close() } }
  } catch (error) {
    lock.close()
    if ((error as { code?: unknown }).code === 'SQLITE_BUSY') return null
    throw error
  }
}
