// From every earlier version of the database to this program's, with rows in every table: all rows survive, counts are what a scan says, the
// indexes serve, and the outcome is that of a fresh database. It reads the list of migrations, so a new one is covered when it is there; a table
// whose rows cannot be made up by type has them in FILLED, and what a migration changes on purpose stands in CHANGED.

import { copyFileSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { openDatabase } from '../server/database.ts'
import { Descriptors } from '../server/stores/descriptors.ts'
import { Usage } from '../server/stores/usage.ts'
import { sha256Hex } from '../server/stores/multihash.ts'
import { ROOT } from './support/source.ts'
import type { Test } from 'tap'
import type { Database } from '../server/database.ts'

const FOLDERS = ['migrations', 'migrations/copy']
/** Migrations by their number that make something else of rows that were there: `table.column`, or `table`. */
const CHANGED: Readonly<Record<string, readonly string[]>> = {}

const hash = (name: string): Buffer => Buffer.from(sha256Hex(Buffer.from(name)), 'hex')
const KEYS = [hash('ann'), hash('ben'), Buffer.alloc(0)]
type Row = Record<string, unknown>

function * blobRows (): Iterable<Row> {
  for (let index = 0; index < 60; index++) {
    const place = index % 3
    yield {
      sha256: hash(`blob ${index}`), blake3: hash(`blake3 ${index}`), size: index * 1000, type: index % 5 === 0 ? 'application/octet-stream' : 'video/mp4', uploaded: 1_700_000_000 + index,
      place, pack: place === 2 ? Buffer.concat([Buffer.from([0x12, 0x20]), hash('pack')]) : null, offset: place === 2 ? index : 0, alien: 0
    }
  }
  for (let index = 0; index < 5; index++) {
    yield { sha256: hash(`alien ${index}`), blake3: null, size: 77, type: 'image/png', uploaded: 1_700_000_500, place: 2, pack: Buffer.concat([Buffer.from([0x12, 0x20]), hash('alien pack')]), offset: index, alien: 1 }
  }
}

function * ownerRows (): Iterable<Row> {
  for (let index = 0; index < 60; index++) {
    for (const [key, pubkey] of KEYS.entries()) {
      if ((index + key) % 3 !== 0 && index % 7 !== 0) continue // many have one owner, some all
      yield { pubkey, sha256: hash(`blob ${index}`), uploaded: 1_700_000_000 + index + key, type: 'video/mp4', expires: index % 9 === 0 ? 1_900_000_000 : null }
    }
  }
}

/** In the order in which they may be written; columns that came later have their default. Null: kept up by triggers. */
const FILLED: Readonly<Record<string, (() => Iterable<Row>) | null>> = {
  blobs: blobRows,
  owners: ownerRows,
  departed: function * () { for (let index = 0; index < 8; index++) yield { pubkey: KEYS[index % 3], sha256: hash(`gone ${index}`), uploaded: 1_600_000_000 + index, at: 1_700_000_000 } },
  marks: () => [{ name: 'clean', value: 'yes' }, { name: 'kernel', value: 'a-boot-id 1 2' }, { name: 'synced', value: '1700000000000' }],
  unsettled: () => [{ sha256: hash('under way'), blake3: hash('under way too') }, { sha256: hash('deleted'), blake3: null }],
  usage: null,
  stored: null
}

interface Column { name: string, type: string, notnull: number, dflt_value: string | null, pk: number }

const tablesOf = (database: Database): string[] =>
  // the index of words has tables of SQLite's own, which nobody may write to
  database.prepare<[], { name: string }>("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'title_words%' ORDER BY name").all().map(({ name }) => name)
const columnsOf = (database: Database, table: string): Column[] => database.pragma(`table_info("${table}")`) as Column[]

function insert (database: Database, table: string, row: Row): void {
  const names = Object.keys(row)
  database.prepare(`INSERT INTO "${table}" (${names.map((name) => `"${name}"`).join(', ')}) VALUES (${names.map(() => '?').join(', ')})`).run(...Object.values(row))
}

/** Rows by the types of the columns, for a table that FILLED does not know. */
function * madeUp (columns: Column[]): Iterable<Row> {
  for (let index = 0; index < 5; index++) {
    yield Object.fromEntries(columns.map(({ name, type, notnull, pk }) => {
      const value = type === 'BLOB' ? hash(`${name} ${index}`) : type === 'TEXT' ? `${name} ${index}` : 1000 + index
      return [name, notnull === 0 && pk === 0 && index === 4 ? null : value]
    }))
  }
}

function fill (database: Database): void {
  const tables = tablesOf(database)
  for (const [table, rows] of Object.entries(FILLED)) {
    if (tables.includes(table)) for (const row of rows?.() ?? []) insert(database, table, row)
  }
  for (const table of tables) {
    if (table in FILLED) continue
    try {
      // a migration or a trigger may have made some
      for (const row of madeUp(columnsOf(database, table))) insert(database, table, row)
    } catch (error) {
      throw new Error(`give the table ${table} its rows in FILLED: ${(error as Error).message}`)
    }
  }
}

/** Every row of the tables and columns that there are in both. */
function contents (database: Database, shape: Map<string, string[]>): Row {
  return Object.fromEntries([...shape].map(([table, columns]) => {
    const names = columns.map((name) => `quote("${name}")`).join(" || ' ' || ")
    return [table, database.prepare<[], { line: string }>(`SELECT ${names} AS line FROM "${table}" ORDER BY line`).all().map(({ line }) => line)]
  }))
}

const shapeOf = (database: Database): Map<string, string[]> => new Map(tablesOf(database).map((table) => [table, columnsOf(database, table).map(({ name }) => name)]))
const schemaOf = (database: Database): unknown => database.prepare('SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name').all()

function judgeCounts (t: Test, database: Database, when: string): void {
  const usage = new Usage(database)
  const sum = 'count(*) AS blobs, coalesce(sum(b.size), 0) AS bytes'
  t.strictSame(usage.all(), database.prepare(`SELECT ${sum} FROM blobs b WHERE alien = 0`).get(), `${when}: all`)
  for (const key of KEYS) {
    const scanned = database.prepare(`SELECT ${sum} FROM owners o JOIN blobs b ON b.sha256 = o.sha256 WHERE o.pubkey = ?`).get(key)
    t.strictSame(usage.of(key.length === 0 ? 'none' : key.toString('hex')), scanned, `${when}: of one`)
  }
}

/** What the program asks all the time does not walk through a table. */
function judgePlans (t: Test, database: Database): void {
  const asked = [
    ['SELECT * FROM blobs WHERE sha256 = x\'00\'', 'PRIMARY KEY'], ['SELECT 1 FROM blobs WHERE blake3 = x\'00\' LIMIT 1', 'blobs_by_blake3'],
    ['SELECT 1 FROM blobs WHERE pack = x\'00\' LIMIT 1', 'blobs_by_pack'], ['SELECT pubkey FROM owners WHERE sha256 = x\'00\'', 'owners_by_blob'],
    ['SELECT o.sha256 FROM owners o WHERE o.pubkey = x\'00\' AND o.uploaded BETWEEN 1 AND 2 ORDER BY o.uploaded DESC, o.sha256 LIMIT 9', 'owners_by_time']
  ] as const
  const planOf = (sql: string): string => database.prepare<[], { detail: string }>(`EXPLAIN QUERY PLAN ${sql}`).all().map(({ detail }) => detail).join('; ')
  for (const [sql, index] of asked) {
    t.match(planOf(sql), index, sql)
    t.notMatch(planOf(sql), /SCAN|TEMP B-TREE/, sql)
  }
  const indexes = database.prepare<[], { name: string, tbl_name: string, sql: string }>("SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL").all()
  for (const { name, tbl_name: table, sql } of indexes) {
    const [first] = database.pragma(`index_info("${name}")`) as { name: string | null }[]
    if (/\bWHERE\b/i.test(sql) || first?.name == null) continue // a part of the rows, or an expression
    t.match(planOf(`SELECT 1 FROM "${table}" INDEXED BY "${name}" WHERE "${first.name}" = 1`), name, `${name} serves`)
  }
}

const numbersIn = (folder: string): string[] => readdirSync(join(ROOT, folder)).filter((name) => /^\d{3}-.*\.sql$/.test(name)).sort()

for (const folder of FOLDERS) {
  const names = numbersIn(folder)
  const main = folder === 'migrations'

  t.test(`${folder}: numbers go up, none twice, and a file that was published is never renamed`, t => {
    t.ok(names.length > 0)
    t.strictSame([...new Set(names.map((name) => name.slice(0, 3)))], names.map((name) => name.slice(0, 3)))
    if (main) t.strictSame(names.slice(0, 3), ['001-blobs.sql', '002-unsettled.sql', '003-usage.sql'])
    t.end()
  })

  for (const [index, name] of names.entries()) {
    t.test(`${folder}: a filled database of version ${name.slice(0, 3)} comes to ${names.at(-1)!.slice(0, 3)} with every row`, t => {
      const home = t.testdir()
      const upTo = join(home, 'older')
      mkdirSync(upTo)
      for (const each of names.slice(0, index + 1)) copyFileSync(join(ROOT, folder, each), join(upTo, each))
      const path = join(home, 'filled.db')
      const old = openDatabase(path, upTo)
      fill(old)
      const shape = shapeOf(old)
      for (const table of shape.keys()) t.ok(old.prepare(`SELECT 1 FROM "${table}" LIMIT 1`).get() !== undefined, `${table} has rows`)
      const changed = names.slice(index + 1).flatMap((each) => CHANGED[each.slice(0, 3)] ?? [])
      const kept = new Map([...shape].filter(([table]) => !changed.includes(table)).map(([table, columns]) => [table, columns.filter((column) => !changed.includes(`${table}.${column}`))]))
      const before = contents(old, kept)
      old.close()

      const ours = join(ROOT, folder)
      const database = openDatabase(path, ours)
      t.strictSame(contents(database, kept), before, 'all rows are there, as they were')
      t.equal(database.pragma('user_version', { simple: true }), Number(names.at(-1)!.slice(0, 3)))
      t.strictSame(database.pragma('integrity_check'), [{ integrity_check: 'ok' }])
      t.strictSame(database.pragma('foreign_key_check'), [])
      const fresh = openDatabase(':memory:', ours)
      t.strictSame(schemaOf(database), schemaOf(fresh), 'tables, indexes and triggers are those of a fresh database')
      fresh.close()
      const all = contents(database, shapeOf(database))
      database.close()

      const again = openDatabase(path, ours)
      t.strictSame(contents(again, shapeOf(again)), all, 'opened once more nothing changes')
      if (main) {
        judgeCounts(t, again, 'after the migration')
        judgePlans(t, again)
        live(t, again)
      }
      again.close()
      t.end()
    })
  }
}

/** The program goes on with what it found. */
function live (t: Test, database: Database): void {
  const descriptors = new Descriptors(database)
  const first = hash('blob 7').toString('hex')
  const owner = KEYS[0]!.toString('hex')
  t.match(descriptors.get(first), { size: 7000, type: 'video/mp4', foreign: false, place: { kind: 'inline' } })
  t.equal(descriptors.get(hash('alien 1').toString('hex'))?.foreign, true)
  t.equal(descriptors.mark('kernel'), 'a-boot-id 1 2')
  if (descriptors.unsettled.all().length > 0) t.equal(descriptors.unsettled.all().length, 2)
  t.strictSame(descriptors.cursor('none', hash('gone 2').toString('hex'))?.uploaded, 1_600_000_002, 'a cursor of what was deleted stands')
  t.equal(descriptors.list({ owner, limit: 100, since: 0, until: 2 ** 40, after: null }).length, [...ownerRows()].filter(({ pubkey }) => pubkey === KEYS[0]).length)
  const fresh = { sha256: hash('new').toString('hex'), owner, type: 'image/png', uploaded: 1_800_000_000, blake3: hash('new too').toString('hex'), size: 5 }
  descriptors.save(fresh, { kind: 'own' })
  descriptors.removeOwner(first, descriptors.ownersOf(first)[0]!, 1_800_000_000)
  descriptors.forgetForeign()
  judgeCounts(t, database, 'after it lived')
}
