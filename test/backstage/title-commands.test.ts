// What a creator does with a film that is published: list, update, grant and revoke, audit, rekey, check, withdraw.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { naddrEncode, npubEncode } from 'nostr-tools/nip19'
import sharp from 'sharp'
import t from 'tap'
import { parseTitle } from '../../server/catalog/kinds/title.ts'
import { creator, runFilm, startCounted } from '../support/creator.ts'
import { newFolder } from '../support/folder.ts'
import { Signer } from '../support/keys.ts'
import { madeBuild } from '../support/made-build.ts'
import { startSecondRelay } from '../support/second-relay.ts'
import type { Test } from 'tap'
import type { SignedEvent } from '../../server/auth/signature.ts'
import type { Title } from '../../server/catalog/kinds/title.ts'
import type { CountedServer, Creator, Ran } from '../support/creator.ts'
import type { MadeBuild } from '../support/made-build.ts'

interface Published {
  me: Creator
  server: CountedServer
  made: MadeBuild
  address: string
}

async function published (t: Test, name: string, options: { encrypted?: boolean, more?: string[] } = {}): Promise<Published> {
  const [me, server] = [creator(t), await startCounted(t)]
  const made = madeBuild(t, { pubkey: me.signer.pubkey, name, encrypted: options.encrypted ?? true })
  const ran = await me.film('publish', made.folder, '--server', server.url, ...options.more ?? [])
  if (ran.code !== 0) throw new Error(ran.err.join('\n'))
  return { me, server, made, address: `34235:${me.signer.pubkey}:${name}` }
}

async function titleAt ({ url }: CountedServer, address: string): Promise<Title & { event: SignedEvent } | null> {
  const response = await fetch(`${url}/catalog/titles/${address}`)
  if (response.status !== 200) return null
  const { event } = await response.json() as { event: SignedEvent }
  return { ...parseTitle(event), event }
}

async function keyStatus (url: string, signer: Signer): Promise<number> {
  return (await fetch(url, { headers: { authorization: signer.header({ kind: 27235, created_at: Math.floor(Date.now() / 1000), tags: [['u', url], ['method', 'GET']], content: String(Math.random()) }) } })).status
}

const facts = ({ out }: Ran): Record<string, unknown>[] => out.map((line) => JSON.parse(line) as Record<string, unknown>)

t.test('list tells a creator\'s films from catalogs and relays, each as its newest version says', async t => {
  const relay = await startSecondRelay(t)
  const { me, server } = await published(t, 'one', { more: ['--relay', relay.url] })
  await me.film('publish', madeBuild(t, { pubkey: me.signer.pubkey, name: 'two' }).folder, '--server', server.url)
  const listed = await me.film('list', '--server', server.url, '--relay', relay.url, '--json')
  t.same(facts(listed).map(({ title }) => title).sort(), ['The film one', 'The film two'])
  t.match(facts(listed)[0], { status: 'published', gated: true, servers: [server.url], naddr: /^naddr1/ })
  t.same(facts(await me.film('list', '--relay', relay.url, '--json')).map(({ title }) => title), ['The film one'])
  const other = await creator(t).film('list', '--server', server.url, '--creator', npubEncode(me.signer.pubkey))
  t.match([other.code, other.out.length], [0, 2])
  t.match((await creator(t).film('list', '--server', server.url)).err.join(), /no films found/)
  t.same((await Promise.all([me.film('list'), me.film('list', '--server', server.url, '--creator', 'nobody')])).map(({ code }) => code), [2, 2])
  t.match(await me.film('list', '--server', 'http://127.0.0.1:1', '--patience', '0'), { code: 1, err: [/ECONNREFUSED/] })
})

t.test('update changes text and poster at every place, and nothing of the film', async t => {
  const relay = await startSecondRelay(t)
  const { me, server, address, made } = await published(t, 'updated', { more: ['--relay', relay.url] })
  const before = (await titleAt(server, address))!
  const poster = join(newFolder(t), 'poster')
  writeFileSync(poster, await sharp({ create: { width: 8, height: 8, channels: 3, background: 'red' } }).png().toBuffer())
  const ran = await me.film('update', address, '--server', server.url, '--relay', relay.url, '--title', 'Another name', '--summary', 'of it', '--tag', 'Drama', '--tag', 'noir', '--poster', poster)
  t.equal(ran.code, 0, ran.err.join('\n'))
  const after = (await titleAt(server, address))!
  t.match(after, { title: 'Another name', synopsis: 'of it', alt: 'Film: Another name', topics: ['drama', 'noir'], access: before.access, servers: before.servers, aggregate: before.aggregate })
  t.ok(after.event.created_at > before.event.created_at)
  t.equal(after.publishedAt, before.publishedAt)
  t.match((await fetch(after.media[0]!.images[0]!)).headers.get('content-type'), 'image/png')
  const manifest = await (await fetch(`${server.url}/${after.manifest!.sha256}`)).json() as { poster: { type: string }, aggregate: string }
  t.match(manifest, { poster: { type: 'image/png' }, aggregate: made.film.aggregate })
  t.same(after.event.tags.find(([name]) => name === 'sealed'), before.event.tags.find(([name]) => name === 'sealed'))
  t.equal(facts(await me.film('list', '--relay', relay.url, '--json'))[0]!['title'], 'Another name')
  t.match(await me.film('publish', made.folder), { code: 1, err: [/newer version of this title stands/] }, 'told before anything is done')
  t.equal((await titleAt(server, address))!.title, 'Another name', 'an older build is not published over it')

  for (const args of [[], ['--title', ' '], ['--add-server', 'nowhere']]) t.equal((await me.film('update', address, '--server', server.url, ...args)).code, 2)
  t.match(await me.film('update', address, '--server', server.url, '--poster', made.folder + '/film.json'), { code: 1, err: [/no JPEG, PNG or WebP/] })
  t.match(await creator(t).film('update', address, '--server', server.url, '--title', 'Stolen'), { code: 1, err: [/another key's/] })
})

t.test('update brings every blob to a new server, itself where that cannot fetch, and names an old one no more', async t => {
  const { me, server, address, made } = await published(t, 'moved')
  const [fetching, unable] = [await startCounted(t), await startCounted(t, { env: { MIRROR_ALLOW_PRIVATE: 'false' } })]
  const ran = await me.film('update', made.folder, '--add-server', fetching.url, '--add-server', unable.url, '--drop-server', server.url)
  t.equal(ran.code, 0, ran.err.join('\n'))
  const title = (await titleAt(fetching, address))!
  t.same(title.servers, [fetching.url, unable.url])
  t.equal(title.media[0]!.url, `${fetching.url}/${made.film.master.sha256}.m3u8`)
  t.same(title.media[0]!.fallbacks, [`${unable.url}/${made.film.master.sha256}.m3u8`])
  for (const { sha256 } of made.film.files) t.same(await Promise.all([fetching, unable].map(async ({ url }) => (await fetch(`${url}/${sha256}`, { method: 'HEAD' })).status)), [200, 200])
  t.match([fetching.stored().size, unable.stored().size], [0, made.film.files.length + 1])
  t.equal((await titleAt(server, address))!.event.id, title.event.id, 'the server that is left is told too')
})

t.test('grant and revoke decide at once who gets the keys; audit tells who asked', async t => {
  const { me, server, made, address } = await published(t, 'granted')
  const [friend, stranger] = [new Signer(), new Signer()]
  const url = `${server.url}/keys/${made.keys!.keys[0]!.id}`
  const statuses = async (): Promise<number[]> => Promise.all([me.signer, friend, stranger].map((signer) => keyStatus(url, signer)))
  const film = naddrEncode({ kind: 34235, pubkey: me.signer.pubkey, identifier: made.film.d })
  const at = ['--server', server.url, '--json']
  t.same(await statuses(), [200, 403, 403])
  t.same(facts(await me.film('grant', film, npubEncode(friend.pubkey), ...at)), [{ who: 'list', pubkeys: [friend.pubkey] }])
  t.same(await statuses(), [200, 200, 403])
  t.same(facts(await me.film('grant', film, ...at)), [{ who: 'list', pubkeys: [friend.pubkey] }], 'without more it shows who may')
  t.same(facts(await me.film('grant', film, '--signed-in', ...at)).at(-1), { who: 'signed-in', pubkeys: [friend.pubkey] })
  t.same(await statuses(), [200, 200, 200])
  t.same(facts(await me.film('revoke', film, '--signed-in', ...at)).at(-1), { who: 'list', pubkeys: [friend.pubkey] })
  t.same(await statuses(), [200, 200, 403])
  await me.film('revoke', film, friend.pubkey, ...at)
  t.same(await statuses(), [200, 403, 403])
  await me.film('grant', film, '--open', ...at)
  t.equal((await fetch(url)).status, 200)
  t.match((await me.film('revoke', film, '--open', '--server', server.url)).out, ['nobody but you may play it'])

  const entries = facts(await me.film('audit', address, ...at))
  t.ok(entries.some(({ pubkey, granted }) => pubkey === friend.pubkey && granted === true))
  t.ok(entries.some(({ pubkey, granted }) => pubkey === stranger.pubkey && granted === false))
  t.equal(facts(await me.film('audit', address, '--limit', '3', ...at)).length, 3)
  t.match((await me.film('audit', made.folder)).out[0], /given|refused/)
  t.match(await creator(t).film('audit', address, ...at), { code: 1, out: [/another key's/] })
  t.same((await Promise.all([me.film('grant', film, 'nobody', ...at), me.film('grant', film, '--open', '--signed-in', ...at), me.film('audit', film, '--limit', 'all', ...at), me.film('grant')])).map(({ code }) => code), [2, 2, 2, 2])
  const open = await published(t, 'free', { encrypted: false })
  t.match(await open.me.film('grant', open.made.folder), { code: 1, err: [/this film is open/] })
})

t.test('rekey hands keys and access to another server from what lies sealed beside the film, and the title says so', async t => {
  const { me, server, made, address } = await published(t, 'rekeyed')
  const friend = new Signer()
  await me.film('grant', made.folder, friend.pubkey)
  const other = await startCounted(t)
  const ran = await me.film('rekey', address, '--to', other.url, '--server', server.url)
  t.equal(ran.code, 0, ran.err.join('\n'))
  t.same((await titleAt(server, address))!.access, { scheme: 'nip98', url: `${other.url}/keys` })
  for (const { id, key } of made.keys!.keys) {
    const url = `${other.url}/keys/${id}`
    const response = await fetch(url, { headers: { authorization: friend.httpToken('GET', url) } })
    t.equal(Buffer.from(await response.arrayBuffer()).toString('hex'), key, 'who might play it still may')
  }
  t.match((await me.film('rekey', address, '--to', other.url, '--server', server.url)).out, [/says so already/])
  t.match(await creator(t).film('rekey', address, '--to', other.url, '--server', server.url), { code: 1 })
  t.equal((await me.film('rekey', address, '--server', server.url)).code, 2)

  // the server of the keys is gone for good: the folder, or the sealed blob, is enough
  await other.running().close()
  const back = await me.film('rekey', made.folder, '--to', server.url)
  t.equal(back.code, 0, back.err.join('\n'))
  t.match(back.err.join('\n'), /does not say who may have the keys/)
  t.same((await titleAt(server, address))!.access, { scheme: 'nip98', url: `${server.url}/keys` })
})

t.test('check finds a good film good, and tells what is missing, changed, or not where it should be', async t => {
  const relay = await startSecondRelay(t)
  const second = await startCounted(t)
  const { me, server, made, address } = await published(t, 'checked', { more: ['--server', second.url, '--relay', relay.url] })
  const places = ['--server', server.url, '--server', second.url, '--relay', relay.url, '--json']
  const verdicts = (ran: Ran): Record<string, unknown>[] => facts(ran).filter((fact) => 'check' in fact)
  // without ffmpeg: these bytes are no film, and what decodes is told by test/journeys/film-publish
  const check = (...args: string[]): Promise<Ran> => runFilm(['check', ...args, '--key', me.key], { PATH: '/nowhere' })
  for (const deep of [[], ['--deep']]) {
    const good = await check(address, ...places, ...deep)
    t.match([good.code, good.out.join()], [0, /whether it decodes is not checked/])
    t.same(verdicts(good).filter((fact) => fact['good'] !== true), [])
    t.ok(verdicts(good).some((fact) => /sealed keys/.test(String(fact['check']))))
  }
  t.equal(verdicts(await check(address, ...places)).length, 11)

  const victim = made.film.files.find(({ role }) => role === 'segment')!
  await fetch(`${second.url}/${victim.sha256}`, { method: 'DELETE', headers: { authorization: me.signer.token('delete', { hashes: [victim.sha256] }) } })
  const stranger = creator(t)
  const bad = await stranger.film('check', address, ...places)
  t.equal(bad.code, 1)
  t.match(verdicts(bad).filter((fact) => fact['good'] !== true), [{ check: `blobs at ${second.url}`, words: new RegExp(`1 of 14: segment ${victim.sha256} is not there`) }])
  t.match(bad.out.join('\n'), /the keys are the creator's to check/)

  await relay.stop()
  const away = await check(made.folder, '--json', '--patience', '0')
  t.match(verdicts(away).filter((fact) => fact['good'] !== true).map((fact) => fact['check']), [`title at ${relay.url}`, `blobs at ${second.url}`])
})

t.test('withdraw replaces the title, asks for its deletion, and its keys stop; blobs go where that is asked for, but those of another film', async t => {
  const relay = await startSecondRelay(t)
  const { me, server, made, address } = await published(t, 'gone', { more: ['--relay', relay.url] })
  const sealed = [...server.stored().keys()].find((sha256) => made.film.files.every((file) => file.sha256 !== sha256))!
  // another film of the same creator that has the poster in common
  const other = madeBuild(t, { pubkey: me.signer.pubkey, name: 'stays', poster: 'gone' })
  await me.film('publish', other.folder, '--server', server.url)
  const url = `${server.url}/keys/${made.keys!.keys[0]!.id}`
  t.equal(await keyStatus(url, me.signer), 200)
  t.match(await creator(t).film('withdraw', address, '--server', server.url), { code: 1, err: [/another key's/] })

  const ran = await me.film('withdraw', address, '--server', server.url, '--relay', relay.url, '--reason', 'rights', '--delete-blobs')
  t.equal(ran.code, 0, ran.err.join('\n'))
  t.equal((await titleAt(server, address))?.status, 'withdrawn', 'listed as what it is')
  t.equal(await keyStatus(url, me.signer), 410)
  const shared = new Set(other.film.files.map(({ sha256 }) => sha256))
  t.equal(made.film.files.filter(({ sha256 }) => shared.has(sha256)).length, 1)
  for (const sha256 of [...made.film.files.map((file) => file.sha256).filter((each) => !shared.has(each)), sealed]) t.equal((await fetch(`${server.url}/${sha256}`, { method: 'HEAD' })).status, 404)
  for (const { sha256 } of other.film.files) t.equal((await fetch(`${server.url}/${sha256}`, { method: 'HEAD' })).status, 200)
  t.equal((await titleAt(server, `34235:${me.signer.pubkey}:stays`))!.status, 'published')
  for (const [film, ...more] of [[address, '--server', server.url, '--relay', relay.url], [made.folder]]) {
    const again = await me.film('withdraw', film!, ...more)
    t.match([again.code, again.out.join('\n')], [0, /withdrawn/], 'once more is no fault')
  }
  t.equal(await keyStatus(url, me.signer), 410)
})
