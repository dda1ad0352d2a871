// What the key room refuses: tokens and bodies that are not right, too many keys, too often; and what READ_PUBKEYS, UPLOAD_PUBKEYS and restrictions mean
// for keys.

import { randomBytes } from 'node:crypto'
import t from 'tap'
import { sha256Hex } from '../../server/stores/multihash.ts'
import { startMarquee, upload } from '../support/app.ts'
import { bytesOf, callKeys, codeOf, getKey, newFilmKey, onceToken, putAccess, putKey, titleOf } from '../support/film-keys.ts'
import { Signer, seededBlob } from '../support/keys.ts'
import { operate } from '../support/operator.ts'

const [creator, fan, stranger] = [new Signer(), new Signer(), new Signer()]
const film = newFilmKey()
const [title, key] = [titleOf(creator), film.key.toString('hex')]

async function told (response: Promise<Response>): Promise<[number, string]> {
  const answer = await response
  return [answer.status, await codeOf(answer)]
}

t.test('a token must be NIP-98 of exactly this URL, method, minute and body, and is good once', async t => {
  const { url } = await startMarquee(t)
  await putKey(url, creator, film)
  const path = `/keys/${film.id}`
  const get = (authorization: string, query = ''): Promise<[number, string]> => told(fetch(`${url}${path}${query}`, { headers: { authorization } }))
  const now = Math.floor(Date.now() / 1000)
  const wrong: [string, string][] = [
    ['TOKEN_VERB', creator.token('get')], ['TOKEN_KIND', creator.token('key')], ['TOKEN_URL', creator.httpToken('GET', `${url}/keys/${'0'.repeat(16)}`)], ['TOKEN_URL', creator.httpToken('GET', `${url}${path}?x=1`)],
    ['TOKEN_METHOD', creator.httpToken('PUT', `${url}${path}`)], ['TOKEN_STALE', creator.httpToken('GET', `${url}${path}`, { createdAt: now - 300 })],
    ['TOKEN_STALE', creator.httpToken('GET', `${url}${path}`, { createdAt: now + 300 })], ['TOKEN_MALFORMED', 'Nostr x!'], ['TOKEN_MISSING', 'Basic YTpi'], ['TOKEN_MISSING', 'Bearer']
  ]
  for (const [code, authorization] of wrong) t.strictSame(await get(authorization), [401, code])
  t.strictSame(await get(creator.httpToken('GET', `${url}${path}`), '?x=1'), [401, 'TOKEN_URL'])
  const once = onceToken(url, creator, 'GET', path)
  t.equal((await fetch(`${url}${path}`, { headers: { authorization: once } })).status, 200)
  t.strictSame(await get(once), [401, 'TOKEN_REPLAYED'])
  const body = JSON.stringify({ title, key })
  const put = (authorization: string | null, text = body): Promise<[number, string]> =>
    told(fetch(`${url}${path}`, { method: 'PUT', body: text, headers: authorization === null ? {} : { authorization } }))
  t.strictSame(await put(null), [401, 'TOKEN_MISSING'])
  t.strictSame(await put(onceToken(url, creator, 'PUT', path)), [401, 'TOKEN_PAYLOAD'], 'without payload')
  t.strictSame(await put(onceToken(url, creator, 'PUT', path, sha256Hex(Buffer.from('other')))), [401, 'TOKEN_PAYLOAD'])
  const changed = onceToken(url, creator, 'PUT', path, sha256Hex(Buffer.from(body)))
  t.equal((await fetch(`${url}${path}`, { method: 'PUT', body, headers: { authorization: changed } })).status, 200)
  t.strictSame(await put(changed), [401, 'TOKEN_REPLAYED'])
  for (const [method, at] of [['POST', '/keys/session'], ['PUT', `/keys/access/${encodeURIComponent(title)}`]] as const) {
    const body = JSON.stringify(method === 'POST' ? { title } : { who: 'list' })
    t.strictSame(await told(fetch(`${url}${at}`, { method, body })), [401, 'TOKEN_MISSING'], at)
    t.strictSame(await told(fetch(`${url}${at}`, { method, body, headers: { authorization: onceToken(url, creator, method, at) } })), [401, 'TOKEN_PAYLOAD'], at)
    const authorization = onceToken(url, creator, method, at, sha256Hex(Buffer.from(body)))
    t.equal((await fetch(`${url}${at}`, { method, body, headers: { authorization } })).status, 200, at)
    t.strictSame(await told(fetch(`${url}${at}`, { method, body, headers: { authorization } })), [401, 'TOKEN_REPLAYED'], at)
  }
})

t.test('ids, titles and bodies that are none are 400, and no answer may be kept by a cache', async t => {
  const { url, log } = await startMarquee(t)
  const put = (body: unknown, id = film.id): Promise<Response> => callKeys(url, creator, 'PUT', `/keys/${id}`, body)
  for (const id of ['x', film.id.toUpperCase(), `${film.id}00`, film.id.slice(1), '%00', '..%2f..%2fetc', 'session', 'access', '__proto__']) {
    for (const response of [await put({ title, key }, id), await getKey(url, creator, id)]) {
      t.strictSame([response.status, (await response.json() as { code: string }).code, response.headers.get('cache-control')], [400, 'KEY_ID', 'no-store'], id)
    }
  }
  const bodies: [string, unknown][] = [
    ['BODY_INVALID', ''], ['BODY_INVALID', '[]'], ['BODY_INVALID', '"x"'], ['BODY_INVALID', '{"title":'], ['BODY_INVALID', Buffer.from([0xff]).toString('latin1')], ['BODY_INVALID', {}],
    ['BODY_INVALID', { title }], ['TITLE_NAME', { key }], ['BODY_INVALID', { title, key: 5 }], ['BODY_INVALID', { title, key: key.slice(2) }], ['BODY_INVALID', { title, key: `${key}00` }],
    ['BODY_INVALID', { title, key, owner: 'x' }], ['TITLE_NAME', { title: 5, key }], ['TITLE_NAME', { title: '', key }], ['TITLE_NAME', { title: `1:${creator.pubkey}:x`, key }],
    ['TITLE_NAME', { title: `34235:${creator.pubkey}:`, key }], ['TITLE_NAME', { title: `34235:${creator.pubkey.toUpperCase()}:x`, key }], ['TITLE_NAME', { title: `34235:${creator.pubkey}:${'x'.repeat(600)}`, key }],
    ['TITLE_NAME', `{"title":"34235:${creator.pubkey}:\\ud800","key":"${key}"}`], ['TITLE_NAME', { title: 'naddr1qqqq', key }], ['BODY_INVALID', `${'['.repeat(100_000)}`]
  ]
  for (const [code, body] of bodies) t.strictSame(await told(put(body)), [400, code], JSON.stringify(body).slice(0, 60))
  t.strictSame(await told(put(`{"title":"${'x'.repeat(300_000)}"}`)), [413, 'BODY_TOO_LARGE'])
  t.equal((await getKey(url, creator, film.id)).status, 404, 'none of it took the id')

  await putKey(url, creator, film)
  const pubkeys = Array.from({ length: 10_000 }, () => randomBytes(32).toString('hex'))
  t.equal((await putAccess(url, creator, { who: 'list', pubkeys: [...pubkeys.slice(1), fan.pubkey] })).status, 200, 'as many as may be')
  t.equal((await getKey(url, fan, film.id)).status, 200)
  for (const rules of [{}, { who: 'all' }, { who: 'list', pubkeys: 'x' }, { who: 'list', pubkeys: ['x'] }, { who: 'list', pubkeys: [fan.pubkey.toUpperCase()] }, { who: 'list', pubkeys: [...pubkeys, fan.pubkey] }, { who: 'open', key }]) {
    t.strictSame(await told(putAccess(url, creator, rules)), [400, 'BODY_INVALID'], JSON.stringify(rules).slice(0, 60))
  }
  t.strictSame(await told(putAccess(url, creator, `{"who":"list","pubkeys":[${' '.repeat(1024 * 1024)}]}`)), [413, 'BODY_TOO_LARGE'])
  t.strictSame(await told(putAccess(url, creator, { who: 'open' }, titleOf(creator, 'without keys'))), [404, 'TITLE_KEYLESS'])
  for (const name of ['x', 'naddr1x', `30081:${creator.pubkey}:x`]) t.strictSame(await told(callKeys(url, creator, 'GET', `/keys/access/${name}`)), [400, 'TITLE_NAME'], name)
  t.equal((await getKey(url, fan, film.id)).status, 200, 'and nothing changed')
  t.strictSame(log.filter(({ level }) => Number(level) >= 50), [], 'none of it was our fault')
})

t.test('a page of any site may ask: preflights allow Authorization, refusals too are readable', async t => {
  const { url } = await startMarquee(t)
  const preflight = await fetch(`${url}/keys/${film.id}`, { method: 'OPTIONS', headers: { 'origin': 'https://watch.example', 'access-control-request-method': 'GET', 'access-control-request-headers': 'authorization' } })
  t.equal(preflight.status, 204)
  t.match(preflight.headers.get('access-control-allow-headers'), /Authorization/)
  t.match(preflight.headers.get('access-control-allow-methods'), /GET.*PUT.*POST/)
  for (const response of [await getKey(url, null, film.id), await getKey(url, creator, 'x')]) {
    t.equal(response.headers.get('access-control-allow-origin'), '*')
    t.ok(response.headers.get('x-reason'))
  }
  const terms = await (await fetch(`${url}/.well-known/marquee.json`)).json() as { endpoints: unknown[] }
  t.ok(terms.endpoints.some((each) => JSON.stringify(each) === '{"method":"PUT","path":"/keys/{id}","token":"nip98"}'), JSON.stringify(terms.endpoints).slice(0, 3000))
})

t.test('a title has maxTitleKeys keys, a creator maxCreatorKeys; the same key again is none more', async t => {
  const { url } = await startMarquee(t, { env: { MAX_TITLE_KEYS: '2', MAX_CREATOR_KEYS: '3' } })
  const put = async (d: string, each = newFilmKey()): Promise<number> => (await putKey(url, creator, each, titleOf(creator, d))).status
  const first = newFilmKey()
  t.strictSame([await put('a', first), await put('a'), await put('a', first)], [201, 201, 200])
  t.strictSame(await told(putKey(url, creator, newFilmKey(), titleOf(creator, 'a'))), [413, 'KEYS_FULL'])
  t.strictSame([await put('b'), await put('b'), await put('c'), await put('a', first)], [201, 413, 413, 200])
  t.equal((await putKey(url, stranger, newFilmKey())).status, 201, 'another creator has room')
})

t.test('who asks for keys too often is 429 with Retry-After: by address, and by public key from whatever address', async t => {
  const file = { trustedProxies: ['127.0.0.1'], rates: { addressFilmKeys: 4, keyFilmKeys: 3 } }
  const { url } = await startMarquee(t, { file })
  await putKey(url, creator, film)
  await putAccess(url, creator, { who: 'list', pubkeys: [fan.pubkey] })
  let next = 0
  const ask = async (signer: Signer, from = `192.0.2.${++next}`): Promise<Response> =>
    fetch(`${url}/keys/${film.id}`, { headers: { 'authorization': onceToken(url, signer, 'GET', `/keys/${film.id}`), 'x-forwarded-for': from } })
  const statuses: number[] = []
  for (let i = 0; i < 5; i++) statuses.push((await ask(fan)).status)
  t.strictSame(statuses, [200, 200, 200, 429, 429], 'one key, from many addresses')
  const refused = await ask(fan)
  t.strictSame(await codeOf(refused), 'RATE_LIMITED')
  t.ok(Number(refused.headers.get('retry-after')) >= 1)
  t.equal((await ask(creator)).status, 200, 'another key')
  const many: number[] = []
  for (let i = 0; i < 6; i++) many.push((await fetch(`${url}/keys/${newFilmKey().id}`, { headers: { 'x-forwarded-for': '198.51.100.7' } })).status)
  t.strictSame(many, [404, 404, 404, 404, 429, 429], 'one address, without a token')
  t.equal((await ask(creator, '198.51.100.7')).status, 429)
  t.equal((await callKeys(url, creator, 'GET', `/keys/titles/${encodeURIComponent(title)}`)).status, 200, 'the creator\'s own questions are counted as others are')
})

t.test('who may upload may hand in keys, and READ_PUBKEYS and restrictions are about blobs', async t => {
  const server = await startMarquee(t, { env: { UPLOAD_PUBKEYS: creator.pubkey, READ_PUBKEYS: `${creator.pubkey},${stranger.pubkey}` } })
  const { url } = server
  t.strictSame(await told(putKey(url, stranger, newFilmKey())), [403, 'KEY_REFUSED'])
  t.equal((await putKey(url, creator, film)).status, 201)
  const segment = seededBlob('segment', 9000)
  t.equal((await upload(url, creator, segment)).status, 201)
  t.equal((await operate(server, 'POST', '/admin/restricted', { hashes: [segment.sha256], to: [fan.pubkey] })).status, 200)
  await putAccess(url, creator, { who: 'list', pubkeys: [fan.pubkey] })
  const may = async (signer: Signer): Promise<number[]> => [
    (await getKey(url, signer, film.id)).status, (await fetch(`${url}/${segment.sha256}`, { headers: { authorization: signer.token('get', { hashes: [segment.sha256] }) } })).status
  ]
  t.strictSame([await may(creator), await may(fan), await may(stranger)], [[200, 200], [200, 403], [403, 403]])
  await putAccess(url, creator, { who: 'open' })
  t.equal(await bytesOf(await getKey(url, null, film.id)), key)
  t.equal((await fetch(`${url}/${segment.sha256}`)).status, 401)
})
