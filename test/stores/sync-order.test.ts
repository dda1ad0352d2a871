// Durable before visible, visible before acknowledged (design §1.2): the order of file calls and syncs before an upload or a delete is
// answered, and what a full disk leaves at each of them.

import t from 'tap'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { openDatabase } from '../../server/database.ts'
import { StoreError } from '../../server/errors.ts'
import { Blobs } from '../../server/stores/blobs.ts'
import { Descriptors } from '../../server/stores/descriptors.ts'
import { blake3Multihash, keyOf, sha256Multihash } from '../../server/stores/multihash.ts'
import { openFsStores } from '../../server/stores/open.ts'
import { readWhole } from '../../server/stores/pack-store.ts'
import { RecordingFiles } from '../suites/recording-files.ts'
import { seededBlob } from '../support/keys.ts'
import type { Test } from 'tap'

const OWNER = 'a'.repeat(64)

async function open (t: Test) {
  const root = mkdtempSync(join(tmpdir(), 'marquee-test-'))
  t.teardown(() => { rmSync(root, { recursive: true, force: true }) })
  const files = new RecordingFiles(root)
  // one sync a file: without the journal, as for every blob that is too large for it
  const stores = await openFsStores(root, files)
  const descriptors = new Descriptors(openDatabase(':memory:'))
  const blobs = new Blobs({ stores, descriptors, foreign: null, limits: { maxSize: 1e9, idleTimeout: 60_000, inlineLimit: 4096 } })
  const receive = async (bytes: Buffer) => {
    const received = await blobs.receive(Readable.from([bytes]), {
      owner: OWNER, type: null, extension: null, promised: null, likely: null, size: null, acceptHash: () => {}, acceptType: () => {}
    })
    files.steps.push('answered')
    return received
  }
  const read = async (sha256: string): Promise<Buffer | null> => {
    const blob = await blobs.find(sha256)
    const reading = blob === null ? null : await blobs.read(blob, 0, blob.size)
    return reading === null ? null : readWhole(reading)
  }
  files.restart()
  return { root, files, stores, blobs, receive, read }
}

/** The steps of an object written whole: aside, synced, placed under its name, its folder synced. */
function writes (draft: number, folder: string, file: string, { above, how }: { above: string | null, how: 'link' | 'move' }): string[] {
  return [
    `create draft ${draft}`, `write draft ${draft}`, `sync draft ${draft}`,
    ...(above === null ? [] : [`sync folder ${above}`]),
    `folder ${folder} is there`,
    `${how} draft ${draft} to ${folder}/${file}`,
    ...(how === 'link' ? [`remove draft ${draft}`] : []),
    `sync folder ${folder}`
  ]
}

void t.test('a large blob is answered after its pack, then its owner, then its records were synced, file and folder, in this order', async (t) => {
  const { files, receive } = await open(t)
  const { bytes, sha256 } = seededBlob('100 KiB', 100 * 1024)
  const { blob } = await receive(bytes)
  const [c, b] = [keyOf(sha256Multihash(sha256)), keyOf(blake3Multihash(blob.blake3!))]
  t.same(files.steps, [
    'create draft 1', 'write draft 1', 'sync draft 1', `link draft 1 to pack/${c}.car`, 'sync folder pack', 'remove draft 1',
    ...writes(2, `owners/${c}`, OWNER, { above: 'owners', how: 'move' }),
    ...writes(3, `index/${b}`, '0', { above: 'index', how: 'link' }),
    ...writes(4, `index/${c}`, '0', { above: 'index', how: 'link' }),
    'answered'
  ])
})

void t.test('a blob inside its record is answered after its BLAKE3 record, owner and sha256 record were synced in this order, file and folder', async (t) => {
  const { files, receive } = await open(t)
  const { bytes, sha256 } = seededBlob('inline', 1000)
  const { blob } = await receive(bytes)
  const [c, b] = [keyOf(sha256Multihash(sha256)), keyOf(blake3Multihash(blob.blake3!))]
  t.same(files.steps, [
    ...writes(1, `index/${b}`, '0', { above: 'index', how: 'link' }),
    ...writes(2, `owners/${c}`, OWNER, { above: 'owners', how: 'move' }),
    ...writes(3, `index/${c}`, '0', { above: 'index', how: 'link' }),
    'answered'
  ])
})

void t.test('one more owner is answered after their owner object was synced, in the folder that is there', async (t) => {
  const { files, blobs, receive } = await open(t)
  const { bytes, sha256 } = seededBlob('shared', 10_000)
  await receive(bytes)
  files.restart()
  const other = 'b'.repeat(64)
  await blobs.adopt(sha256, other, null)
  t.same(files.steps, writes(1, `owners/${keyOf(sha256Multihash(sha256))}`, other, { above: null, how: 'move' }))
})

void t.test('a delete is answered after the owner, the records and the pack are gone, each synced with its folder, in this order', async (t) => {
  const { files, blobs, receive } = await open(t)
  const { bytes, sha256 } = seededBlob('deleted', 100 * 1024)
  const { blob } = await receive(bytes)
  const [c, b] = [keyOf(sha256Multihash(sha256)), keyOf(blake3Multihash(blob.blake3!))]
  files.restart()
  t.equal(await blobs.disown(sha256, OWNER), 'disowned')
  files.steps.push('answered')
  t.same(files.steps, [
    `remove owners/${c}/${OWNER}`, `sync folder owners/${c}`, `remove folder owners/${c}`,
    `remove index/${c}/0`, `sync folder index/${c}`, `remove folder index/${c}`,
    `remove index/${b}/0`, `sync folder index/${b}`, `remove folder index/${b}`,
    `remove pack/${c}.car`, 'sync folder pack',
    'answered'
  ])
})

for (const [name, size] of [['a large blob', 100 * 1024], ['a blob inside its record', 1000]] as const) {
  void t.test(`${name} that meets a full disk at any step is refused with its cause, leaves nothing to see, and can be sent again`, async (t) => {
    const { bytes, sha256 } = seededBlob(name, size)
    const whole = await open(t)
    await whole.receive(bytes)
    const calls = whole.files.calls
    t.ok(calls >= 15, `${calls} calls take space`)
    for (let at = 0; at < calls; at++) {
      const { root, files, blobs, receive, read } = await open(t)
      files.restart(at)
      await t.rejects(receive(bytes), { name: 'StoreError', cause: { code: 'ENOSPC' } }, `call ${at}`)
      files.restart()
      t.equal(await blobs.find(sha256), null)
      t.same(readdirSync(join(root, 'drafts')), [], `no draft after call ${at}`)
      t.equal((await receive(bytes)).created, true)
      t.ok((await read(sha256))?.equals(bytes))
      t.same(readdirSync(join(root, 'drafts')), [])
    }
  })
}

void t.test('one more owner that meets a full disk does not own the blob, and its first owner still does', async (t) => {
  const { files, blobs, stores, receive, read } = await open(t)
  const { bytes, sha256 } = seededBlob('one more', 10_000)
  await receive(bytes)
  const other = 'b'.repeat(64)
  for (let at = 0; at < 5; at++) {
    files.restart(at)
    await t.rejects(blobs.adopt(sha256, other, null), StoreError)
    t.same(blobs.list({ owner: other, limit: 10, since: 0, until: 1e10, after: null }), [])
    t.ok((await read(sha256))?.equals(bytes))
  }
  files.restart()
  t.not(await blobs.adopt(sha256, other, null), null)
  t.same((await stores.owners.namesOf(sha256)).sort(), [OWNER, other])
})
