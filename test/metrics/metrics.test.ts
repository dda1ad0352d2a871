// GET /metrics: what happened is what it says, and nobody sees it who should not.

import { createHash, randomBytes } from 'node:crypto'
import { request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { Failure } from '../../server/errors.ts'
import { refusalHeaders } from '../../server/refusal.ts'
import { openMemoryStores } from '../../server/stores/open.ts'
import { StoreTimes } from '../../server/stores/store-times.ts'
import { startMarquee, upload } from '../support/app.ts'
import { Signer } from '../support/keys.ts'
import { sampleOf, scrape } from '../support/metrics.ts'
import type { Objects } from '../../server/stores/objects.ts'

function newBlob (size: number): { bytes: Buffer, sha256: string } {
  const bytes = randomBytes(size)
  return { bytes, sha256: createHash('sha256').update(bytes).digest('hex') }
}

t.test('requests are counted by method, route and status, reads before Fastify among them', async t => {
  const { url } = await startMarquee(t)
  const signer = new Signer()
  const blob = newBlob(70_000)
  t.equal((await upload(url, signer, blob)).status, 201)
  for (let i = 0; i < 3; i++) await (await fetch(`${url}/${blob.sha256}`)).arrayBuffer()
  await (await fetch(`${url}/${blob.sha256}.bin`, { headers: { range: 'bytes=0-9' } })).arrayBuffer()
  await fetch(`${url}/${blob.sha256}`, { headers: { 'if-none-match': `"${blob.sha256}"` } })
  await fetch(`${url}/${blob.sha256}`, { method: 'HEAD' })
  await (await fetch(`${url}/${'0'.repeat(64)}`)).text()
  await (await fetch(`${url}/${blob.sha256}`, { headers: { range: 'bytes=70000-' } })).text()
  await (await fetch(`${url}/nothing/here`)).text()
  await (await fetch(`${url}/list/${signer.pubkey}`)).text()
  await (await fetch(`${url}/${blob.sha256}`, { method: 'DELETE' })).text()
  const counts = await scrape(url)
  const requests = (method: string, route: string, status: number): number | undefined => sampleOf(counts, 'marquee_requests_total', { method, route, status: String(status) })
  t.equal(requests('PUT', '/upload', 201), 1)
  t.equal(requests('GET', '/<sha256>', 200), 3)
  t.equal(requests('GET', '/<sha256>', 206), 1)
  t.equal(requests('GET', '/<sha256>', 304), 1)
  t.equal(requests('GET', '/<sha256>', 404), 1)
  t.equal(requests('GET', '/<sha256>', 416), 1)
  t.equal(requests('HEAD', '/<sha256>', 200), 1)
  t.equal(requests('GET', 'other', 404), 1)
  t.equal(requests('GET', '/list/<pubkey>', 401), 1)
  t.equal(requests('DELETE', '/<sha256>', 401), 1)
  t.equal(requests('GET', '/metrics', 200), undefined)
  t.equal(sampleOf(await scrape(url), 'marquee_requests_total', { route: '/metrics' }), 1)
})

t.test('a large blob that goes out in pieces is counted once, and its bytes are in the traffic', async t => {
  const { url } = await startMarquee(t)
  const blob = newBlob(3_000_000)
  await upload(url, new Signer(), blob)
  const before = await scrape(url)
  t.ok(sampleOf(before, 'marquee_received_bytes_total')! > 3_000_000)
  await (await fetch(`${url}/${blob.sha256}`)).arrayBuffer()
  const after = await scrape(url)
  const sent = sampleOf(after, 'marquee_sent_bytes_total')! - sampleOf(before, 'marquee_sent_bytes_total')!
  t.ok(sent > 3_000_000 && sent < 3_100_000, `${sent} bytes`)
  t.equal(sampleOf(after, 'marquee_requests_total', { route: '/<sha256>', status: '200' }), 1)
  t.equal(sampleOf(after, 'marquee_store_duration_seconds_count', { store: 'fs', part: 'packs', action: 'commit' }), 1)
  t.equal(sampleOf(after, 'marquee_store_duration_seconds_count', { store: 'fs', part: 'packs', action: 'read' }), 1)
  const least = sampleOf(after, 'marquee_store_duration_seconds_bucket', { action: 'commit', le: '+Inf' })
  t.equal(least, 1, 'the last class has all')
})

t.test('an upload under way is seen, and is gone when it ends', async t => {
  const { url } = await startMarquee(t)
  const signer = new Signer()
  const { bytes, sha256 } = newBlob(1000)
  const sending = request(`${url}/upload`, { method: 'PUT', headers: { 'authorization': signer.token('upload', { hashes: [sha256] }), 'content-length': '1000' } })
  sending.write(bytes.subarray(0, 500))
  let active: number | undefined
  for (; active !== 1; await sleep(10)) active = sampleOf(await scrape(url), 'marquee_uploads_active')
  const answered = new Promise<number | undefined>((resolve) => { sending.on('response', (response) => { resolve(response.resume().statusCode) }) })
  sending.end(bytes.subarray(500))
  t.equal(await answered, 201)
  t.equal(sampleOf(await scrape(url), 'marquee_uploads_active'), 0)
})

t.test('caches and signature checks', async t => {
  const { url } = await startMarquee(t)
  const before = await scrape(url)
  const signer = new Signer()
  const blob = newBlob(20_000)
  const token = signer.token('upload', { hashes: [blob.sha256] })
  for (let i = 0; i < 3; i++) await upload(url, signer, blob, { authorization: token })
  await (await upload(url, signer, blob, { authorization: token.slice(0, -40) })).text()
  for (let i = 0; i < 5; i++) await (await fetch(`${url}/${blob.sha256}`)).arrayBuffer()
  const after = await scrape(url)
  const grown = (name: string, outcome: string): number => sampleOf(after, name, { outcome })! - sampleOf(before, name, { outcome })!
  t.equal(grown('marquee_signature_checks_total', 'good'), 1, 'one token is verified once')
  t.equal(grown('marquee_token_cache_lookups_total', 'hit'), 2)
  t.equal(grown('marquee_token_cache_lookups_total', 'miss'), 2)
  t.ok(grown('marquee_blob_cache_lookups_total', 'hit') >= 2)
  t.ok(grown('marquee_blob_cache_lookups_total', 'miss') >= 1)
  t.equal(sampleOf(after, 'marquee_blob_cache_bytes')! - sampleOf(before, 'marquee_blob_cache_bytes')!, 20_000)
})

t.test('a call that fails is a fault of its action, and what is not there is none', async t => {
  const times = new StoreTimes()
  const empty = times.objects(inMemory())
  const failing = times.objects({ ...inMemory(), name: 'broken', get: async () => { throw new Error('no') }, async * list () { throw new Error('no') } })
  t.equal(await empty.get('state/none'), null)
  await t.rejects(failing.get('state/x'))
  await t.rejects(async () => { for await (const each of failing.list('state/')) t.fail(each.key) })
  const faults = times.actions.filter(({ faults }) => faults > 0).map(({ store, action, faults }) => [store, action, faults])
  t.strictSame(faults, [['broken', 'get', 1], ['broken', 'list', 1]])
  t.equal(times.actions.find(({ store, action }) => store === 'memory' && action === 'get')?.classes.reduce((a, b) => a + b), 1)
})

function inMemory (): Objects {
  const kept = new Map<string, Uint8Array>()
  return {
    name: 'memory', get: async (key) => kept.get(key) ?? null, put: async (key, bytes) => { kept.set(key, bytes) },
    add: async () => true, remove: async (key) => kept.delete(key), async * list () {}, async * names () {}
  }
}

t.test('without a token the metrics are for loopback, and for nobody who came through a proxy or from a page', async t => {
  const { url } = await startMarquee(t)
  t.equal((await fetch(`${url}/metrics`)).status, 200)
  for (const name of ['x-forwarded-for', 'forwarded', 'via', 'x-real-ip', 'x-marquee-offload', 'origin']) {
    const response = await fetch(`${url}/metrics`, { headers: { [name]: '127.0.0.1' } })
    t.equal(response.status, 403, name)
    t.match(await response.json(), { code: 'METRICS_LOCAL' })
  }
  const { marquee } = await startMarquee(t, { stores: openMemoryStores() })
  for (const [remoteAddress, status] of [['127.8.9.1', 200], ['::1', 200], ['::ffff:127.0.0.1', 200], ['10.0.0.1', 403], ['::ffff:10.0.0.1', 403], ['2001:db8::1', 403]] as const) {
    t.equal((await marquee.app.inject({ url: '/metrics', remoteAddress })).statusCode, status, remoteAddress)
  }
})

t.test('with METRICS_TOKEN they are for whoever has it, from wherever, and for nobody else', async t => {
  const { url } = await startMarquee(t, { env: { METRICS_TOKEN: 's3cret' } })
  for (const authorization of [undefined, 'Bearer', 'Bearer s3cre', 'Bearer s3cret2', 'Nostr s3cret', 's3cret']) {
    const response = await fetch(`${url}/metrics`, { headers: authorization === undefined ? {} : { authorization } })
    t.equal(response.status, 401, String(authorization))
    t.equal(response.headers.get('www-authenticate'), 'Bearer')
    t.match(await response.json(), { code: 'METRICS_TOKEN' })
  }
  const response = await fetch(`${url}/metrics`, { headers: { 'authorization': 'Bearer s3cret', 'x-forwarded-for': '203.0.113.9' } })
  t.equal(response.status, 200)
  t.match(response.headers.get('content-type'), /^text\/plain; version=0\.0\.4/)
  t.equal(response.headers.get('cache-control'), 'no-store')
  t.equal(refusalHeaders(new Failure('TOKEN_MISSING'))['www-authenticate'], 'Nostr', 'other 401 ask for a Nostr token still')
})
