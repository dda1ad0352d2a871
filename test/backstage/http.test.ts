// Backstage's HTTP: uploads that are streamed and tried again, refusals in the server's words, tokens that every decoder takes.

import { once } from 'node:events'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { writeFileSync } from 'node:fs'
import t from 'tap'
import { BlossomServer } from '../../backstage/http/blossom.ts'
import { Exchange } from '../../backstage/http/exchange.ts'
import { callJson } from '../../backstage/http/json-calls.ts'
import { offersOf } from '../../backstage/http/offers.ts'
import { eachOf } from '../../backstage/http/parallel.ts'
import { persist } from '../../backstage/http/patience.ts'
import { ServerRefusal } from '../../backstage/http/refusal.ts'
import { BlossomTokens, headerOf } from '../../backstage/http/tokens.ts'
import { ownKey } from '../../backstage/signer.ts'
import { parseAuthorization } from '../../server/auth/token.ts'
import { startMarquee } from '../support/app.ts'
import { FaultyProxy } from '../support/faulty-proxy.ts'
import { Signer, seededBlob } from '../support/keys.ts'
import type { AddressInfo } from 'node:net'
import type { RequestListener } from 'node:http'
import type { Test } from 'tap'
import type { BlobFacts } from '../../backstage/http/blossom.ts'

const PATIENCE = { total: 60_000 }

async function listen (t: Test, listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

function clientOf (t: Test, origin: string, total = PATIENCE.total): { server: BlossomServer, exchange: Exchange } {
  const exchange = new Exchange()
  t.teardown(() => { exchange.close() })
  return { server: new BlossomServer({ origin, exchange, patience: { total } }), exchange }
}

function signerOf (signer: Signer): ReturnType<typeof ownKey> {
  return ownKey(Buffer.from(signer.secret).toString('hex'))
}

/** A file with these bytes; what an upload needs to know of it. */
function fileOf (t: Test, name: string, size: number): { blob: BlobFacts, path: string, bytes: Buffer } {
  const { bytes, sha256 } = seededBlob(name, size)
  const path = join(t.testdir({}), name)
  writeFileSync(path, bytes)
  return { blob: { sha256, size, type: 'video/mp2t' }, path, bytes }
}

t.test('a blob is looked for, uploaded from its file, read, hashed and deleted again', async t => {
  const { url } = await startMarquee(t)
  const { server } = clientOf(t, url)
  const signer = signerOf(new Signer())
  const { blob, path, bytes } = fileOf(t, 'segment', 700_000)
  const tokens = new BlossomTokens({ signer, verb: 'upload', servers: [url], hashes: [blob.sha256] })
  t.equal(await server.has(blob.sha256), null)
  t.equal(await server.wouldTake(blob, tokens), true)
  await server.upload(blob, { path, size: blob.size }, tokens)
  t.equal(await server.has(blob.sha256), blob.size)
  t.same(await server.bytes(blob.sha256, blob.size), bytes)
  t.same(await server.digest(blob.sha256), { sha256: blob.sha256, size: blob.size })
  t.equal(await server.remove(blob.sha256, new BlossomTokens({ signer, verb: 'delete', servers: [url] })), true)
  t.same([await server.has(blob.sha256), await server.bytes(blob.sha256, 10), await server.digest(blob.sha256)], [null, null, null])
})

t.test('a refusal has the server\'s status, code and words, and is not asked twice', async t => {
  const { url } = await startMarquee(t, { env: { UPLOAD_PUBKEYS: new Signer().pubkey, MAX_BLOB_SIZE: '100' } })
  const { server } = clientOf(t, url)
  const { blob, path } = fileOf(t, 'segment', 700_000)
  const tokens = new BlossomTokens({ signer: signerOf(new Signer()), verb: 'upload', servers: [url] })
  await t.rejects(server.upload(blob, { path, size: blob.size }, tokens), { name: 'ServerRefusal', status: 413, code: 'TOO_LARGE', message: /refused PUT \/upload: 413 the blob is larger/ })
  await t.rejects(server.wouldTake({ ...blob, size: 10 }, tokens), { name: 'ServerRefusal', message: /refused HEAD \/upload: 403 this key may not/ })
})

t.test('an upload goes on through connections that break, answers that are lost, and a server that is away', async t => {
  const { url } = await startMarquee(t)
  const proxy = await FaultyProxy.start(t, { endpoint: url } as Parameters<typeof FaultyProxy.start>[1])
  const { server } = clientOf(t, proxy.minio.endpoint)
  const { blob, path } = fileOf(t, 'segment', 900_000)
  const tokens = new BlossomTokens({ signer: signerOf(new Signer()), verb: 'upload', servers: [url] })
  const cut = proxy.break({ fault: { do: 'cut request', after: 300_000 }, method: 'PUT', nth: 1 })
  const busy = proxy.break({ fault: { do: 'say', status: 503, body: '' }, method: 'PUT', nth: 2 })
  const lost = proxy.break({ fault: { do: 'swallow' }, method: 'PUT', nth: 3 })
  await server.upload(blob, { path, size: blob.size }, tokens)
  t.same([cut.hits, busy.hits, lost.hits], [1, 1, 1])
  await proxy.goAway()
  const looking = server.has(blob.sha256)
  await new Promise((resolve) => { setTimeout(resolve, 400) })
  await proxy.comeBack()
  t.equal(await looking, blob.size)
  await proxy.goAway()
  await t.rejects(clientOf(t, proxy.minio.endpoint, 0).server.has(blob.sha256), { name: 'NetworkFault', message: /ECONNREFUSED/ }, 'patience ends')
})

t.test('who is told to come back later waits that long, and being told so does not use up patience', async t => {
  let asked = 0
  const times: number[] = []
  const url = await listen(t, (_request, response) => {
    times.push(performance.now())
    if (++asked < 3) response.writeHead(429, { 'retry-after': '1', 'x-reason': 'slowly' }).end()
    else response.writeHead(200, { 'content-type': 'application/json' }).end('{"ok":true}')
  })
  const exchange = new Exchange()
  t.teardown(() => { exchange.close() })
  const waits: string[] = []
  const patience = { total: 100, onWait: (error: Error, ms: number) => { waits.push(`${error.message} ${ms}`) } }
  t.same(await callJson({ exchange, patience }, { method: 'GET', url: `${url}/x` }), { ok: true })
  t.match(waits, [/429 slowly 1000/, /429 slowly 1000/])
  t.ok(times[1]! - times[0]! >= 990 && times[2]! - times[1]! >= 990)
})

t.test('what is not an answer is a fault, and a stranger\'s words do not steer the terminal', async t => {
  const url = await listen(t, (request, response) => {
    if (request.url === '/endless') response.writeHead(200).end(Buffer.alloc(3 * 1024 * 1024))
    else if (request.url === '/round') response.writeHead(302, { location: '/round' }).end()
    else if (request.url === '/out') response.writeHead(307, { location: 'file:///etc/passwd' }).end()
    else if (request.url === '/silent') response.writeHead(200, { 'content-length': '10' }).write('x')
    else response.writeHead(400, { 'content-type': 'application/json' }).end(JSON.stringify({ code: 'BAD', reason: 'evil\u001b[2J\nwords' }))
  })
  const [exchange, hasty] = [new Exchange(), new Exchange(300)]
  t.teardown(() => {
    exchange.close()
    hasty.close()
  })
  await t.rejects(exchange.send({ method: 'GET', url: `${url}/endless` }), { name: 'AnswerFault', message: /more than 1048576 bytes/ })
  await t.rejects(exchange.send({ method: 'GET', url: `${url}/round` }), { message: /too many redirects/ })
  await t.rejects(exchange.send({ method: 'GET', url: `${url}/out` }), { message: /no http URL/ })
  await t.rejects(hasty.send({ method: 'GET', url: `${url}/silent` }), { message: /nothing moved for 0.3 s/ })
  const refused = await callJson({ exchange, patience: { total: 0 } }, { method: 'POST', url: `${url}/x`, body: {} }).catch((error: unknown) => error)
  t.match(refused, { name: 'ServerRefusal', code: 'BAD', reason: 'evil?[2J words' })
})

t.test('a redirect is followed without what was signed for the first server', async t => {
  let seen: string | undefined = 'nothing'
  const second = await listen(t, (request, response) => {
    seen = request.headers.authorization
    response.end('here')
  })
  const first = await listen(t, (_request, response) => { response.writeHead(307, { location: `${second}/there` }).end() })
  const exchange = new Exchange()
  t.teardown(() => { exchange.close() })
  const { body } = await exchange.send({ method: 'GET', url: first, headers: { authorization: 'Nostr x' } })
  t.same([body.toString(), seen], ['here', undefined])
})

t.test('one token is for 50 blobs, and reads the same in every alphabet, padded or not', async t => {
  let signatures = 0
  const own = signerOf(new Signer())
  const signer = { sign: (draft: Parameters<typeof own.sign>[0]) => { signatures++; return own.sign(draft) } }
  const hashes = Array.from({ length: 120 }, (_, i) => seededBlob(`blob ${i}`, 1).sha256.replace(/^../, String(i).padStart(2, '0').slice(0, 2)))
  const tokens = new BlossomTokens({ signer, verb: 'upload', servers: ['https://a.example', 'https://b.example:8443'], hashes })
  const headers = await Promise.all(hashes.map((hash) => tokens.header(hash)))
  t.equal(signatures, Math.ceil(new Set(hashes).size / 50))
  const event = parseAuthorization(headers[0])
  t.match(event.tags, [['t', 'upload'], ['expiration', /^\d+$/], ['x', hashes[0]]])
  t.same(event.tags.filter(([name]) => name === 'server'), [['server', 'a.example'], ['server', 'b.example']])
  for (const header of [...headers, headerOf(await own.sign({ kind: 1, created_at: 1, tags: [], content: '' }))]) {
    t.notMatch(header, /[-_+/=]/)
    t.ok(header.length < 8192, 'it fits in the header of any web server')
  }
})

t.test('jobs run side by side up to the width, and the first fault ends the row', async t => {
  let [now, most, begun] = [0, 0, 0]
  const work = async (i: number): Promise<void> => {
    begun++
    most = Math.max(most, ++now)
    await new Promise((resolve) => { setTimeout(resolve, 2) })
    now--
    if (i === 20) throw new Error('the twentieth')
  }
  await t.rejects(eachOf(Array.from({ length: 100 }, (_, i) => i), 4, work), { message: 'the twentieth' })
  t.equal(most, 4)
  t.ok(begun < 30)
  t.equal(now, 0, 'nothing is left running')
})

t.test('a plain Blossom server offers neither keys nor a catalog; marquee says what it has', async t => {
  const { url } = await startMarquee(t)
  const plain = await listen(t, (_request, response) => { response.writeHead(404).end() })
  const exchange = new Exchange()
  t.teardown(() => { exchange.close() })
  const parts = { exchange, patience: PATIENCE }
  t.match(await offersOf(parts, url), { keys: true, catalog: true, watch: true, blobBytes: 64 * 1024 ** 3 })
  t.same(await offersOf(parts, plain), { keys: false, catalog: false, watch: false, blobBytes: null })
})

t.test('an error that will not pass is not tried again', async t => {
  let tried = 0
  await t.rejects(persist(async () => { tried++; throw new ServerRefusal({ method: 'GET', url: 'http://x' }, { status: 404, headers: {}, body: Buffer.alloc(0) }, 0) }, PATIENCE))
  await t.rejects(persist(async () => { tried++; throw new Error('ours') }, PATIENCE))
  t.equal(tried, 2)
})
