// Small uploads share one sync: what the journal promises, and what a boot makes of it (design §3, stores/fs/journal.ts).

import t from 'tap'
import { appendFileSync, existsSync, fdatasyncSync, readFileSync, readdirSync, rmSync, truncateSync, writeFileSync, writevSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { openDatabase } from '../../server/database.ts'
import { Blobs } from '../../server/stores/blobs.ts'
import { Descriptors } from '../../server/stores/descriptors.ts'
import { Journal } from '../../server/stores/fs/journal.ts'
import { NodeFiles } from '../../server/stores/fs/files.ts'
import { buildEntry, parseEntry } from '../../server/stores/fs/journal-record.ts'
import { openFsStores } from '../../server/stores/open.ts'
import { readWhole } from '../../server/stores/pack-store.ts'
import { reconcile } from '../../server/stores/reconcile.ts'
import { verify } from '../../server/stores/verify.ts'
import { seededBlob } from '../support/keys.ts'
import type { Test } from 'tap'
import type { LogDisk } from '../../server/stores/fs/journal.ts'
import type { JournalEntry } from '../../server/stores/fs/journal-record.ts'
import type { Stores } from '../../server/stores/open.ts'

const A = 'a'.repeat(64)
const B = 'b'.repeat(64)

interface Node { stores: Stores, blobs: Blobs, rows: Descriptors, put: (bytes: Buffer, owner?: string) => ReturnType<Blobs['receive']> }

async function open (root: string, disk?: LogDisk): Promise<Node & { replayed: number }> {
  const stores = await openFsStores(root, new NodeFiles(), new Journal(root, () => {}, disk))
  const replayed = stores.journal!.recover(() => {}).length
  const rows = new Descriptors(openDatabase(':memory:'))
  await reconcile({ stores, descriptors: rows, since: 0, now: 1 })
  const blobs = new Blobs({ stores, descriptors: rows, foreign: null, limits: { maxSize: 1e9, idleTimeout: 5000, inlineLimit: 4096 } })
  const put = (bytes: Buffer, owner = A): ReturnType<Blobs['receive']> => blobs.receive(bytes.length === 0 ? Readable.from([]) : Readable.from([bytes]), {
    owner, type: null, extension: null, promised: null, likely: null, size: null, acceptHash: () => {}, acceptType: () => {}
  })
  return { stores, rows, blobs, put, replayed }
}

async function bytesOf (blobs: Blobs, sha256: string): Promise<Buffer | null> {
  const blob = await blobs.find(sha256)
  const reading = blob === null ? null : await blobs.read(blob, 0, blob.size)
  return reading === null ? null : readWhole(reading)
}

async function clean (t: Test, { stores, rows }: Node): Promise<void> {
  const { faults } = await verify({ stores, descriptors: rows, repair: false, foreignBlobs: false, now: Date.now() })
  t.same(faults, [], 'verify is clean')
}

t.test('what was acknowledged is in the log, whole, and is served before its files are made', async (t) => {
  const root = t.testdir({})
  const node = await open(root)
  const blob = seededBlob('acknowledged', 10_000)
  const { created } = await node.put(blob.bytes)
  t.ok(created)
  const [log] = readdirSync(join(root, 'journal'))
  const parsed = parseEntry(readFileSync(join(root, 'journal', log!)), 0)
  t.equal(parsed?.entry.op, 'keep')
  t.ok(parsed?.entry.op === 'keep' && parsed.entry.bytes.equals(blob.bytes))
  t.ok(node.stores.journal!.speaksOf(blob.sha256))
  t.ok((await bytesOf(node.blobs, blob.sha256))?.equals(blob.bytes))
  await node.stores.journal!.settle()
  t.same(readdirSync(join(root, 'journal')), [], 'no log is left')
  t.equal(node.stores.journal!.pending(blob.sha256), null)
  t.ok((await bytesOf(node.blobs, blob.sha256))?.equals(blob.bytes), 'and from its pack')
  await clean(t, node)
  await node.stores.close()
})

t.test('sizes around the inline limit and the journal limit all become the right files', async (t) => {
  const node = await open(t.testdir({}))
  const blobs = [0, 1, 4096, 4097, 128 * 1024, 128 * 1024 + 1].map((size) => seededBlob(`size ${size}`, size))
  await Promise.all(blobs.map(({ bytes }) => node.put(bytes)))
  await node.stores.journal!.settle()
  for (const { bytes, sha256 } of blobs) t.ok((await bytesOf(node.blobs, sha256))?.equals(bytes), `${bytes.length} bytes`)
  await clean(t, node)
  await node.stores.close()
})

t.test('after a kill the boot replays the log: nothing acknowledged is lost, and the log is gone', async (t) => {
  const root = t.testdir({})
  const dead = await open(root)
  const blobs = Array.from({ length: 40 }, (_, i) => seededBlob(`killed ${i}`, 100 + i * 300))
  await Promise.all(blobs.map(({ bytes }) => dead.put(bytes)))
  // never settled, never closed: what a kill leaves
  const log = readFileSync(join(root, 'journal', '1.log'))
  const next = await open(t.testdir({ journal: { '1.log': log } }))
  t.equal(next.replayed, 40)
  for (const { bytes, sha256 } of blobs) t.ok((await bytesOf(next.blobs, sha256))?.equals(bytes))
  t.equal(next.rows.counts().owners, 40)
  await clean(t, next)
  await dead.stores.close()
})

t.test('a torn last entry ends the replay, and what stands before it is kept', async (t) => {
  const entries: JournalEntry[] = ['one', 'two'].map((name) => {
    const { bytes, sha256 } = seededBlob(name, 5000)
    return { op: 'keep', ownership: { sha256, owner: A, type: 'text/plain', uploaded: 5, blake3: 'c'.repeat(64), size: 5000 }, inline: false, bytes }
  })
  const log = Buffer.concat(entries.flatMap(buildEntry))
  for (const cut of [1, 100, 4999, 5010]) {
    const root = t.testdir({ journal: {} })
    writeFileSync(join(root, 'journal', '1.log'), log)
    truncateSync(join(root, 'journal', '1.log'), log.length - cut)
    const { replayed, rows } = await open(root)
    t.equal(replayed, 1, `${cut} bytes short`)
    t.equal(rows.counts().blobs, 1)
  }
  const flipped = Buffer.from(log)
  flipped[flipped.length - 7]! ^= 1
  const root = t.testdir({ journal: { '1.log': flipped } })
  t.equal((await open(root)).replayed, 1, 'a flipped bit')
  const garbage = t.testdir({ journal: { '1.log': log } })
  appendFileSync(join(garbage, 'journal', '1.log'), Buffer.alloc(100, 0x4d))
  t.equal((await open(garbage)).replayed, 2, 'garbage behind the last')
})

t.test('replay ends where we were: owners that came and left while the log was live', async (t) => {
  const root = t.testdir({})
  const dead = await open(root)
  const [kept, dropped, returned] = ['kept', 'dropped', 'returned'].map((name) => seededBlob(name, 9000)) as [ReturnType<typeof seededBlob>, ReturnType<typeof seededBlob>, ReturnType<typeof seededBlob>]
  for (const { bytes } of [kept, dropped, returned]) await dead.put(bytes, A)
  await dead.put(kept.bytes, B)
  t.equal(await dead.blobs.disown(kept.sha256, A), 'disowned')
  t.equal(await dead.blobs.disown(dropped.sha256, A), 'disowned')
  await dead.put(returned.bytes, B)
  await dead.blobs.disown(returned.sha256, A)
  await dead.put(returned.bytes, A)
  // a kill now; then everything in the log is done once more over files that are there already
  const next = await open(root)
  t.ok(next.replayed >= 7)
  t.same(next.rows.ownersOf(kept.sha256), [B])
  t.equal(next.rows.get(dropped.sha256), null)
  t.same(next.rows.ownersOf(returned.sha256).sort(), [A, B])
  const { faults } = await verify({ stores: next.stores, descriptors: next.rows, repair: true, foreignBlobs: false, now: Date.now() })
  t.ok(faults.every(({ repaired }) => repaired), 'at most leftovers that nobody owns, and verify mends them')
  await clean(t, next)
  await dead.stores.close()
})

t.test('a blob deleted right after it came is gone, its files too', async (t) => {
  const root = t.testdir({})
  const node = await open(root)
  const blob = seededBlob('fleeting', 20_000)
  await node.put(blob.bytes)
  t.equal(await node.blobs.disown(blob.sha256, A), 'disowned')
  await node.stores.journal!.settle()
  t.same(readdirSync(join(root, 'pack')), [])
  t.equal(await node.blobs.find(blob.sha256), null)
  await clean(t, node)
  await node.stores.close()
})

t.test('a log that cannot be written is told as a StoreError with its cause, and nothing becomes visible', async (t) => {
  const root = t.testdir({})
  const node = await open(root)
  const folder = join(root, 'journal')
  rmSync(folder, { recursive: true })
  const blob = seededBlob('no log', 6000)
  await t.rejects(node.put(blob.bytes), { name: 'StoreError', cause: { code: 'ENOENT' } })
  t.equal(await node.blobs.find(blob.sha256), null)
  t.notOk(existsSync(join(root, 'owners', 'x')))
  await node.stores.close()
})

t.test('an upload is acknowledged after its entry was written and synced, and what comes together shares the sync', async (t) => {
  const root = t.testdir({})
  const steps: string[] = []
  const disk: LogDisk = {
    write: async (fd, chunks, at) => {
      steps.push('write')
      const bytesWritten = writevSync(fd, chunks, at)
      return { bytesWritten }
    },
    sync: async (fd) => {
      await new Promise((resolve) => { setTimeout(resolve, 20) })
      fdatasyncSync(fd)
      steps.push('synced')
    }
  }
  const node = await open(root, disk)
  await node.put(seededBlob('alone', 9000).bytes)
  steps.push('acknowledged')
  t.same(steps, ['write', 'synced', 'acknowledged'])
  steps.length = 0
  await Promise.all(Array.from({ length: 12 }, async (_, i) => {
    await node.put(seededBlob(`together ${i}`, 3000).bytes)
    steps.push('acknowledged')
  }))
  t.equal(steps.filter((step) => step === 'acknowledged').length, 12)
  t.ok(steps.indexOf('acknowledged') > steps.indexOf('synced'))
  t.ok(steps.filter((step) => step === 'synced').length <= 3, 'a few syncs for twelve uploads')
  t.equal(steps.at(-1), 'acknowledged')
  await node.stores.close()
})

t.test('a short write or a sync that fails refuses the upload, and the next one gets a new log', async (t) => {
  for (const fault of ['short', 'sync'] as const) {
    const root = t.testdir({})
    let broken = true
    const disk: LogDisk = {
      write: async (fd, chunks, at) => {
        const bytesWritten = writevSync(fd, broken && fault === 'short' ? [chunks[0]!.subarray(0, 9)] : chunks, at)
        return { bytesWritten }
      },
      sync: async (fd) => {
        if (broken && fault === 'sync') throw Object.assign(new Error('EIO'), { code: 'EIO' })
        fdatasyncSync(fd)
      }
    }
    const node = await open(root, disk)
    const blob = seededBlob(`refused ${fault}`, 9000)
    await t.rejects(node.put(blob.bytes), { name: 'StoreError' })
    t.equal(await node.blobs.find(blob.sha256), null)
    broken = false
    t.ok((await node.put(blob.bytes)).created)
    await node.stores.journal!.settle()
    t.ok((await bytesOf(node.blobs, blob.sha256))?.equals(blob.bytes))
    await clean(t, node)
    await node.stores.close()
  }
})

t.test('an upload that comes the other way while a log speaks of its blob keeps its owner, now and after a replay', async (t) => {
  const root = t.testdir({})
  const node = await open(root)
  const blob = seededBlob('two ways', 20_000)
  await node.put(blob.bytes)
  await node.blobs.disown(blob.sha256, A)
  // as when too much waits: this one takes the way of large uploads
  const { journal } = node.stores
  const takes = journal!.takes.bind(journal)
  journal!.takes = () => false
  await node.put(blob.bytes)
  journal!.takes = takes
  const next = await open(root) // a kill now
  t.same(next.rows.ownersOf(blob.sha256), [A])
  await node.stores.close()
  t.ok((await bytesOf(next.blobs, blob.sha256))?.equals(blob.bytes))
  t.same(await next.stores.owners.namesOf(blob.sha256), [A])
})

t.test('an entry that is appended in the very moment the last batch ends is not forgotten', async (t) => {
  const node = await open(t.testdir({}))
  const { journal } = node.stores
  for (let i = 0; i < 200; i++) {
    const first = journal!.append({ op: 'drop', sha256: 'e'.repeat(64), owner: A })
    // one in each of the microtasks around the end of the batch
    let chain: Promise<unknown> = first
    for (let depth = 0; depth < i % 6; depth++) chain = chain.then(() => {})
    await chain.then(() => journal!.append({ op: 'drop', sha256: 'f'.repeat(64), owner: A }))
  }
  t.pass('every one was written')
  await node.stores.close()
})
