// Two servers over one bucket, and a bucket that goes away and comes back (design §3): what one writes the other serves at once, what one
// deletes the other forgets within seconds, and a store that does not answer is 503, never "not there".

import { Client } from 'minio'
import t from 'tap'
import { startMarquee, upload } from '../support/app.ts'
import { hashed, listed, remove } from '../support/asking.ts'
import { sharedMinio, startMinio } from '../support/minio.ts'
import { Signer, seededBlob } from '../support/keys.ts'
import { soon } from '../support/soon.ts'
import type { Minio } from '../support/minio.ts'

async function keysIn (minio: Minio, bucket: string, prefix: string): Promise<string[]> {
  const { hostname, port } = new URL(minio.endpoint)
  const { accessKey, secretKey, region } = minio
  const client = new Client({ endPoint: hostname, port: Number(port), useSSL: false, accessKey, secretKey, region })
  const keys: string[] = []
  for await (const item of client.listObjectsV2(bucket, prefix, true)) keys.push((item as { name: string }).name)
  return keys
}

const head = async (url: string, sha256: string): Promise<number> => (await fetch(`${url}/${sha256}`, { method: 'HEAD' })).status

t.test('two servers take one blob at the same moment as one pack with two owners, and each serves what the other holds', async t => {
  const minio = await sharedMinio()
  if (minio === null) return
  const bucket = await minio.newBucket()
  const [a, b] = [await startMarquee(t, { minio: { minio, bucket } }), await startMarquee(t, { minio: { minio, bucket } })]
  const [ann, ben] = [new Signer(), new Signer()]

  for (const size of [2_000, 300_000, 20_000_000]) {
    const blob = seededBlob(`at once ${size}`, size)
    const before = (await keysIn(minio, bucket, 'pack/')).length
    // B has just been asked and remembers that it is not there
    t.equal(await head(b.url, blob.sha256), 404)
    const answers = await Promise.all([upload(a.url, ann, blob), upload(b.url, ben, blob)])
    // both may have looked before either wrote
    t.ok(answers.every(({ status }) => status === 200 || status === 201) && answers.some(({ status }) => status === 201), `${answers.map(({ status }) => status).join()}`)
    t.equal((await keysIn(minio, bucket, 'pack/')).length - before, size > 4096 ? 1 : 0, 'one pack at most')
    for (const { url } of [a, b]) t.same(await hashed(await fetch(`${url}/${blob.sha256}`)), { status: 200, size, sha256: blob.sha256 })
    t.equal((await upload(b.url, ann, blob)).status, 200, 'known at both')

    t.equal((await remove(a.url, ann, blob.sha256)).status, 204)
    t.equal(await head(a.url, blob.sha256), 200, 'the other owner still has it')
    t.equal(await head(b.url, blob.sha256), 200)
    // B's row may be older than A's delete: she is told that it is done (204), or that she is no owner (403)
    t.ok([204, 403].includes((await remove(b.url, ann, blob.sha256)).status))
    t.same(await listed(b.url, ann), [], 'no owner any more, at either server')
    t.equal((await remove(a.url, ben, blob.sha256)).status, 204, 'an owner who came through the other server')
    t.ok(await soon(async () => (await fetch(`${b.url}/${blob.sha256}`)).status === 404), 'the last owner left at A: gone at B')
    t.same(await keysIn(minio, bucket, 'index/'), [])
    t.same(await keysIn(minio, bucket, 'owners/'), [])
  }
})

t.test('what one server wrote the other serves at once, with the same words, and what one deleted the other forgets within 5 s', async t => {
  const minio = await sharedMinio()
  if (minio === null) return
  const bucket = await minio.newBucket()
  const [a, b] = [await startMarquee(t, { minio: { minio, bucket } }), await startMarquee(t, { minio: { minio, bucket } })]
  const signer = new Signer()
  for (const blob of [seededBlob('inline', 900), seededBlob('pack', 90_000)]) {
    t.equal((await upload(a.url, signer, blob, { 'content-type': 'audio/mpeg' })).status, 201)
    const [atA, atB] = await Promise.all([a, b].map(async ({ url }) => fetch(`${url}/${blob.sha256}`)))
    for (const name of ['content-type', 'content-length', 'etag', 'last-modified']) t.equal(atB!.headers.get(name), atA!.headers.get(name), name)
    t.same(await hashed(atB!), { status: 200, size: blob.bytes.length, sha256: blob.sha256 })
    t.match(await listed(b.url, signer), [{ sha256: blob.sha256, type: 'audio/mpeg' }])
    await hashed(atA!)

    t.equal((await remove(a.url, signer, blob.sha256)).status, 204)
    t.ok(await soon(async () => (await fetch(`${b.url}/${blob.sha256}`)).status === 404), 'GET')
    t.ok(await soon(async () => await head(b.url, blob.sha256) === 404), 'HEAD')
    t.same(await listed(b.url, signer), [])
    t.equal((await upload(b.url, signer, blob, { 'content-type': 'audio/mpeg' })).status, 201, 'and it can come again, through the other')
    t.ok(await soon(async () => (await fetch(`${a.url}/${blob.sha256}`)).status === 200))
    t.equal((await remove(b.url, signer, blob.sha256)).status, 204)
  }
})

t.test('a store that is down is 503 with Retry-After, never 404; what rows know is still answered; when it is back all is well', async t => {
  const minio = await startMinio(t)
  if (minio === null) return
  const { url } = await startMarquee(t, { minio: { minio, bucket: await minio.newBucket() } })
  const signer = new Signer()
  const [stored, fresh, absent] = [seededBlob('stored', 500_000), seededBlob('fresh', 20_000_000), seededBlob('absent', 10)]
  t.equal((await upload(url, signer, stored, { 'content-type': 'video/mp4' })).status, 201)
  t.equal((await fetch(`${url}/readyz`)).status, 200)

  await minio.stop('SIGKILL')
  const refused = async (answer: Promise<Response>, what: string): Promise<void> => {
    const { status, headers } = await answer
    t.same({ status, retryAfter: headers.get('retry-after') }, { status: 503, retryAfter: '5' }, what)
    t.ok(headers.get('x-reason'), `${what}: and why`)
    t.equal(headers.get('access-control-allow-origin'), '*')
  }
  await refused(fetch(`${url}/${stored.sha256}`), 'GET of a stored blob')
  await refused(fetch(`${url}/${stored.sha256}`, { headers: { range: 'bytes=0-9' } }), 'GET of a range')
  await refused(fetch(`${url}/${absent.sha256}`), 'GET of an unknown blob')
  await refused(fetch(`${url}/${absent.sha256}`, { method: 'HEAD' }), 'HEAD of an unknown blob')
  await refused(upload(url, signer, fresh), 'PUT')
  await refused(upload(url, signer, seededBlob('small', 100)), 'PUT of an inline blob')
  await refused(remove(url, signer, stored.sha256), 'DELETE')
  await refused(fetch(`${url}/readyz`), '/readyz')
  t.equal((await fetch(`${url}/healthz`)).status, 200, 'the process itself is well')
  const answer = await fetch(`${url}/${stored.sha256}`, { method: 'HEAD' })
  t.same([answer.status, answer.headers.get('content-type'), answer.headers.get('content-length')], [200, 'video/mp4', '500000'], 'HEAD from the row')
  t.match(await listed(url, signer), [{ sha256: stored.sha256 }], 'the list from the rows')

  await minio.start()
  t.ok(await soon(async () => (await fetch(`${url}/readyz`)).status === 200))
  t.same(await hashed(await fetch(`${url}/${stored.sha256}`)), { status: 200, size: stored.bytes.length, sha256: stored.sha256 }, 'the delete that failed did nothing')
  t.match(await listed(url, signer), [{ sha256: stored.sha256 }])
  t.equal(await head(url, absent.sha256), 404)
  t.equal((await upload(url, signer, fresh)).status, 201)
  t.same(await hashed(await fetch(`${url}/${fresh.sha256}`)), { status: 200, size: fresh.bytes.length, sha256: fresh.sha256 })
  t.equal((await remove(url, signer, stored.sha256)).status, 204)
})

t.test('a store that goes away in the middle of an upload or a download breaks it: no 201, and no short answer that looks whole', async t => {
  const minio = await startMinio(t)
  if (minio === null) return
  const { url } = await startMarquee(t, { minio: { minio, bucket: await minio.newBucket() } })
  const signer = new Signer()
  const [film, next] = [seededBlob('film', 64_000_000), seededBlob('next', 64_000_000)]
  t.equal((await upload(url, signer, film)).status, 201)
  const reading = await fetch(`${url}/${film.sha256}`)
  const reader = reading.body!.getReader()
  await reader.read()

  // half of the next film is on its way when the store dies
  let resume = (): void => {}
  const dead = new Promise<void>((resolve) => { resume = resolve })
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => { controller.enqueue(new Uint8Array(next.bytes.subarray(0, 32_000_000))) },
    pull: async (controller) => {
      await dead
      controller.enqueue(new Uint8Array(next.bytes.subarray(32_000_000)))
      controller.close()
    }
  })
  const putting = fetch(`${url}/upload`, {
    method: 'PUT', body, duplex: 'half', headers: { 'authorization': signer.token('upload', { hashes: [next.sha256] }), 'x-sha-256': next.sha256 }
  } as RequestInit).then(({ status }) => status, () => 'broken')
  await minio.stop('SIGKILL')
  resume()
  t.ok([503, 'broken'].includes(await putting))
  await t.rejects(async () => { for (;;) if ((await reader.read()).done) return }, 'the download breaks off')

  await minio.start()
  t.ok(await soon(async () => (await fetch(`${url}/readyz`)).status === 200))
  t.equal(await head(url, next.sha256), 404)
  t.equal((await upload(url, signer, next)).status, 201)
  for (const { sha256, bytes } of [film, next]) t.same(await hashed(await fetch(`${url}/${sha256}`)), { status: 200, size: bytes.length, sha256 })
})
