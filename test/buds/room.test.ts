// Quotas and the disk's reserve over HTTP, over folders and a bucket: 413 and 507 before the body where the length is known, during it otherwise,
// with nothing left behind; what is arriving is reserved.

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { FreeSpace } from '../../server/stores/free-space.ts'
import { startMarquee, upload } from '../support/app.ts'
import { listed, mirror, remove } from '../support/asking.ts'
import { send, startOrigin } from '../support/blob-origin.ts'
import { Signer, seededBlob } from '../support/keys.ts'
import { startMinio } from '../support/minio.ts'
import { RawClient } from '../support/raw-http.ts'
import { until } from '../support/raw-origin.ts'
import type { Running } from '../support/app.ts'

const CRLF = '\r\n'
const MIB = 1024 * 1024
const minio = await startMinio(t)

interface Blob { bytes: Buffer, sha256: string }

function preflight (url: string, signer: Signer, { bytes, sha256 }: Blob): Promise<Response> {
  const authorization = signer.token('upload', { hashes: [sha256] })
  return fetch(`${url}/upload`, { method: 'HEAD', headers: { authorization, 'x-sha-256': sha256, 'x-content-length': String(bytes.length) } })
}

const told = async (response: Response): Promise<string> => `${response.status} ${(await response.json() as { code?: string }).code ?? ''}`.trim()

/** An upload whose body has only begun. */
async function begin (url: string, signer: Signer, { bytes, sha256 }: Blob, sent: number, chunked = false): Promise<RawClient> {
  const client = await RawClient.open(url)
  const framing = chunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${bytes.length}`
  client.send(`PUT /upload HTTP/1.1${CRLF}Host: x${CRLF}Authorization: ${signer.token('upload', { hashes: [sha256] })}${CRLF}${framing}${CRLF}${CRLF}`)
  if (!chunked) client.send(bytes.subarray(0, sent))
  return client
}

function sendChunked (client: RawClient, bytes: Buffer): void {
  for (let at = 0; at < bytes.length; at += 100_000) {
    const piece = bytes.subarray(at, at + 100_000)
    client.send(`${piece.length.toString(16)}${CRLF}`)
    client.send(piece)
    client.send(CRLF)
  }
  client.send(`0${CRLF}${CRLF}`)
}

const drafts = ({ dataDir }: Running): string[] => readdirSync(join(dataDir, 'store', 'drafts')).filter((name) => !name.startsWith('settle-'))

for (const place of minio === null ? [null] : [null, { minio, bucket: await minio.newBucket() }]) {
  const name = place === null ? 'folders' : 'MinIO'
  const start = async (env: Record<string, string>): Promise<Running> => startMarquee(t, {
    env: { MIRROR_ALLOW_PRIVATE: 'on', ...env }, minio: place === null ? null : { minio: place.minio, bucket: await place.minio.newBucket() }
  })

  t.test(`${name}: a key has room for so many bytes, a shared blob counts in full for each owner, and a delete makes room again`, async t => {
    const { url } = await start({ MAX_KEY_BYTES: '1000' })
    const [a, b, c] = [seededBlob('a', 600), seededBlob('b', 400), seededBlob('c', 1)]
    const [first, second] = [new Signer(), new Signer()]
    t.equal((await upload(url, first, a)).status, 201)
    t.equal((await upload(url, first, b)).status, 201, 'to the last byte')
    t.equal((await preflight(url, first, c)).status, 413)
    const refused = await upload(url, first, c)
    t.match(refused.headers.get('x-reason'), /no more room here: 1000 bytes at most/)
    t.equal(await told(refused), '413 KEY_FULL')
    t.equal((await upload(url, first, a)).status, 200, 'what the key has already takes no more')
    t.equal((await preflight(url, first, a)).status, 200)
    t.equal((await upload(url, second, a)).status, 200)
    t.equal(await told(await upload(url, second, seededBlob('d', 401))), '413 KEY_FULL', 'shared or not')
    t.equal((await remove(url, first, b.sha256)).status, 204)
    t.equal((await upload(url, first, c)).status, 201)
  })

  t.test(`${name}: so many blobs of a key; so many bytes and blobs in all, each counted once`, async t => {
    const few = await start({ MAX_KEY_BLOBS: '1' })
    const signer = new Signer()
    const [a, b, c] = [seededBlob('a', 600), seededBlob('b', 400), seededBlob('c', 0)]
    t.equal((await upload(few.url, signer, a)).status, 201)
    t.equal(await told(await upload(few.url, signer, c)), '413 KEY_FULL')
    t.equal((await upload(few.url, new Signer(), c)).status, 201)
    const small = await start({ MAX_STORE_BYTES: '1000', MAX_STORE_BLOBS: '2' })
    t.equal((await upload(small.url, signer, a)).status, 201)
    t.equal(await told(await upload(small.url, signer, seededBlob('x', 401))), '413 STORE_FULL')
    t.equal((await upload(small.url, new Signer(), a)).status, 200, 'another owner of what is here')
    t.equal((await upload(small.url, signer, b)).status, 201)
    t.equal(await told(await upload(small.url, new Signer(), c)), '413 STORE_FULL', 'two blobs')
    t.equal((await remove(small.url, signer, b.sha256)).status, 204)
    t.equal((await upload(small.url, new Signer(), c)).status, 201)
  })

  t.test(`${name}: what is announced is reserved while it arrives, and free again when its sender leaves`, async t => {
    const { url } = await start({ MAX_KEY_BYTES: String(3 * MIB), MAX_STORE_BYTES: String(5 * MIB) })
    const signer = new Signer()
    const [first, second] = [seededBlob('first', 2 * MIB), seededBlob('second', 2 * MIB)]
    const client = await begin(url, signer, first, 1000)
    let answer: Response
    do answer = await preflight(url, signer, second); while (answer.status === 200)
    t.equal(answer.status, 413)
    t.equal(await told(await upload(url, signer, second)), '413 KEY_FULL')
    t.equal((await preflight(url, new Signer(), second)).status, 200, 'another key has room')
    t.equal((await preflight(url, new Signer(), seededBlob('third', 3 * MIB + 1))).status, 413, 'but the store counts what is coming too')
    client.send(first.bytes.subarray(1000))
    t.equal((await client.answer())?.status, 201)
    t.equal(await told(await upload(url, signer, second)), '413 KEY_FULL')
    t.equal((await remove(url, signer, first.sha256)).status, 204)
    const left = await begin(url, signer, first, 1000)
    do answer = await preflight(url, signer, second); while (answer.status === 200)
    left.destroy()
    client.destroy()
    do answer = await preflight(url, signer, second); while (answer.status === 413)
    t.equal((await upload(url, signer, second)).status, 201)
  })

  t.test(`${name}: a body of unknown length is cut when it outgrows the quota, and nothing of it is kept`, async t => {
    const server = await start({ MAX_KEY_BYTES: String(2 * MIB) })
    const { url } = server
    const signer = new Signer()
    for (const size of [2 * MIB + 1, 8 * MIB]) {
      const large = seededBlob('large', size)
      const client = await begin(url, signer, large, 0, true)
      sendChunked(client, large.bytes)
      const answer = await client.answer()
      t.equal(answer?.status, 413)
      t.match(String(answer?.body), 'KEY_FULL')
      client.destroy()
      t.equal((await fetch(`${url}/${large.sha256}`)).status, 404)
    }
    if (place === null) await until(() => drafts(server).length === 0)
    t.strictSame(await listed(url, signer), [])
    const fits = seededBlob('fits', 2 * MIB)
    const client = await begin(url, signer, fits, 0, true)
    sendChunked(client, fits.bytes)
    t.equal((await client.answer())?.status, 201)
    client.destroy()
  })

  t.test(`${name}: mirrors take the same road`, async t => {
    const { url } = await start({ MAX_KEY_BYTES: '1000' })
    const [a, b] = [seededBlob('a', 900), seededBlob('b', 101)]
    const origin = await startOrigin(t, { '/a': send(a.bytes, {}), '/b': send(b.bytes, {}) })
    const signer = new Signer()
    t.equal((await mirror(url, signer, `${origin.url}/a`, a.sha256)).status, 201)
    t.equal(await told(await mirror(url, signer, `${origin.url}/b`, b.sha256)), '413 KEY_FULL')
    t.equal((await upload(url, new Signer(), b)).status, 201)
    t.equal(await told(await mirror(url, signer, `${url}/${b.sha256}`, b.sha256)), '413 KEY_FULL', 'of what is here, too')
    t.equal((await mirror(url, signer, `${url}/${a.sha256}`, a.sha256)).status, 200)
  })
}

t.test('507 where an upload would touch the reserve of the disk: before the body where its length is known, during it otherwise', async t => {
  const full = await startMarquee(t, { env: { DISK_RESERVE: '1000TiB' } })
  const signer = new Signer()
  const small = seededBlob('small', 10)
  t.equal((await preflight(full.url, signer, small)).status, 507)
  const refused = await upload(full.url, signer, small)
  t.match(refused.headers.get('x-reason'), 'the disk is nearly full')
  t.equal(await told(refused), '507 DISK_RESERVED')
  const early = await begin(full.url, signer, small, 0)
  t.equal((await early.answer())?.status, 507, 'before a byte of it')
  early.destroy()
  const chunked = await begin(full.url, signer, seededBlob('chunked', 3 * MIB), 0, true)
  sendChunked(chunked, seededBlob('chunked', 3 * MIB).bytes)
  t.equal((await chunked.answer())?.status, 507)
  chunked.destroy()
  await until(() => drafts(full).length === 0)
  t.equal((await fetch(`${full.url}/${small.sha256}`)).status, 404)
  t.equal((await startMarquee(t, { env: { MAX_KEY_BYTES: '1' } }).then(({ url }) => preflight(url, signer, seededBlob('one', 1)))).status, 200, 'by default there is room')
})

t.test('the disk is asked at most once a second; by default a twentieth of it is left free, at most 1 GiB', async t => {
  let [now, looks, free] = [5000, 0, 100]
  const look = async (): Promise<{ bavail: number, blocks: number, bsize: number }> => {
    looks++
    return { bavail: free, blocks: 1000, bsize: 4096 }
  }
  const space = new FreeSpace({ folder: '/x', reserve: null, now: () => now, look })
  t.equal(await space.room(), (100 - 50) * 4096)
  free = 40
  now += 999
  t.equal(space.room(), 50 * 4096, 'at once')
  now += 1
  t.equal(await space.room(), -10 * 4096)
  t.equal(looks, 2)
  const large = new FreeSpace({ folder: '/x', reserve: null, now: () => now, look: async () => ({ bavail: 2 ** 30, blocks: 2 ** 31, bsize: 4096 }) })
  t.equal(await large.room(), 2 ** 42 - 2 ** 30)
  const gone = new FreeSpace({ folder: '/x', reserve: 7, now: () => now, look: async () => { throw new Error('EIO') } })
  await t.rejects(Promise.resolve(gone.room()), { name: 'StoreError', action: 'statfs' })
})
