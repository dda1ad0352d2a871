// FILL_MISSES (issue: a GET miss is filled from providers): one fetch for all who wait, ranges out of the whole, nothing fetched that no live title names, and
// nobody kept waiting for long.

import t from 'tap'
import { MissFiller } from '../../server/catalog/mirrors/miss-filler.ts'
import { startMarquee } from '../support/app.ts'
import { hashed, listed } from '../support/asking.ts'
import { smallFilm } from '../support/film-blobs.ts'
import { advertise, deadUrl, publishAt, seconds, startProvider } from '../support/film-providers.ts'
import { Signer } from '../support/keys.ts'
import { operate } from '../support/operator.ts'
import { sampleOf, scrape } from '../support/metrics.ts'
import { until } from '../support/raw-origin.ts'
import type { Obtaining } from '../../server/catalog/mirrors/obtaining.ts'
import type { Places } from '../../server/catalog/mirrors/places.ts'
import type { Blob } from '../../server/stores/descriptors.ts'

const FILLING = { MIRROR_ALLOW_PRIVATE: 'true', FILL_MISSES: 'on' }

t.test('twenty readers at once of a blob that is not here are one fetch, and all get its bytes', async t => {
  const running = await startMarquee(t, { env: FILLING })
  const { url } = running
  const ann = new Signer()
  const film = smallFilm(ann.pubkey, 'read')
  const provider = await startProvider(t, film.blobs)
  await publishAt(url, ann.sign(film.title(seconds(), { servers: [await deadUrl()] })))
  await advertise(url, film, provider.url)
  const { sha256, bytes, size } = film.manifestBlob
  provider.most = 0
  const readers = Array.from({ length: 20 }, () => fetch(`${url}/${sha256}`).then(hashed))
  await until(() => provider.asked.length > 0)
  provider.most = Infinity
  for (const answer of await Promise.all(readers)) t.same(answer, { status: 200, size, sha256 })
  t.same(provider.asked, [sha256])

  // whoever got a manifest asks for a segment next
  const segment = film.segments[1]!
  const part = await fetch(`${url}/${segment.sha256}.ts`, { headers: { range: 'bytes=10-29' } })
  t.match(part, { status: 206 })
  t.equal(part.headers.get('content-range'), `bytes 10-29/${segment.size}`)
  t.same(Buffer.from(await part.arrayBuffer()), segment.bytes.subarray(10, 30))
  const head = await fetch(`${url}/${film.segments[2]!.sha256}`, { method: 'HEAD' })
  t.match([head.status, head.headers.get('content-length')], [200, String(film.segments[2]!.size)])
  t.same(provider.asked, [sha256, segment.sha256, film.segments[2]!.sha256])

  const keeper = new Signer(Buffer.from(running.marquee.nodeKey.secret, 'hex'))
  t.equal((await listed(url, keeper)).length, 3, "what was filled is the server's own")
  t.equal(sampleOf(await scrape(url), 'marquee_catalog_fetched_bytes_total', { purpose: 'fill' }), size + segment.size + film.segments[2]!.size)
  t.equal(bytes.length, size)
})

t.test('what no live title names is never looked for, nor what is blocked; what nobody has is not asked for again within a minute', async t => {
  const running = await startMarquee(t, { env: { ...FILLING, UPLOAD_PUBKEYS: new Signer().pubkey, TITLE_PUBKEYS: new Signer().pubkey } })
  const { url } = running
  const ann = new Signer()
  const film = smallFilm(ann.pubkey, 'unnamed')
  const provider = await startProvider(t, film.blobs)
  await advertise(url, film, provider.url)
  t.equal((await fetch(`${url}/${film.manifestBlob.sha256}`)).status, 404, 'an advert is no reason')
  t.same(provider.asked, [])

  const other = await startMarquee(t, { env: FILLING })
  const empty = await startProvider(t, [])
  await publishAt(other.url, ann.sign(film.title(seconds(), { servers: [empty.url] })))
  for (let i = 0; i < 3; i++) t.equal((await fetch(`${other.url}/${film.manifestBlob.sha256}`)).status, 404)
  t.same(empty.asked, [film.manifestBlob.sha256])
  await operate(other, 'POST', '/admin/blocked', { hashes: [film.sequence.sha256] })
  t.equal((await fetch(`${other.url}/${film.sequence.sha256}`)).status, 404)
  t.equal(empty.asked.length, 1)
})

t.test('a server without the option asks nobody', async t => {
  const { url } = await startMarquee(t, { env: { MIRROR_ALLOW_PRIVATE: 'true' } })
  const ann = new Signer()
  const film = smallFilm(ann.pubkey, 'off')
  const provider = await startProvider(t, film.blobs)
  await publishAt(url, ann.sign(film.title(seconds(), { servers: [provider.url] })))
  t.equal((await fetch(`${url}/${film.manifestBlob.sha256}`)).status, 404)
  t.same(provider.asked, [])
})

t.test('whoever waited long enough is told to come again while the fetch goes on; eight go on at a time', async t => {
  let give: ((got: { blob: Blob, created: boolean }) => void)[] = []
  const blob = { sha256: 'ab'.repeat(32), size: 5 } as Blob
  const obtaining = { obtain: () => new Promise((resolve) => { give.push(resolve) }) } as unknown as Obtaining
  const filler = new MissFiller({
    obtaining, places: { of: () => [] } as unknown as Places, names: () => true, sizeOf: () => null, onHere: async () => {}, owner: 'cd'.repeat(32), onFault: () => {}, patience: 20, now: Date.now
  })
  for (let i = 0; i < 3; i++) await t.rejects(filler.fill(blob.sha256), { code: 'BLOB_COMING', status: 503, headers: { 'retry-after': '5' } })
  t.equal(give.length, 1, 'one fetch')
  for (let i = 0; i < 7; i++) await t.rejects(filler.fill(String(i).repeat(64)), { code: 'BLOB_COMING' })
  t.equal(give.length, 8)
  await t.rejects(filler.fill('99'.repeat(32)), { code: 'BLOB_COMING', message: /others come first/ })
  t.equal(give.length, 8)
  const last = filler.fill(blob.sha256)
  for (const each of give) each({ blob, created: true })
  t.equal(await last, blob)
  give = []
  await filler.close()
  await t.rejects(filler.fill(blob.sha256), { code: 'CLOSING' })
})
