// BUD-01 01-2 to 01-6: every answer, whatever it says and whoever wrote it, is readable by a page of any site and says why it refuses.

import { rmSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { FAILURES } from '../../server/errors.ts'
import { Layout } from '../../server/stores/layout.ts'
import { sha256Multihash } from '../../server/stores/multihash.ts'
import { startMarquee, upload } from '../support/app.ts'
import { Signer, seededBlob } from '../support/keys.ts'
import { ask } from '../support/raw-http.ts'
import type { Test } from 'tap'
import type { Answer } from '../support/raw-http.ts'

const { url, dataDir } = await startMarquee(t, { env: { MAX_BLOB_SIZE: '1000000', IDLE_TIMEOUT: '2' }, file: { types: ['image/*'] } })
const signer = new Signer()
const other = new Signer()
const blob = seededBlob('cors', 5000)
const gone = seededBlob('gone', 500_000)
for (const each of [blob, gone]) {
  const { status } = await upload(url, signer, each)
  if (status !== 201) throw new Error(`upload: ${status}`)
}
rmSync(join(dataDir, 'store', new Layout(false).pack(sha256Multihash(gone.sha256))))
const UNKNOWN = 'ab'.repeat(32)

/** The text of one request; `fields` without Host. */
function text (method: string, target: string, fields: Record<string, string | number> = {}, body = ''): string {
  const all = { Host: 'x', ...(body === '' ? {} : { 'Content-Length': body.length }), ...fields }
  return `${method} ${target} HTTP/1.1\r\n${Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`
}

function readable (t: Test, answer: Answer | null, name: string): void {
  const headers = answer?.headers ?? {}
  t.equal(headers['access-control-allow-origin'], '*', `01-2 ${name}`)
  t.match(headers['access-control-expose-headers'], /(?=.*\bX-Reason\b)(?=.*\bContent-Range\b)(?=.*\bWWW-Authenticate\b).*\*$/,
    `H-9 ${name}`)
  t.notOk('access-control-allow-credentials' in headers)
}

/** H-15, and the body that every refusal has. */
function explained (t: Test, answer: Answer | null, method: string, name: string): void {
  t.match(answer?.headers['x-reason'], /^[\x20-\x7e]{3,300}$/, `H-15 ${name}`)
  t.equal(answer?.headers['cache-control'], 'no-store', name)
  if (method === 'HEAD') return
  t.match(answer?.headers['content-type'], /^application\/json/)
  const body = JSON.parse(String(answer?.body)) as { code: keyof typeof FAILURES, reason: string }
  t.strictSame(Object.keys(body), ['code', 'reason'], name)
  t.equal(FAILURES[body.code][0], answer?.status, `${body.code} ${name}`)
  t.equal(answer?.headers['x-reason'], body.reason)
}

const upTo = (hashes: string[], verb = 'upload', key = signer): string => key.token(verb, { hashes })

const ROWS: [number, string, string, Record<string, string | number>, string?][] = [
  [200, 'GET', '/', {}], [200, 'GET', '/healthz', {}], [200, 'GET', '/readyz', {}],
  [200, 'GET', `/${blob.sha256}`, {}], [200, 'HEAD', `/${blob.sha256}.mp4`, {}], [206, 'GET', `/${blob.sha256}`, { Range: 'bytes=0-9' }],
  [206, 'GET', `/${blob.sha256}`, { Range: 'bytes=0-9,900-909' }],
  [304, 'GET', `/${blob.sha256}`, { 'If-None-Match': '*' }], [304, 'HEAD', `/${blob.sha256}`, { 'If-None-Match': '*' }],
  [412, 'GET', `/${blob.sha256}`, { 'If-Match': '"x"' }],
  [416, 'GET', `/${blob.sha256}`, { Range: 'bytes=9999-' }], [404, 'GET', `/${UNKNOWN}`, {}], [404, 'HEAD', `/${UNKNOWN}`, {}],
  [503, 'GET', `/${gone.sha256}`, {}], [503, 'HEAD', `/${gone.sha256}`, {}],
  [404, 'GET', '/nowhere', {}], [404, 'HEAD', '/nowhere', {}], [404, 'POST', '/upload', {}], [404, 'PATCH', `/${blob.sha256}`, {}],
  [404, 'PUT', `/${blob.sha256}`, {}, 'x'], [404, 'GET', '/a/b/c', {}], [404, 'TRACE', '/', {}],
  [200, 'PUT', '/upload', { 'Authorization': upTo([blob.sha256]), 'X-SHA-256': blob.sha256 }, blob.bytes.toString('latin1')],
  [201, 'PUT', '/upload', { Authorization: upTo(['e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855']),
  'Content-Length': 0 }],
  [400, 'PUT', '/upload', { 'X-SHA-256': 'x' }, 'x'], [400, 'PUT', '/upload', { 'Content-Type': 'x' }, 'x'],
  [401, 'PUT', '/upload', {}, 'x'], [409, 'PUT', '/upload', { 'Authorization': upTo([UNKNOWN]), 'X-SHA-256': UNKNOWN }, 'x'],
  [408, 'PUT', '/upload', { 'Authorization': upTo([UNKNOWN]), 'Content-Length': 10 }],
  [413, 'PUT', '/upload', { 'Content-Length': 1_000_001 }], [415, 'PUT', '/upload', { 'Content-Type': 'video/mp4' }, 'x'],
  [200, 'HEAD', '/upload', { 'Authorization': upTo([blob.sha256]), 'X-SHA-256': blob.sha256, 'X-Content-Length': 5 }],
  [411, 'HEAD', '/upload', {}], [401, 'HEAD', '/upload', { 'X-SHA-256': blob.sha256, 'X-Content-Length': 5 }],
  [401, 'PUT', '/mirror', {}, '{}'], [400, 'PUT', '/mirror', { Authorization: upTo([UNKNOWN]) }, '{}'],
  [403, 'PUT', '/mirror', { Authorization: upTo([UNKNOWN]) }, '{"url":"http://127.0.0.2/x"}'],
  [502, 'PUT', '/mirror', { Authorization: upTo([UNKNOWN]) }, `{"url":"${url}/${UNKNOWN}"}`],
  [200, 'PUT', '/mirror', { Authorization: upTo([blob.sha256]) }, `{"url":"${url}/${blob.sha256}"}`],
  [413, 'PUT', '/mirror', { 'Authorization': upTo([UNKNOWN]), 'Content-Length': 300_000 }],
  [400, 'PUT', '/report', {}, '{'], [400, 'PUT', '/report', {}, '{}'],
  [401, 'GET', `/list/${signer.pubkey}`, {}], [200, 'GET', `/list/${signer.pubkey}`, { Authorization: upTo([], 'list') }],
  [403, 'GET', `/list/${signer.pubkey}`, { Authorization: upTo([], 'list', other) }], [400, 'GET', '/list/npub1', {}],
  [401, 'DELETE', `/${blob.sha256}`, {}], [403, 'DELETE', `/${blob.sha256}`, { Authorization: upTo([blob.sha256], 'delete', other) }],
  [404, 'DELETE', `/${UNKNOWN}`, { Authorization: upTo([UNKNOWN], 'delete') }],
  [401, 'GET', '/admin/reports', {}], [403, 'GET', '/admin/reports', { Authorization: other.httpToken('GET', `${url}/admin/reports`) }],
  [400, 'GET', '/%zz', {}], [400, 'GET', `/${blob.sha256}%`, {}], [414, 'GET', `/list/${'a'.repeat(600)}`, {}],
  [414, 'DELETE', `/${'a'.repeat(600)}`, {}], [404, 'GET', `/${'a'.repeat(600)}`, {}],
  [431, 'GET', `/${blob.sha256}`, { Authorization: `Nostr ${'a'.repeat(140_000)}` }],
  [204, 'DELETE', `/${blob.sha256}`, { Authorization: upTo([blob.sha256], 'delete') }] // last: the others need it
]

t.test('01-2 every answer has Access-Control-Allow-Origin: *, and every refusal says why', async t => {
  for (const [status, method, target, fields, body] of ROWS) {
    const name = `${status} ${method} ${target.slice(0, 40)}`
    const answer = await ask(url, text(method, target, fields, body), method)
    t.equal(answer?.status, status, name)
    readable(t, answer, name)
    if (status >= 400) explained(t, answer, method, name)
    else t.notOk('x-reason' in (answer?.headers ?? {}))
    t.equal(answer?.headers['www-authenticate'], status === 401 ? 'Nostr' : undefined)
    if (method === 'HEAD') t.equal(answer?.body.length, 0)
  }
})

t.test('so has what the parser refuses before there is a request', async t => {
  const rows: [string, number][] = [
    ['nonsense\r\n\r\n', 400], ['GET / HTTP/9.9\r\n\r\n', 400], ['GET / HTTP/1.1\r\n\r\n', 400], [`GET /${UNKNOWN} HTTP/1.1\r\n\r\n`, 400],
    ['GET / HTTP/1.1\r\nHost: x\r\nbad header\r\n\r\n', 400],
    ['PUT /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n', 400],
    ['PUT /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n', 400],
    ['PUT /upload HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n', 400],
    [`GET / HTTP/1.1\r\nHost: x\r\nX: ${'a'.repeat(140_000)}\r\n\r\n`, 431],
    [`GET /${'a'.repeat(140_000)} HTTP/1.1\r\nHost: x\r\n\r\n`, 431]
  ]
  for (const [request, status] of rows) {
    const answer = await ask(url, request)
    t.equal(answer?.status, status, request.slice(0, 60))
    readable(t, answer, request.slice(0, 60))
    explained(t, answer, 'GET', request.slice(0, 60))
    t.equal(answer?.whole, true)
  }
})

t.test('01-3, 01-4, 01-5 a preflight allows Authorization, * and the four methods, on every path, bare or not', async t => {
  const browser = { 'Origin': 'https://app.example.com', 'Access-Control-Request-Method': 'PUT',
    'Access-Control-Request-Headers': 'authorization,x-sha-256,x-content-type' }
  for (const target of ['/', '/upload', '/mirror', '/media', '/report', `/${blob.sha256}`, `/${UNKNOWN}.mp4`, `/list/${signer.pubkey}`,
    '/admin/reports', '/nowhere', '/a/b/c']) {
    for (const fields of [{}, browser]) {
      const answer = await ask(url, text('OPTIONS', target, fields))
      t.equal(answer?.status, 204, target)
      readable(t, answer, target)
      const list = (name: string): string[] => (answer?.headers[name] ?? '').split(/, */)
      for (const header of ['Authorization', '*', 'X-SHA-256', 'X-Content-Length', 'X-Content-Type', 'Content-Type',
        'Range']) t.ok(list('access-control-allow-headers').includes(header), header)
      for (const method of ['GET', 'HEAD', 'PUT', 'DELETE']) t.ok(list('access-control-allow-methods').includes(method), method)
      t.equal(answer?.headers['access-control-max-age'], '86400')
    }
  }
})
