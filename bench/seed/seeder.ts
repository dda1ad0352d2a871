// Makes a data folder as if COUNT small blobs had been uploaded, by the server's own modules: the files that its journal's settler makes, the
// rows that an upload saves, and the mark of a clean end. A program: node seeder.js DIST DATA_DIR COUNT. Two threads make files (three files and
// three folders a blob), this one makes rows. A million through HTTP, each synced, would take a quarter of an hour and measure nothing more.

import { mkdirSync, rmSync, symlinkSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads'
import { once } from 'node:events'
import { blake3 } from '@napi-rs/blake-hash'
import { OWNER, blobAt, uploadedAt } from './blobs.ts'
import type { Ownership } from '../../server/stores/owners.ts'

const THREADS = 2
/** Rows of one transaction. */
const TOGETHER = 5000

interface Task {
  dist: string
  dataDir: string
  count: number
  /** Unix seconds. */
  now: number
  thread: number
}

/** A module of the built server that is measured, so that the folder is what that one makes. */
async function ofServer<T> (dist: string, path: string): Promise<T> {
  return await import(pathToFileURL(join(dist, 'server', path)).href) as T
}

function ownershipOf (index: number, { count, now }: Task): { ownership: Ownership, bytes: Buffer } {
  const { sha256, bytes, size } = blobAt(index)
  const ownership = { sha256, owner: OWNER.pubkey, type: 'application/octet-stream', uploaded: uploadedAt(index, count, now), blake3: blake3(bytes).toString('hex'), size }
  return { ownership, bytes }
}

async function makeFiles (task: Task): Promise<void> {
  const { Settlement } = await ofServer<typeof import('../../server/stores/fs/settle.ts')>(task.dist, 'stores/fs/settle.js')
  const { Layout } = await ofServer<typeof import('../../server/stores/layout.ts')>(task.dist, 'stores/layout.js')
  const { sha256Multihash } = await ofServer<typeof import('../../server/stores/multihash.ts')>(task.dist, 'stores/multihash.js')
  // drafts of its own, since a settlement counts them; everything else is the one store
  const store = join(task.dataDir, 'store')
  const root = join(task.dataDir, `seed-${task.thread}`)
  mkdirSync(join(root, 'drafts'), { recursive: true })
  for (const folder of ['pack', 'index', 'owners', 'state']) symlinkSync(join(store, folder), join(root, folder))
  const settlement = new Settlement(root)
  const layout = new Layout(false)
  for (let i = task.thread; i < task.count; i += THREADS) {
    const { ownership, bytes } = ownershipOf(i, task)
    settlement.apply({ op: 'keep', ownership, inline: true, bytes })
    // a start after a kill reads again what was written lately: these are old
    utimesSync(join(store, layout.owner(sha256Multihash(ownership.sha256), ownership.owner)), ownership.uploaded, ownership.uploaded)
  }
  rmSync(root, { recursive: true })
}

async function makeRows (task: Task): Promise<void> {
  const { openDatabase } = await ofServer<typeof import('../../server/database.ts')>(task.dist, 'database.js')
  const { Descriptors } = await ofServer<typeof import('../../server/stores/descriptors.ts')>(task.dist, 'stores/descriptors.js')
  const { databasePath } = await ofServer<typeof import('../../server/marquee.ts')>(task.dist, 'marquee.js')
  const { CLEAN } = await ofServer<typeof import('../../server/last-run.ts')>(task.dist, 'last-run.js')
  const database = openDatabase(databasePath(task.dataDir))
  database.pragma('cache_size = -1000000')
  const descriptors = new Descriptors(database)
  for (let i = 0; i < task.count; i += TOGETHER) {
    const some = Array.from({ length: Math.min(TOGETHER, task.count - i) }, (_, k) => ownershipOf(i + k, task).ownership)
    await Promise.all(some.map((ownership) => descriptors.saveTogether(ownership, { kind: 'inline' })))
  }
  descriptors.setMark(CLEAN, 'yes')
  database.close() // its log goes into it
}

if (isMainThread) {
  const [dist, dataDir, number] = process.argv.slice(2) as [string, string, string]
  const { openFsStores } = await ofServer<typeof import('../../server/stores/open.ts')>(dist, 'stores/open.js')
  await (await openFsStores(join(dataDir, 'store'))).close()
  const task = { dist, dataDir, count: Number(number), now: Math.floor(Date.now() / 1000) }
  const threads = Array.from({ length: THREADS }, (_, thread) => new Worker(fileURLToPath(import.meta.url), { workerData: { ...task, thread } }))
  const done = threads.map((thread) => once(thread, 'message'))
  await makeRows({ ...task, thread: -1 })
  await Promise.all(done)
} else {
  await makeFiles(workerData as Task)
  parentPort?.postMessage('done')
}
