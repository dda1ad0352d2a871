// Where a blob lies alone: the file that a proxy may send, and the URL that a client may be sent to.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { DirectPlaces } from '../../server/stores/direct-places.ts'
import { UNKNOWN, writePack } from '../suites/packs.ts'
import { sha256Multihash } from '../../server/stores/multihash.ts'
import { openFsStores, openMemoryStores, openS3Stores } from '../../server/stores/open.ts'
import { newFolder } from '../support/both-stores.ts'
import { seededBlob } from '../support/keys.ts'
import { startMinio } from '../support/minio.ts'
import type { Blob, Place } from '../../server/stores/descriptors.ts'

const minio = await startMinio(t)
const { bytes, sha256 } = seededBlob('direct', 100_000)
const blobAt = (place: Place): Blob => ({ sha256, blake3: null, size: bytes.length, type: 'video/mp4', uploaded: 1, place, foreign: false, expires: null })
const own = blobAt({ kind: 'own' })
const others = [blobAt({ kind: 'inline' }), blobAt({ kind: 'part', pack: sha256Multihash('ab'.repeat(32)), offset: 7 }), blobAt({ kind: 'part', pack: sha256Multihash('ab'.repeat(32)), offset: 0 })]

t.test('on folders the file below the pack folder is the blob, byte for byte', async t => {
  const root = newFolder(t)
  const stores = await openFsStores(root)
  await writePack(stores.packs, bytes, sha256)
  const places = new DirectPlaces(stores)
  t.ok(readFileSync(join(root, 'pack', places.file(own)!)).equals(bytes))
  t.equal(places.url(own, 'x.mp4', null), null)
  for (const blob of others) t.equal(places.file(blob), null, blob.place.kind)
})

t.test('a blob that the journal holds has no file yet', async t => {
  const stores = await openFsStores(newFolder(t))
  const journal = { pending: (asked: string) => asked === sha256 ? bytes : null } as typeof stores.journal
  t.equal(new DirectPlaces({ ...stores, journal }).file(own), null)
})

t.test('in memory there is neither', async t => {
  const places = new DirectPlaces(openMemoryStores())
  t.strictSame([places.file(own), places.url(own, 'x.mp4', null)], [null, null])
})

if (minio !== null) {
  t.test('in a bucket the URL gives the blob to anybody, under the type and the name it was asked for', async t => {
    const { endpoint, accessKey, secretKey, region } = minio
    const stores = await openS3Stores({ endpoint, accessKey, secretKey, region, bucket: await minio.newBucket() }, newFolder(t))
    t.teardown(stores.close)
    await writePack(stores.packs, bytes, sha256, UNKNOWN)
    const places = new DirectPlaces(stores)
    t.equal(places.file(own), null)
    for (const blob of others) t.equal(places.url(blob, 'x', null), null, blob.place.kind)
    const url = await places.url(own, `${sha256}.mp4`, null)
    t.equal(await places.url(own, `${sha256}.mp4`, null), url, 'one URL is kept')
    t.not(await places.url({ ...own, type: 'audio/ogg' }, `${sha256}.ogg`, null), url, 'for another type it is another')
    const response = await fetch(url!)
    t.match([response.status, response.headers.get('content-type')], [200, 'video/mp4'])
    t.ok(Buffer.from(await response.arrayBuffer()).equals(bytes))
  })
}
