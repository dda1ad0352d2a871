// Three thousand requests that no client should send, from a seed: none may make the server fail, hang or answer what a page cannot read.
// HOSTILE_SEED=n repeats a run.

import t from 'tap'
import { startMarquee, upload } from '../support/app.ts'
import { Signer, seededBlob } from '../support/keys.ts'
import { RawClient } from '../support/raw-http.ts'
import type { Answer } from '../support/raw-http.ts'

const REQUESTS = 3000
const AT_ONCE = 16
const seed = Number(process.env['HOSTILE_SEED'] ?? Math.floor(Math.random() * 2 ** 31))

/** mulberry32 */
function generator (start: number): () => number {
  let state = start >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const random = generator(seed)
const below = (limit: number): number => Math.floor(random() * limit)
const pick = <T>(list: readonly T[]): T => list[below(list.length)]!
const chance = (share: number): boolean => random() < share
const noise = (length: number): string => Array.from({ length }, () => String.fromCharCode(below(256))).join('')
const printable = (length: number): string => Array.from({ length }, () => String.fromCharCode(33 + below(94))).join('')

const server = await startMarquee(t, { env: { MAX_BLOB_SIZE: '200000', IDLE_TIMEOUT: '0.3' } })
const { url } = server
const signer = new Signer(new Uint8Array(32).fill(7))
const blob = seededBlob('target', 9000)
const tiny = seededBlob('tiny', 40)
for (const each of [blob, tiny]) {
  const { status } = await upload(url, signer, each, { 'content-type': 'text/html' })
  if (status !== 201) throw new Error(`upload: ${status}`)
}
const HASHES = [blob.sha256, tiny.sha256, 'ab'.repeat(32), '0'.repeat(64)]

const METHODS = ['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'POST', 'PATCH', 'TRACE', 'PROPFIND', 'get', 'PURGE', 'M-SEARCH', 'G\0T',
  'FETCH', '']
/** A name or value that the parser takes. */
const word = (length: number): string => printable(length).replace(/[^\w-]/g, 'w')
const VERBS = ['get', 'upload', 'list', 'delete', 'media', 'admin', '', 'UPLOAD']

function target (): string {
  const hash = pick(HASHES)
  const path = chance(0.4) ? `/${hash}` : pick<() => string>([
    () => `/${hash}`, () => `/${hash}.${pick(['mp4', 'html', 'a'.repeat(40), '..', '%00', 'é', 'png/../../x'])}`,
    () => `/${hash.toUpperCase()}`, () => `/${hash}/${hash}`, () => `//${hash}`,
    () => '/upload', () => '/mirror', () => '/media', () => '/report', () => `/list/${chance(0.5) ? signer.pubkey : hash}`, () => '/list/',
    () => '/admin/reports', () => '/', () => '/healthz',
    () => '*', () => `http://evil.example/${hash}`, () => `/${printable(below(300))}`, () => `/%${printable(2)}`,
    () => '/%2e%2e/%2e%2e/etc/passwd', () => '/../../etc/passwd', () => `/${noise(below(50)).replaceAll(/[\r\n ]/g, 'x')}`,
    () => `/${'a'.repeat(below(3000))}`, () => `/${hash}%`, () => '', () => `/${'/'.repeat(below(500))}`, () => '/__proto__',
    () => '/constructor', () => '/list/__proto__', () => '/upload/', () => '/UPLOAD', () => '/upload;x=1'
  ])()
  return path + (chance(0.2) ? pick<() => string>([
    () => `?limit=${pick(['1', '0', '-1', 'x', '1001', '1e9', ''])}`,
    () => `?cursor=${pick([...HASHES, 'x'])}&since=${below(9)}&until=${below(2 ** 31)}`, () => '?__proto__[x]=1&constructor=2',
    () => `?${printable(below(100))}`, () => '?a=%zz', () => `?${'a=1&'.repeat(below(500))}`, () => '#fragment'
  ])() : '')
}

function authorization (): string {
  const hashes = Array.from({ length: below(3) }, () => pick(HASHES))
  return pick<() => string>([
    () => signer.token(pick(VERBS), { hashes }), () => signer.token(pick(['get', 'list', 'upload', 'delete']), { hashes: HASHES.slice(2) }),
    () => signer.token('upload', { hashes, expiration: pick(['x', '0', null, '9'.repeat(40)]) }),
    () => signer.token('delete', { hashes, extraTags: [['t'], [], ['x', noise(4)], ['server', pick(['', 'x', 'http://[', url])]] }),
    () => signer.httpToken(pick(METHODS), `${url}${target()}`, { payload: pick([null, ...HASHES, 'x']) }),
    () => `Nostr ${Buffer.from(pick(['{}', '[]', 'null', '1', '""', '{"id":1}', '[[[['.repeat(500), `{"tags":${'['.repeat(300)}`])).toString('base64')}`, () => `Nostr ${printable(below(400))}`,
    () => `Nostr ${Buffer.from(noise(below(300)), 'latin1').toString('base64')}`, () => 'Nostr', () => 'Basic YTpi',
    () => `Bearer ${printable(20)}`, () => '', () => `${signer.token('get')}, ${signer.token('get')}`
  ])()
}

function field (): string {
  return pick<() => string>([
    () => `Authorization: ${authorization()}`, () => `Authorization: ${authorization()}`,
    () => `X-SHA-256: ${pick([...HASHES, 'x', '', word(64)])}`,
    () => `Range: ${pick(['bytes=0-9', 'bytes=-5', 'bytes=9000-', 'bytes=5-2', `bytes=${Array.from({ length: below(80) },
    () => `${below(9000)}-${below(12_000)}`).join(',')}`, printable(30), `bytes=0-${'9'.repeat(below(200))}`])}`,
    () => `If-Range: ${pick([`"${blob.sha256}"`, 'x', 'Thu, 01 Jan 1970 00:00:00 GMT'])}`,
    () => `If-None-Match: ${pick(['*', `W/"${tiny.sha256}"`, '"', '","'.repeat(below(300))])}`,
    () => `If-Match: ${pick(['*', '"x"', ','])}`,
    () => `If-Modified-Since: ${pick(['Sun, 06 Nov 1994 08:49:37 GMT', 'Sunday, 06-Nov-94 08:49:37 GMT', printable(20)])}`,
    () => `Content-Type: ${pick(['', 'x', 'text/html', 'application/json', 'multipart/form-data; boundary=x', printable(40), 'a/b;'.repeat(60)])}`,
    () => `X-Content-Length: ${pick(['0', '40', '-1', '1e5', '9'.repeat(30), ''])}`,
    () => `X-Content-Type: ${pick(['image/png', 'x', ''])}`,
    () => chance(0.2) ? `Content-Length: ${pick(['0', '5', '40', '-1', '+5', '0x5', '9'.repeat(25), '5, 5', ' 5'])}` : 'Accept: x',
    () => chance(0.4) ? `Transfer-Encoding: ${pick(['chunked', 'chunked', 'gzip, chunked', 'identity', 'chunked, chunked', 'xchunked', 'Chunked'])}` : 'Via: x', () => `Expect: ${pick(['100-continue', '200-maybe', ''])}`, () => `Connection: ${pick(['close', 'keep-alive', 'upgrade', 'x'])}`,
    () => 'Upgrade: websocket', () => `Host: ${pick(['', 'evil.example', 'a\tb'])}`, () => `Origin: ${printable(20)}`,
    () => `${chance(0.05) ? printable(9) : `X-${word(9)}`}: ${printable(below(60))}`,
    () => `X-Long: ${'a'.repeat(below(chance(0.1) ? 200_000 : 2000))}`,
    () => `Content-Encoding: ${pick(['gzip', 'br', 'x'])}`, () => chance(0.1) ? ` folded: ${printable(5)}` : 'Accept: */*',
    () => `X-Raw: ${chance(0.1) ? noise(below(30)) : 'x'}`, () => 'X-Forwarded-For: 1.2.3.4', () => `Trailer: ${printable(5)}`
  ])()
}

function payload (): string {
  return pick<() => string>([
    () => '', () => '', () => tiny.bytes.toString('latin1'), () => noise(below(400)), () => '{}', () => '{"url":"blossom:x"}',
    () => `{"url":"http://127.0.0.1:1/${HASHES[2]}"}`, () => '{"url":5}', () => '[[[[', () => '5\r\nhello\r\n0\r\n\r\n',
    () => 'ffffffffffffffffff\r\nx', () => '-1\r\n\r\n', () => '0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n',
    () => JSON.stringify(signer.sign({ kind: 1984, created_at: below(2 ** 31), tags: [['x', pick(HASHES), 'spam']], content: '' })),
    () => `28\r\n${tiny.bytes.toString('latin1')}\r\n0\r\nTrailing: x\r\n\r\n`
  ])()
}

interface Shot { text: string, method: string }

function shoot (): Shot {
  if (chance(0.02)) return { text: noise(below(300) + 1), method: 'GET' }
  const method = chance(0.9) ? pick(METHODS.slice(0, 5)) : pick(METHODS)
  const body = method === 'PUT' || chance(0.1) ? payload() : ''
  const fields = Array.from({ length: below(6) }, field)
  if (method === 'GET' && chance(0.3)) fields.push(pick(['Range: bytes=0-9', 'Range: bytes=1-2,300-4000,-1', 'If-None-Match: *',
    'Range: bytes=99999-']))
  if (chance(0.97)) fields.unshift('Host: x')
  if (body !== '' && !fields.some((each) =>
    /^(content-length|transfer)/i.test(each)) && chance(0.95)) fields.push(`Content-Length: ${body.length + (chance(0.1) ? below(20) - 10 : 0)}`)
  const end = chance(0.99) ? '\r\n' : pick(['\n', '\r', '\0'])
  return { text: `${method} ${target()} HTTP/${chance(0.99) ? '1.1' : pick(['1.0', '2.0', '0.9', 'x'])}${end}${fields.join(end)}${end}${end}${body}`, method }
}

function faultOf (answer: Answer, method: string): string | null {
  const { status, headers } = answer
  if (status >= 500 && status !== 502) return 'a 5xx'
  if (status < 200) return null
  if (headers['access-control-allow-origin'] !== '*') return 'no CORS'
  if (status >= 400 && !/^[\x20-\x7e]+$/.test(headers['x-reason'] ?? '')) return 'no X-Reason'
  if (status < 400 && headers['x-reason'] !== undefined) return 'a reason without a refusal'
  if (status === 404 && !/no-store/.test(headers['cache-control'] ?? '')) return 'a 404 that may be cached'
  if (!answer.whole) return method === 'HEAD' || method === 'OPTIONS' ? null : 'a broken answer'
  return null
}

t.test(`no request makes the server fail: ${REQUESTS} of them, HOSTILE_SEED=${seed}`, async t => {
  const statuses = new Map<number, number>()
  const faults: string[] = []
  let silent = 0
  let left = REQUESTS
  async function worker (): Promise<void> {
    while (left-- > 0) {
      const { text, method } = shoot()
      const client = await RawClient.open(url)
      try {
        client.send(text)
        let answer = await client.answer(method, 800)
        if (answer?.status === 100) answer = await client.answer(method, 800)
        if (answer === null) {
          silent++ // an unfinished request: nothing is owed
          continue
        }
        statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1)
        const fault = faultOf(answer, method)
        if (fault !== null) faults.push(`${fault}: ${answer.status} to ${JSON.stringify(text.slice(0, 600))}`)
      } catch (error) {
        faults.push(`${String(error)}: ${JSON.stringify(text.slice(0, 600))}`)
      } finally {
        client.destroy()
      }
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  t.strictSame(faults.slice(0, 5), [], `seed ${seed}`)
  t.comment(`seed ${seed}: ${[...statuses].sort(([a], [b]) => a - b).map(([status, count]) => `${status}×${count}`).join(' ')}, no answer ×${silent}`)
  for (const status of [200, 204, 206, 304, 400, 401, 404]) t.ok(statuses.has(status), `some were ${status}`)
  t.strictSame(server.log.filter(({ level }) => level as number >= 50).filter(({ code }) => code !== 'ORIGIN_FAILED').slice(0, 3), [],
    'nothing was logged as our fault')
})

t.test('after that it serves as before: the blob that nobody could delete has its bytes, an upload is taken', async t => {
  const fresh = seededBlob('afterwards', 5000)
  t.equal((await upload(url, signer, fresh)).status, 201)
  for (const each of [blob, fresh]) {
    await upload(url, signer, each) // a lucky DELETE may have been right
    t.ok(Buffer.from(await (await fetch(`${url}/${each.sha256}`)).arrayBuffer()).equals(each.bytes))
  }
})

t.test('H-16 a token of 800 x tags is taken', async t => {
  const hashes = Array.from({ length: 799 }, (_, index) => index.toString(16).padStart(64, '0'))
  const each = seededBlob('among many', 5000)
  const authorization = signer.token('upload', { hashes: [...hashes, each.sha256] })
  t.ok(authorization.length > 64 * 1024)
  const client = await RawClient.open(url)
  client.send(`PUT /upload HTTP/1.1\r\nHost: x\r\nAuthorization: ${authorization}\r\nContent-Length: ${each.bytes.length}\r\n\r\n`)
  client.send(each.bytes)
  t.equal((await client.answer())?.status, 201)
  client.destroy()
})
