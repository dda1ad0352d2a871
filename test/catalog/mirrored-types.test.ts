// The type of what is fetched from providers: the manifest's where the provider tells none or the general one, the provider's where it says more.

import { once } from 'node:events'
import { createServer } from 'node:http'
import sharp from 'sharp'
import t from 'tap'
import { buildManifest } from '../../server/catalog/manifest.ts'
import { startMarquee, upload } from '../support/app.ts'
import { blobOf, smallFilm } from '../support/film-blobs.ts'
import { advertise, ended, mirrorUntil, publishAt, seconds, startMirror } from '../support/film-providers.ts'
import { Signer } from '../support/keys.ts'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import type { SmallFilm } from '../support/film-blobs.ts'

const HLS = 'application/vnd.apple.mpegurl'
const UNTYPED = 'application/octet-stream'

/** Answers with the type that `typeOf` gives; '' for none. */
async function startTyped (t: Test, film: SmallFilm, typeOf: (sha256: string) => string): Promise<string> {
  const server = createServer(({ url }, response) => {
    const blob = film.blobs.find(({ sha256 }) => url === `/${sha256}`)
    const type = blob === undefined ? '' : typeOf(blob.sha256)
    response.writeHead(blob === undefined ? 404 : 200, type === '' ? {} : { 'content-type': type }).end(blob?.bytes)
  }).listen(0, '127.0.0.1')
  t.teardown(() => { server.close().closeAllConnections() })
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function typeAt (url: string, sha256: string): Promise<string | null> {
  const { headers } = await fetch(`${url}/${sha256}`, { method: 'HEAD' })
  return headers.get('content-type')
}

t.test('a segment from a server that answers application/octet-stream is stored as what the manifest says, one with a type of its own as that', async t => {
  const { url } = await startMarquee(t, { env: { MIRROR_ALLOW_PRIVATE: 'true' } })
  const [ann, bob] = [new Signer(), new Signer()]
  const film = smallFilm(ann.pubkey, 'typed', 5)
  const [plain, untyped, binary, own, dull] = film.segments.map(({ sha256 }) => sha256)
  const told = new Map([[plain!, 'text/plain; charset=utf-8'], [untyped!, ''], [binary!, 'binary/octet-stream'], [own!, 'video/mp4'], [dull!, UNTYPED]])
  const provider = await startTyped(t, film, (sha256) => told.get(sha256) ?? UNTYPED)
  await publishAt(url, ann.sign(film.title(seconds(), { servers: [provider] })))
  const { body: { id } } = await startMirror(url, bob, { title: `34235:${ann.pubkey}:typed`, deep: true })
  t.match(await mirrorUntil(url, bob, id, ended), { state: 'done' })
  for (const sha256 of [plain, untyped, binary, dull]) t.equal(await typeAt(url, sha256!), 'video/mp2t')
  t.equal(await typeAt(url, own!), 'video/mp4')
  const { master, renditions: [rendition] } = film.manifest
  t.strictSame(await Promise.all([master.sha256, rendition!.playlist.sha256].map((sha256) => typeAt(url, sha256))), [HLS, HLS])
  t.strictSame(await Promise.all([film.manifestBlob.sha256, film.sequence.sha256].map((sha256) => typeAt(url, sha256))), ['application/vnd.indeehub.film+json', UNTYPED])
})

t.test('so is what a missed read fetched; where two titles call one blob different things, neither is believed', async t => {
  const { url } = await startMarquee(t, { env: { MIRROR_ALLOW_PRIVATE: 'true', FILL_MISSES: 'on' } })
  const [ann, eve] = [new Signer(), new Signer()]
  const film = smallFilm(ann.pubkey, 'filled', 2)
  const provider = await startTyped(t, film, () => UNTYPED)
  await publishAt(url, ann.sign(film.title(seconds(), { servers: [provider] })))
  await advertise(url, film, provider)
  t.equal((await fetch(`${url}/${film.manifestBlob.sha256}`)).status, 200)
  const [first, second] = film.segments.map(({ sha256 }) => sha256)
  t.equal(await typeAt(url, first!), 'video/mp2t')
  // another title gives the second segment out for its manifest
  await publishAt(url, eve.sign(film.title(seconds(), { manifest: film.segments[1]!, servers: [provider] })))
  t.equal(await typeAt(url, second!), UNTYPED)
})

t.test('a rendition whose type is an active document in capitals is sandboxed as any other', async t => {
  const { url } = await startMarquee(t, { env: { MIRROR_ALLOW_PRIVATE: 'true' } })
  const eve = new Signer()
  const film = smallFilm(eve.pubkey, 'acting', 1, 'image/svg+XML')
  const provider = await startTyped(t, film, () => UNTYPED)
  await publishAt(url, eve.sign(film.title(seconds(), { servers: [provider] })))
  const { body: { id } } = await startMirror(url, eve, { title: `34235:${eve.pubkey}:acting`, deep: true })
  t.match(await mirrorUntil(url, eve, id, ended), { state: 'done' })
  const { headers } = await fetch(`${url}/${film.segments[0]!.sha256}`)
  t.match(headers.get('content-security-policy'), /^sandbox;/)
  t.equal(headers.get('content-type'), 'image/svg+xml')
})

t.test('a poster is what its bytes are, also where another title gives it out for its manifest', async t => {
  const { url } = await startMarquee(t, { env: { MIRROR_ALLOW_PRIVATE: 'true' } })
  const [ann, eve] = [new Signer(), new Signer()]
  const film = smallFilm(ann.pubkey, 'shown', 1)
  const picture = blobOf(await sharp({ create: { width: 4, height: 6, channels: 3, background: '#a04060' } }).png().toBuffer())
  const poster = { sha256: picture.sha256, blake3: picture.blake3, size: picture.size }
  const manifest = blobOf(buildManifest({ ...film.manifest, poster: { ...poster, type: 'image/png' } }).bytes)
  t.equal((await upload(url, ann, manifest)).status, 201)
  const provider = await startTyped(t, { ...film, blobs: [picture] }, () => UNTYPED)
  await publishAt(url, ann.sign(film.title(seconds(), { manifest: { sha256: manifest.sha256, blake3: manifest.blake3, size: manifest.size } })))
  await publishAt(url, eve.sign(film.title(seconds(), { manifest: poster, servers: [provider] })))
  const { body: { id } } = await startMirror(url, eve, { title: `34235:${eve.pubkey}:shown`, deep: true })
  await mirrorUntil(url, eve, id, ended)
  t.equal(await typeAt(url, picture.sha256), 'image/png')
})
