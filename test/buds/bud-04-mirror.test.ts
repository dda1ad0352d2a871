// BUD-04 through a running server: what PUT /mirror answers, what it fetches and what it need not fetch, and whose token it takes. What it
// does when the origin misbehaves is in bud-04-origins.test.ts.

import { createHash } from 'node:crypto'
import t from 'tap'
import { startMarquee, upload } from '../support/app.ts'
import { hashed, listed, mirror } from '../support/asking.ts'
import { send, startOrigin } from '../support/blob-origin.ts'
import { Signer, seededBlob } from '../support/keys.ts'
import type { BlobDescriptor } from '../../server/buds/descriptor.ts'
import type { Running } from '../support/app.ts'

const NEAR = { MIRROR_ALLOW_PRIVATE: 'true' }
const PNG = Buffer.concat([Buffer.from('89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489', 'hex'), seededBlob('pixels', 6000).bytes])
const sha256Of = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex')

async function descriptorOf (response: Response): Promise<BlobDescriptor> {
  return await response.json() as BlobDescriptor
}

async function refusal (response: Response): Promise<{ status: number, code: string, reason: boolean }> {
  const { code } = await response.json() as { code: string }
  return { status: response.status, code, reason: (response.headers.get('x-reason') ?? '') !== '' }
}

/** GETs of blobs that the server answered: none when it never asked itself. */
function ownReads ({ log }: Running): unknown[] {
  return log.filter(({ msg, method }) => msg === 'answered' && method === 'GET')
}

t.test('a blob that is new is stored and answered with 201 and its descriptor, one that is here with 200 and without a second fetch', async t => {
  const server = await startMarquee(t, { env: NEAR })
  const blob = seededBlob('new', 70_000)
  const origin = await startOrigin(t, { [`/${blob.sha256}.webm`]: send(blob.bytes, { type: 'video/webm' }) })
  const source = `${origin.url}/${blob.sha256}.webm`
  const [first, second] = [new Signer(), new Signer()]

  const created = await mirror(server.url, first, source, blob.sha256)
  t.equal(created.status, 201)
  t.match(created.headers.get('content-type'), /^application\/json/)
  const descriptor = await descriptorOf(created)
  t.match(descriptor, { url: `${server.url}/${blob.sha256}.webm`, sha256: blob.sha256, size: blob.bytes.length, type: 'video/webm', uploaded: Number })
  t.ok(Math.abs(descriptor.uploaded - Date.now() / 1000) < 300, 'uploaded is in seconds')
  t.match(Object.fromEntries(descriptor.nip94 as [string, string][]), { url: descriptor.url, m: 'video/webm', x: blob.sha256, size: '70000' })
  t.same(await hashed(await fetch(descriptor.url)), { status: 200, size: blob.bytes.length, sha256: blob.sha256 })

  const again = await mirror(server.url, second, source, blob.sha256)
  t.equal(again.status, 200)
  t.same(await descriptorOf(again), descriptor)
  t.equal(origin.requests.length, 1, 'fetched once')
  for (const signer of [first, second]) t.match(await listed(server.url, signer), [{ sha256: blob.sha256 }], 'each of them owns it')

  const hinted = await mirror(server.url, new Signer(), `${origin.url}/latest`, blob.sha256, { 'x-sha-256': blob.sha256 })
  t.equal(hinted.status, 200, 'X-SHA-256 tells as well as the URL what is wanted')
  t.equal(origin.requests.length, 1)
  t.match(origin.requests[0], /^GET \/[0-9a-f]{64}\.webm HTTP\/1\.1\r\n/)
  t.notMatch(origin.requests[0], /authorization/i, 'the token is not shown to the origin')
})

t.test("the type SHOULD be the origin's Content-Type; without one it is found in the bytes, then in the extension, else octet-stream", async t => {
  const { url } = await startMarquee(t, { env: NEAR })
  const opaque = seededBlob('opaque', 9000).bytes
  const cases: [path: string, body: Buffer, sent: string | null, type: string, extension: string][] = [
    ['/named.bin', PNG, 'image/webp', 'image/webp', 'webp'],
    ['/params', Buffer.concat([opaque, Buffer.from('p')]), 'Text/Plain; Charset=UTF-8', 'text/plain; charset=utf-8', 'txt'],
    ['/silent', Buffer.concat([PNG, Buffer.from('1')]), null, 'image/png', 'png'],
    ['/opaque', Buffer.concat([PNG, Buffer.from('2')]), 'application/octet-stream', 'image/png', 'png'],
    ['/lying.mp4', Buffer.concat([PNG, Buffer.from('3')]), null, 'image/png', 'png'],
    ['/hint.mp4', opaque, null, 'video/mp4', 'mp4'],
    ['/no-type-at-all.m3u8', Buffer.concat([opaque, Buffer.from('m')]), 'nonsense', 'application/vnd.apple.mpegurl', 'm3u8'],
    ['/nothing', Buffer.concat([opaque, Buffer.from('n')]), null, 'application/octet-stream', 'bin']
  ]
  const origin = await startOrigin(t, Object.fromEntries(cases.map(([path, body, type]) => [path, send(body, { type })])))
  for (const [path, body, , type, extension] of cases) {
    const descriptor = await descriptorOf(await mirror(url, new Signer(), `${origin.url}${path}`, sha256Of(body)))
    t.match(descriptor, { type, url: `${url}/${sha256Of(body)}.${extension}` }, path)
    t.equal((await fetch(descriptor.url, { method: 'HEAD' })).headers.get('content-type'), type)
  }
})

t.test('a URL under a name of our own never goes over the network: the asker becomes an owner, whatever X-Content-Length says', async t => {
  const server = await startMarquee(t, { file: { aliases: ['cdn.example.com', 'https://films.example.com'] } })
  const [uploader, other] = [new Signer(), new Signer()]
  const blob = seededBlob('ours', 50_000)
  t.equal((await upload(server.url, uploader, blob, { 'content-type': 'video/mp4' })).status, 201)
  const { port } = new URL(server.url)
  const sources = [
    `${server.url}/${blob.sha256}`, `${server.url}/${blob.sha256}.mp4`, `http://localhost:${port}/${blob.sha256}`, `http://[::1]:${port}/${blob.sha256}.bin`,
    `https://cdn.example.com/${blob.sha256}.mp4`, `https://films.example.com/${blob.sha256}`
  ]
  for (const source of sources) {
    const signer = new Signer()
    // as blossom-client-sdk sends it: no extension, a length of 0, no type
    const response = await mirror(server.url, signer, source, blob.sha256, { 'x-sha-256': blob.sha256, 'x-content-length': '0' })
    t.equal(response.status, 200, source)
    t.match(await descriptorOf(response), { url: `${server.url}/${blob.sha256}.mp4`, size: blob.bytes.length, type: 'video/mp4' })
    t.match(await listed(server.url, signer), [{ sha256: blob.sha256 }])
  }
  const absent = seededBlob('never here', 5000)
  for (const base of [server.url, `http://localhost:${port}`, 'https://cdn.example.com', 'https://films.example.com']) {
    t.same(await refusal(await mirror(server.url, other, `${base}/${absent.sha256}`, absent.sha256)), { status: 502, code: 'ORIGIN_FAILED', reason: true }, base)
  }
  t.same(ownReads(server).filter((line) => !/list/.test(JSON.stringify(line))), [], 'it never asked itself')
})

t.test('the hash of the bytes that came MUST be among the x tags: 409, and nobody comes to own anything', async t => {
  const server = await startMarquee(t, { env: NEAR })
  const [blob, known] = [seededBlob('not asked for', 30_000), seededBlob('known', 31_000)]
  const origin = await startOrigin(t, { '/file': send(blob.bytes), [`/${blob.sha256}`]: send(blob.bytes), [`/${known.sha256}`]: send(known.bytes) })
  const thief = new Signer()
  await upload(server.url, new Signer(), known)
  const other = seededBlob('other', 10).sha256
  for (const path of ['/file', `/${blob.sha256}`, `/${known.sha256}`]) {
    t.same(await refusal(await mirror(server.url, thief, `${origin.url}${path}`, other)), { status: 409, code: 'HASH_MISMATCH', reason: true }, path)
  }
  t.same(await listed(server.url, thief), [])
  t.equal((await fetch(`${server.url}/${blob.sha256}`)).status, 404)
  const both = thief.token('upload', { hashes: [other, blob.sha256] })
  t.equal((await mirror(server.url, thief, `${origin.url}/file`, '', { authorization: both })).status, 201, 'one x of several is enough')
})

t.test('a token without an x tag, for another action, from nobody, or none at all is 401, before anything is fetched', async t => {
  const { url } = await startMarquee(t, { env: NEAR })
  const blob = seededBlob('guarded', 6000)
  const origin = await startOrigin(t, { '/file': send(blob.bytes) })
  const signer = new Signer()
  const hashes = [blob.sha256]
  for (const [authorization, code] of [
    [signer.token('upload'), 'TOKEN_HASH'],
    [signer.token('delete', { hashes }), 'TOKEN_VERB'],
    [signer.token('upload', { hashes, servers: ['cdn.example.com'] }), 'TOKEN_SERVER'],
    [signer.token('upload', { hashes, expiration: '1' }), 'TOKEN_EXPIRED']
  ] as const) {
    t.same(await refusal(await mirror(url, signer, `${origin.url}/file`, '', { authorization })), { status: 401, code, reason: true })
  }
  const bare = await fetch(`${url}/mirror`, { method: 'PUT', body: JSON.stringify({ url: `${origin.url}/file` }) })
  t.same(await refusal(bare), { status: 401, code: 'TOKEN_MISSING', reason: true })
  t.equal(origin.requests.length, 0)
})

t.test('the policy of uploads holds for mirrors: 403 for the key, 415 for the type, each before the body is fetched', async t => {
  const friend = new Signer()
  const { url } = await startMarquee(t, { env: { ...NEAR, UPLOAD_PUBKEYS: friend.pubkey }, file: { types: ['video/*'] } })
  const blob = seededBlob('policed', 6000)
  const origin = await startOrigin(t, { '/page': send(blob.bytes, { type: 'text/html' }), '/film': send(blob.bytes, { type: 'video/mp4' }) })
  t.same(await refusal(await mirror(url, new Signer(), `${origin.url}/film`, blob.sha256)), { status: 403, code: 'KEY_REFUSED', reason: true })
  t.equal(origin.requests.length, 0)
  t.same(await refusal(await mirror(url, friend, `${origin.url}/page`, blob.sha256)), { status: 415, code: 'TYPE_REFUSED', reason: true })
  t.equal((await mirror(url, friend, `${origin.url}/film`, blob.sha256)).status, 201)
  // sniffed, not declared: judged when the bytes are here
  const png = await startOrigin(t, { '/png': send(PNG) })
  t.same(await refusal(await mirror(url, friend, `${png.url}/png`, sha256Of(PNG))), { status: 415, code: 'TYPE_REFUSED', reason: true })
  t.equal((await fetch(`${url}/${sha256Of(PNG)}`)).status, 404)
})

t.test('a NIP-98 token binds the JSON body by its payload, as bytes or in compact form, and the URL then says which blob must arrive', async t => {
  const { url } = await startMarquee(t, { env: NEAR })
  const signer = new Signer()
  const blobs = [1, 2, 3, 4].map((n) => seededBlob(`payload ${n}`, 7000 + n))
  const origin = await startOrigin(t, Object.fromEntries([...blobs.map(({ sha256, bytes }) => [`/${sha256}`, send(bytes)]),
    ['/plain', send(blobs[2]!.bytes)], [`/${'0'.repeat(64)}`, send(blobs[3]!.bytes)]]))
  let createdAt = Math.floor(Date.now() / 1000)
  const tokenFor = (payload: string | null): string =>
    signer.httpToken('PUT', `${url}/mirror`, { payload, createdAt: createdAt-- }) // two events of one second would have one id: a replay
  const put = (body: string, payload: string | null): Promise<Response> =>
    fetch(`${url}/mirror`, { method: 'PUT', body, headers: { authorization: tokenFor(payload) } })

  const spaced = `{\n  "url": "${origin.url}/${blobs[0]!.sha256}"\n}`
  t.equal((await put(spaced, sha256Of(spaced))).status, 201, 'the hash of the bytes')
  const other = `{ "url": "${origin.url}/${blobs[1]!.sha256}" }`
  t.equal((await put(other, sha256Of(JSON.stringify(JSON.parse(other))))).status, 201, 'the hash of the compact form')
  t.equal((await put(other, sha256Of(JSON.stringify(JSON.parse(other))))).status, 200)
  t.same(await refusal(await put(spaced, sha256Of('something else'))), { status: 401, code: 'TOKEN_PAYLOAD', reason: true })
  t.same(await refusal(await put(spaced, null)), { status: 401, code: 'TOKEN_PAYLOAD', reason: true }, 'without a payload it would fit any body')

  // a presigned URL's query ends in 64 hex digits too: only the path names a blob
  const plain = JSON.stringify({ url: `${origin.url}/plain?signature=${'ab'.repeat(32)}` })
  t.match(await descriptorOf(await put(plain, sha256Of(plain))), { sha256: blobs[2]!.sha256 }, 'a URL without a hash: what arrives is what was signed for')
  const wrong = JSON.stringify({ url: `${origin.url}/${'0'.repeat(64)}` })
  t.same(await refusal(await put(wrong, sha256Of(wrong))), { status: 409, code: 'HASH_MISMATCH', reason: true })
  t.equal((await fetch(`${url}/${blobs[3]!.sha256}`)).status, 404)

  const authorization = tokenFor(sha256Of(spaced))
  const putSame = (): Promise<Response> => fetch(`${url}/mirror`, { method: 'PUT', body: spaced, headers: { authorization } })
  t.equal((await putSame()).status, 200)
  t.same(await refusal(await putSame()), { status: 401, code: 'TOKEN_REPLAYED', reason: true })
})

t.test('a body that is not JSON with an absolute http or https url is 400', async t => {
  const { url } = await startMarquee(t, { env: NEAR })
  const signer = new Signer()
  const put = (body: string): Promise<Response> =>
    fetch(`${url}/mirror`, { method: 'PUT', body, headers: { authorization: signer.token('upload', { hashes: ['0'.repeat(64)] }) } })
  for (const body of ['', 'not json', '{}', '[]', 'null', '"http://127.0.0.1/"', '{"url": 5}', '{"url": null}', '{"url": ["http://127.0.0.1/"]}', '\u00ff{']) {
    t.same(await refusal(await put(body)), { status: 400, code: 'BODY_INVALID', reason: true }, body)
  }
  const sha256 = 'a'.repeat(64)
  for (const bad of [
    '', '/relative', '//127.0.0.1/file', 'ftp://127.0.0.1/file', 'file:///etc/passwd', 'data:text/plain,hello', 'http://', 'http://user:secret@127.0.0.1/file',
    `blossom:${sha256}`, `blossom:${sha256}.bin`, 'blossom:nothing.bin?xs=cdn.example.com', `blossom:${sha256}.bin?xs=ftp://cdn.example.com`
  ]) {
    t.same(await refusal(await put(JSON.stringify({ url: bad }))), { status: 400, code: 'URL_INVALID', reason: true }, bad)
  }
  t.same(await refusal(await put(JSON.stringify({ url: 'http://127.0.0.1/', more: 'x'.repeat(300_000) }))), { status: 413, code: 'BODY_TOO_LARGE', reason: true })
})
