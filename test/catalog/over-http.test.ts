// The catalog over HTTP (issue: routes of nostr-and-releases.md §3.1): a title comes in with its blobs, is found by every name of each of them, and each way
// of being wrong has its own status and reason and leaves nothing behind.

import { createServer } from 'node:http'
import t from 'tap'
import { buildProviderAdvert } from '../../server/catalog/kinds/provider-advert.ts'
import { buildWithdrawnTitle } from '../../server/catalog/kinds/title.ts'
import { buildWithdrawal } from '../../server/catalog/kinds/withdrawal.ts'
import { cidOf } from '../../server/catalog/hash-name.ts'
import { formatNaddr } from '../../server/catalog/address.ts'
import { startMarquee, upload } from '../support/app.ts'
import { smallFilm, uploadFilm } from '../support/film-blobs.ts'
import { Signer } from '../support/keys.ts'
import { startScriptedRelay } from '../support/scripted-relay.ts'
import type { AddressInfo } from 'node:net'
import type { SignedEvent } from '../../server/auth/signature.ts'

const seconds = (): number => Math.floor(Date.now() / 1000)

interface Answer { status: number, reason: string | null, body: Record<string, any>, headers: Headers }

async function ask (url: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(url, init)
  const text = await response.text()
  return { status: response.status, reason: response.headers.get('x-reason'), body: text === '' ? {} : JSON.parse(text) as Record<string, any>, headers: response.headers }
}

const publish = (url: string, event: unknown, query = '', headers: Record<string, string> = {}): Promise<Answer> =>
  ask(`${url}/catalog/events${query}`, { method: 'POST', body: JSON.stringify(event), headers })

t.test('a title is published with its blobs, and found by every name of each of them', async t => {
  const { url } = await startMarquee(t)
  const ann = new Signer()
  const film = smallFilm(ann.pubkey, 'one')
  await uploadFilm(url, ann, film)
  const event = ann.sign(film.title(seconds()))
  const answer = await publish(url, event)
  t.match(answer, { status: 201, body: { id: event.id, seq: 1, missing: [], relays: [] } })
  const again = await publish(url, event)
  t.match(again, { status: 200, body: { id: event.id, seq: 1 } }, 'an answer that was lost is asked for again')

  const address = { kind: 34235, pubkey: ann.pubkey, d: 'one' }
  const list = await ask(`${url}/catalog/titles?q=film`)
  t.match(list.body, { titles: [{ address: `34235:${ann.pubkey}:one`, naddr: formatNaddr(address), status: 'published', duration: 18, event: { id: event.id, sig: event.sig } }], cursor: null })
  for (const name of [`34235:${ann.pubkey}:one`, formatNaddr(address), encodeURIComponent(`34235:${ann.pubkey}:one`)]) {
    const one = await ask(`${url}/catalog/titles/${name}`)
    t.match(one.body, { event, health: { manifest: 'read', held: 5, listed: 5, providers: 0 }, resolved: { renditions: [{ name: '720p', segments: 3 }] } })
  }
  const segments = await ask(`${url}/catalog/titles/${formatNaddr(address)}/segments?rendition=0&from=0&count=2`)
  t.same(segments.body['segments'].map(({ sha256, number }: any) => [sha256, number]), film.segments.slice(0, 2).map(({ sha256 }, i) => [sha256, i]))
  const rest = await ask(`${url}/catalog/titles/${formatNaddr(address)}/segments?rendition=0&from=${segments.body['from']}`)
  t.same(rest.body['segments'].map(({ sha256 }: any) => sha256), [film.segments[2]!.sha256])
  const sequence = await fetch(`${url}/catalog/titles/${formatNaddr(address)}/segments`, { headers: { accept: 'application/vnd.iroh.hashseq' } })
  t.equal(sequence.headers.get('content-type'), 'application/vnd.iroh.hashseq')
  t.same(Buffer.from(await sequence.arrayBuffer()), film.sequence.bytes)

  const { sha256, blake3 } = film.segments[1]!
  for (const name of [sha256, sha256.toUpperCase(), `sha256:${sha256}`, `blake3:${blake3}`, blake3, cidOf('sha256', sha256), cidOf('blake3', blake3)]) {
    const found = await ask(`${url}/catalog/by-hash/${name}`)
    t.match(found.body, { mentions: [{ type: 'title', address: `34235:${ann.pubkey}:one`, role: 'segment', rendition: 0, number: 1, sha256, blake3 }] }, name)
  }
})

t.test('providers of up to 64 hashes by GET and 1,000 by POST, each with its signed event', async t => {
  const { url } = await startMarquee(t)
  const [ann, node] = [new Signer(), new Signer()]
  const film = smallFilm(ann.pubkey, 'one')
  await uploadFilm(url, ann, film)
  await publish(url, ann.sign(film.title(seconds())))
  const { sha256, blake3 } = film.manifestBlob
  const advert = node.sign(buildProviderAdvert({ blake3, sha256, scope: 'manifest', coverage: { held: 5, listed: 5 }, servers: ['https://node7.example'] }, seconds()))
  t.equal((await publish(url, advert)).status, 201)
  const segment = film.segments[0]!
  const one = await ask(`${url}/catalog/providers?hash=${segment.sha256}&hash=blake3:${segment.blake3}`)
  for (const name of [segment.sha256, `blake3:${segment.blake3}`]) {
    t.match(one.body['providers'][name], [{ pubkey: node.pubkey, servers: ['https://node7.example'], scope: 'manifest', coverage: { held: 5, listed: 5 }, inherited_from: sha256, source: 'relay', endpoint_id: null, event: { id: advert.id } }])
  }
  const many = await ask(`${url}/catalog/providers`, { method: 'POST', body: JSON.stringify({ hashes: film.segments.map(({ sha256 }) => sha256) }) })
  t.equal(Object.keys(many.body['providers']).length, 3)
  const tooMany = Array.from({ length: 65 }, (_, i) => `hash=${String(i).padStart(64, '0')}`).join('&')
  for (const query of ['', '?hash=', '?hash=xyz', `?${tooMany}`, '?other=1']) t.match(await ask(`${url}/catalog/providers${query}`), { status: 400, reason: String }, query.slice(0, 20))
  for (const body of ['{}', '{"hashes":[]}', '{"hashes":[1]}', '[]', `{"hashes":${JSON.stringify(Array.from({ length: 1001 }, (_, i) => String(i).padStart(64, '0')))}}`]) {
    t.match(await ask(`${url}/catalog/providers`, { method: 'POST', body }), { status: 400, reason: String }, body.slice(0, 20))
  }
})

t.test('a title whose blobs are not here is refused with what is missing, or taken as incomplete until they come', async t => {
  const { url, marquee } = await startMarquee(t)
  const ann = new Signer()
  const film = smallFilm(ann.pubkey, 'one')
  const event = ann.sign(film.title(seconds()))
  const refused = await publish(url, event)
  t.match(refused, { status: 409, body: { code: 'BLOBS_MISSING', missing: [film.manifestBlob.sha256, film.sequence.sha256] } })
  t.equal(marquee.catalog.store.log.last, 0, 'nothing is kept')
  await upload(url, ann, film.manifestBlob)
  t.equal((await publish(url, event)).body['missing'].length, 6, 'what the manifest lists is known now')
  t.match(await publish(url, event, '?allow-missing'), { status: 201 })
  const name = `34235:${ann.pubkey}:one`
  t.match((await ask(`${url}/catalog/titles/${name}`)).body, { health: { manifest: 'read', held: 0, listed: 5 } })

  const other = smallFilm(ann.pubkey, 'two')
  t.match(await publish(url, ann.sign(other.title(seconds())), '?allow-missing=1'), { status: 201, body: { missing: [other.manifestBlob.sha256, other.sequence.sha256] } })
  t.match((await ask(`${url}/catalog/titles/34235:${ann.pubkey}:two`)).body, { status: 'incomplete', health: { manifest: 'missing' } })
  t.equal((await ask(`${url}/catalog/titles/34235:${ann.pubkey}:two/segments`)).status, 404)
  await uploadFilm(url, ann, other)
  await marquee.catalog.reader.round()
  t.match((await ask(`${url}/catalog/titles/34235:${ann.pubkey}:two`)).body, { status: 'published', health: { manifest: 'read', held: 5, listed: 5 } })
})

t.test('each way of being wrong has its own status and reason, and nothing is kept', async t => {
  const ann = new Signer()
  const { url, marquee } = await startMarquee(t, { env: { TITLE_PUBKEYS: ann.pubkey } })
  const film = smallFilm(ann.pubkey, 'one')
  await uploadFilm(url, ann, film)
  const good = ann.sign(film.title(seconds()))
  const sign = (change: object): SignedEvent => ann.sign({ ...film.title(seconds()), ...change })
  const { tags } = film.title(seconds())
  const wrong: [string, number, unknown][] = [
    ['BODY_INVALID', 400, []], ['EVENT_MALFORMED', 400, { ...good, id: 'x' }], ['EVENT_MALFORMED', 400, { ...good, tags: [[1]] }],
    ['ID_WRONG', 400, { ...good, content: 'other' }], ['SIGNATURE_WRONG', 400, { ...good, sig: good.sig.replace(/^./, good.sig.startsWith('0') ? '1' : '0') }],
    ['KIND_UNKNOWN', 400, sign({ kind: 1 })], ['AUTHOR_REFUSED', 403, new Signer().sign(film.title(seconds()))], ['EVENT_FUTURE', 400, sign({ created_at: seconds() + 3600 })],
    ['EVENT_TOO_LARGE', 413, sign({ content: 'x'.repeat(70_000) })], ['TAGS_TOO_MANY', 413, sign({ tags: [...tags, ...Array.from({ length: 2001 }, () => ['t', 'x'])] })],
    ['ELEMENT_TOO_LONG', 413, sign({ tags: [...tags, ['t', 'x'.repeat(1100)]] })], ['TAG_MISSING', 400, sign({ tags: tags.filter(([name]) => name !== 'title') })],
    ['TAGS_DISAGREE', 400, sign({ tags: tags.map((tag) => tag[0] === 'x' && tag[2] === 'manifest' ? ['x', 'ab'.repeat(32), 'manifest'] : tag) })],
    ['TAGS_DISAGREE', 400, ann.sign(film.title(seconds(), { manifest: { sha256: film.manifestBlob.sha256, blake3: 'ab'.repeat(32), size: film.manifestBlob.size } }))],
    ['MANIFEST_INVALID', 400, ann.sign(film.title(seconds(), { manifest: { ...film.segments[0]! } }))]
  ]
  for (const [code, status, event] of wrong) {
    const answer = await publish(url, event)
    t.match(answer, { status, body: { code } }, code)
    t.ok(answer.reason !== null && answer.reason.length > 5)
    t.equal(answer.headers.get('access-control-allow-origin'), '*')
  }
  t.equal(marquee.catalog.store.log.last, 0)
  t.equal((await publish(url, good)).status, 201)
  t.match(await publish(url, ann.sign(film.title(seconds() - 100))), { status: 409, body: { code: 'EVENT_OLDER' } })
  t.equal((await publish(url, ann.sign(buildWithdrawal({ ids: [good.id] }, seconds())))).status, 201)
  t.match(await ask(`${url}/catalog/titles/34235:${ann.pubkey}:one`), { status: 404, body: { code: 'TITLE_UNKNOWN' } })
  t.equal((await publish(url, '?', '')).status, 400)
  for (const path of ['/catalog/titles/nothing', '/catalog/titles?limit=x', '/catalog/titles?unknown=1', '/catalog/titles?creator=x', '/catalog/titles?cursor=x', '/catalog/by-hash/xyz', '/catalog/events?since_seq=-1']) {
    t.match(await ask(`${url}${path}`), { status: 400, reason: String }, path)
  }
})

t.test('a NIP-98 token may come with an event, and must then hold', async t => {
  const { url } = await startMarquee(t)
  const ann = new Signer()
  const film = smallFilm(ann.pubkey, 'one')
  await uploadFilm(url, ann, film)
  const event = ann.sign(film.title(seconds()))
  const body = Buffer.from(JSON.stringify(event))
  const { createHash } = await import('node:crypto')
  const payload = createHash('sha256').update(body).digest('hex')
  const post = (authorization: string): Promise<Answer> => publish(url, event, '', { authorization })
  t.equal((await post(ann.httpToken('POST', `${url}/catalog/events`, { payload: 'ab'.repeat(32) }))).status, 401)
  t.equal((await post(ann.httpToken('POST', `${url}/catalog/titles`, { payload }))).status, 401)
  t.equal((await post(ann.token('upload'))).status, 401)
  t.equal((await post(ann.httpToken('POST', `${url}/catalog/events`, { payload }))).status, 201)
})

t.test('answers are cached by ETag', async t => {
  const { url } = await startMarquee(t)
  const ann = new Signer()
  const film = smallFilm(ann.pubkey, 'one')
  const etag = (await ask(`${url}/catalog/titles`)).headers.get('etag')!
  const conditional = { headers: { 'if-none-match': etag } }
  t.equal((await fetch(`${url}/catalog/titles`, conditional)).status, 304)
  await publish(url, ann.sign(film.title(seconds())), '?allow-missing')
  t.equal((await fetch(`${url}/catalog/titles?status=any`, conditional)).status, 200)
})

t.test('the feed has every accepted event in order, a page at a time or as it comes', async t => {
  const { url } = await startMarquee(t)
  const ann = new Signer()
  const events = [1, 2, 3].map((i) => ann.sign(smallFilm(ann.pubkey, `film ${i}`).title(seconds())))
  for (const event of events.slice(0, 2)) await publish(url, event, '?allow-missing')
  const first = await fetch(`${url}/catalog/events?limit=1`)
  t.equal(first.headers.get('x-last-seq'), '1')
  t.same((await first.text()).trim().split('\n').map((line) => JSON.parse(line)), [{ seq: 1, event: events[0] }])
  const second = await fetch(`${url}/catalog/events?since_seq=1`)
  t.same((await second.text()).trim().split('\n').map((line) => JSON.parse(line)), [{ seq: 2, event: events[1] }])
  t.match((await ask(`${url}/catalog/events/${events[0]!.id}`)).body, { seq: 1, event: events[0] })
  t.equal((await ask(`${url}/catalog/events/${'00'.repeat(32)}`)).status, 404)

  const controller = new AbortController()
  const stream = await fetch(`${url}/catalog/events`, { headers: { 'accept': 'text/event-stream', 'last-event-id': '1' }, signal: controller.signal })
  t.equal(stream.headers.get('access-control-allow-origin'), '*')
  const reader = stream.body!.getReader()
  let heard = ''
  const until = async (text: string): Promise<void> => { while (!heard.includes(text)) heard += Buffer.from((await reader.read()).value ?? []).toString() }
  await until('id: 2\n')
  await publish(url, events[2], '?allow-missing')
  await until('id: 3\n')
  const data = /id: 3\nevent: event\ndata: (.*)\n\n/.exec(heard)![1]!
  t.same(JSON.parse(data), { seq: 3, event: events[2] })
  controller.abort()
})

t.test('the answer tells what each relay made of it, in its words', async t => {
  const ann = new Signer()
  const yes = await startScriptedRelay(t, (say, [word, event]) => { if (word === 'EVENT') say('OK', (event as SignedEvent).id, true, '') })
  const no = await startScriptedRelay(t, (say, [word, event]) => { if (word === 'EVENT') say('OK', (event as SignedEvent).id, false, 'blocked: not on the list') })
  const { url, marquee } = await startMarquee(t, { env: { RELAYS: `${yes.url},${no.url}` } })
  const event = ann.sign(smallFilm(ann.pubkey, 'x').title(seconds()))
  while (marquee.catalog.relays.some(({ status }) => status.state !== 'open')) await new Promise((resolve) => { setTimeout(resolve, 10) })
  const { body } = await publish(url, event, '?allow-missing')
  t.same(body['relays'].map(({ relay, state, words }: any) => [relay.replace(/\/$/, ''), state, words]).sort(), [[yes.url, 'done', ''], [no.url, 'refused', 'blocked: not on the list']].sort())
})

t.test('what was published survives the loss of the database', async t => {
  const first = await startMarquee(t)
  const ann = new Signer()
  const film = smallFilm(ann.pubkey, 'one')
  await uploadFilm(first.url, ann, film)
  await publish(first.url, ann.sign(film.title(seconds() - 5)))
  const gone = smallFilm(ann.pubkey, 'two')
  await uploadFilm(first.url, ann, gone)
  await publish(first.url, ann.sign(gone.title(seconds() - 5)))
  await publish(first.url, ann.sign(buildWithdrawnTitle({ kind: 34235, d: 'two', title: 'gone' }, 'rights', seconds())))
  await first.marquee.catalog.makeSnapshot()
  const before = await ask(`${first.url}/catalog/titles?status=any`)
  await first.close()
  const { rmSync } = await import('node:fs')
  for (const part of ['', '-wal', '-shm']) rmSync(`${first.dataDir}/marquee.db${part}`, { force: true })

  const second = await startMarquee(t, { dataDir: first.dataDir })
  const strip = (body: Record<string, any>): unknown => body['titles'].map(({ address, status, event }: any) => [address, status, event.id]).sort()
  for (let i = 0; i < 3000 && second.marquee.catalog.store.log.last < 4; i++) await new Promise((resolve) => { setTimeout(resolve, 20) })
  await second.marquee.catalog.reader.round()
  t.same(strip((await ask(`${second.url}/catalog/titles?status=any`)).body), strip(before.body))
  t.match((await ask(`${second.url}/catalog/snapshot`)).body, { seq: 3, events: Number, event: { kind: 30078 } })
})

t.test('a snapshot is a blob of every event that stands, named by a signed event', async t => {
  const { url, marquee } = await startMarquee(t)
  t.equal((await ask(`${url}/catalog/snapshot`)).status, 404)
  const ann = new Signer()
  const [a, b] = ['a', 'b'].map((name) => ann.sign(smallFilm(ann.pubkey, name).title(seconds())))
  for (const event of [a, b]) await publish(url, event, '?allow-missing')
  await publish(url, ann.sign(buildWithdrawal({ ids: [b!.id] }, seconds())))
  await marquee.catalog.makeSnapshot()
  const { body } = await ask(`${url}/catalog/snapshot`)
  t.match(body, { seq: 3, events: 2, event: { kind: 30078, pubkey: marquee.nodeKey.pubkey } })
  const lines = (await (await fetch(`${url}/${body['sha256']}`)).text()).trim().split('\n').map((line) => JSON.parse(line) as SignedEvent)
  t.same(lines.map(({ kind }) => kind), [34235, 5])
  t.same(lines[0], a)
  t.equal(await marquee.catalog.makeSnapshot(), null, 'nothing came since')
})

t.test('an event, a manifest, or what a URL has is verified: each check passed, failed or skipped, and why', async t => {
  const { url } = await startMarquee(t, { env: { MIRROR_ALLOW_PRIVATE: 'true' } })
  const ann = new Signer()
  const film = smallFilm(ann.pubkey, 'one')
  const event = ann.sign(film.title(seconds()))
  const verify = async (body: string): Promise<[boolean, string[]]> => {
    const answer = await ask(`${url}/catalog/verify`, { method: 'POST', body })
    return [answer.body['valid'], answer.body['checks']?.map(({ check, outcome }: any) => `${check} ${outcome}`)]
  }
  t.same(await verify(JSON.stringify(event)), [true, ['shape pass', 'budget pass', 'kind pass', 'id pass', 'time pass', 'signature pass', 'schema pass', 'standing pass']])
  t.same(await verify(JSON.stringify({ ...event, content: 'x' })), [false, ['shape pass', 'budget pass', 'kind pass', 'id fail', 'time skip', 'signature skip', 'schema skip', 'standing skip']])
  t.same(await verify('{}'), [false, ['shape fail', ...['budget', 'kind', 'id', 'time', 'signature', 'schema', 'standing'].map((each) => `${each} skip`)]])
  t.same(await verify(film.manifestBlob.bytes.toString()), [true, ['manifest pass']])
  t.same(await verify(film.manifestBlob.bytes.toString().replace('720p', '721p')), [false, ['manifest fail']])
  t.same((await verify(JSON.stringify({ ...event, content: 'x'.repeat(1_000_000) })))[1]?.[1], 'budget fail', 'a body of up to 1 MiB is looked at')
  t.equal((await ask(`${url}/catalog/verify`, { method: 'POST', body: ' '.repeat(1024 * 1024 + 1) })).status, 413)

  const segment = film.segments[0]!
  const server = createServer((request, response) => { response.writeHead(request.url === '/good' ? 200 : 404).end(request.url === '/good' ? segment.bytes : '') })
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  t.teardown(() => server.close())
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  t.same(await verify(JSON.stringify({ url: `${origin}/good`, hash: `blake3:${segment.blake3}` })), [true, ['fetch pass', 'size pass', 'hash pass']])
  t.same(await verify(JSON.stringify({ url: `${origin}/good`, hash: '00'.repeat(32) })), [false, ['fetch pass', 'size pass', 'hash fail']])
  t.same(await verify(JSON.stringify({ url: `${origin}/missing`, hash: '00'.repeat(32) })), [false, ['fetch fail', 'size skip', 'hash skip']])
  const guarded = await startMarquee(t)
  const refused = await ask(`${guarded.url}/catalog/verify`, { method: 'POST', body: JSON.stringify({ url: `${origin}/good`, hash: segment.sha256 }) })
  t.match(refused.body, { valid: false, checks: [{ check: 'fetch', outcome: 'fail', reason: /not fetched from/ }] }, 'no private addresses')
})

t.test('blobs that live titles name are pinned: they have no end while the title stands', async t => {
  const { url } = await startMarquee(t)
  const ann = new Signer()
  const film = smallFilm(ann.pubkey, 'one')
  for (const blob of film.blobs) await upload(url, ann, blob, { 'x-expiration': String(seconds() + 1000) })
  const sunset = async ({ sha256 }: { sha256: string }): Promise<string | null> => (await fetch(`${url}/${sha256}`, { method: 'HEAD' })).headers.get('sunset')
  for (const blob of film.blobs) t.type(await sunset(blob), 'string')
  await publish(url, ann.sign(film.title(seconds() - 1)))
  for (const blob of film.blobs) t.equal(await sunset(blob), null)
  await publish(url, ann.sign(buildWithdrawnTitle({ kind: 34235, d: 'one', title: '' }, 'rights', seconds())))
  for (const blob of film.blobs) t.type(await sunset(blob), 'string')
})

t.test('the schemas are published', async t => {
  const { url } = await startMarquee(t)
  const { body } = await ask(`${url}/schemas`)
  t.ok(body['schemas'].length >= 10)
  for (const path of body['schemas'] as string[]) t.match((await ask(`${url}${path}`)).body, { $id: path })
  t.equal((await ask(`${url}/schemas/nothing`)).status, 404)
  t.equal((await ask(`${url}/schemas/__proto__`)).status, 404)
})
