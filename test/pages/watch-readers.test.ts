// The player in a real Chromium where some keys alone may read: READ_PUBKEYS, `marquee restrict`, and a server that sends those whom it let in on to another.

import { once } from 'node:events'
import { createServer } from 'node:http'
import t from 'tap'
import { formatNaddr } from '../../server/catalog/address.ts'
import { startMarquee } from '../support/app.ts'
import { giveSigner, openChromium, visit } from '../support/chromium.ts'
import { Signer } from '../support/keys.ts'
import { operate } from '../support/operator.ts'
import { playedFilm, putFilm } from '../support/played-film.ts'
import { seen, until, watch } from '../support/watching.ts'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import type { Running } from '../support/app.ts'
import type { Visit } from '../support/chromium.ts'

const [fan, stranger] = [new Signer(), new Signer()]
const browser = await openChromium(t)
const film = await playedFilm(t, { seconds: 18, encrypted: false })
const options = { skip: browser === null || film === null, timeout: 120_000 }

interface Viewer extends Visit {
  /** Blobs that were asked for, by origin: how often with a token, and without. */
  tokens: Map<string, { with: number, without: number }>
}

/** A visit that notes what goes with each request. */
async function newViewer (t: Test): Promise<Viewer> {
  const viewer = await visit(t, browser!, { viewport: { width: 640, height: 600 } })
  const tokens: Viewer['tokens'] = new Map()
  viewer.page.on('request', (request) => {
    const { origin, pathname } = new URL(request.url())
    const { authorization } = request.headers()
    const isBlob = /^\/[0-9a-f]{64}\.(ts|m3u8|json|vtt)$/.test(pathname)
    if (!isBlob) return void (authorization === undefined || viewer.complaints.push(`a token went to ${request.url()}`))
    const count = tokens.get(origin) ?? { with: 0, without: 0 }
    count[authorization === undefined ? 'without' : 'with']++
    tokens.set(origin, count)
  })
  return { ...viewer, tokens }
}

/** The film's blobs at `blobsAt`, its title at `at`. @returns the address of its page there */
async function publish (at: Running, servers: string[], blobsAt: Running[] = [at]): Promise<string> {
  for (const { url } of blobsAt) await putFilm(url, film!)
  const event = film!.creator.sign(film!.title({ servers, access: null }))
  const answer = await fetch(`${at.url}/catalog/events?allow-missing=1`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(event) })
  if (answer.status !== 201) throw new Error(`${answer.status} ${await answer.text()}`)
  return `${at.url}/watch/${formatNaddr({ kind: 34235, pubkey: film!.creator.pubkey, d: film!.d })}`
}

const troubled = (what: string): string => `!document.getElementById('trouble').hidden && ${what}.test(document.getElementById('reason').textContent)`

t.test('where only some keys may read, one of them watches to the end with one signature; others are told why they do not', { ...options }, async t => {
  const server = await startMarquee(t, { env: { READ_PUBKEYS: fan.pubkey } })
  const page = await publish(server, [server.url])

  const viewer = await newViewer(t)
  const signed: { kind: number, tags: string[][] }[] = []
  await giveSigner(viewer.context, (draft) => {
    signed.push(draft)
    return fan.sign(draft)
  })
  await viewer.page.goto(page)
  await viewer.page.getByText('A film of our tests').first().waitFor()
  await until(viewer.page, "!document.getElementById('play').disabled")
  t.strictSame(signed, [], 'nothing is signed before the viewer wants to watch')
  await watch(viewer.page, page, 8)
  await until(viewer.page, 'video.ended')
  t.match(await seen(viewer.page), { trouble: null })
  t.equal(signed.length, 1)
  t.match(signed[0], { kind: 24242, tags: [['t', 'get'], ['server', new URL(server.url).host], ['server', server.url], ['expiration', /^\d+$/]] })
  t.strictSame([...viewer.tokens.keys()], [server.url])
  t.ok(viewer.tokens.get(server.url)!.with > 5)

  const without = await newViewer(t)
  await watch(without.page, page)
  await until(without.page, troubled('/lets some keys alone read\\. .*Install a signer extension/'))

  const other = await newViewer(t)
  let willing = false
  const signer = await giveSigner(other.context, (draft) => {
    if (!willing) throw new Error('rejected by user')
    return stranger.sign(draft)
  })
  await watch(other.page, page)
  await until(other.page, troubled('/did not sign/'))
  t.equal(signer.asked(), 1)
  await other.page.evaluate("document.getElementById('reason').textContent = ''; window.dispatchEvent(new Event('online'))")
  await until(other.page, troubled('/did not sign/'))
  t.equal(signer.asked(), 1, 'a connection that comes back asks for nothing that was refused')
  willing = true
  await other.page.getByRole('button', { name: 'Try again' }).click()
  await until(other.page, troubled('/Your key may not read from .*its operator has not let it in/'))
  t.equal(signer.asked(), 2)
  t.equal((await seen(other.page)).seconds, 0)
  for (const { outside, complaints } of [viewer, without, other]) t.strictSame([outside, complaints], [[], []])
})

t.test('parts that are restricted play for whom they are restricted to, and the token goes to the server that asked for it alone', { ...options }, async t => {
  const [server, other] = await Promise.all([startMarquee(t), startMarquee(t)])
  // the other has the playlists and the manifest for everybody; the page's server has nothing
  const page = await publish(server, [other.url], [other])
  const hashes = Object.values(film!.segments).flat().map((name) => name.slice(0, 64))
  t.equal((await operate(other, 'POST', '/admin/restricted', { hashes, to: [fan.pubkey], reason: '' })).status, 200)
  const viewer = await newViewer(t)
  const signer = await giveSigner(viewer.context, (draft) => fan.sign(draft))
  await watch(viewer.page, page, 8)
  await until(viewer.page, 'video.ended')
  t.equal(signer.asked(), 1)
  t.ok(viewer.tokens.get(other.url)!.with > 2)
  t.match(viewer.tokens.get(server.url), { with: 0 })
  t.strictSame([viewer.outside, viewer.complaints], [[], []])
})

t.test('a server that sends its reader on to another does not send the token along', { ...options }, async t => {
  const [server, store] = await Promise.all([startMarquee(t), startMarquee(t)])
  await putFilm(store.url, film!)
  const shown: (string | undefined)[] = []
  const depot = createServer(({ url, method, headers }, response) => {
    const cors = { 'access-control-allow-origin': '*', 'access-control-allow-headers': 'Authorization, *' }
    if (method === 'OPTIONS') return void response.writeHead(204, cors).end()
    shown.push(headers.authorization)
    void fetch(`${store.url}${url}`).then(async (answer) => { response.writeHead(answer.status, cors).end(Buffer.from(await answer.arrayBuffer())) })
  }).listen(0, '127.0.0.1')
  const gate = createServer(({ url, method, headers }, response) => {
    const cors = { 'access-control-allow-origin': '*', 'access-control-allow-headers': 'Authorization, *' }
    if (method === 'OPTIONS') return void response.writeHead(204, cors).end()
    if (headers.authorization === undefined) return void response.writeHead(401, cors).end()
    response.writeHead(307, { ...cors, location: `http://127.0.0.1:${(depot.address() as AddressInfo).port}${url}` }).end()
  }).listen(0, '127.0.0.1')
  for (const each of [depot, gate]) t.teardown(() => { each.close().closeAllConnections() })
  await Promise.all([depot, gate].map((each) => once(each, 'listening')))
  const page = await publish(server, [`http://127.0.0.1:${(gate.address() as AddressInfo).port}`], [])
  const viewer = await newViewer(t)
  const signer = await giveSigner(viewer.context, (draft) => fan.sign(draft))
  await watch(viewer.page, page, 8)
  await until(viewer.page, 'video.currentTime > 1')
  t.equal(signer.asked(), 1)
  t.ok(shown.length > 2)
  t.strictSame([...new Set(shown)], [undefined])
})
