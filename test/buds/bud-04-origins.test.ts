// BUD-04 and origins that misbehave, through a running server: nothing is left of what did not come whole, and nobody is led to an address
// that is not public (H-13, T11). The guard by itself, with public first hops that redirect inwards, is proved in origin.test.ts.

import { createHash } from 'node:crypto'
import { readdirSync } from 'node:fs'
import http from 'node:http'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { startMarquee, upload } from '../support/app.ts'
import { hashed, listed, mirror } from '../support/asking.ts'
import { send, sendChunked, startOrigin } from '../support/blob-origin.ts'
import { freePort } from '../support/program.ts'
import { Signer, seededBlob } from '../support/keys.ts'
import { redirect, until } from '../support/raw-origin.ts'
import type { Test } from 'tap'
import type { Running } from '../support/app.ts'

const NEAR = { MIRROR_ALLOW_PRIVATE: 'true' }
const MIB = 1024 * 1024
const blob = seededBlob('the blob', 300_000)

async function refusal (response: Response): Promise<{ status: number, code: string, reason: boolean }> {
  const { code } = await response.json() as { code: string }
  return { status: response.status, code, reason: (response.headers.get('x-reason') ?? '') !== '' }
}

/** Neither a draft nor a pack, a blob or an owner. */
async function checkNothingLeft (t: Test, { url, dataDir, marquee }: Running, signer: Signer): Promise<void> {
  for (const folder of ['drafts', 'pack', 'owners', 'index']) t.same(readdirSync(join(dataDir, 'store', folder)), [], `nothing in ${folder}`)
  t.same(await listed(url, signer), [])
  t.same(marquee.descriptors.counts(), { blobs: 0, owners: 0, bytes: 0 })
}

t.test('a body larger than MAX_BLOB_SIZE is cut with 413, whether the origin says its length or not, and nothing is left', async t => {
  const server = await startMarquee(t, { env: { ...NEAR, MAX_BLOB_SIZE: '2MiB' } })
  const signer = new Signer()
  const large = seededBlob('large', 2 * MIB + 1)
  const origin = await startOrigin(t, {
    '/declared': send(large.bytes),
    '/endless': sendChunked(Buffer.alloc(64 * 1024, 1), Infinity),
    '/chunked': sendChunked(large.bytes, 1),
    '/fits': sendChunked(large.bytes.subarray(0, MIB), 2)
  })
  for (const path of ['/declared', '/endless', '/chunked']) {
    t.same(await refusal(await mirror(server.url, signer, `${origin.url}${path}`, large.sha256)), { status: 413, code: 'TOO_LARGE', reason: true }, path)
    await until(() => origin.closed === origin.requests.length)
    await checkNothingLeft(t, server, signer)
  }
  const fits = large.bytes.subarray(0, MIB)
  const twice = createHash('sha256').update(fits).update(fits).digest('hex')
  t.equal((await mirror(server.url, signer, `${origin.url}/fits`, twice)).status, 201, 'exactly the limit is taken')
})

t.test('a Content-Length that lies is caught: a body cut short is 502, one cut off at a smaller length is 409', async t => {
  const server = await startMarquee(t, { env: NEAR })
  const signer = new Signer()
  const origin = await startOrigin(t, { '/longer': send(blob.bytes, { length: blob.bytes.length + 1 }), '/shorter': send(blob.bytes, { length: 100_000 }), '/none': send(blob.bytes, { length: null }) })
  t.same(await refusal(await mirror(server.url, signer, `${origin.url}/longer`, blob.sha256)), { status: 502, code: 'ORIGIN_FAILED', reason: true })
  t.same(await refusal(await mirror(server.url, signer, `${origin.url}/shorter`, blob.sha256)), { status: 409, code: 'HASH_MISMATCH', reason: true })
  await checkNothingLeft(t, server, signer)
  t.equal((await mirror(server.url, signer, `${origin.url}/none`, blob.sha256)).status, 201, 'no length at all is fine: the hash tells')
})

t.test('an origin that answers with an error, is down, has no name, breaks off or stands still is 502, and nothing is left', async t => {
  const server = await startMarquee(t, { env: { ...NEAR, IDLE_TIMEOUT: '2' } })
  const signer = new Signer()
  const origin = await startOrigin(t, {
    '/error': send(blob.bytes, { status: '500 Internal Server Error' }),
    '/partial': send(blob.bytes, { status: '206 Partial Content' }),
    '/nonsense': (socket) => { socket.end('nonsense\r\n\r\n') },
    '/breaks': (socket) => {
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')
      socket.write(`5\r\nhello\r\n`, () => { socket.resetAndDestroy() })
    },
    '/stalls': (socket) => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${blob.bytes.length}\r\n\r\n`)
      socket.write(blob.bytes.subarray(0, 200_000))
    }
  })
  const nowhere = `http://127.0.0.1:${await freePort()}/file`
  // a label of 64 characters: the resolver refuses it without asking anybody
  const unresolvable = `http://${'a'.repeat(64)}.test/file`
  for (const source of [...['/absent', '/error', '/partial', '/nonsense', '/breaks', '/stalls'].map((path) => origin.url + path), nowhere, unresolvable]) {
    t.same(await refusal(await mirror(server.url, signer, source, blob.sha256)), { status: 502, code: 'ORIGIN_FAILED', reason: true }, source)
  }
  await until(() => origin.closed === origin.requests.length)
  await checkNothingLeft(t, server, signer)
})

t.test('a redirect is followed, but never back to ourselves', async t => {
  const server = await startMarquee(t, { env: NEAR })
  const signer = new Signer()
  const here = seededBlob('here already', 5000)
  await upload(server.url, new Signer(), here)
  const last = await startOrigin(t, { '/final': send(blob.bytes, { type: 'video/mp4' }) })
  const first = await startOrigin(t, {
    '/moved': redirect(`${last.url}/final`, 307), '/home': redirect(`${server.url}/${here.sha256}`), '/loop': redirect('/loop')
  })
  t.match(await (await mirror(server.url, signer, `${first.url}/moved`, blob.sha256)).json(), { sha256: blob.sha256, type: 'video/mp4' })
  t.same(await refusal(await mirror(server.url, signer, `${first.url}/home`, here.sha256)), { status: 403, code: 'ORIGIN_FORBIDDEN', reason: true })
  t.same(await refusal(await mirror(server.url, signer, `${first.url}/loop`, here.sha256)), { status: 502, code: 'ORIGIN_FAILED', reason: true })
  t.same(server.log.filter(({ method, path }) => method === 'GET' && path !== `/list/${signer.pubkey}`), [], 'it never asked itself')
})

t.test('an address that is not on the public internet is 403 by default, however it is written, and nobody is asked', async t => {
  const server = await startMarquee(t)
  const signer = new Signer()
  const origin = await startOrigin(t, { '/file': send(blob.bytes), [`/${blob.sha256}`]: send(blob.bytes) })
  const { port } = new URL(origin.url)
  const hosts = [
    '127.0.0.1', 'localhost', '127.1', '2130706433', '0x7f000001', '0177.0.0.1', '0.0.0.0', '[::1]', '[::]', '[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '[64:ff9b::7f00:1]',
    '169.254.169.254', '10.0.0.1', '172.16.0.1', '192.168.1.1', '100.64.0.1', '[fe80::1]', '[fd00::1]', '[::ffff:169.254.169.254]', '224.0.0.1', '255.255.255.255'
  ]
  for (const host of hosts) {
    for (const path of ['/file', `/${blob.sha256}`]) {
      t.same(await refusal(await mirror(server.url, signer, `http://${host}:${port}${path}`, blob.sha256)), { status: 403, code: 'ORIGIN_FORBIDDEN', reason: true }, host + path)
    }
  }
  t.equal(origin.requests.length, 0)
  await checkNothingLeft(t, server, signer)
  // our own URL is loopback here too, and is answered all the same: nothing goes over the network
  await upload(server.url, new Signer(), blob)
  t.equal((await mirror(server.url, signer, `${server.url}/${blob.sha256}`, blob.sha256)).status, 200)
})

t.test('a blossom: URI is tried place by place: dead, too large, wrong, of another type, ourselves, then right', async t => {
  const server = await startMarquee(t, { env: { ...NEAR, MAX_BLOB_SIZE: '1MiB' }, file: { types: ['video/*'] } })
  const signer = new Signer()
  const path = `/${blob.sha256}.mp4`
  const wrong = await startOrigin(t, { [path]: send(seededBlob('wrong', 300_000).bytes) })
  const endless = await startOrigin(t, { [path]: sendChunked(Buffer.alloc(64 * 1024, 1), Infinity) })
  const page = await startOrigin(t, { [path]: send(Buffer.from('<p>gone</p>'), { type: 'text/html' }) })
  const right = await startOrigin(t, { [path]: send(blob.bytes) })
  const spare = await startOrigin(t, { [path]: send(blob.bytes) })
  const places = [`127.0.0.1:${await freePort()}`, endless.url, wrong.url, page.url, server.url, right.url, spare.url]
  const uri = `blossom:${blob.sha256}.mp4?${places.map((xs) => `xs=${xs}`).join('&')}&sz=${blob.bytes.length}`
  const response = await mirror(server.url, signer, uri, blob.sha256)
  t.equal(response.status, 201)
  t.match(await response.json(), { sha256: blob.sha256, type: 'video/mp4' }, 'the extension is a hint')
  t.same([wrong, endless, page, right, spare].map(({ requests }) => requests.length), [1, 1, 1, 1, 0])
  t.equal((await mirror(server.url, signer, uri, blob.sha256)).status, 200)
  t.equal(right.requests.length, 1)
  t.same(await hashed(await fetch(`${server.url}/${blob.sha256}`)), { status: 200, size: blob.bytes.length, sha256: blob.sha256 })

  const absent = seededBlob('nowhere', 10).sha256
  const nowhere = await mirror(server.url, signer, `blossom:${absent}.bin?xs=${right.url}&xs=${spare.url}`, absent)
  t.same(await refusal(nowhere), { status: 502, code: 'ORIGIN_FAILED', reason: true })
})

t.test('a blossom: URI names one blob: no other will do, and a token that does not cover it is 409 before anybody is asked', async t => {
  const server = await startMarquee(t, { env: NEAR })
  const signer = new Signer()
  const other = seededBlob('another', 9000)
  const origin = await startOrigin(t, { [`/${blob.sha256}.bin`]: send(other.bytes) })
  const uri = `blossom:${blob.sha256}.bin?xs=${origin.url}`
  const authorization = signer.token('upload', { hashes: [blob.sha256, other.sha256] })
  t.same(await refusal(await mirror(server.url, signer, uri, '', { authorization })), { status: 409, code: 'HASH_MISMATCH', reason: true })
  t.equal(origin.requests.length, 1)
  t.same(await refusal(await mirror(server.url, signer, uri, other.sha256)), { status: 409, code: 'HASH_MISMATCH', reason: true })
  t.equal(origin.requests.length, 1)
  await checkNothingLeft(t, server, signer)
  // the hash in a plain URL is a guess: what the token covers is taken
  t.match(await (await mirror(server.url, signer, `${origin.url}/${blob.sha256}.bin`, other.sha256)).json(), { sha256: other.sha256 })
})

t.test('when the client hangs up the fetch goes on, and its next try is 200 without a second fetch', async t => {
  const server = await startMarquee(t, { env: NEAR })
  const signer = new Signer()
  let finish = (): void => {}
  const origin = await startOrigin(t, {
    [`/${blob.sha256}`]: (socket) => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${blob.bytes.length}\r\n\r\n`)
      socket.write(blob.bytes.subarray(0, 100_000))
      finish = () => { socket.end(blob.bytes.subarray(100_000)) }
    }
  })
  const source = `${origin.url}/${blob.sha256}`
  const request = http.request(`${server.url}/mirror`, { method: 'PUT', headers: { authorization: signer.token('upload', { hashes: [blob.sha256] }) } })
  request.on('error', () => {})
  request.end(JSON.stringify({ url: source }))
  await until(() => origin.requests.length === 1)
  request.destroy()
  await sleep(50)
  t.equal((await fetch(`${server.url}/${blob.sha256}`, { method: 'HEAD' })).status, 404)
  finish()
  while ((await fetch(`${server.url}/${blob.sha256}`, { method: 'HEAD' })).status !== 200) await sleep(10)
  t.equal((await mirror(server.url, signer, source, blob.sha256)).status, 200)
  t.equal(origin.requests.length, 1)
  t.match(await listed(server.url, signer), [{ sha256: blob.sha256 }])
})
