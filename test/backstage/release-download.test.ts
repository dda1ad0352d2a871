// One file from peers and the origin (issue 8: "peers from the catalog first, each range or file checked, origin always wins, resumable"): whatever a peer
// does, the bytes that are kept are the right ones, and nothing is fetched twice that is here.

import { createServer } from 'node:http'
import { once } from 'node:events'
import { existsSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { blake3 } from '@napi-rs/blake-hash'
import { judgeAddress, lookupPublic } from '../../backstage/release/addresses.ts'
import { DownloadFailed, download } from '../../backstage/release/download.ts'
import { PartFile } from '../../backstage/release/part-file.ts'
import { seededBlob } from '../support/keys.ts'
import type { AddressInfo } from 'node:net'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Test } from 'tap'
import type { DownloadParts, Source } from '../../backstage/release/download.ts'

const SIZE = 300_000
const { bytes: BYTES, sha256: SHA256 } = seededBlob('a release', SIZE)
const WANTED = { sha256: SHA256, blake3: blake3(BYTES).toString('hex'), size: SIZE }

interface Place { url: string, asked: (string | undefined)[] }

async function serve (t: Test, answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<Place> {
  const asked: (string | undefined)[] = []
  const server = createServer((request, response) => {
    asked.push(request.headers.range)
    answer(request, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => { server.closeAllConnections(); server.close() })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked }
}

/** Sends these bytes, as a server that knows ranges does; `upTo`: then it breaks off. */
function sending (bytes: Buffer, upTo = Infinity): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    const from = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0)
    const rest = bytes.subarray(from)
    response.writeHead(from > 0 ? 206 : 200, { 'content-length': rest.length, ...(from > 0 ? { 'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` } : {}) })
    response.write(rest.subarray(0, upTo), () => { if (upTo < rest.length) response.destroy(); else response.end() })
  }
}

const flipped = (at: number): Buffer => {
  const bytes = Buffer.from(BYTES)
  bytes[at]! ^= 1
  return bytes
}

const LIMITS = { idle: 300, window: 200, attempts: 3, pause: 5 }

function parts (sources: Source[], change: Partial<DownloadParts> = {}): DownloadParts {
  return { wanted: WANTED, sources, dropped: new Map(), mayAsk: async () => null, limits: LIMITS, ...change }
}

const peer = ({ url }: Place): Source => ({ url: `${url}/${SHA256}`, peer: true })
const origin = ({ url }: Place): Source => ({ url: `${url}/file`, peer: false })

t.test('peers are asked first, and the origin is not asked at all when one has the file', async t => {
  const [good, source] = [await serve(t, sending(BYTES)), await serve(t, sending(BYTES))]
  const path = join(t.testdir({}), 'node')
  t.same(await download(path, parts([peer(good), origin(source)])), { from: [good.url], resumed: 0 })
  t.equal(source.asked.length, 0)
  t.ok(readFileSync(path).equals(BYTES))
  t.same(readdirSync(join(path, '..')), ['node'], 'no part is left')
  t.same(await download(path, parts([peer(good)])), { from: [], resumed: 0 }, 'what is here is not fetched again')
  t.equal(good.asked.length, 1)
})

t.test('whatever a peer does, the origin wins', async t => {
  const slow = (_request: IncomingMessage, response: ServerResponse): void => {
    response.writeHead(200)
    const timer = setInterval(() => { response.write('x') }, 50)
    response.on('close', () => { clearInterval(timer) })
  }
  const peers: [words: RegExp, answer: (request: IncomingMessage, response: ServerResponse) => void][] = [
    [/gave other bytes/, sending(flipped(200_000))], [/gave other bytes/, sending(seededBlob('another release', SIZE).bytes)],
    [/broke off/, sending(BYTES.subarray(0, 1000))], [/more than the file has/, sending(Buffer.concat([BYTES, BYTES]))],
    [/terminated|other side closed|broke off/, sending(BYTES, 1000)], [/is slow/, slow], [/sent nothing|is slow/, () => {}],
    [/answered 404/, (_request, response) => { response.writeHead(404).end() }], [/answered 500/, (_request, response) => { response.writeHead(500).end() }],
    [/redirects without end/, (request, response) => { response.writeHead(302, { location: request.url }).end() }],
    [/answered 204|broke off/, (_request, response) => { response.writeHead(204).end() }]
  ]
  for (const [words, answer] of peers) {
    const [bad, source] = [await serve(t, answer), await serve(t, sending(BYTES))]
    const path = join(t.testdir({}), 'node')
    const given = parts([peer(bad), origin(source)])
    const { from } = await download(path, given)
    t.equal(from.at(-1), source.url, String(words))
    t.match(given.dropped.get(bad.url), words)
    t.ok(readFileSync(path).equals(BYTES))
    const again = await download(join(t.testdir({}), 'other'), { ...given, sources: [peer(bad), origin(source)] })
    t.same(again.from, [source.url], 'and the peer is not asked again')
  }
})

t.test('bytes of several peers, one of which lies, are all thrown away: the origin gives the file', async t => {
  const [half, liar, source] = [await serve(t, sending(BYTES, 100_000)), await serve(t, sending(flipped(299_999))), await serve(t, sending(BYTES))]
  const path = join(t.testdir({}), 'node')
  const given = parts([peer(half), peer(liar), origin(source)])
  t.same((await download(path, given)).from, [source.url])
  t.same([...given.dropped.keys()].sort(), [half.url, liar.url].sort())
  t.equal(source.asked.at(-1), undefined, 'from its beginning')
})

t.test('an origin that breaks off is asked again, from where it was', async t => {
  const source = await serve(t, sending(BYTES, 90_000))
  const path = join(t.testdir({}), 'node')
  t.same((await download(path, parts([origin(source)]))).from, [source.url])
  t.same([source.asked[0], source.asked[1]?.startsWith('bytes=')], [undefined, true])
})

t.test('one that knows no ranges is read past what is here', async t => {
  const source = await serve(t, (_request, response) => { response.writeHead(200).end(BYTES) })
  const path = join(t.testdir({}), 'node')
  writeFileSync(PartFile.pathOf(path, WANTED), BYTES.subarray(0, 123_456))
  t.same(await download(path, parts([origin(source)])), { from: [source.url], resumed: 123_456 })
})

t.test('what lay here of a download that was killed is hashed and gone on with; where it is not what it was, the file is fetched anew', async t => {
  const source = await serve(t, sending(BYTES))
  const path = join(t.testdir({}), 'node')
  writeFileSync(PartFile.pathOf(path, WANTED), BYTES.subarray(0, 200_000))
  t.same(await download(path, parts([origin(source)])), { from: [source.url], resumed: 200_000 })
  t.same(source.asked, ['bytes=200000-'])
  for (const left of [flipped(5).subarray(0, 200_000), Buffer.alloc(SIZE + 1), Buffer.alloc(SIZE)]) {
    const other = join(t.testdir({}), 'node')
    writeFileSync(PartFile.pathOf(other, WANTED), left)
    await download(other, parts([origin(source)]))
    t.ok(readFileSync(other).equals(BYTES))
  }
})

t.test('a substituted file is never kept, whoever sent it, and no part of it passes for the file', async t => {
  const [bad, source] = [await serve(t, sending(flipped(0))), await serve(t, sending(flipped(1)))]
  const path = join(t.testdir({}), 'node')
  const error = await download(path, parts([peer(bad), origin(source)])).catch((error: unknown) => error)
  t.type(error, DownloadFailed)
  t.match((error as Error).message, /gave other bytes.*gave other bytes/)
  t.notOk(existsSync(path))
  const [sha256Only] = [{ ...WANTED, blake3: blake3(flipped(0)).toString('hex') }]
  await t.rejects(download(path, parts([origin(await serve(t, sending(BYTES)))], { wanted: sha256Only })), { name: 'DownloadFailed' }, 'one hash of two is not enough')
})

t.test('a stranger sends nobody into their own network, by a redirect neither', async t => {
  t.match(await judgeAddress(new URL('http://127.0.0.1/x'), true, false), /private/)
  for (const url of ['http://10.1.2.3/', 'http://[::1]/', 'http://[::ffff:192.168.1.1]/', 'http://localhost/', 'http://169.254.169.254/', 'http://100.64.0.1/']) t.match(await judgeAddress(new URL(url), true, false), /private/, url)
  t.equal(await judgeAddress(new URL('http://127.0.0.1/x'), true, true), null)
  t.equal(await judgeAddress(new URL('http://127.0.0.1/x'), false, false), null, 'the publisher may name any place')
  t.equal(await judgeAddress(new URL('http://93.184.216.34/x'), true, false), null)
  t.match(await judgeAddress(new URL('ftp://93.184.216.34/x'), false, true), /no http/)
  const inside = await serve(t, sending(BYTES))
  const outside = await serve(t, (_request, response) => { response.writeHead(302, { location: `${inside.url}/secret` }).end() })
  const path = join(t.testdir({}), 'node')
  const mayAsk = async (url: URL): Promise<string | null> => url.origin === outside.url ? null : 'is in a private network'
  await t.rejects(download(path, parts([peer(outside)], { mayAsk })), { message: /private network/ })
  t.equal(inside.asked.length, 0)
})

t.test('a name that means another address once it was judged leads no stranger into our own network', async t => {
  const inside = await serve(t, sending(BYTES))
  const path = join(t.testdir({}), 'node')
  const renamed = { url: inside.url.replace('127.0.0.1', 'localhost'), asked: inside.asked }
  await t.rejects(download(path, parts([peer(renamed)], { lookup: lookupPublic })), { message: /private network/ })
  t.equal(inside.asked.length, 0)
  t.same((await download(path, parts([origin(renamed)], { lookup: lookupPublic }))).from, [renamed.url], 'where the publisher says a file is may be anywhere')
})

t.test('an origin on the public net sends nobody into their own network, one within it may', async t => {
  const inside = await serve(t, sending(BYTES))
  const outside = await serve(t, (_request, response) => { response.writeHead(302, { location: `${inside.url}/admin` }).end() })
  const path = join(t.testdir({}), 'node')
  const isPrivate = (...places: Place[]) => async (url: URL, peer: boolean): Promise<string | null> => peer && places.some((each) => each.url === url.origin) ? 'is in a private network' : null
  await t.rejects(download(path, parts([origin(outside)], { mayAsk: isPrivate(inside) })), { message: /private network/ })
  t.equal(inside.asked.length, 0)
  t.same((await download(path, parts([origin(outside)], { mayAsk: isPrivate(inside, outside) }))).from, [outside.url])
})

t.test('a link that lies where the part would is not followed', async t => {
  const folder = t.testdir({ other: 'not of a release' })
  const path = join(folder, 'node')
  symlinkSync(join(folder, 'other'), PartFile.pathOf(path, WANTED))
  await t.rejects(download(path, parts([origin(await serve(t, sending(BYTES)))])), { code: 'ELOOP' })
  t.equal(readFileSync(join(folder, 'other'), 'utf8'), 'not of a release')
})
