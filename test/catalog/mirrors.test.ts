// POST /catalog/mirrors (issue: fetching from providers): what is missing of a title comes from whichever provider has it, every byte checked, owned and paid by
// who asked; a job is seen and ended by its key alone, and outlives its server.

import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { formatNaddr } from '../../server/catalog/address.ts'
import { cidOf } from '../../server/catalog/hash-name.ts'
import { startMarquee, upload } from '../support/app.ts'
import { listed } from '../support/asking.ts'
import { blobOf, smallFilm, uploadFilm } from '../support/film-blobs.ts'
import { advertise, deadUrl, ended, mirrorAt, mirrorUntil, publishAt, seconds, startMirror, startProvider } from '../support/film-providers.ts'
import { Signer } from '../support/keys.ts'
import { operate } from '../support/operator.ts'
import { until } from '../support/raw-origin.ts'
import { scrape } from '../support/metrics.ts'

const NEAR = { MIRROR_ALLOW_PRIVATE: 'true' }
const sorted = (hashes: Iterable<string>): string[] => [...hashes].sort()

t.test('a film that was published at A is mirrored to B from A, past a provider that lies and one that is dead', async t => {
  const [a, b] = [await startMarquee(t), await startMarquee(t, { env: NEAR })]
  const [ann, bob] = [new Signer(), new Signer()]
  const film = smallFilm(ann.pubkey, 'far', 24)
  await uploadFilm(a.url, ann, film)
  const liar = await startProvider(t, film.blobs, (bytes) => Buffer.from(bytes).fill('x'))
  const dead = await deadUrl()
  await publishAt(b.url, ann.sign(film.title(seconds())))
  await advertise(b.url, film, a.url, 30)
  await advertise(b.url, film, liar.url, 20)
  await advertise(b.url, film, dead, 10)
  // one of the blobs is here already, and somebody else's
  await upload(b.url, ann, film.segments[3]!)

  const naddr = formatNaddr({ kind: 34235, pubkey: ann.pubkey, d: 'far' })
  const created = await startMirror(b.url, bob, { title: naddr, deep: true })
  t.match(created, { status: 202, body: { id: String, state: 'running', wanted: { title: `34235:${ann.pubkey}:far`, deep: true } } })
  const job = await mirrorUntil(b.url, bob, created.body.id, ended)
  t.match(job, { state: 'done', coverage: { have: film.blobs.length, of_all: film.blobs.length } })
  t.equal(job.bytes, film.blobs.reduce((sum, { size }) => sum + size, 0) - film.segments[3]!.size, 'what was here is not fetched')
  t.same(sorted((await listed(b.url, bob)).map(({ sha256 }) => sha256)), sorted(film.blobs.map(({ sha256 }) => sha256)), 'the caller owns them all')
  for (const { sha256, bytes } of film.blobs) t.same(Buffer.from(await (await fetch(`${b.url}/${sha256}`)).arrayBuffer()), bytes)
  t.match(new Map(job.providers.map(({ provider, ...tally }) => [provider, tally])).get(a.url), { blobs: film.blobs.length - 1, faults: 0 })
  t.match(job.faults.last.find(({ provider }) => provider === liar.url), { sha256: /^[0-9a-f]{64}$/, code: 'HASH_MISMATCH', status: 409, reason: String })
  t.match(job.faults.last.find(({ provider }) => provider === dead), { code: 'ORIGIN_FAILED', status: 502, reason: /ECONNREFUSED/ })
  t.ok(liar.asked.length <= 6, `a liar is asked a few times and not for every blob: ${liar.asked.length}`)
  t.ok(job.faults.count <= 12)
  t.same(readdirSync(join(b.dataDir, 'store', 'drafts')).filter((name) => !name.startsWith('settle-')), [])

  const again = await startMirror(b.url, bob, { title: `34235:${ann.pubkey}:far`, deep: true })
  t.match(await mirrorUntil(b.url, bob, again.body.id, ended), { state: 'done', bytes: 0, faults: { count: 0 } }, 'nothing is fetched twice')
  const { samples } = await scrape(b.url)
  t.equal(samples.find(({ name, labels }) => name === 'marquee_catalog_mirrors' && labels['state'] === 'done')?.value, 2)
  t.equal(samples.find(({ name, labels }) => name === 'marquee_catalog_fetched_bytes_total' && labels['purpose'] === 'mirror')?.value, job.bytes)
})

t.test("without adverts the title's own servers are asked, then the URLs that it gives for a blob", async t => {
  const { url } = await startMarquee(t, { env: NEAR })
  const [ann, bob] = [new Signer(), new Signer()]
  const film = smallFilm(ann.pubkey, 'one')
  const trailer = blobOf(Buffer.from('a trailer'))
  const provider = await startProvider(t, film.blobs)
  const elsewhere = await startProvider(t, [trailer])
  await publishAt(url, ann.sign(film.title(seconds(), {
    servers: [url, provider.url], media: [{ url: `${await deadUrl()}/trailer.mp4`, sha256: trailer.sha256, fallbacks: [`${elsewhere.url}/${trailer.sha256}.mp4`], type: null, dim: null, duration: null, bitrate: null, size: null, images: [] }]
  })))
  const { body: { id } } = await startMirror(url, bob, { title: `34235:${ann.pubkey}:one`, deep: true })
  const job = await mirrorUntil(url, bob, id, ended)
  t.match(job, { state: 'done', coverage: { have: film.blobs.length + 1 } })
  t.same(new Set(job.faults.last.map(({ sha256 }) => sha256)), new Set([trailer.sha256]))
  t.notOk(job.providers.some((each) => each.provider === url), 'the server does not ask itself, though the title names it')
  t.same(elsewhere.asked, [trailer.sha256])
})

t.test('a job shows how far it is, and ends when its key says so; what came stays', async t => {
  const running = await startMarquee(t, { env: NEAR })
  const { url } = running
  const [ann, bob, eve] = [new Signer(), new Signer(), new Signer()]
  const film = smallFilm(ann.pubkey, 'slow', 12)
  const provider = await startProvider(t, film.blobs)
  await publishAt(url, ann.sign(film.title(seconds(), { servers: [provider.url] })))
  provider.most = 0
  const { body: { id } } = await startMirror(url, bob, { title: `34235:${ann.pubkey}:slow`, deep: true })
  await until(() => provider.asked.length === 1)
  t.match(await mirrorAt(url, bob, id), { status: 200, body: { state: 'running', coverage: { have: 0, of_all: null }, bytes: 0 } }, 'how much it will be the manifest tells')
  provider.most = 4
  const half = await mirrorUntil(url, bob, id, ({ coverage }) => coverage.have === 4)
  t.match(half, { state: 'running', coverage: { of_all: film.blobs.length } })
  t.ok(half.bytes >= film.manifestBlob.size)

  t.match(await startMirror(url, bob, { deep: true, title: `34235:${ann.pubkey}:slow` }), { status: 202, body: { id } }, 'asked for once more it is the same job')
  for (const method of ['GET', 'DELETE']) t.match(await mirrorAt(url, eve, id, method), { status: 403, body: { code: 'KEY_REFUSED' } }, `${method} by another key`)
  t.equal((await operate(running, 'GET', `/catalog/mirrors/${id}`)).status, 200, 'operators see it')
  t.match(await mirrorAt(url, bob, 'nothing'), { status: 404, body: { code: 'MIRROR_UNKNOWN' } })
  t.match(await mirrorAt(url, bob, id), { body: { state: 'running' } })

  t.match(await mirrorAt(url, bob, id, 'DELETE'), { status: 200, body: { state: 'cancelled' } })
  const asked = provider.asked.length
  provider.most = Infinity
  const late = await mirrorAt(url, bob, id)
  t.match(late.body, { state: 'cancelled' })
  t.equal((await listed(url, bob)).length, late.body.coverage.have, 'what came is the owner\'s')
  const { body: { id: next } } = await startMirror(url, bob, { title: formatNaddr({ kind: 34235, pubkey: ann.pubkey, d: 'slow' }), deep: true })
  t.not(next, id)
  t.match(await mirrorUntil(url, bob, next, ended), { state: 'done' })
  t.equal(provider.asked.length - asked, film.blobs.length - late.body.coverage.have, 'only the rest is asked for')
})

t.test('a job goes on after a restart, and fetches nothing twice', async t => {
  const dataDir = mkdtempSync(join(tmpdir(), 'marquee-test-'))
  t.teardown(() => { rmSync(dataDir, { recursive: true, force: true }) })
  const first = await startMarquee(t, { env: NEAR, dataDir })
  const [ann, bob] = [new Signer(), new Signer()]
  const film = smallFilm(ann.pubkey, 'long', 12)
  const provider = await startProvider(t, film.blobs)
  await publishAt(first.url, ann.sign(film.title(seconds(), { servers: [provider.url] })))
  provider.most = 6
  const { body: { id } } = await startMirror(first.url, bob, { title: `34235:${ann.pubkey}:long`, deep: true })
  await until(() => provider.asked.length > 6)
  await first.close()
  t.ok(provider.asked.length <= 8, 'it was closed in the midst')
  provider.most = Infinity
  const second = await startMarquee(t, { env: NEAR, dataDir })
  const job = await mirrorUntil(second.url, bob, id, ended)
  t.match(job, { state: 'done', coverage: { have: film.blobs.length, of_all: film.blobs.length }, faults: { count: 0 } })
  t.equal(job.bytes, film.blobs.reduce((sum, { size }) => sum + size, 0), 'bytes of both lives, each once')
  t.ok(provider.asked.length - film.blobs.length <= 2, 'only what was under way is asked for again')
  await second.close()
  const third = await startMarquee(t, { env: NEAR, dataDir })
  t.match(await mirrorAt(third.url, bob, id), { status: 200, body: { state: 'done', bytes: job.bytes } }, 'and is told of afterwards')
})

t.test('a quota that is reached in the midst ends the job with 413, and nothing half is left', async t => {
  const [ann, bob] = [new Signer(), new Signer()]
  const film = smallFilm(ann.pubkey, 'dear', 10)
  const room = film.manifestBlob.size + 4 * film.segments[0]!.size
  const { url, dataDir, marquee } = await startMarquee(t, { env: { ...NEAR, MAX_KEY_BYTES: String(room) } })
  const provider = await startProvider(t, film.blobs)
  await publishAt(url, ann.sign(film.title(seconds(), { servers: [provider.url] })))
  const { body: { id } } = await startMirror(url, bob, { title: `34235:${ann.pubkey}:dear`, deep: true })
  const job = await mirrorUntil(url, bob, id, ended)
  t.match(job, { state: 'failed', coverage: { of_all: film.blobs.length } })
  t.match(job.faults.last.at(-1), { sha256: null, provider: null, code: 'KEY_FULL', status: 413, reason: `this key has no more room here: ${room} bytes at most` })
  const owned = await listed(url, bob)
  t.equal(owned.length, job.coverage.have)
  t.ok(job.coverage.have >= 2 && job.coverage.have < film.blobs.length)
  t.ok(owned.reduce((sum, { size }) => sum + size, 0) <= room)
  t.same(readdirSync(join(dataDir, 'store', 'drafts')).filter((name) => !name.startsWith('settle-')), [])
  for (const { sha256 } of owned) t.not(await marquee.blobs.find(sha256), null)
})

t.test('a blocked blob is not fetched: 403 at once by its hash, and of a title the rest comes', async t => {
  const running = await startMarquee(t, { env: NEAR })
  const { url } = running
  const [ann, bob] = [new Signer(), new Signer()]
  const film = smallFilm(ann.pubkey, 'part')
  const blocked = film.segments[1]!
  const provider = await startProvider(t, film.blobs)
  await publishAt(url, ann.sign(film.title(seconds(), { servers: [provider.url] })))
  t.equal((await operate(running, 'POST', '/admin/blocked', { hashes: [blocked.sha256] })).status, 200)
  t.match(await startMirror(url, bob, { hash: blocked.sha256 }), { status: 403, body: { code: 'HASH_BLOCKED' } })
  const { body: { id } } = await startMirror(url, bob, { title: `34235:${ann.pubkey}:part`, deep: true })
  const job = await mirrorUntil(url, bob, id, ended)
  t.match(job, { state: 'failed', coverage: { have: film.blobs.length - 1, of_all: film.blobs.length } })
  t.match(job.faults.last[0], { sha256: blocked.sha256, provider: null, code: 'HASH_BLOCKED', status: 403 })
  t.notOk(provider.asked.includes(blocked.sha256), 'nobody is asked for it')
})

t.test('private addresses are asked only where that is allowed', async t => {
  const { url } = await startMarquee(t)
  const [ann, bob] = [new Signer(), new Signer()]
  const film = smallFilm(ann.pubkey, 'inside')
  const provider = await startProvider(t, film.blobs)
  await publishAt(url, ann.sign(film.title(seconds(), { servers: [provider.url] })))
  const { body: { id } } = await startMirror(url, bob, { title: `34235:${ann.pubkey}:inside`, deep: true })
  const job = await mirrorUntil(url, bob, id, ended)
  t.match(job, { state: 'failed', coverage: { have: 0 }, faults: { last: [{ provider: provider.url, code: 'ORIGIN_FORBIDDEN', status: 403 }, { provider: null, code: 'BLOBS_MISSING' }] } })
  t.same(provider.asked, [])
})

t.test('one blob is asked for by any name; a BLAKE3 needs a title that names its sha256, and must be its own', async t => {
  const { url } = await startMarquee(t, { env: NEAR })
  const ann = new Signer()
  const film = smallFilm(ann.pubkey, 'one')
  const provider = await startProvider(t, film.blobs)
  await publishAt(url, ann.sign(film.title(seconds(), { servers: [provider.url] })))
  const { sha256, blake3 } = film.manifestBlob
  for (const hash of [sha256, blake3.toUpperCase(), `blake3:${blake3}`, cidOf('sha256', sha256), cidOf('blake3', blake3)]) {
    const signer = new Signer()
    const { status, body } = await startMirror(url, signer, { hash })
    t.equal(status, 202, hash)
    t.match(await mirrorUntil(url, signer, body.id, ended), { state: 'done', wanted: { sha256 }, coverage: { have: 1, of_all: 1 } })
    t.match(await listed(url, signer), [{ sha256 }])
  }
  t.same(provider.asked, [sha256], 'fetched once')
  t.match(await startMirror(url, ann, { hash: `blake3:${'ab'.repeat(32)}` }), { status: 404, body: { code: 'HASH_UNRESOLVED' }, reason: /sha256/ })

  // a title may say anything of a blob: here that it has another's BLAKE3
  const lie = smallFilm(ann.pubkey, 'lie')
  const other = await startProvider(t, lie.blobs)
  await publishAt(url, ann.sign(lie.title(seconds(), { servers: [other.url], hashSequence: { sha256: lie.sequence.sha256, blake3: 'cd'.repeat(32), count: 3 } })))
  const { body: { id } } = await startMirror(url, ann, { hash: `blake3:${'cd'.repeat(32)}` })
  t.match(await mirrorUntil(url, ann, id, ended), { state: 'failed', faults: { last: [{ code: 'HASH_MISMATCH' }] } })
  t.same(await listed(url, ann), [], 'and is not left with the owner')
})

t.test('each way of asking wrongly has its own status, and needs a token with the payload of a key that may upload', async t => {
  const bob = new Signer()
  const { url } = await startMarquee(t, { env: { ...NEAR, UPLOAD_PUBKEYS: bob.pubkey } })
  const hash = 'ab'.repeat(32)
  for (const body of [{}, { hash: 1 }, { hash, title: 'x' }, { hash, deep: true }, { title: `34235:${bob.pubkey}:x` }, { title: `34235:${bob.pubkey}:x`, deep: 'yes' }, { hash, more: 1 }]) {
    t.match(await startMirror(url, bob, body), { status: 400, body: { code: 'BODY_INVALID' }, reason: String }, JSON.stringify(body))
  }
  t.match(await startMirror(url, bob, { hash: 'xyz' }), { status: 400, body: { code: 'HASH_UNREADABLE' } })
  t.match(await startMirror(url, bob, { title: 'xyz', deep: true }), { status: 400, body: { code: 'ADDRESS_UNREADABLE' } })
  t.match(await startMirror(url, bob, { title: `34235:${bob.pubkey}:none`, deep: true }), { status: 404, body: { code: 'TITLE_UNKNOWN' } })
  t.match(await startMirror(url, new Signer(), { hash }), { status: 403, body: { code: 'KEY_REFUSED' } })
  const post = (authorization?: string): Promise<Response> => fetch(`${url}/catalog/mirrors`, { method: 'POST', body: JSON.stringify({ hash }), headers: authorization === undefined ? {} : { authorization } })
  const codeOf = async (response: Response): Promise<unknown> => [response.status, (await response.json() as { code: string }).code]
  t.same(await codeOf(await post()), [401, 'TOKEN_MISSING'])
  t.same(await codeOf(await post(bob.httpToken('POST', `${url}/catalog/mirrors`))), [401, 'TOKEN_PAYLOAD'])
  t.same(await codeOf(await post(bob.httpToken('POST', `${url}/catalog/mirrors`, { payload: hash }))), [401, 'TOKEN_PAYLOAD'])
  t.same(await codeOf(await post(bob.token('upload', { hashes: [hash] }))), [401, 'TOKEN_KIND'])
})

t.test('four jobs of one key run at a time; the fifth is 429 with its reason', async t => {
  const { url } = await startMarquee(t, { env: NEAR })
  const [ann, bob] = [new Signer(), new Signer()]
  const films = ['one', 'two', 'three', 'four', 'five'].map((name) => smallFilm(ann.pubkey, name))
  const provider = await startProvider(t, films.flatMap(({ blobs }) => blobs))
  provider.most = 0
  for (const film of films) await publishAt(url, ann.sign(film.title(seconds(), { servers: [provider.url] })))
  const [fifth, ...four] = films.map(({ manifestBlob }) => manifestBlob.sha256)
  for (const hash of four) t.equal((await startMirror(url, bob, { hash })).status, 202)
  t.match(await startMirror(url, bob, { hash: fifth }), { status: 429, body: { code: 'MIRRORS_FULL' }, reason: /4 by one key/ })
  t.equal((await startMirror(url, ann, { hash: fifth })).status, 202, 'another key has its own')
  t.ok(provider.asked.length <= 2, 'one server is asked for two blobs at a time, whoever asks')
})
