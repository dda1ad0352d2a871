// Packs in memory, in folders and in a real MinIO: one suite, and what only one kind of store can do.

import t from 'tap'
import { createHash } from 'node:crypto'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { StoreError } from '../../server/errors.ts'
import { keyOf, sha256Multihash } from '../../server/stores/multihash.ts'
import { packStoreSuite } from '../suites/pack-store.suite.ts'
import { UNKNOWN, drafted, entries, readPack, writePack } from '../suites/packs.ts'
import { PART_BYTES, fsPacks, memoryPacks, minioPacks } from '../suites/kinds.ts'
import { seededBlob } from '../support/keys.ts'
import { startMinio } from '../support/minio.ts'

const MIB = 1024 * 1024

// first of all: a test that waited for it with nothing under way would end
const minio = await startMinio(t)

packStoreSuite(t, 'memory', memoryPacks)
packStoreSuite(t, 'filesystem', fsPacks)

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

void t.test('filesystem: memory does not grow with the size of a pack', async (t) => {
  const { packs, drafts } = await fsPacks(t)
  const draft = await packs.draft(UNKNOWN)
  const hash = createHash('sha256')
  let before = 0
  let most = 0
  for (let i = 0; i < 256; i++) {
    // fresh memory each time: a store that kept it would show
    const batch = Array.from({ length: 16 }, () => Buffer.alloc(65_536, i))
    for (const chunk of batch) hash.update(chunk)
    await draft.write(batch)
    if (i % 8 !== 7) continue
    collect()
    if (before === 0) before = process.memoryUsage().rss
    most = Math.max(most, process.memoryUsage().rss - before)
  }
  const pack = sha256Multihash(hash.digest('hex'))
  t.equal(await draft.commit(pack), 'created')
  t.ok(most < 64 * MIB, `writing 256 MiB took ${Math.round(most / MIB)} MiB more`)
  t.equal((await packs.stat(pack))?.size, 256 * MIB)
  t.equal(await drafts(), 0)
})

if (minio !== null) {
  packStoreSuite(t, 'MinIO', (t) => minioPacks(t, minio))

  for (const size of [PART_BYTES, PART_BYTES + 1, 2 * PART_BYTES, 12 * MIB + 7]) {
    void t.test(`MinIO: ${size} bytes come back, in parts to their name or through a temporary one`, async (t) => {
      const { packs, drafts } = await minioPacks(t, minio)
      for (const promised of [true, false]) {
        const { bytes, sha256 } = seededBlob(`parts ${size} ${promised}`, size)
        const hints = promised ? { promised: sha256Multihash(sha256), size, type: 'video/mp4' } : UNKNOWN
        t.equal(await writePack(packs, bytes, sha256, hints), 'created')
        t.ok((await readPack(packs, sha256Multihash(sha256), 0, size))?.equals(bytes))
        t.equal(await writePack(packs, bytes, sha256, hints), 'existed')
      }
      t.equal((await entries(packs)).size, 2)
      t.equal(await drafts(), 0)
    })
  }

  for (const size of [11 * MIB, 10 * MIB + 1]) {
    void t.test(`MinIO: ${size} bytes are copied to their name in ranges where one copy may not take them all`, async (t) => {
      const { packs, drafts } = await minioPacks(t, minio, { copyLimit: 5 * MIB })
      const { bytes, sha256 } = seededBlob(`ranges ${size}`, size)
      t.equal(await writePack(packs, bytes, sha256), 'created')
      t.equal((await packs.stat(sha256Multihash(sha256)))?.size, size)
      t.ok((await readPack(packs, sha256Multihash(sha256), 0, size))?.equals(bytes))
      t.equal(await drafts(), 0)
    })
  }

  void t.test('MinIO: two commits at once in parts both succeed and leave one pack', async (t) => {
    const { packs, drafts } = await minioPacks(t, minio)
    const { bytes, sha256 } = seededBlob('parts at once', 6 * MIB)
    const pack = sha256Multihash(sha256)
    const both = [await drafted(packs, bytes, { promised: pack, size: null, type: null }), await drafted(packs, bytes)]
    const outcomes = await Promise.all(both.map((draft) => draft.commit(pack)))
    for (const draft of both) await draft.discard()
    t.ok(outcomes.includes('created'))
    t.same([...(await entries(packs)).keys()], [keyOf(pack)])
    t.ok((await readPack(packs, pack, 0, bytes.length))?.equals(bytes))
    t.equal(await drafts(), 0)
  })

  void t.test('MinIO: parts that came under a promised name are not committed under another', async (t) => {
    const { packs, drafts } = await minioPacks(t, minio)
    const { bytes, sha256 } = seededBlob('promised', 6 * MIB)
    const draft = await drafted(packs, bytes, { promised: sha256Multihash('cd'.repeat(32)), size: null, type: null })
    await t.rejects(draft.commit(sha256Multihash(sha256)), StoreError)
    await draft.discard()
    t.equal((await entries(packs)).size, 0)
    t.equal(await drafts(), 0)
  })

  void t.test('MinIO: a sweep leaves the upload of another node alone, which then ends well', async (t) => {
    const mine = await minioPacks(t, minio)
    const theirs = await minioPacks(t, minio, { bucket: mine.bucket.bucket })
    const { bytes, sha256 } = seededBlob('theirs', 12 * MIB)
    const draft = await drafted(theirs.packs, bytes.subarray(0, 11 * MIB), { promised: sha256Multihash(sha256), size: null, type: null })
    t.equal(await theirs.uploads(), 1)
    t.equal(await (await mine.again!()).sweep(), 0)
    t.equal(await theirs.uploads(), 1)
    await draft.write([bytes.subarray(11 * MIB)])
    t.equal(await draft.commit(sha256Multihash(sha256)), 'created')
    t.ok((await readPack(mine.packs, sha256Multihash(sha256), 0, bytes.length))?.equals(bytes))
    t.equal(await theirs.drafts(), 0)
  })

  void t.test('MinIO: an upload that the store went away from is a StoreError, and the next boot ends it', async (t) => {
    const { packs, again, drafts, uploads } = await minioPacks(t, minio)
    const { bytes, sha256 } = seededBlob('went away', 12 * MIB)
    const draft = await drafted(packs, bytes.subarray(0, 6 * MIB), { promised: sha256Multihash(sha256), size: null, type: null })
    t.equal(await uploads(), 1)
    await minio.stop('SIGKILL')
    await t.rejects((async () => {
      await draft.write([bytes.subarray(6 * MIB)])
      await draft.commit(sha256Multihash(sha256))
    })(), StoreError)
    await draft.discard()
    await minio.start()
    t.ok(await drafts() > 0, 'it could not be ended then')
    t.equal(await (await again!()).sweep(), 1)
    t.equal(await drafts(), 0)
    t.equal((await entries(packs)).size, 0)
  })
}
