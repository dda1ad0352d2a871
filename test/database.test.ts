// SQLite: tables come up to date by numbered migrations, a database that cannot be used is told, and a folder has one holder at a time.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import { FolderTaken, holdDataFolder } from '../server/data-folder.ts'
import { holdAlone, openDatabase } from '../server/database.ts'
import { ROOT } from './support/source.ts'
import type { Test } from 'tap'
import type { Database } from '../server/database.ts'

const versionOf = (database: Database): unknown => database.pragma('user_version', { simple: true })

const ONE = 'CREATE TABLE a (n INTEGER); INSERT INTO a VALUES (1);'
const TWO = 'INSERT INTO a SELECT n + 10 FROM a; CREATE TABLE b (n INTEGER);'
const TEN = 'INSERT INTO a SELECT n + 100 FROM a;'

function folders (t: Test, migrations: Record<string, string>): { path: string, folder: string } {
  const root = t.testdir({ migrations })
  return { path: join(root, 'marquee.db'), folder: join(root, 'migrations') }
}

t.test('migrations run in the order of their numbers, once each', t => {
  const { path, folder } = folders(t, { '010-ten.sql': TEN, '002-two.sql': TWO, '001-one.sql': ONE, 'README.md': 'no SQL', '3-three.sql': 'DROP TABLE a;' })
  for (const round of ['first', 'second', 'third']) {
    const database = openDatabase(path, folder)
    t.strictSame(database.prepare('SELECT n FROM a ORDER BY n').pluck().all(), [1, 11, 101, 111], round)
    t.equal(versionOf(database), 10)
    database.close()
  }
  t.end()
})

t.test('a database of an earlier version gets what it lacks and keeps what it has', t => {
  const { path, folder } = folders(t, { '001-one.sql': ONE })
  const old = openDatabase(path, folder)
  old.exec('INSERT INTO a VALUES (5)')
  old.close()
  writeFileSync(join(folder, '002-two.sql'), TWO)
  const database = openDatabase(path, folder)
  t.strictSame(database.prepare('SELECT n FROM a ORDER BY n').pluck().all(), [1, 5, 11, 15])
  database.close()
  t.end()
})

t.test('a migration that fails leaves the database as it was before it, and is told', t => {
  const { path, folder } = folders(t, { '001-one.sql': ONE, '002-two.sql': 'INSERT INTO a VALUES (2); INSERT INTO nowhere VALUES (1);' })
  t.throws(() => openDatabase(path, folder), /nowhere/)
  writeFileSync(join(folder, '002-two.sql'), TWO)
  const database = openDatabase(path, folder)
  t.strictSame(database.prepare('SELECT n FROM a ORDER BY n').pluck().all(), [1, 11])
  database.close()
  t.end()
})

t.test('a database that a newer marquee used is refused, and left alone', t => {
  const { path, folder } = folders(t, { '001-one.sql': ONE })
  const newer = openDatabase(path, folder)
  newer.pragma('user_version = 2')
  newer.close()
  const before = readFileSync(path)
  t.throws(() => openDatabase(path, folder), { message: /of version 2, this program knows 1.*newer marquee/ })
  t.ok(readFileSync(path).equals(before))
  t.end()
})

t.test('a damaged file is told by its name, with the way out, and left alone', t => {
  const { path, folder } = folders(t, { '001-one.sql': ONE })
  const rubbish = Buffer.alloc(8192, 'This is not the file you are looking for. ')
  writeFileSync(path, rubbish)
  t.throws(() => openDatabase(path, folder), { message: /marquee\.db is damaged.*marquee rebuild/ })
  t.ok(readFileSync(path).equals(rubbish))
  t.end()
})

t.test('our own migrations make strict tables, with a write-ahead log and foreign keys', t => {
  const database = openDatabase(join(t.testdir(), 'marquee.db'))
  t.equal(database.pragma('journal_mode', { simple: true }), 'wal')
  t.equal(database.pragma('foreign_keys', { simple: true }), 1)
  const tables = database.prepare("SELECT name, strict FROM pragma_table_list WHERE schema = 'main' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'title_words%'").all() as { name: string, strict: number }[]
  t.ok(tables.length >= 4) // but for the index of words, whose tables are SQLite's own
  for (const { name, strict } of tables) t.equal(strict, 1, name)
  database.close()
  t.end()
})

/** Another process that holds the file until it is told to end, or says that it cannot. */
async function other (t: Test, path: string): Promise<{ said: string, end: (signal: NodeJS.Signals) => Promise<void> }> {
  const database = JSON.stringify(pathToFileURL(join(ROOT, 'dist/server/database.js')).href)
  const program = `import { holdAlone } from ${database}
    const held = holdAlone(${JSON.stringify(path)})
    console.log(held === null ? 'taken' : 'mine')
    setInterval(() => held, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'inherit'] })
  const gone = once(child, 'exit')
  t.teardown(async () => {
    child.kill('SIGKILL')
    await gone
  })
  const [said] = await once(child.stdout, 'data') as [Buffer]
  return {
    said: said.toString().trim(),
    end: async (signal) => {
      child.kill(signal)
      await gone
    }
  }
}

t.test('a lock excludes every other holder, of this process and of others, until it is let go', async t => {
  const path = join(t.testdir(), 'lock.db')
  const held = holdAlone(path)
  t.ok(held)
  t.equal(holdAlone(path), null)
  t.equal((await other(t, path)).said, 'taken')
  held?.release()
  const next = holdAlone(path)
  t.ok(next, 'what was refused did not keep a hand on it')
  next?.release()
})

t.test('a lock is let go by the kernel when its holder is killed: none is ever stale', async t => {
  const path = join(t.testdir(), 'lock.db')
  const holder = await other(t, path)
  t.equal(holder.said, 'mine')
  t.equal(holdAlone(path), null)
  await holder.end('SIGKILL')
  const held = holdAlone(path)
  t.ok(held)
  held?.release()
})

t.test('a folder that is taken is refused with who has it, and is free again afterwards', t => {
  const path = join(t.testdir(), 'not', 'yet', 'there')
  const folder = holdDataFolder(path, 'marquee test', 4711)
  t.throws(() => holdDataFolder(path, 'another', 1), { message: /not\/yet\/there is in use by marquee test \(process 4711, since \d{4}-/ })
  try {
    holdDataFolder(path, 'another', 1)
  } catch (error) {
    t.ok(error instanceof FolderTaken)
  }
  writeFileSync(join(path, 'holder.json'), '{ half a no')
  t.throws(() => holdDataFolder(path, 'another', 1), { message: /in use by another program/ }, 'even when the note is spoilt')
  folder.release()
  t.notOk(existsSync(join(path, 'holder.json')))
  holdDataFolder(path, 'another', null).release()
  t.end()
})
