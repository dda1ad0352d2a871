// Reads that a real MinIO finishes: 307 to a URL that BUD-01 allows, and what stands at its end. Names begin with the rules of the reference's §4.

import { Actions, createUploadAuth } from 'blossom-client-sdk'
import { BlossomClient } from 'nostr-tools/nipb7'
import { PlainKeySigner } from 'nostr-tools/signer'
import t from 'tap'
import { startMarquee, upload } from '../support/app.ts'
import { hashed, remove } from '../support/asking.ts'
import { Signer, seededBlob } from '../support/keys.ts'
import { startMinio } from '../support/minio.ts'
import { ask } from '../support/raw-http.ts'

const signer = new Signer()
const minio = await startMinio(t)

if (minio !== null) {
  const place = { minio, bucket: await minio.newBucket() }
  const { url } = await startMarquee(t, { env: { OFFLOAD: 'redirect' }, minio: place })

  async function put (name: string, size: number, type = 'video/mp4'): Promise<{ bytes: Buffer, sha256: string, at: string }> {
    const blob = seededBlob(name, size)
    const response = await upload(url, signer, blob, { 'content-type': type })
    if (response.status !== 201) throw new Error(`upload: ${response.status} ${await response.text()}`)
    return { ...blob, at: `${url}/${blob.sha256}` }
  }

  const ahead = (at: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Response> => fetch(at, { redirect: 'manual', headers, method })

  t.test('01-13 the URL of a redirect MUST contain the sha256; it has the extension too, and any client may read and keep the 307 for a minute', async t => {
    const { sha256, at } = await put('film', 300_000)
    const response = await ahead(at)
    t.equal(response.status, 307)
    t.ok(response.headers.get('location')?.includes(`${sha256}.mp4`), response.headers.get('location')!)
    t.ok(response.headers.get('location')?.startsWith(`${minio.endpoint}/${place.bucket}/`))
    t.equal(response.headers.get('access-control-allow-origin'), '*')
    t.equal(response.headers.get('cache-control'), 'public, max-age=60')
    t.equal((await ahead(at)).headers.get('location'), response.headers.get('location'), 'the same URL is given again')
  })

  t.test('01-14, 01-15 the target MUST send Access-Control-Allow-Origin *, Content-Type and Content-Length; asked as a page of another site asks', async t => {
    for (const [type, extension, size] of [['video/mp4', 'mp4', 300_000], ['application/octet-stream', 'bin', 300_001], ['text/plain; charset=utf-8', 'txt', 300_002]] as const) {
      const { sha256, at } = await put(type, size, type)
      const location = (await ahead(`${at}.x`)).headers.get('location')!
      t.ok(location.includes(`${sha256}.${extension}`))
      // after a redirect to another site a browser says `null`
      for (const origin of ['https://site.example', 'null']) {
        const target = new URL(location)
        const answer = await ask(minio.endpoint, `GET ${target.pathname}${target.search} HTTP/1.1\r\nHost: ${target.host}\r\nOrigin: ${origin}\r\nConnection: close\r\n\r\n`)
        t.match([answer?.status, answer?.body.length], [200, size])
        t.match(answer?.headers, {
          'access-control-allow-origin': /^(\*|https:\/\/site\.example|null)$/, 'content-type': type, 'content-length': String(size),
          'content-disposition': `inline; filename="${sha256}.${extension}"`, 'cache-control': 'public, max-age=31536000, immutable, no-transform', 'accept-ranges': 'bytes'
        })
        t.ok(['*', origin].includes(answer?.headers['access-control-allow-origin'] ?? ''), `${origin} may read it`)
        const preflight = await ask(minio.endpoint, `OPTIONS ${target.pathname}${target.search} HTTP/1.1\r\nHost: ${target.host}\r\nOrigin: ${origin}\r\n` +
          'Access-Control-Request-Method: GET\r\nAccess-Control-Request-Headers: authorization,range\r\nConnection: close\r\n\r\n')
        t.ok((preflight?.status ?? 0) < 300)
        t.match(preflight?.headers['access-control-allow-headers'], /authorization/i)
      }
    }
  })

  t.test('who follows has the bytes: whole and in ranges', async t => {
    const { sha256, bytes, at } = await put('twenty megabytes', 20_000_000)
    t.strictSame(await hashed(await fetch(`${at}.mp4`)), { status: 200, size: 20_000_000, sha256 })
    for (const [range, start, end] of [['bytes=0-0', 0, 0], ['bytes=19999990-', 19_999_990, 19_999_999], ['bytes=-5', 19_999_995, 19_999_999], ['bytes=5-99999999', 5, 19_999_999]] as const) {
      t.equal((await ahead(at, { range })).status, 307)
      const response = await fetch(at, { headers: { range } })
      t.match([response.status, response.headers.get('content-range')], [206, `bytes ${start}-${end}/20000000`])
      t.ok(Buffer.from(await response.arrayBuffer()).equals(bytes.subarray(start, end + 1)))
    }
  })

  t.test('checks come first, and what a store would answer otherwise is ours: conditions, several ranges, none at all', async t => {
    const { sha256, bytes, at } = await put('checked', 400_000)
    const etag = `"${sha256}"`
    const asked: [headers: Record<string, string>, status: number, size: number][] = [
      [{ 'if-none-match': etag }, 304, 0], [{ 'if-match': '"other"' }, 412, -1], [{ 'if-match': etag }, 200, 400_000], [{ 'if-unmodified-since': new Date().toUTCString() }, 200, 400_000],
      [{ range: 'bytes=400000-' }, 416, -1], [{ range: 'bytes=oops' }, 200, 400_000], [{ 'range': 'bytes=1-2', 'if-range': etag }, 206, 2],
      [{ range: 'bytes=0-1,50000-50001' }, 206, -1], [{ 'if-none-match': '"other"' }, 307, 0], [{ 'range': 'bytes=1-2', 'if-range': '"other"' }, 307, 0]
    ]
    for (const [headers, status, size] of asked) {
      const response = await ahead(at, headers)
      t.equal(response.status, status, JSON.stringify(headers))
      t.equal(response.headers.get('access-control-allow-origin'), '*')
      const body = Buffer.from(await response.arrayBuffer())
      if (size >= 0) t.equal(body.length, size)
      if (status === 200) t.ok(body.equals(bytes))
    }
    const head = await ahead(at, {}, 'HEAD')
    t.match([head.status, head.headers.get('content-length'), head.headers.get('etag')], [200, '400000', etag])
    t.equal((await ahead(`${url}/${'ab'.repeat(32)}`)).status, 404)
  })

  t.test('a small blob, one inside its record and an empty one are sent by us', async t => {
    for (const size of [0, 1, 4096, 4097, 262_144]) {
      const { at, bytes } = await put(`small ${size}`, size)
      const response = await ahead(at)
      t.equal(response.status, 200)
      t.ok(Buffer.from(await response.arrayBuffer()).equals(bytes))
    }
  })

  t.test('a document that a browser would run is sent by us, in its sandbox', async t => {
    for (const type of ['text/html', 'image/svg+xml', 'application/x-unheard-of']) {
      const { at, sha256 } = await put(type, 500_000, type)
      const response = await ahead(at)
      t.match(response.headers.get('content-security-policy'), /^sandbox/)
      t.strictSame(await hashed(response), { status: 200, size: 500_000, sha256 })
    }
  })

  t.test('a deleted blob is 404', async t => {
    const { at, sha256 } = await put('deleted', 600_000)
    t.equal((await fetch(at)).status, 200)
    t.equal((await remove(url, signer, sha256)).status, 204)
    const response = await ahead(at)
    t.match([response.status, response.headers.get('x-reason')], [404, 'blob not found'])
  })

  t.test('a URL is signed: without its signature, or for another type, the store refuses it', async t => {
    const { at } = await put('signed', 700_000)
    const location = (await ahead(at)).headers.get('location')!
    t.equal((await fetch(location)).status, 200)
    for (const spoilt of [location.split('?')[0]!, location.replace('video%2Fmp4', 'text%2Fhtml'), location.replace('inline', 'attachment')]) {
      t.not(spoilt, location)
      t.equal((await fetch(spoilt)).status, 403)
    }
  })

  t.test('a blob that another node uploaded is redirected to as well, and clients are sent to the endpoint that they know', async t => {
    const { sha256 } = await put('elsewhere', 800_000)
    const endpoint = minio.endpoint.replace('127.0.0.1', 'localhost')
    const other = await startMarquee(t, { env: { OFFLOAD: 'redirect', OFFLOAD_ENDPOINT: endpoint }, minio: place })
    const response = await ahead(`${other.url}/${sha256}`)
    t.equal(response.status, 307)
    t.ok(response.headers.get('location')?.startsWith(`${endpoint}/`))
    t.equal((await hashed(await fetch(`${other.url}/${sha256}`))).sha256, sha256)
  })

  t.test("blossom-client-sdk and nostr-tools' client, which sends a token on every read, follow", async t => {
    const sign = async (draft: Parameters<Signer['sign']>[0]): Promise<ReturnType<Signer['sign']>> => signer.sign(draft)
    const { bytes, sha256 } = seededBlob('sdk', 3_000_000)
    const file = new Blob([bytes as Buffer<ArrayBuffer>], { type: 'video/mp4' })
    t.match(await Actions.uploadBlob(url, file, { auth: await createUploadAuth(sign, sha256) }), { sha256, type: 'video/mp4' })
    t.equal(await Actions.hasBlob(url, sha256), true)
    const response = await Actions.downloadBlob(url, sha256)
    t.ok(response.redirected)
    t.equal((await hashed(response)).sha256, sha256)
    t.ok(Buffer.from(await new BlossomClient(url, new PlainKeySigner(signer.secret)).download(sha256)).equals(bytes))
  })

  t.test('when the store is away a redirect still goes out, and what we must read ourselves is 503', async t => {
    const { at, sha256 } = await put('away', 900_000)
    await minio.stop()
    t.teardown(() => minio.start())
    t.equal((await ahead(at)).status, 307, 'signing asks nobody')
    t.equal((await ahead(at, { 'if-match': `"${sha256}"` })).status, 503)
  })
}
