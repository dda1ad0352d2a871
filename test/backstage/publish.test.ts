// `marquee film publish FOLDER`: a finished build comes to servers, keys to their keeper, the title to catalogs and relays; broken off anywhere, it goes on.

import { createServer } from 'node:http'
import { once } from 'node:events'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parseTitle } from '../../server/catalog/kinds/title.ts'
import { isSigned } from '../../server/auth/signature.ts'
import { startCommand } from '../support/command.ts'
import { creator, runFilm, startCounted } from '../support/creator.ts'
import { newFolder } from '../support/folder.ts'
import { Signer } from '../support/keys.ts'
import { madeBuild } from '../support/made-build.ts'
import { startSecondRelay } from '../support/second-relay.ts'
import type { AddressInfo } from 'node:net'
import type { SignedEvent } from '../../server/auth/signature.ts'
import type { MadeBuild } from '../support/made-build.ts'

const addressOf = ({ film }: MadeBuild): string => `34235:${film.pubkey}:${film.d}`

async function titleAt (url: string, address: string): Promise<SignedEvent | null> {
  const response = await fetch(`${url}/catalog/titles/${address}`)
  return response.status === 200 ? ((await response.json()) as { event: SignedEvent }).event : null
}

t.test('a build is published to two servers and a relay: every blob, the keys, and one title that names both servers', async t => {
  const me = creator(t)
  const [one, two] = [await startCounted(t), await startCounted(t)]
  const relay = await startSecondRelay(t)
  const made = madeBuild(t, { pubkey: me.signer.pubkey, name: 'first' })
  const ran = await me.film('publish', made.folder, '--server', one.url, '--server', `${two.url}/`, '--relay', relay.url)
  t.equal(ran.code, 0, ran.err.join('\n'))
  t.match(ran.out.join('\n'), /naddr1\w+[^]*told {2}http[^]*told {2}ws/)
  const [page] = /http\S+\/watch\/naddr1\w+/.exec(ran.out.join('\n')) ?? []
  t.equal((await fetch(page!, { headers: { accept: 'text/html' } })).status, 200, 'where it is watched is told')
  t.match(ran.err.join('\n'), /nobody but you may play it until you say who: marquee film grant/)

  const event = await titleAt(one.url, addressOf(made))
  t.same(await titleAt(two.url, addressOf(made)), event, 'the same event in both catalogs')
  t.ok(isSigned(event!))
  const title = parseTitle(event!)
  t.same(title.servers, [one.url, two.url])
  t.same(title.access, { scheme: 'nip98', url: `${one.url}/keys` })
  t.same(title.media[0]!.fallbacks, [`${two.url}/${made.film.master.sha256}.m3u8`])
  for (const { url } of [one, two]) {
    for (const { sha256, size, type } of made.film.files) {
      const { status, headers } = await fetch(`${url}/${sha256}`, { method: 'HEAD' })
      t.match([status, headers.get('content-length'), headers.get('content-type')], [200, String(size), type])
    }
    t.same((await (await fetch(`${url}/catalog/titles/${addressOf(made)}`)).json() as { health: object }).health, { manifest: 'read', held: 12, listed: 12, providers: 0 })
  }
  for (const { id, key } of made.keys!.keys) {
    const url = `${one.url}/keys/${id}`
    const response = await fetch(url, { headers: { authorization: me.signer.httpToken('GET', url) } })
    t.equal(Buffer.from(await response.arrayBuffer()).toString('hex'), key)
    t.equal((await fetch(`${two.url}/keys/${id}`)).status, 404, 'the other server has no keys')
  }
  t.ok([...one.stored().values(), ...two.stored().values()].every((times) => times === 1))
  t.equal(one.stored().size, made.film.files.length + 1, 'and the sealed keys')

  const before = one.stored().size
  const again = await me.film('publish', made.folder, '--json')
  t.equal(again.code, 0, 'again, with the places it remembers')
  t.notMatch(again.out.join('\n'), 'nobody but you')
  t.same(await titleAt(one.url, addressOf(made)), event, 'nothing is signed anew')
  t.equal(one.stored().size, before)
  t.ok(again.out.map((line) => JSON.parse(line) as object).some((fact) => 'published' in fact), 'every line is JSON')
})

t.test('neither the title nor what is uploaded shows the secret, the keys or which blob has them', async t => {
  const me = creator(t)
  const server = await startCounted(t)
  const made = madeBuild(t, { pubkey: me.signer.pubkey, name: 'secrets' })
  t.equal((await me.film('publish', made.folder, '--server', server.url)).code, 0)
  const sealed = [...server.stored().keys()].filter((sha256) => made.film.files.every((file) => file.sha256 !== sha256))
  t.equal(sealed.length, 1)
  const event = JSON.stringify(await titleAt(server.url, addressOf(made)))
  const bytes = await (await fetch(`${server.url}/${sealed[0]!}`)).text()
  const state = readFileSync(join(made.folder, 'publish.json'), 'utf8')
  for (const hidden of [made.keys!.secret, ...made.keys!.keys.flatMap(({ id, key }) => [id, key])]) {
    t.notMatch(event, hidden)
    t.notMatch(bytes, hidden)
    t.notMatch(state, hidden)
  }
  t.notMatch(event, sealed[0]!)
})

t.test('with --mirror the others fetch from the first server; one that cannot is sent everything', async t => {
  const me = creator(t)
  const [one, two, three] = [await startCounted(t), await startCounted(t), await startCounted(t, { env: { MIRROR_ALLOW_PRIVATE: 'false' } })]
  const made = madeBuild(t, { pubkey: me.signer.pubkey, name: 'mirrored', encrypted: false })
  const ran = await me.film('publish', made.folder, '--server', one.url, '--server', two.url, '--server', three.url, '--mirror')
  t.equal(ran.code, 0, ran.err.join('\n'))
  t.same([one.stored().size, two.stored().size, three.stored().size], [made.film.files.length, 0, made.film.files.length])
  t.equal(two.requests.filter(({ method, path, status }) => method === 'PUT' && path === '/mirror' && status === 201).length, made.film.files.length)
  t.equal(parseTitle((await titleAt(one.url, addressOf(made)))!).access, null, 'an open film has no access tag')
})

t.test('what would fail is told before anything is uploaded, all of it at once', async t => {
  const me = creator(t)
  const made = madeBuild(t, { pubkey: me.signer.pubkey, name: 'refused' })
  const closed = await startCounted(t, { env: { UPLOAD_PUBKEYS: new Signer().pubkey } })
  const small = await startCounted(t, { env: { MAX_BLOB_SIZE: '1000' } })
  const ran = await me.film('publish', made.folder, '--server', closed.url, '--server', small.url, '--server', 'http://127.0.0.1:1', '--relay', 'ws://127.0.0.1:1', '--patience', '0')
  t.equal(ran.code, 1)
  const text = ran.err.join('\n')
  t.match(text, /would not take the film: 403 this key may not/)
  t.match(text, /takes 1000 B at most, and there are blobs of/)
  t.match(text, /127\.0\.0\.1:1: .*ECONNREFUSED.*not reached/)
  t.match(text, /ws:\/\/127\.0\.0\.1:1.*not reached/)
  t.same([closed, small].flatMap(({ requests }) => requests.filter(({ method }) => method === 'PUT')), [])

  const nobody = await startCounted(t)
  const open = madeBuild(t, { pubkey: me.signer.pubkey, name: 'unheard', encrypted: false })
  nobody.replace = (path) => path === '/.well-known/marquee.json' ? '{}' : null
  t.match(await me.film('publish', open.folder, '--server', nobody.url), { code: 1, err: [/nobody would hear of it/] })

  const choosy = await startCounted(t, { env: { TITLE_PUBKEYS: new Signer().pubkey } })
  t.match(await me.film('publish', open.folder, '--server', choosy.url), { code: 1, err: [/nobody would hear of it.*takes no titles of this key.*403/] })
  t.same(choosy.requests.filter(({ method }) => method === 'PUT'), [], 'and not after hours of upload')

  const plain = createServer((request, response) => { response.writeHead(request.method === 'HEAD' && request.url === '/upload' ? 200 : 404).end() })
  plain.listen(0, '127.0.0.1')
  await once(plain, 'listening')
  t.teardown(() => { plain.close() })
  const keyless = await me.film('publish', made.folder, '--server', `http://127.0.0.1:${(plain.address() as AddressInfo).port}`)
  t.equal(keyless.code, 1)
  t.match(keyless.err.join('\n'), /none of these servers keeps keys[^]*--open/)
})

t.test('what is asked wrongly is exit code 2, and another key\'s folder is refused', async t => {
  const me = creator(t)
  const made = madeBuild(t, { pubkey: me.signer.pubkey, name: 'asked' })
  for (const args of [[], [made.folder, 'more'], [made.folder], [made.folder, '--server', 'ftp://x'], [made.folder, '--server', 'https://x/path'], [made.folder, '--server', 'https://x', '--relay', 'https://x'], [made.folder, '--server', 'https://x', '--patience', 'long']]) {
    t.equal((await me.film('publish', ...args)).code, 2, args.join(' '))
  }
  const server = await startCounted(t)
  const other = await creator(t).film('publish', made.folder, '--server', server.url)
  t.match([other.code, other.err.join('\n')], [1, /built for another key/])
  t.equal((await runFilm(['publish', made.folder, '--server', server.url])).code, 1)
  const nothing = await me.film('publish', newFolder(t), '--server', server.url)
  t.match([nothing.code, nothing.err.join('\n')], [1, /no finished build/])
  writeFileSync(join(made.folder, 'publish.json'), '{"schema":"marquee.film-publish/1"')
  t.match((await me.film('publish', made.folder, '--server', server.url)).err.join('\n'), /publish\.json is damaged/)
  rmSync(join(made.folder, 'publish.json'))
  rmSync(join(made.folder, 'keys.json'))
  t.match((await me.film('publish', made.folder, '--server', server.url)).err.join('\n'), /the keys of this build are gone/)
})

t.test('killed in the middle of the upload and run again, no blob is stored twice', async t => {
  const me = creator(t)
  const server = await startCounted(t)
  const made = madeBuild(t, { pubkey: me.signer.pubkey, name: 'killed', segments: 25, size: 20_000 })
  const args = ['film', 'publish', made.folder, '--server', server.url, '--key', me.key]
  for (const stop of [20]) {
    const command = startCommand(t, args)
    server.onRequest = () => { if (server.stored().size >= stop) command.kill('SIGKILL') }
    const { signal } = await command.ended
    t.equal(signal, 'SIGKILL', `killed after ${stop} blobs`)
    server.onRequest = () => {}
    t.equal(await titleAt(server.url, addressOf(made)), null, 'no title before its blobs')
  }
  const stopped = startCommand(t, args)
  let asked = false
  server.onRequest = () => {
    if (asked || server.stored().size < 35) return
    asked = true // the second time would end it at once
    stopped.kill('SIGTERM')
  }
  t.match(await stopped.ended, { code: 1, err: /stopped; run it again and it goes on/ }, 'asked to stop, it says so')
  server.onRequest = () => {}
  const last = await me.film('publish', made.folder, '--server', server.url)
  t.equal(last.code, 0, last.err.join('\n'))
  for (const { sha256 } of made.film.files) t.equal((await fetch(`${server.url}/${sha256}`, { method: 'HEAD' })).status, 200)
  t.same([...server.stored().values()].filter((times) => times > 1), [])
  t.ok(await titleAt(server.url, addressOf(made)))
})

t.test('a server that is started anew in the midst, and connections that break, only take time', async t => {
  const me = creator(t)
  const server = await startCounted(t)
  const made = madeBuild(t, { pubkey: me.signer.pubkey, name: 'restarted', segments: 25, size: 20_000 })
  let [asking, restarting]: (Promise<void> | null)[] = [null, null]
  server.onRequest = ({ method, path }) => {
    if (method === 'HEAD' && path.length > 64) asking ??= server.restart()
    if (method === 'PUT' && server.stored().size >= 10) restarting ??= server.restart()
  }
  const warnings: Error[] = []
  const warned = (warning: Error): void => { warnings.push(warning) }
  process.on('warning', warned)
  t.teardown(() => { process.off('warning', warned) })
  const ran = await me.film('publish', made.folder, '--server', server.url)
  t.equal(ran.code, 0, ran.err.join('\n'))
  t.strictSame(warnings, [], 'people are told of servers, and not of listeners')
  t.ok(asking !== null && restarting !== null)
  // one whose answer was cut off is found there, and counts for nothing here
  for (const { sha256 } of made.film.files) t.equal((await fetch(`${server.url}/${sha256}`, { method: 'HEAD' })).status, 200)
  t.same([...server.stored().values()].filter((times) => times > 1), [])
  t.ok(await titleAt(server.url, addressOf(made)))
})

t.test('who was not told is told by the next run, with the same event', async t => {
  const me = creator(t)
  const server = await startCounted(t)
  const relay = await startSecondRelay(t)
  const made = madeBuild(t, { pubkey: me.signer.pubkey, name: 'told' })
  await relay.stop()
  const first = await me.film('publish', made.folder, '--server', server.url, '--relay', relay.url)
  t.equal(first.code, 1)
  t.match(first.out.join('\n'), /NOT TOLD {2}ws:/)
  await relay.start()
  t.equal((await me.film('publish', made.folder)).code, 0)
  t.equal(JSON.parse(readFileSync(join(made.folder, 'publish.json'), 'utf8')).title.event.id, (await titleAt(server.url, addressOf(made)))!.id)
})
