// BUD-09 over HTTP: a report is kept in the store for the operator, who alone reads it.

import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { startMarquee, upload } from '../support/app.ts'
import { Signer, seededBlob } from '../support/keys.ts'
import type { SignedEvent } from '../../server/auth/signature.ts'

const operator = new Signer()
const node = new Signer()
const { url, dataDir } = await startMarquee(t,
  { env: { ADMIN_PUBKEYS: operator.pubkey, NODE_KEY: Buffer.from(node.secret).toString('hex') } })
const reporter = new Signer()
const UNKNOWN = 'ab'.repeat(32)

function report (tags: string[][], content = 'this is spam', kind = 1984): SignedEvent {
  return reporter.sign({ kind, created_at: Math.floor(Date.now() / 1000), tags, content })
}

const put = (body: unknown, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`${url}/report`, { method: 'PUT',
    body: typeof body === 'string' || body instanceof Uint8Array ? body as string : JSON.stringify(body), headers })
const reports = (token: string | null): Promise<Response> => fetch(`${url}/admin/reports`,
  { headers: token === null ? {} : { authorization: token } })

interface Line { id: string, received: number, reporter: string, types: string[], blobs: string[], content: string }

t.test('09-2, 09-4 a good report is 200 and kept under state/reports before that; no token is asked for', async t => {
  const blob = seededBlob('reported', 5000)
  await upload(url, new Signer(), blob)
  const event = report([['x', blob.sha256, 'spam'], ['x', UNKNOWN, 'malware'], ['p', operator.pubkey]])
  const response = await put(event, { 'content-type': 'application/json' })
  t.equal(response.status, 200)
  t.strictSame(await response.json(), { status: 'kept', blobs: [blob.sha256] })
  const kept = JSON.parse(readFileSync(join(dataDir, 'store', 'state', 'reports', event.id), 'utf8')) as { event: SignedEvent,
    received: number, blobs: string[] }
  t.strictSame(kept.event, event, 'as it was signed, every byte')
  t.strictSame(kept.blobs, [blob.sha256])
  t.ok(Math.abs(kept.received - Date.now() / 1000) < 60)
  t.equal((await fetch(`${url}/${blob.sha256}`)).status, 200, 'a report alone removes nothing')

  for (const type of ['text/plain', '', 'application/octet-stream', 'application/nostr+json']) {
    t.equal((await put(event, { 'content-type': type })).status, 200, `whatever its Content-Type: ${type}`)
  }
  t.strictSame(readdirSync(join(dataDir, 'store', 'state', 'reports')), [event.id], 'the same report is kept once')
})

t.test('the operator reads the reports, newest first, with the node key or one of ADMIN_PUBKEYS', async t => {
  const blob = seededBlob('reported again', 100)
  await upload(url, new Signer(), blob)
  const second = report([['x', blob.sha256.toUpperCase(), 'nudity'], ['x', blob.sha256]], 'ünïcode\n"quoted"')
  t.equal((await put(second)).status, 200)
  for (const key of [operator, node]) {
    const response = await reports(key.httpToken('GET', `${url}/admin/reports`))
    t.equal(response.status, 200)
    const { reports: lines } = await response.json() as { reports: Line[] }
    t.equal(lines.length, 2)
    const line = lines.find(({ id }) => id === second.id)
    t.match(line, { reporter: reporter.pubkey, types: ['nudity', ''], blobs: [blob.sha256], content: 'ünïcode\n"quoted"' })
    t.ok(lines[0]!.received >= lines[1]!.received)
  }
})

t.test('nobody else reads them: 403 for another key, 401 without a NIP-98 token for exactly this', async t => {
  t.equal((await reports(reporter.httpToken('GET', `${url}/admin/reports`))).status, 403)
  const rows: [string | null, string][] = [
    [null, 'TOKEN_MISSING'], [operator.token('admin'), 'TOKEN_KIND'], [operator.token('get'), 'TOKEN_VERB'],
    [operator.httpToken('GET', `${url}/`), 'TOKEN_URL'],
    [operator.httpToken('PUT', `${url}/admin/reports`), 'TOKEN_METHOD'],
    [operator.httpToken('GET', `${url}/admin/reports`, { createdAt: 1_700_000_000 }), 'TOKEN_STALE']
  ]
  for (const [token, code] of rows) {
    const response = await reports(token)
    t.equal(response.status, 401, code)
    t.match(await response.json(), { code })
  }
  t.equal((await fetch(`${url}/admin/other`)).status, 404)
})

t.test('09-1 what is no signed kind 1984 event with x tags is 400', async t => {
  const blob = seededBlob('reported', 5000)
  const good = report([['x', blob.sha256, 'spam']])
  const rows: [unknown, string, string][] = [
    ['', 'BODY_INVALID', 'nothing'], ['not json', 'BODY_INVALID', 'no JSON'],
    [new Uint8Array([0x7b, 0xff, 0x7d]), 'BODY_INVALID', 'no UTF-8'], [[good], 'BODY_INVALID', 'a list'], ['null', 'BODY_INVALID', 'null'],
    [{}, 'REPORT_INVALID', 'empty'], [report([['x', blob.sha256]], '', 1), 'REPORT_INVALID', 'another kind'],
    [report([]), 'REPORT_INVALID', 'no x tag'],
    [report([['x', 'abc', 'spam']]), 'REPORT_INVALID', 'no hash'],
    [report([['x', blob.sha256], ['x', 'abc']]), 'REPORT_INVALID', 'one of them no hash'],
    [report(Array.from({ length: 101 }, (_, index) => ['x', index.toString(16).padStart(64, '0')])), 'REPORT_INVALID', '101 hashes'],
    [{ ...good, content: 'changed' }, 'REPORT_INVALID', 'not signed'], [{ ...good, sig: '0'.repeat(128) }, 'REPORT_INVALID', 'forged'],
    [{ ...good, id: '../../escape' }, 'REPORT_INVALID', 'an id that is a path'],
    [{ ...good, tags: 'x' }, 'REPORT_INVALID', 'tags as text']
  ]
  for (const [body, code, name] of rows) {
    const response = await put(body)
    t.equal(response.status, 400, name)
    t.equal((await response.json() as { code: string }).code, code, name)
  }
})

t.test('A16 a report of which no blob is here is 404 and not kept', async t => {
  const event = report([['x', UNKNOWN, 'illegal']])
  const response = await put(event)
  t.equal(response.status, 404)
  t.match(await response.json(), { code: 'BLOB_UNKNOWN' })
  t.notOk(readdirSync(join(dataDir, 'store', 'state', 'reports')).includes(event.id))
})

t.test('a body above 256 KiB is 413, announced or not', async t => {
  const long = JSON.stringify(report([['x', UNKNOWN]], 'x'.repeat(300_000)))
  t.equal((await put(long)).status, 413)
  const streamed = await fetch(`${url}/report`, {
    method: 'PUT', duplex: 'half', body: (async function * () { for (let at = 0; at < long.length; at += 50_000) yield Buffer.from(long.slice(at, at + 50_000)) })() as unknown as ReadableStream
  } as RequestInit)
  t.equal(streamed.status, 413)
  t.match(await streamed.json(), { code: 'BODY_TOO_LARGE' })
})
