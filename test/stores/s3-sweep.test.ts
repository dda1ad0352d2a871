// The look at old multipart uploads that every start takes (server/stores/s3/pack-store.ts), where other nodes' uploads come and go meanwhile.

import { join } from 'node:path'
import { Readable } from 'node:stream'
import t from 'tap'
import { StoreError } from '../../server/errors.ts'
import { Layout } from '../../server/stores/layout.ts'
import { Bucket } from '../../server/stores/s3/bucket.ts'
import { S3PackStore } from '../../server/stores/s3/pack-store.ts'
import { UploadJournal } from '../../server/stores/s3/upload-journal.ts'
import type { Test } from 'tap'

/** A store whose list of begun uploads breaks off with this code of S3; nothing is sent anywhere. */
function breakingOff (t: Test, code: string): S3PackStore {
  const bucket = new Bucket({ endpoint: 'http://127.0.0.1:9', accessKey: 'key', secretKey: 'secret', bucket: 'bucket', region: 'us-east-1' })
  t.teardown(() => { bucket.close() })
  Object.assign(bucket.client, {
    listIncompleteUploads: () => Readable.from((async function * () {
      yield { key: 'pack/young', uploadId: 'young', initiated: new Date() }
      throw Object.assign(new Error(code), { code })
    })()),
    listObjectsV2: () => Readable.from([])
  })
  return new S3PackStore(bucket, new Layout(true), new UploadJournal(join(t.testdir({}), 'uploads')))
}

t.test('an upload of another node that ends while it is listed does not keep a server from starting', async t => {
  t.equal(await breakingOff(t, 'NoSuchUpload').sweep(), 0)
})

t.test('a store that fails while they are listed does', async t => {
  await t.rejects(breakingOff(t, 'AccessDenied').sweep(), StoreError)
})
