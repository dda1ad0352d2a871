// What `marquee film check` tells of a playlist that a server does not give: the status with the server's own words, what the network did, or that the bytes are
// others; in words, and as JSON.

import { once } from 'node:events'
import { createServer } from 'node:http'
import t from 'tap'
import { checkPlaylists } from '../../backstage/title/check.ts'
import { BlossomServer } from '../../backstage/http/blossom.ts'
import { Exchange } from '../../backstage/http/exchange.ts'
import { sha256Hex } from '../../server/stores/multihash.ts'
import { startBlobFront } from '../support/blob-front.ts'
import { creator, startCounted } from '../support/creator.ts'
import { madeBuild } from '../support/made-build.ts'
import { freePort } from '../support/program.ts'
import type { AddressInfo } from 'node:net'
import type { ServerFault } from '../../backstage/title/check.ts'
import type { FilmManifest } from '../../server/catalog/manifest.ts'

const SEGMENT = 'ab'.repeat(32)
const PLAYLIST = `#EXTM3U\n#EXTINF:4,\n${SEGMENT}.ts\n#EXT-X-ENDLIST\n`
const MASTER = `#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n${sha256Hex(Buffer.from(PLAYLIST))}.m3u8\n`
const [playlist, master] = [PLAYLIST, MASTER].map((text) => ({ sha256: sha256Hex(Buffer.from(text)) }))
const manifest = { master, renditions: [{ name: '180p', playlist, segments: [{ sha256: SEGMENT }] }] } as unknown as FilmManifest

interface Told {
  name: string
  good: boolean
  words: string
  servers: readonly ServerFault[]
}

t.test('a playlist that no server gives is told with what each of them said; one that is given is told with what others did', async t => {
  const exchange = new Exchange(2000)
  t.teardown(() => { exchange.close() })
  const serve = async (answer: (path: string) => { status: number, body?: string, reason?: string }): Promise<BlossomServer> => {
    const server = createServer(({ url }, response) => {
      const { status, body = '', reason } = answer(url!)
      response.writeHead(status, reason === undefined ? {} : { 'x-reason': reason }).end(body)
    }).listen(0, '127.0.0.1')
    t.teardown(() => { server.close().closeAllConnections() })
    await once(server, 'listening')
    return at(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  }
  const at = (origin: string): BlossomServer => new BlossomServer({ origin, exchange, patience: { total: 0 } })
  const [gated, missing, changed, whole] = await Promise.all([
    serve(() => ({ status: 401, reason: 'a token is needed' })), serve(() => ({ status: 404 })), serve((path) => ({ status: 200, body: `other ${path}` })),
    serve((path) => ({ status: 200, body: path.includes(playlist!.sha256) ? PLAYLIST : MASTER }))
  ])
  const away = at(`http://127.0.0.1:${await freePort()}`)
  const check = async (...servers: BlossomServer[]): Promise<Told[]> => {
    const told: Told[] = []
    await checkPlaylists(manifest, { servers, gated: false }, (name, good, words, servers = []) => { told.push({ name, good, words, servers }) })
    return told
  }
  const none = await check(gated!, missing!, changed!, away)
  t.match(none.map(({ name, good }) => [name, good]), [['master playlist', false], ['playlist 180p', false]])
  for (const { words, servers } of none) {
    t.match(words, new RegExp(`^no server gives it: ${gated!.origin}: 401 a token is needed; ${missing!.origin}: 404 it is not there; ${changed!.origin}: it gives other bytes, of sha256 [0-9a-f]{64}; ${away.origin}: .*ECONNREFUSED`))
    t.match(servers, [
      { server: gated!.origin, status: 401, reason: 'a token is needed' }, { server: missing!.origin, status: 404 }, { server: changed!.origin, status: null, reason: /other bytes/ }, { server: away.origin, status: null, reason: /ECONNREFUSED/ }
    ])
  }
  t.match(await check(missing!, whole!, away), [{ good: true, words: `1 renditions; ${missing!.origin}: 404 it is not there` }, { good: true, words: `1 segments; ${missing!.origin}: 404 it is not there` }])
  t.match(await check(changed!, whole!), [{ good: false, words: /other bytes/ }, { good: false, words: /^1 segments; .*other bytes/ }], 'a server that changes a playlist is no good one')
  t.strictSame((await check(whole!)).map(({ good, words, servers }) => [good, words, servers.length]), [[true, '1 renditions', 0], [true, '1 segments', 0]])
  t.match(await check(), [{ good: false, words: 'no server gives it: the title names none' }, { good: false }])
})

t.test('the command tells it in its lines and in its JSON', async t => {
  const [me, server, second] = [creator(t), await startCounted(t), await startCounted(t)]
  const front = await startBlobFront(t, second.url)
  const made = madeBuild(t, { pubkey: me.signer.pubkey, name: 'behind', encrypted: false })
  const ran = await me.film('publish', made.folder, '--server', front.url, '--server', server.url)
  t.equal(ran.code, 0, ran.err.join('\n'))
  const { sha256, rendition } = made.film.files.find(({ role }) => role === 'playlist')!
  front.trouble = (path) => path.startsWith(`/${sha256}`) ? 'change' : null
  const args = ['check', made.folder, '--server', server.url, '--patience', '0']
  const plain = await me.film(...args)
  t.equal(plain.code, 1)
  t.match(plain.out.join('\n'), new RegExp(`WRONG  playlist ${rendition}: .*; ${front.url}: it gives other bytes, of sha256 `))
  const json = (await me.film(...args, '--json')).out.map((line) => JSON.parse(line) as Record<string, unknown>)
  t.match(json.filter((fact) => fact['good'] === false && 'servers' in fact), [{ check: `playlist ${rendition}`, servers: [{ server: front.url, status: null, reason: /other bytes/ }] }])
  front.trouble = (path) => path.startsWith(`/${sha256}`) ? '500' : null
  t.match((await me.film(...args)).out.join('\n'), new RegExp(`good   playlist ${rendition}: .*; ${front.url}: 500`))
})
