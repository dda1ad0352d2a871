// A blob is said to be here only when it is (server/catalog/possession.ts), in folders and in a bucket of a real MinIO: one bit that is another, a pack that is
// gone, an object that another program put in its place.

import { Client } from 'minio'
import { join } from 'node:path'
import { rmSync } from 'node:fs'
import t from 'tap'
import { Possession } from '../../server/catalog/possession.ts'
import { sha256Multihash } from '../../server/stores/multihash.ts'
import { openFsStores, openS3Stores } from '../../server/stores/open.ts'
import { ALICE, nodeOf } from '../suites/node-of.ts'
import { flipBit } from '../support/flip.ts'
import { seededBlob } from '../support/keys.ts'
import { startMinio } from '../support/minio.ts'
import type { Test } from 'tap'
import type { Stores } from '../../server/stores/open.ts'

const minio = await startMinio(t)

async function looks (t: Test, stores: Stores, damage: (key: string, bytes: Buffer) => Promise<void>, lose: (key: string) => Promise<void>): Promise<void> {
  const { blobs, put, pass, now } = nodeOf(stores)
  let slept = 0
  const possession = new Possession({ blobs, lastScrubbed: () => null, now, rate: 1024 * 1024, sleep: async (ms) => { slept += ms } })
  const [small, packed, lost] = [seededBlob('inline', 100), seededBlob('packed', 5 * 1024 * 1024), seededBlob('lost', 50_000)]
  for (const { bytes } of [small, packed, lost]) await put(bytes)
  const check = (sha256: string): Promise<string> => possession.check(sha256)
  t.equal(await check(small.sha256), 'held')
  slept = 0
  t.equal(await check(packed.sha256), 'held')
  t.ok(slept >= 5000, 'five MiB take five seconds at one MiB a second')
  t.equal(await check('ab'.repeat(32)), 'gone')
  const keyOf = (sha256: string): string => stores.layout.pack(sha256Multihash(sha256))
  await damage(keyOf(packed.sha256), packed.bytes)
  t.equal(await check(packed.sha256), 'damaged')
  await lose(keyOf(lost.sha256))
  t.equal(await check(lost.sha256), 'damaged', 'the record is here and the pack is not')
  await blobs.disown(small.sha256, ALICE)
  pass(3000)
  t.equal(await check(small.sha256), 'gone')
}

t.test('in folders', async t => {
  const root = t.testdir({})
  await looks(t, await openFsStores(root), async (key) => { flipBit(join(root, key)) }, async (key) => { rmSync(join(root, key)) })
})

t.test('in a bucket', { skip: minio === null }, async t => {
  const { endpoint, accessKey, secretKey, region } = minio!
  const bucket = await minio!.newBucket()
  const stores = await openS3Stores({ endpoint, accessKey, secretKey, bucket, region, publicEndpoint: null }, t.testdir({}))
  t.teardown(() => stores.close())
  const { hostname, port } = new URL(endpoint)
  const client = new Client({ endPoint: hostname, port: Number(port), useSSL: false, accessKey, secretKey, region })
  await looks(t, stores, async (key, bytes) => {
    const other = Buffer.from(bytes)
    other[12_345]! ^= 1
    await client.putObject(bucket, key, other, other.length)
  }, (key) => client.removeObject(bucket, key))
})
