// The player in a real Chromium, over real servers: a film that ffmpeg made, encrypted, with a test's own NIP-07 signer. It asks this machine alone, and
// never breaks its own policy.

import t from 'tap'
import { formatNaddr } from '../../server/catalog/address.ts'
import { buildWithdrawnTitle } from '../../server/catalog/kinds/title.ts'
import { startMarquee } from '../support/app.ts'
import { startBlobFront } from '../support/blob-front.ts'
import { giveSigner, openChromium, visit } from '../support/chromium.ts'
import { putAccess, putKey, titleOf } from '../support/film-keys.ts'
import { Signer } from '../support/keys.ts'
import { playedFilm, putFilm } from '../support/played-film.ts'
import { seen, subtitle, until, watch } from '../support/watching.ts'
import type { Test } from 'tap'
import type { Visit } from '../support/chromium.ts'
import type { PlayedFilm } from '../support/played-film.ts'
import type { Running } from '../support/app.ts'

/** Three segments. */
const SECONDS = 18
const [fan, stranger] = [new Signer(), new Signer()]
const browser = await openChromium(t)
const secret = await playedFilm(t, { seconds: SECONDS, audios: ['en', 'de'], subs: ['en'] })
const free = await playedFilm(t, { seconds: SECONDS, encrypted: false })
const parted = await playedFilm(t, { seconds: 12, audios: ['en', 'de'], format: 'fmp4' })
const options = { skip: browser === null || secret === null || free === null || parted === null, timeout: 280_000 }
/** A small picture: it is drawn without a graphics card. */
const newVisit = (t: Test): Promise<Visit> => visit(t, browser!, { viewport: { width: 640, height: 600 } })

/** Publishes a film; its keys lie on the first server. */
async function publish (film: PlayedFilm, { servers, at, blobsAt = at }: { servers: string[], at: Running[], blobsAt?: Running[] }): Promise<void> {
  const [origin] = at
  for (const { url } of blobsAt) await putFilm(url, film)
  for (const key of film.keys) await putKey(origin!.url, film.creator, key, titleOf(film.creator, film.d))
  if (film.keys.length > 0) await allow(origin!, film, { who: 'list', pubkeys: [fan.pubkey] })
  const event = film.creator.sign(film.title({ servers, access: film.keys.length === 0 ? null : `${origin!.url}/keys` }))
  for (const { url } of at) {
    const answer = await fetch(`${url}/catalog/events?allow-missing=1`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(event) })
    if (answer.status !== 201) throw new Error(`${answer.status} ${await answer.text()}`)
  }
}

function allow (origin: Running, { creator, d }: PlayedFilm, rules: object): Promise<Response> {
  return putAccess(origin.url, creator, rules, titleOf(creator, d))
}

function pageOf (url: string, { creator, d }: PlayedFilm): string {
  return `${url}/watch/${formatNaddr({ kind: 34235, pubkey: creator.pubkey, d })}`
}

/** Nothing was asked of anybody but this machine, and the page kept to its own rules. */
function behaved (t: Test, { outside, complaints }: Visit): void {
  t.strictSame(outside, [])
  t.strictSame(complaints, [])
}

t.test('an encrypted film plays to its end with one signature; seeking, quality, sound and subtitles are the viewer\'s', { ...options }, async t => {
  const server = await startMarquee(t)
  await publish(secret!, { servers: [server.url], at: [server] })
  const viewer = await newVisit(t)
  const { page, asked, context } = viewer
  const signer = await giveSigner(context, (draft) => fan.sign(draft))
  await page.goto(server.url)
  await page.getByRole('link', { name: /A film of our tests/ }).click()
  await page.getByRole('button', { name: 'Play' }).click()
  await page.evaluate('video.muted = true')
  // it stands still while we look, or a slow machine would see it end meanwhile
  await until(page, 'video.currentTime > 0.3 && !video.paused && (video.pause(), true)')
  t.match(await page.title(), /^A film of our tests/)
  t.match(await seen(page), { trouble: null })

  await page.evaluate('video.currentTime = 8; void video.play()')
  await until(page, 'video.currentTime > 8.2 && !video.seeking && (video.pause(), true)')
  t.match(await page.evaluate('[video.played.length, video.played.start(1) > 7.9]'), [2, true], 'it goes on from there, and what is between is not played')

  const quality = page.getByLabel('Quality')
  t.match(await quality.innerText(), /^Auto[^\n]*\n180p\n90p/)
  // what plays is played to the end of its part, and then goes on in the other quality; however slow that is here, the film does not come to its end
  await page.evaluate('video.loop = true; video.currentTime = 1; video.playbackRate = 4; void video.play()')
  for (const height of [90, 180]) {
    await quality.selectOption({ label: `${height}p` })
    await until(page, `video.videoHeight === ${height} && !video.seeking`)
  }

  const parts = (name: string): number => asked.filter((url) => secret!.segments[name]!.some((part) => url.endsWith(part))).length
  t.equal(parts('audio-de'), 0)
  await page.getByLabel('Sound', { exact: true }).selectOption({ label: 'German' })
  await page.getByLabel('Subtitles', { exact: true }).selectOption({ label: 'English' })
  await page.evaluate('video.currentTime = 4.2; video.pause(); video.loop = false; video.playbackRate = 8')
  await until(page, "[...video.textTracks].some((track) => track.mode === 'showing' && track.activeCues?.length > 0)")
  t.equal(await subtitle(page), 'en 4')
  await until(page, () => parts('audio-de') > 0)
  await page.getByLabel('Subtitles', { exact: true }).selectOption({ label: 'Off' })
  t.equal(await subtitle(page), '')

  await page.evaluate('document.activeElement.blur()')
  await page.keyboard.press('ArrowRight')
  await until(page, 'video.currentTime > 14')
  await page.keyboard.press(' ')
  await until(page, "document.getElementById('status').textContent === 'The film has ended.'")
  t.match(await seen(page), { trouble: null })
  t.ok(await page.evaluate('video.ended'))
  t.equal(signer.asked(), 1)
  const keys = asked.filter((url) => url.includes('/keys/'))
  t.equal(keys.filter((url) => url.endsWith('/keys/session')).length, 1)
  t.notMatch(keys.join(), /token=/, 'no token stands in a URL')
  behaved(t, viewer)
})

t.test('who is not let in is told so, and so is who has no extension or does not sign; let in, they try again and watch', { ...options }, async t => {
  const server = await startMarquee(t)
  await publish(secret!, { servers: [server.url], at: [server] })

  const without = await newVisit(t)
  await watch(without.page, pageOf(server.url, secret!))
  await until(without.page, "!document.getElementById('trouble').hidden")
  t.match((await seen(without.page)).trouble, /Install a signer extension for your browser \(NIP-07/)
  t.ok(await without.page.getByRole('alert').isVisible(), 'a reader of screens hears it')

  const viewer = await newVisit(t)
  const { page } = viewer
  let willing = false
  const signer = await giveSigner(viewer.context, (draft) => {
    if (!willing) throw new Error('rejected by user')
    return stranger.sign(draft)
  })
  await watch(page, pageOf(server.url, secret!))
  await until(page, "!document.getElementById('trouble').hidden")
  t.match((await seen(page)).trouble, 'did not sign')
  t.equal(signer.asked(), 1, 'the viewer is asked once, not for each key')
  willing = true
  await page.getByRole('button', { name: 'Try again' }).click()
  await until(page, "/has not let it in/.test(document.getElementById('reason').textContent) && !document.getElementById('trouble').hidden")
  t.equal((await seen(page)).seconds, 0)
  if (process.env['SCREENSHOTS'] !== undefined) await page.screenshot({ path: `${process.env['SCREENSHOTS']}/refused.png` })

  await allow(server, secret!, { who: 'list', pubkeys: [stranger.pubkey] })
  await page.getByRole('button', { name: 'Try again' }).click()
  await until(page, 'video.currentTime > 0.3')
  t.match(await seen(page), { trouble: null })

  await allow(server, secret!, { who: 'open' })
  await watch(without.page, pageOf(server.url, secret!))
  await until(without.page, 'video.currentTime > 0.3')
  t.notOk(without.asked.some((url) => url.endsWith('/session')), 'an open key needs no signature')
  for (const each of [without, viewer]) behaved(t, each)
})

t.test('a film without encryption plays for anybody, and no key is asked for', { ...options }, async t => {
  const server = await startMarquee(t)
  await publish(free!, { servers: [server.url], at: [server] })
  const viewer = await newVisit(t)
  await watch(viewer.page, pageOf(server.url, free!), 8)
  await until(viewer.page, 'video.ended')
  t.notOk(viewer.asked.some((url) => url.includes('/keys/')))
  behaved(t, viewer)
})

t.test('where the server at hand answers 500, hangs or breaks off, the film goes on from another that its title names', { ...options }, async t => {
  const [server, other] = await Promise.all([startMarquee(t), startMarquee(t)])
  await publish(free!, { servers: [other.url], at: [server], blobsAt: [server, other] })
  await Promise.all((['500', 'cut', 'hang'] as const).map(async (trouble) => {
    const front = await startBlobFront(t, server.url)
    front.trouble = (path) => path.endsWith('.ts') ? trouble : null
    const viewer = await newVisit(t)
    await watch(viewer.page, pageOf(front.url, free!), 8)
    await until(viewer.page, 'video.ended')
    t.ok(front.hits > 0, `${front.hits} answers: ${trouble}`)
    // it rests after each failure, and where the film takes long it is asked once more
    const parts = new Set(viewer.asked.filter((url) => url.endsWith('.ts')).map((url) => new URL(url).pathname))
    t.ok(front.hits < parts.size, `it is not asked for every part: for ${front.hits} of ${parts.size}`)
    const { trouble: told, servers } = await seen(viewer.page)
    t.equal(told, null)
    t.match(servers, /does not deliver/)
    behaved(t, viewer)
  }))
})

t.test('a changed part is never played: it comes from the next server, and where there is none the viewer is told', { ...options }, async t => {
  const [server, other] = await Promise.all([startMarquee(t), startMarquee(t)])
  await publish(free!, { servers: [other.url], at: [server], blobsAt: [server, other] })
  const named: Record<string, (path: string) => boolean> = {
    segments: (path) => path.endsWith('.ts'), playlists: (path) => /^\/[0-9a-f]{64}\.m3u8$/.test(path), 'the manifest': (path) => /^\/[0-9a-f]{64}\.json$/.test(path)
  }
  await Promise.all(Object.entries(named).map(async ([what, isIt]) => {
    const front = await startBlobFront(t, server.url)
    front.trouble = (path) => isIt(path) ? 'change' : null
    const viewer = await newVisit(t)
    await watch(viewer.page, pageOf(front.url, free!), 8)
    await until(viewer.page, 'video.ended')
    t.ok(front.hits > 0, what)
    t.match(await seen(viewer.page), { trouble: null, servers: /sent changed bytes/ })
    behaved(t, viewer)
  }))

  // the last part alone, of both qualities: what comes before it plays
  await other.close()
  const front = await startBlobFront(t, server.url)
  const last = Object.values(free!.segments).map((names) => `/${names.at(-1)}`)
  front.trouble = (path) => last.includes(path) ? 'change' : null
  const viewer = await newVisit(t)
  await watch(viewer.page, pageOf(front.url, free!), 8)
  await until(viewer.page, "!document.getElementById('trouble').hidden")
  t.match((await seen(viewer.page)).trouble, /has been changed, and no server has it as its creator signed it/)
  await until(viewer.page, 'video.currentTime > 11')
  t.ok(await viewer.page.evaluate('video.buffered.end(video.buffered.length - 1) < 12.5'), 'nothing of it was shown to the decoder')
  front.trouble = () => null
  await viewer.page.getByRole('button', { name: 'Try again' }).click()
  await until(viewer.page, 'video.ended')
  t.match(await seen(viewer.page), { trouble: null })
  behaved(t, viewer)
})

t.test('a mirror that has no keys plays the film, here in fragments of MP4: the keys come from where the title says', { ...options }, async t => {
  const [origin, mirror] = await Promise.all([startMarquee(t), startMarquee(t)])
  await publish(parted!, { servers: [origin.url, mirror.url], at: [origin, mirror] })
  const viewer = await newVisit(t)
  const signer = await giveSigner(viewer.context, (draft) => fan.sign(draft))
  await watch(viewer.page, pageOf(mirror.url, parted!), 8)
  await until(viewer.page, 'video.currentTime > 7')
  // it may have come to its end meanwhile, and stands then
  await viewer.page.evaluate('video.currentTime = 1; void video.play()')
  await until(viewer.page, 'video.ended')
  t.equal(signer.asked(), 1)
  const asked = viewer.asked.map((url) => new URL(url))
  t.ok(asked.filter(({ pathname }) => /\.(m4s|mp4|m3u8|json)$/.test(pathname)).every(({ origin: from }) => from === mirror.url), 'every part is the mirror\'s')
  t.ok(asked.filter(({ pathname }) => pathname.startsWith('/keys/')).every(({ origin: from }) => from === origin.url))
  for (const { id } of parted!.keys) t.equal((await fetch(`${mirror.url}/keys/${id}`)).status, 404)
  behaved(t, viewer)
})

t.test('where the browser offers no WebCrypto, as over plain http from elsewhere, parts are checked and decrypted all the same', { ...options }, async t => {
  const server = await startMarquee(t)
  const front = await startBlobFront(t, server.url)
  await publish(secret!, { servers: [front.url, server.url], at: [server] })
  front.trouble = (path) => path.endsWith('.ts') ? 'change' : null
  const viewer = await newVisit(t)
  await viewer.context.addInitScript("Object.defineProperty(Crypto.prototype, 'subtle', { get: () => undefined })")
  await giveSigner(viewer.context, (draft) => fan.sign(draft))
  await watch(viewer.page, pageOf(front.url, secret!), 8)
  await until(viewer.page, 'video.ended')
  t.match(await seen(viewer.page), { trouble: null, servers: /sent changed bytes/ })
  behaved(t, viewer)
})

t.test('a title that was withdrawn, and a browser that cannot play it, are told in words', { ...options }, async t => {
  const server = await startMarquee(t)
  await publish(secret!, { servers: [server.url], at: [server] })
  const old = await newVisit(t)
  await old.context.addInitScript('delete window.MediaSource; delete window.ManagedMediaSource; delete window.WebKitMediaSource')
  await watch(old.page, pageOf(server.url, secret!))
  await until(old.page, "!document.getElementById('trouble').hidden")
  t.match((await seen(old.page)).trouble, 'it has no Media Source Extensions')

  const withdrawn = secret!.creator.sign(buildWithdrawnTitle({ kind: 34235, d: secret!.d, title: 'A film of our tests' }, 'a <new> cut is coming', Math.floor(Date.now() / 1000) + 1))
  const answer = await fetch(`${server.url}/catalog/events`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(withdrawn) })
  t.equal(answer.status, 201)
  const viewer = await newVisit(t)
  await viewer.page.goto(pageOf(server.url, secret!))
  await viewer.page.getByText('Its creator has withdrawn this film: a <new> cut is coming').waitFor()
  t.equal(await viewer.page.getByRole('button', { name: 'Play' }).count(), 0)
  t.notOk(await viewer.page.getByRole('button', { name: 'Try again' }).isVisible())
  for (const each of [old, viewer]) behaved(t, each)
})
