// A kill between the store's answer to the begin of a multipart upload and our file that names it: the wish is noted before, so the next start finds the
// upload by its key, and takes nobody else's.

import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { UploadJournal } from '../../server/stores/s3/upload-journal.ts'
import { minioPacks, PART_BYTES } from '../suites/kinds.ts'
import { startMinio } from '../support/minio.ts'

await t.test('a multipart upload that was begun and not named is aborted by the next start, and another node’s is not', async (t) => {
  const minio = await startMinio(t)
  if (minio === null) return
  const { again, bucket, journal: folder, uploads } = await minioPacks(t, minio)
  const { client, bucket: name } = bucket
  const journal = new UploadJournal(folder)
  const key = 'pack/a/a.car'
  // theirs has a part; ours had no time for one
  const theirs = await client.initiateNewMultipartUpload(name, key, {})
  await client.uploadPart({ bucketName: name, objectName: key, uploadID: theirs, partNumber: 1, headers: {} }, Buffer.alloc(PART_BYTES))
  await journal.intend(key)
  await client.initiateNewMultipartUpload(name, key, {})
  const other = 'pack/b/b.car'
  await client.initiateNewMultipartUpload(name, other, {}) // nobody here wished for it
  t.equal(await uploads(), 3)

  await (await again!()).sweep()
  t.equal(await uploads(), 2)
  const left: string[] = []
  for await (const item of client.listIncompleteUploads(name, key, true)) left.push((item as { uploadId: string }).uploadId)
  t.same(left, [theirs])
  t.same(readdirSync(folder), [])
})

await t.test('the journal keeps what was begun and what was wished for, and drops what was cut off while it was written', async (t) => {
  const folder = join(t.testdir({}), 'uploads')
  const journal = new UploadJournal(folder)
  t.same(await journal.list(), { begun: [], intended: [] })
  const wish = await journal.intend('one')
  const begun = { key: 'two', uploadId: 'x' }
  await journal.add(begun)
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'cut.json'), '{"key":"thr')
  t.same(await journal.list(), { begun: [begun], intended: [wish] })
  t.notOk(existsSync(join(folder, 'cut.json')))
  await journal.forgo(wish)
  await journal.remove(begun)
  t.same(await journal.list(), { begun: [], intended: [] })
})
