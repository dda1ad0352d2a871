// Design §4 over HTTP: too often is 429 with Retry-After, by address and by key, with proxies that are trusted and without.

import t from 'tap'
import { startMarquee, upload } from '../support/app.ts'
import { listed, mirror, remove } from '../support/asking.ts'
import { Signer, seededBlob } from '../support/keys.ts'
import type { Test } from 'tap'
import type { Running } from '../support/app.ts'

const PROXIED = { TRUSTED_PROXIES: '127.0.0.1,::1' }
const blob = seededBlob('rates', 100)

function start (t: Test, rates: Record<string, number | null>, env: Record<string, string> = PROXIED): Promise<Running> {
  return startMarquee(t, { env, file: { rates } })
}

const by = (address: string): Record<string, string> => ({ 'x-forwarded-for': address })

async function statuses (times: number, ask: () => Promise<Response>): Promise<number[]> {
  const found: number[] = []
  for (let i = 0; i < times; i++) {
    const response = await ask()
    await response.arrayBuffer()
    found.push(response.status)
  }
  return found
}

function preflight (url: string, signer: Signer, headers: Record<string, string> = {}): Promise<Response> {
  const authorization = signer.token('upload', { hashes: [blob.sha256] })
  return fetch(`${url}/upload`, { method: 'HEAD', headers: { authorization, 'x-sha-256': blob.sha256, 'x-content-length': '100', ...headers } })
}

t.test('an address that changes too much is told 429 with Retry-After, before its token is looked at; others go on', async t => {
  const { url } = await start(t, { addressChanges: 3 })
  t.strictSame(await statuses(3, () => upload(url, new Signer(), blob, by('192.0.2.1'))), [201, 200, 200])
  const refused = await fetch(`${url}/upload`, { method: 'PUT', body: 'x', headers: { ...by('192.0.2.1'), authorization: 'Nostr rubbish' } })
  t.equal(refused.status, 429)
  t.match(await refused.json(), { code: 'RATE_LIMITED' })
  t.match(refused.headers.get('x-reason'), /too many requests: from this address/)
  t.equal(refused.headers.get('access-control-allow-origin'), '*')
  const wait = Number(refused.headers.get('retry-after'))
  t.ok(Number.isInteger(wait) && wait >= 1 && wait <= 20, `Retry-After: ${wait}`)
  t.equal((await upload(url, new Signer(), blob, by('192.0.2.2'))).status, 200)
})

t.test('a key that changes too much is told 429 from whatever address it comes; another key goes on', async t => {
  const { url } = await start(t, { keyChanges: 2 })
  const signer = new Signer()
  t.equal((await upload(url, signer, blob, by('192.0.2.1'))).status, 201)
  t.equal((await remove(url, signer, blob.sha256)).status, 204)
  const refused = await upload(url, signer, blob, by('198.51.100.3'))
  t.equal(refused.status, 429)
  t.match(refused.headers.get('x-reason'), /by this key/)
  t.equal((await remove(url, signer, blob.sha256)).status, 429)
  t.equal((await mirror(url, signer, 'https://cdn.example/x', blob.sha256)).status, 429)
  t.equal((await upload(url, new Signer(), blob, by('192.0.2.1'))).status, 201)
  t.strictSame(await listed(url, signer), [], 'it may still ask')
})

t.test('HEAD /upload says 429 as PUT would, and asking costs no upload', async t => {
  const { url } = await start(t, { keyChanges: 1, addressChanges: 3 })
  const signer = new Signer()
  t.strictSame(await statuses(5, () => preflight(url, signer, by('192.0.2.1'))), [200, 200, 200, 200, 200])
  t.equal((await upload(url, signer, blob, by('192.0.2.1'))).status, 201)
  for (const who of [signer, new Signer()]) {
    const [before, real] = [await preflight(url, who, by('192.0.2.1')), await upload(url, who, blob, by('192.0.2.1'))]
    t.equal(before.status, who === signer ? 429 : 200)
    t.equal(real.status, before.status)
    t.equal(real.headers.get('x-reason'), before.headers.get('x-reason'))
  }
  const spent = await preflight(url, new Signer(), by('192.0.2.1'))
  t.equal(spent.status, 429)
  t.match(spent.headers.get('x-reason'), /from this address/)
})

t.test('who sends tokens that do not hold has no more of them checked; a token that was proven before still serves', async t => {
  const { url } = await start(t, { failedTokens: 3 })
  const signer = new Signer()
  const good = signer.token('list')
  const ask = (authorization: string, address = '192.0.2.1'): Promise<Response> => fetch(`${url}/list/${signer.pubkey}`, { headers: { authorization, ...by(address) } })
  t.equal((await ask(good)).status, 200)
  const forged = (): string => {
    const event = signer.sign({ kind: 24242, created_at: Math.floor(Date.now() / 1000), tags: [['t', 'list'], ['expiration', '9999999999']], content: String(Math.random()) })
    return `Nostr ${Buffer.from(JSON.stringify({ ...event, sig: `${'0'.repeat(127)}1` })).toString('base64url')}`
  }
  t.strictSame(await statuses(5, () => ask(forged())), [401, 401, 401, 429, 429])
  t.equal((await ask(signer.token('list', { createdAt: Math.floor(Date.now() / 1000) - 9 }))).status, 429, 'a new one might be bad too')
  t.equal((await ask(good)).status, 200)
  t.equal((await ask(forged(), '192.0.2.2')).status, 401, 'elsewhere they are checked')
  t.strictSame(await statuses(6, () => fetch(`${url}/list/${signer.pubkey}`, { headers: by('192.0.2.3') })), [401, 401, 401, 401, 401, 401], 'no token is no bad token')
})

t.test('lists have a limit of their own; reads have none', async t => {
  const { url } = await start(t, { addressAsks: 2, addressChanges: 1 })
  const signer = new Signer()
  t.equal((await upload(url, signer, blob, by('192.0.2.1'))).status, 201)
  t.strictSame(await statuses(3, () => fetch(`${url}/list/${signer.pubkey}`, { headers: { authorization: signer.token('list'), ...by('192.0.2.1') } })), [200, 200, 429])
  t.strictSame(new Set(await statuses(50, () => fetch(`${url}/${blob.sha256}`, { headers: by('192.0.2.1') }))), new Set([200]))
})

t.test('reports count as changes, and bad signatures on them as failed tokens', async t => {
  const { url } = await start(t, { addressChanges: 4, failedTokens: 1 })
  const signer = new Signer()
  const event = signer.sign({ kind: 1984, created_at: 1, tags: [['x', blob.sha256, 'malware']], content: '' })
  const report = (body: unknown): Promise<Response> => fetch(`${url}/report`, { method: 'PUT', body: JSON.stringify(body), headers: by('192.0.2.1') })
  const forged = { ...event, sig: `${'0'.repeat(127)}1` }
  t.strictSame(await statuses(1, () => report(event)), [404])
  t.strictSame(await statuses(2, () => report(forged)), [400, 429])
  t.strictSame(await statuses(2, () => report({})), [400, 429])
})

t.test('X-Forwarded-For from who is no named proxy is ignored: nobody can count as somebody else', async t => {
  const { url } = await start(t, { addressChanges: 2 }, { TRUSTED_PROXIES: '203.0.113.1' })
  let next = 0
  t.strictSame(await statuses(4, () => upload(url, new Signer(), blob, by(`192.0.2.${++next}`))), [201, 200, 429, 429])
  const proxied = await start(t, { addressChanges: 2 })
  const spoofed = (): Promise<Response> => upload(proxied.url, new Signer(), blob, by(`192.0.2.${++next}, 198.51.100.1`))
  t.strictSame(await statuses(3, spoofed), [201, 200, 429], 'what a client writes before its proxy does counts for nothing')
})

t.test('this machine is exempt where no proxy is named, and rateLimit: off switches all of it off', async t => {
  const rates = { addressChanges: 1, keyChanges: 1, addressAsks: 1, failedTokens: 1 }
  const signer = new Signer()
  for (const env of [{}, { ...PROXIED, RATE_LIMIT: 'off' }]) {
    const { url } = await start(t, rates, env as Record<string, string>)
    t.strictSame(await statuses(5, () => upload(url, signer, blob, by('192.0.2.1'))), [201, 200, 200, 200, 200])
    t.strictSame(await statuses(3, () => preflight(url, signer)), [200, 200, 200])
    t.strictSame(await statuses(3, () => fetch(`${url}/list/${signer.pubkey}`, { headers: { authorization: 'Nostr x!' } })), [401, 401, 401])
  }
  const { url } = await start(t, { addressChanges: null, keyChanges: null, addressAsks: null, failedTokens: null })
  t.strictSame(await statuses(3, () => upload(url, signer, blob, by('192.0.2.1'))), [201, 200, 200], 'null is no limit')
})
