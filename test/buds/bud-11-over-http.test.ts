// BUD-11 and NIP-98 as clients send them: every fault of a token is 401 with a code of its own (H-3).
// DELETE of a blob that is not here is the question: 404 means that the token was taken, and nothing changes.

import t from 'tap'
import { startMarquee, upload } from '../support/app.ts'
import { Signer, seededBlob } from '../support/keys.ts'
import { ask } from '../support/raw-http.ts'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import type { TokenOptions } from '../support/keys.ts'

const ALIASES = ['https://other.example.com', 'bare.example.com', 'ported.example.com:8443']
// its public name is not where it listens: nothing here may go there
const named = await startMarquee(t, { env: { PUBLIC_URL: 'https://cdn.example.com' }, file: { aliases: ALIASES } })
const url = `http://127.0.0.1:${(named.marquee.app.server.address() as AddressInfo).port}`
const local = await startMarquee(t)
const signer = new Signer()
const HASH = 'ab'.repeat(32)
const now = (): number => Math.floor(Date.now() / 1000)

const del = (authorization: string | null, at = url): Promise<Response> => fetch(`${at}/${HASH}`,
  { method: 'DELETE', headers: authorization === null ? {} : { authorization } })
const token = (options: TokenOptions = {}): string => signer.token('delete', { hashes: [HASH], ...options })

async function taken (t: Test, authorization: string, name: string, at = url): Promise<void> {
  t.equal((await del(authorization, at)).status, 404, name)
}

async function refused (t: Test, authorization: string | null, code: string, name: string, at = url): Promise<void> {
  const response = await del(authorization, at)
  t.equal(response.status, 401, name)
  t.equal((await response.json() as { code: string }).code, code, name)
  t.equal(response.headers.get('www-authenticate'), 'Nostr')
  t.ok(response.headers.get('x-reason'))
}

t.test('H-1 url-safe or standard alphabet, padded or not: all four forms are taken', async t => {
  // find an event whose base64 differs in all four forms
  for (let salt = 0; ; salt++) {
    const event = JSON.stringify(signer.sign({ kind: 24242, created_at: now(),
      tags: [['t', 'delete'], ['x', HASH], ['expiration', String(now() + 60)]], content: `>>>???ÿÿ${'~'.repeat(salt)}` }))
    const standard = Buffer.from(event).toString('base64')
    if (!/[+]/.test(standard) || !/[/]/.test(standard) || !standard.endsWith('=')) continue
    const safe = standard.replaceAll('+', '-').replaceAll('/', '_')
    const forms = [standard, safe, standard.replace(/=+$/, ''), safe.replace(/=+$/, '')]
    t.equal(new Set(forms).size, 4)
    for (const form of forms) await taken(t, `Nostr ${form}`, form.slice(-6))
    break
  }
})

t.test('the name of the scheme is case-insensitive, and white space around the token is none of it', async t => {
  const text = token().slice('Nostr '.length)
  for (const scheme of ['nostr', 'NOSTR', 'nOsTr']) await taken(t, `${scheme} ${text}`, scheme)
  await taken(t, `Nostr    ${text}  `, 'spaces')
})

t.test('a token that is missing or unreadable', async t => {
  await refused(t, null, 'TOKEN_MISSING', 'none')
  await refused(t, 'Bearer abc', 'TOKEN_MISSING', 'another scheme')
  await refused(t, token().slice(6), 'TOKEN_MISSING', 'no scheme')
  const encoded = (value: unknown): string =>
    `Nostr ${Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64')}`
  const event = signer.sign({ kind: 24242, created_at: now(), tags: [['t', 'delete'], ['x', HASH], ['expiration', String(now() + 60)]],
    content: '' })
  const rows: [string, string][] = [
    ['Nostr', 'empty'], ['Nostr %%%', 'no base64'], ['Nostr eyJh eyJh', 'two words'], [encoded('no json'), 'no JSON'],
    [encoded([]), 'a list'], [encoded(null), 'null'],
    [`Nostr ${Buffer.from([0x22, 0xff, 0x22]).toString('base64')}`, 'no UTF-8'],
    [encoded({ ...event, id: event.id.toUpperCase() }), 'id in capitals'], [encoded({ ...event, sig: 'ab' }), 'short sig'],
    [encoded({ ...event, tags: [['t', 1]] }), 'a number in a tag'], [encoded({ ...event, kind: '24242' }), 'kind as text'],
    [encoded({ ...event, created_at: 1.5 }), 'half a second'],
    [encoded({ ...event, content: undefined }), 'no content']
  ]
  for (const [header, name] of rows) await refused(t, header, 'TOKEN_MALFORMED', name)
})

t.test('11-9 to 11-15 each fault of what a token says has its own code', async t => {
  await refused(t, token({ kind: 1 }), 'TOKEN_KIND', '11-9 another kind')
  await refused(t, token({ createdAt: now() + 90 }), 'TOKEN_FUTURE', '11-10 from the future')
  await taken(t, token({ createdAt: now() + 50 }), 'H-11 a clock 50 seconds fast')
  await taken(t, token({ createdAt: now() - 365 * 24 * 3600 }), 'H-11 no maximum age')
  await refused(t, token({ expiration: null }), 'TOKEN_EXPIRATION', '11-11 none')
  for (const expiration of ['never', '', '-1', '1e12', ' 9999999999', '9999999999999', '99999999999.5', '0x99999999']) await refused(t,
    token({ expiration }), 'TOKEN_EXPIRATION', `H-10 "${expiration}"`)
  await refused(t, token({ expiration: String(now() - 1) }), 'TOKEN_EXPIRED', '11-11 over')
  await refused(t, token({ expiration: '0' }), 'TOKEN_EXPIRED', '11-11 long over')
  for (const verb of ['upload', 'get', 'list', 'media', 'DELETE', 'Delete', '']) await refused(t, signer.token(verb, { hashes: [HASH] }),
    'TOKEN_VERB', `11-12 "${verb}"`)
  await refused(t, token({ hashes: [] }), 'TOKEN_HASH', '11-14 no x tag')
  await refused(t, token({ hashes: ['cd'.repeat(32), `${HASH}0`] }), 'TOKEN_HASH', '11-14 other hashes')
  await taken(t, token({ hashes: ['cd'.repeat(32), HASH.toUpperCase()] }), '11-14 one of several, A4 in capitals')
  await taken(t, token({ extraTags: [['t', 'delete'], ['size', '5'], ['t'], [], ['x']] }), 'A8 the same twice, and tags that mean nothing')
  await refused(t, token({ extraTags: [['t', 'upload']] }), 'TOKEN_VERB', 'A8 two verbs')
  await refused(t, token({ extraTags: [['expiration', '9999999999']] }), 'TOKEN_EXPIRATION', 'A8 two expirations')
})

t.test('11-15 a changed event, a changed id and a foreign signature are not the signer\'s', async t => {
  const draft = { kind: 24242, created_at: now(), tags: [['t', 'delete'], ['x', HASH], ['expiration', String(now() + 60)]], content: '' }
  const event = signer.sign(draft)
  const other = new Signer().sign(draft)
  const rows = [{ ...event, content: 'x' }, { ...event, sig: other.sig }, { ...event, pubkey: other.pubkey }, { ...event, id: other.id },
    { ...event, created_at: event.created_at - 1 },
    { ...event, sig: '00'.repeat(64) }, { ...event, pubkey: 'ff'.repeat(32) }]
  for (const [index, each] of rows.entries()) await refused(t, `Nostr ${Buffer.from(JSON.stringify(each)).toString('base64url')}`,
    'TOKEN_SIGNATURE', `forgery ${index}`)
  await taken(t, token(), 'and a good one goes on being good')
})

t.test('11-13 a server tag MUST name us: domain, domain:port, URL, alias; never the Host header', async t => {
  const ours = ['cdn.example.com', 'CDN.Example.com', 'https://cdn.example.com', 'https://cdn.example.com/',
    'https://CDN.example.com:443/path', 'cdn.example.com:443', 'other.example.com',
    'https://other.example.com', 'bare.example.com', 'ported.example.com', 'ported.example.com:8443']
  for (const server of ours) await taken(t, token({ servers: [server] }), server)
  await taken(t, token({ servers: ['foreign.example.com', 'cdn.example.com'] }), 'one of several')
  await taken(t, token({ servers: [''] }), 'the empty value the SDK makes of localhost:3000')
  const foreign = ['foreign.example.com', 'example.com', 'xcdn.example.com', 'cdn.example.com.evil.org', 'http://cdn.example.com',
    'cdn.example.com:8080', 'ported.example.com:1', '127.0.0.1', 'localhost', '*', 'http://[']
  for (const server of foreign) await refused(t, token({ servers: [server] }), 'TOKEN_SERVER', server)
  const replayed = await ask(url,
    `DELETE /${HASH} HTTP/1.1\r\nHost: foreign.example.com\r\nX-Forwarded-Host: foreign.example.com\r\nAuthorization: ${token({ servers: ['foreign.example.com'] })}\r\n\r\n`)
  t.equal(replayed?.status, 401, 'T5 a token meant for another, with a Host to match')
  const port = new URL(local.url).port
  for (const server of ['localhost', '127.0.0.1', `localhost:${port}`, local.url, `http://localhost:${port}`,
    `http://[::1]:${port}`]) await taken(t, token({ servers: [server] }), `without PUBLIC_URL: ${server}`, local.url)
  await refused(t, token({ servers: ['localhost:1'] }), 'TOKEN_SERVER', 'another port', local.url)
})

t.test('98-1 to 98-4 a NIP-98 token is bound to exact URL and method, for 60 seconds', async t => {
  const at = `${local.url}/${HASH}`
  const rows: [string, string | null, string][] = [
    [signer.httpToken('DELETE', at), null, 'right'], [signer.httpToken('DELETE', at, { createdAt: now() - 40 }), null, '40 seconds old'],
    [signer.httpToken('delete', at), null, 'method in lower case'],
    [signer.httpToken('DELETE', at.replace('127.0.0.1', 'localhost')), null, 'another name of ours'],
    [signer.httpToken('DELETE', at, { createdAt: now() - 65 }), 'TOKEN_STALE', 'old'],
    [signer.httpToken('DELETE', at, { createdAt: now() + 300 }), 'TOKEN_STALE', 'from the future'],
    [signer.httpToken('PUT', at), 'TOKEN_METHOD', 'another method'],
    [signer.httpToken('DELETE', `${at}.mp4`), 'TOKEN_URL', 'an extension more'],
    [signer.httpToken('DELETE', `${at}?`), 'TOKEN_URL', 'a query more'],
    [signer.httpToken('DELETE', at.replace('http:', 'https:')), 'TOKEN_URL', 'another scheme'],
    [signer.httpToken('DELETE', `http://foreign.example.com/${HASH}`), 'TOKEN_URL', 'another host']
  ]
  for (const [header, code, name] of rows) await (code === null ? taken(t, header, name, local.url) : refused(t, header, code, name,
    local.url))
  const once = signer.httpToken('DELETE', at, { createdAt: now() - 3 })
  await taken(t, once, 'the first time', local.url)
  await refused(t, once, 'TOKEN_REPLAYED', 'the second time', local.url)
  await taken(t, token(), 'a 24242 token may come again', local.url)
  await taken(t, token(), 'and again', local.url)
})

t.test('98-5, 98-6 NIP-98 on PUT /upload needs the payload of the blob, and is used once', async t => {
  const blob = seededBlob('by NIP-98', 5000)
  const put = (payload: string | null, headers: Record<string, string> = {}, createdAt = now()): Promise<Response> =>
    upload(local.url, signer, blob, { authorization: signer.httpToken('PUT', `${local.url}/upload`, { payload, createdAt }), ...headers })
  const code = async (response: Response): Promise<unknown> => (await response.json() as { code: string }).code
  t.equal(await code(await put(null)), 'TOKEN_PAYLOAD')
  t.equal(await code(await put(HASH)), 'TOKEN_PAYLOAD')
  t.equal(await code(await put('nonsense')), 'TOKEN_PAYLOAD')
  t.equal((await put(blob.sha256)).status, 201)
  t.equal(await code(await put(blob.sha256)), 'TOKEN_REPLAYED')
  const undeclared = seededBlob('undeclared', 5000)
  const wrong = await fetch(`${local.url}/upload`,
    { method: 'PUT', body: undeclared.bytes as Uint8Array<ArrayBuffer>,
    headers: { authorization: signer.httpToken('PUT', `${local.url}/upload`, { payload: 'cd'.repeat(32) }) } })
  t.equal(await code(wrong), 'TOKEN_PAYLOAD', 'without X-SHA-256 it is compared with the bytes that came')
})

t.test('NIP-98 on the list: the query is part of the URL', async t => {
  const at = `${local.url}/list/${signer.pubkey}?limit=1`
  const list = (u: string): Promise<Response> => fetch(at, { headers: { authorization: signer.httpToken('GET', u) } })
  t.equal((await list(at)).status, 200)
  t.equal((await list(at.replace('?limit=1', ''))).status, 401)
})
