// Rows reach the database file through the thread of checkpoints, while the server's own connection goes on.

import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Test } from 'tap'
import { Checkpointer } from '../server/checkpointer.ts'
import { openDatabase } from '../server/database.ts'

function opened (t: Test): { path: string, write: (count: number) => void, close: () => void, database: ReturnType<typeof openDatabase> } {
  const path = join(t.testdir(), 'rows.db')
  const database = openDatabase(path)
  const add = database.prepare('INSERT OR REPLACE INTO marks VALUES (?, ?)')
  return {
    path, database,
    write: (count) => { for (let i = 0; i < count; i++) add.run(`row ${i}`, 'written-before-the-call'.repeat(20)) },
    close: () => { database.close() }
  }
}

// the thread keeps no program alive; a server's socket does that
const alive = setInterval(() => {}, 1000)
t.teardown(() => { clearInterval(alive) })

t.test('every row written before the call is in the database file when it says so', async (t) => {
  const { path, write, close } = opened(t)
  const checkpointer = new Checkpointer(path)
  write(200)
  t.notOk(readFileSync(path).includes('written-before-the-call'), 'they are in the log alone')
  t.equal(await checkpointer.run(), true)
  t.ok(readFileSync(path).includes('written-before-the-call'))
  write(10)
  t.equal(await checkpointer.run(), true, 'and again')
  await checkpointer.close()
  close()
})

t.test('a reader that looks at an older state is waited for by nobody: the answer is false, and true once it has gone', async (t) => {
  const { path, write, close } = opened(t)
  write(10)
  const reader = openDatabase(path)
  reader.exec('BEGIN; SELECT * FROM marks;')
  reader.prepare('SELECT count(*) FROM marks').get()
  write(300)
  const checkpointer = new Checkpointer(path)
  t.equal(await checkpointer.run(), false)
  reader.exec('COMMIT')
  reader.close()
  t.equal(await checkpointer.run(), true)
  await checkpointer.close()
  close()
})

t.test('one at a time: who asks meanwhile is told false at once', async (t) => {
  const { path, write, close } = opened(t)
  write(100)
  const checkpointer = new Checkpointer(path)
  const first = checkpointer.run()
  t.equal(await checkpointer.run(), false)
  t.equal(await first, true)
  await checkpointer.close()
  close()
})

t.test('a database that cannot be opened is told, and a later run tries again', async (t) => {
  const { path, write, close } = opened(t)
  write(1)
  const checkpointer = new Checkpointer(join(path, 'not-a-folder.db'))
  await t.rejects(checkpointer.run(), { message: /unable to open|directory does not exist/ })
  await t.rejects(checkpointer.run(), { message: /unable to open|directory does not exist/ })
  await checkpointer.close()
  close()
})

t.test('after it has ended, the last connection leaves no log behind', async (t) => {
  const { path, write, close } = opened(t)
  const checkpointer = new Checkpointer(path)
  write(50)
  await checkpointer.run()
  await checkpointer.close()
  close()
  t.throws(() => statSync(`${path}-wal`), { code: 'ENOENT' })
})

t.test('a log of 4 MiB is worth a thread, a shorter one is not', (t) => {
  const { path, write, close } = opened(t)
  const checkpointer = new Checkpointer(path)
  write(10)
  t.equal(checkpointer.worthwhile, false)
  for (let i = 0; i < 4; i++) write(500)
  t.ok(statSync(`${path}-wal`).size >= 4 * 1024 * 1024, 'each row is a page')
  t.equal(checkpointer.worthwhile, true)
  close()
  t.equal(checkpointer.worthwhile, false, 'nor is one that is not there')
  t.end()
})
