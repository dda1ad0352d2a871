// A database that is missing, rubbish, damaged in its middle, or a newer program's: told clearly, with what to do; `marquee rebuild` brings it back.

import { existsSync, openSync, closeSync, readdirSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import Sqlite from 'better-sqlite3'
import t from 'tap'
import { startMarquee, upload } from '../support/app.ts'
import { hashed, listed } from '../support/asking.ts'
import { newFolder } from '../support/both-stores.ts'
import { runCommand, runProgram } from '../support/command.ts'
import { Signer, seededBlob } from '../support/keys.ts'
import type { Test } from 'tap'

const signer = new Signer()
const blobs = Array.from({ length: 120 }, (_, i) => seededBlob(`row ${i}`, 200))

/** A data folder with blobs enough for some pages; its server has ended. */
async function filled (t: Test): Promise<{ dataDir: string, path: string, env: Record<string, string> }> {
  const dataDir = newFolder(t)
  const { url, close } = await startMarquee(t, { dataDir })
  for (let at = 0; at < blobs.length; at += 50) await Promise.all(blobs.slice(at, at + 50).map((blob) => upload(url, signer, blob)))
  await close()
  return { dataDir, path: join(dataDir, 'marquee.db'), env: { DATA_DIR: dataDir, PORT: '0' } }
}

/** Rubbish over every page but the first. */
function spoilPages (path: string): void {
  const { size } = statSync(path)
  const file = openSync(path, 'r+')
  for (let at = 4096; at < size; at += 4096) writeSync(file, Buffer.alloc(4096, 0xa5), 0, 4096, at)
  closeSync(file)
}

async function isBack (t: Test, { dataDir, env }: { dataDir: string, env: Record<string, string> }): Promise<void> {
  const { code, out, err } = await runCommand(t, ['rebuild'], env)
  t.equal(code, 0, `rebuild: ${out}${err}`)
  const { url, close } = await startMarquee(t, { dataDir })
  t.ok((await listed(url, signer)).length >= 120, 'the list')
  for (const { sha256 } of [blobs[0]!, blobs[119]!]) t.same(await hashed(await fetch(`${url}/${sha256}`)), { status: 200, size: 200, sha256 })
  await close()
}

t.test('a file that is no database, and one whose pages are rubbish, end the start with 1 and the way out, which works', async t => {
  const folder = await filled(t)
  for (const spoil of [() => { writeFileSync(folder.path, 'This is no database. '.repeat(1000)) }, () => { spoilPages(folder.path) }]) {
    spoil()
    for (const name of ['marquee.db-wal', 'marquee.db-shm']) rmSync(join(folder.dataDir, name), { force: true })
    const { code, err } = await runProgram(t, ['serve'], folder.env)
    t.equal(code, 1)
    t.match(err, /marquee\.db is damaged.*`marquee rebuild`/)
    t.notMatch(err, /\n {4}at /, 'no stack')
    await isBack(t, folder)
  }
})

t.test('a database of a newer program is refused with 1, and left alone', async t => {
  const { path, env } = await filled(t)
  const database = new Sqlite(path)
  database.pragma('user_version = 999')
  database.close()
  const { code, err } = await runProgram(t, ['serve'], env)
  t.equal(code, 1)
  t.match(err, /of version 999.*newer marquee/)
})

t.test('without its database a server learns every blob anew from the store as it starts, and says so', async t => {
  const { dataDir } = await filled(t)
  for (const name of readdirSync(dataDir)) if (name.startsWith('marquee.db')) rmSync(join(dataDir, name))
  const { url, log } = await startMarquee(t, { dataDir })
  t.equal((await listed(url, signer)).length, 120)
  t.ok(log.some(({ level, learned }) => level === 40 && learned === 120))
})

t.test('a page found damaged while the server runs is 503 with Retry-After, and the log says what to do; the server lives on', async t => {
  const folder = await filled(t)
  const { url, log, close } = await startMarquee(t, { dataDir: folder.dataDir, env: { CACHE_SIZE: '0' } })
  spoilPages(folder.path)
  const answers = await Promise.all([1, 2, 3].map((i) => upload(url, signer, seededBlob(`after ${i}`, 200))))
  const refused = answers.filter(({ status }) => status !== 201)
  t.ok(refused.length > 0)
  for (const answer of refused) {
    t.equal(answer.status, 503)
    t.ok(answer.headers.has('retry-after'))
    t.match(await answer.json(), { code: 'DATABASE_FAILED' })
  }
  t.ok(log.some(({ level, err }) => level === 50 && /marquee rebuild/.test((err as { message?: string } | undefined)?.message ?? '')))
  t.equal((await fetch(`${url}/healthz`)).status, 200)
  await close().catch(() => {}) // its mark of a clean end cannot be written
  for (const name of ['marquee.db-wal', 'marquee.db-shm']) if (existsSync(join(folder.dataDir, name))) rmSync(join(folder.dataDir, name))
  await isBack(t, folder)
})
