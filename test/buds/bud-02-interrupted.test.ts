// BUD-02 when an upload does not go its way: too large, broken off, stalled, refused while it is still being sent.

import { readdirSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { join } from 'node:path'
import t from 'tap'
import { startMarquee, upload } from '../support/app.ts'
import { Signer, seededBlob } from '../support/keys.ts'
import { RawClient } from '../support/raw-http.ts'
import { until } from '../support/raw-origin.ts'

const LIMIT = 6 * 1024 * 1024
const { url, dataDir } = await startMarquee(t, { env: { MAX_BLOB_SIZE: String(LIMIT), IDLE_TIMEOUT: '2' } })
const patient = await startMarquee(t)
const signer = new Signer()
const CRLF = '\r\n'

const drafts = (folder = dataDir): string[] => readdirSync(join(folder, 'store', 'drafts')).filter((name) => !name.startsWith('settle-'))

function head (headers: Record<string, string | number>): string {
  return `PUT /upload HTTP/1.1${CRLF}Host: x${CRLF}${Object.entries(headers).map(([name, value]) => `${name}: ${value}${CRLF}`).join('')}${CRLF}`
}

function tokenFor (sha256: string): string {
  return signer.token('upload', { hashes: [sha256] })
}

t.test('413 for a blob too large, from its Content-Length alone, before a byte of the body and before the token', async t => {
  for (const length of [LIMIT + 1, 999_999_999_999_999, '9999999999999999999']) {
    const client = await RawClient.open(url)
    client.send(head({ 'Content-Length': length }))
    const answer = await client.answer()
    t.equal(answer?.status, 413, String(length))
    t.match(JSON.parse(String(answer?.body)), { code: 'TOO_LARGE' })
    t.match(answer?.headers['x-reason'], /6291456 bytes at most/)
    client.destroy()
  }
  const exact = seededBlob('exact', LIMIT)
  t.equal((await upload(url, signer, exact)).status, 201, 'the limit itself is taken')
})

t.test('413 while it streams, when no length was announced; nothing is kept', async t => {
  const blob = seededBlob('too long', LIMIT + 1)
  const client = await RawClient.open(url)
  client.send(head({ 'Authorization': tokenFor(blob.sha256), 'Transfer-Encoding': 'chunked' }))
  for (let at = 0; at < blob.bytes.length; at += 1_000_000) {
    const piece = blob.bytes.subarray(at, at + 1_000_000)
    client.send(`${piece.length.toString(16)}${CRLF}`)
    client.send(piece)
    client.send(CRLF)
  }
  t.match(await client.answer(), { status: 413, headers: { 'access-control-allow-origin': '*' } })
  client.destroy()
  await until(() => drafts().length === 0)
  t.equal((await fetch(`${url}/${blob.sha256}`)).status, 404)
})

t.test('an upload whose sender leaves half-way leaves no draft and is not served', async t => {
  const blob = seededBlob('half', 5_000_000)
  const { url, dataDir } = patient
  for (const framing of [{ 'Content-Length': blob.bytes.length }, { 'Transfer-Encoding': 'chunked' }]) {
    const client = await RawClient.open(url)
    client.send(head({ 'Authorization': tokenFor(blob.sha256), ...framing }))
    if ('Transfer-Encoding' in framing) client.send(`${(4_000_000).toString(16)}${CRLF}`)
    client.send(blob.bytes.subarray(0, 3_000_000))
    await until(() => drafts(dataDir).length > 0)
    client.destroy()
    await until(() => drafts(dataDir).length === 0)
    t.equal((await fetch(`${url}/${blob.sha256}`)).status, 404)
  }
  t.equal((await upload(url, signer, blob)).status, 201, 'and the next try is taken')
})

t.test('a chunked body that ends before its last chunk is not a blob, though its bytes are all there', async t => {
  const blob = seededBlob('unended', 1000)
  const client = await RawClient.open(patient.url)
  client.send(head({ 'Authorization': tokenFor(blob.sha256), 'Transfer-Encoding': 'chunked' }))
  client.send(`3e8${CRLF}`)
  client.send(blob.bytes)
  client.send(CRLF)
  client.socket.end()
  await client.closed()
  t.equal((await fetch(`${patient.url}/${blob.sha256}`)).status, 404)
})

t.test('a body that stands still is cut after IDLE_TIMEOUT: 408, and no draft is left; so on /report and /mirror', async t => {
  const blob = seededBlob('stalled', 3_000_000)
  const client = await RawClient.open(url)
  client.send(head({ 'Authorization': tokenFor(blob.sha256), 'Content-Length': blob.bytes.length }))
  client.send(blob.bytes.subarray(0, 2_000_000))
  const answer = await client.answer()
  t.equal(answer?.status, 408)
  t.match(JSON.parse(String(answer?.body)), { code: 'BODY_STALLED' })
  await client.closed()
  await until(() => drafts().length === 0)

  for (const [path, authorization] of [['/report', ''], ['/mirror', tokenFor(blob.sha256)]] as const) {
    const other = await RawClient.open(url)
    other.send(head({ 'Authorization': authorization, 'Content-Length': 100, 'Content-Type': 'application/json' }).replace('/upload',
      path) + '{"url"')
    t.match(await other.answer(), { status: 408, headers: { 'x-reason': 'the body stood still for too long' } }, path)
    other.destroy()
  }
})

t.test('a slow body that never stands still is taken', async t => {
  const blob = seededBlob('slow', 12) // for longer than IDLE_TIMEOUT in all
  const client = await RawClient.open(url)
  client.send(head({ 'Authorization': tokenFor(blob.sha256), 'Content-Length': 12 }))
  for (let at = 0; at < 12; at++) {
    client.send(blob.bytes.subarray(at, at + 1))
    await new Promise((resolve) => { setTimeout(resolve, 220) })
  }
  t.equal((await client.answer())?.status, 201)
  client.destroy()
})

t.test('a sender is not told that it stood still where it was the server: what came meanwhile is read first', async t => {
  const blob = seededBlob('while nobody looked', 20_000)
  const client = await RawClient.open(url)
  client.send(head({ 'Authorization': tokenFor(blob.sha256), 'Content-Length': blob.bytes.length }))
  client.send(blob.bytes.subarray(0, 10_000))
  const json = await RawClient.open(url)
  const text = JSON.stringify({ url: 'http://' })
  json.send(`${head({ 'Authorization': tokenFor(blob.sha256), 'Content-Length': text.length }).replace('/upload', '/mirror')}${text.slice(0, 5)}`)
  const active = async (): Promise<boolean> => /^marquee_uploads_active 1$/m.test(await (await fetch(`${url}/metrics`)).text())
  while (!await active()) await new Promise((resolve) => { setTimeout(resolve, 10) })
  client.send(blob.bytes.subarray(10_000))
  json.send(text.slice(5))
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2500) // nothing of this process moves for longer than IDLE_TIMEOUT
  t.equal((await client.answer())?.status, 201)
  t.match(await json.answer(), { status: 400, headers: { 'x-reason': /url/i } })
  for (const each of [client, json]) each.destroy()
})

t.test('Expect: 100-continue: a bad token is refused without a 100, a good one is told to continue', async t => {
  const blob = seededBlob('expected', 100_000)
  const refused = await RawClient.open(patient.url)
  refused.send(head({ 'Authorization': signer.token('upload', { hashes: ['ab'.repeat(32)] }), 'X-SHA-256': blob.sha256,
    'Content-Length': 100_000, 'Expect': '100-continue' }))
  const answer = await refused.answer()
  t.equal(answer?.status, 401)
  t.equal(answer?.headers['connection'], 'close', 'since nobody can tell what the next bytes would be')
  await refused.closed()

  const taken = await RawClient.open(patient.url)
  taken.send(head({ 'Authorization': tokenFor(blob.sha256), 'X-SHA-256': blob.sha256, 'Content-Length': 100_000,
    'Expect': '100-Continue' }))
  t.equal((await taken.answer())?.status, 100)
  taken.send(blob.bytes)
  const created = await taken.answer()
  t.equal(created?.status, 201)
  t.not(created?.headers['connection'], 'close')
  taken.send(`HEAD /${blob.sha256} HTTP/1.1${CRLF}Host: x${CRLF}${CRLF}`)
  t.equal((await taken.answer('HEAD'))?.status, 200, 'and the connection goes on')
  taken.destroy()

  const odd = await RawClient.open(patient.url)
  odd.send(`GET /${blob.sha256} HTTP/1.1${CRLF}Host: x${CRLF}Expect: miracles${CRLF}${CRLF}`)
  t.equal((await odd.answer())?.status, 200, 'an expectation that we do not know is ignored')
  odd.destroy()
})

t.test('a refusal reaches the sender while it is still sending', async t => {
  const size = 40 * 1024 * 1024
  const client = await RawClient.open(patient.url)
  client.send(head({ 'Content-Length': size }))
  client.send(Buffer.alloc(1024 * 1024))
  const early = await client.answer()
  t.equal(early?.status, 401, 'with 39 MiB still to come')
  t.match(JSON.parse(String(early?.body)), { code: 'TOKEN_MISSING' })
  client.destroy()

  const status = await new Promise<number | undefined>((resolve, reject) => {
    const sending = httpRequest(`${patient.url}/upload`, { method: 'PUT', headers: { 'content-length': size } }, (response) => {
      response.resume()
      resolve(response.statusCode)
    })
    sending.on('error', reject)
    const piece = Buffer.alloc(256 * 1024)
    let left = size / piece.length
    const go = (): void => {
      while (left-- > 0) if (!sending.write(piece)) return void sending.once('drain', go)
      sending.end()
    }
    go()
  })
  t.equal(status, 401)
  const viaFetch = await fetch(`${patient.url}/upload`, { method: 'PUT', body: Buffer.alloc(size) })
  t.equal(viaFetch.status, 401)
  t.equal((await viaFetch.json() as { code: string }).code, 'TOKEN_MISSING')
})
