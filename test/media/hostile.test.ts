// Damaged and hostile files at PUT /media: refused with 415 or 422 and a reason, nothing is left of them, nothing else is opened, and the server goes on.

import { once } from 'node:events'
import { chmodSync, readdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { crc32, deflateSync } from 'node:zlib'
import t from 'tap'
import sharp from 'sharp'
import { sha256Hex } from '../../server/stores/multihash.ts'
import { startMarquee } from '../support/app.ts'
import { newFolder } from '../support/both-stores.ts'
import { startServer, storeEnv } from '../support/children.ts'
import { Signer, seededBlob } from '../support/keys.ts'
import { animation, cameraVideo, fastVideo, ffmpegMakes, mediaOf, putMedia, SCENE, twoHalves } from '../support/media.ts'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'

const { url, dataDir, log } = await startMarquee(t, { file: { media: { time: 200, jobs: 2, waiting: 30 }, rateLimit: false } })

function leftIn (dataDir: string): string[] {
  try {
    return readdirSync(join(dataDir, 'media'))
  } catch {
    return []
  }
}

interface Said { status: number, code: string, reason: string }

async function said (response: Response): Promise<Said> {
  const { code = '', reason = '' } = response.ok ? {} : await response.json() as { code: string, reason: string }
  if (!response.ok && response.headers.get('x-reason') === null) throw new Error('no X-Reason')
  return { status: response.status, code, reason }
}

/** What each of them is told, four at a time. */
async function tryAll (all: readonly (readonly [name: string, bytes: Buffer])[]): Promise<(Said & { name: string })[]> {
  const results: (Said & { name: string })[] = []
  const rest = [...all]
  await Promise.all(Array.from({ length: 4 }, async () => {
    for (let next = rest.shift(); next !== undefined; next = rest.shift()) results.push({ name: next[0], ...await said(await putMedia(url, new Signer(), next[1])) })
  }))
  return results
}

const VP8 = ['-c:v', 'libvpx', '-deadline', 'realtime', '-cpu-used', '8', '-c:a', 'libopus']
const noise = await sharp(seededBlob('noise', 300 * 200 * 3).bytes, { raw: { width: 300, height: 200, channels: 3 } }).png().toBuffer()
const sound: Readonly<Record<string, Buffer>> = {
  jpeg: await sharp(noise).jpeg().toBuffer(), progressive: await sharp(noise).jpeg({ progressive: true }).toBuffer(), png: noise, webp: await sharp(noise).webp().toBuffer(), avif: await sharp(noise).avif({ effort: 0 }).toBuffer(),
  gif: await animation(5, 60), mp4: await cameraVideo(), fast: await fastVideo(), webm: await ffmpegMakes('webm', [...SCENE, ...VP8]), matroska: await ffmpegMakes('mkv', [...SCENE, ...VP8])
}

t.test('what is broken off anywhere is refused, 422, or 415 where not even its kind can be told', async t => {
  const cut = Object.entries(sound).flatMap(([kind, bytes]) => [0.001, 0.9].map((part) => [`${kind} ${part}`, bytes.subarray(0, Math.max(3, Math.floor(bytes.length * part)))] as const))
  for (const { name, status, code } of await tryAll(cut)) {
    t.ok((status === 422 && code === 'MEDIA_DAMAGED') || (status === 415 && name.endsWith('0.001')), `${name}: ${status} ${code}`)
  }
})

t.test('bytes that only begin like a picture or a video are refused, and bits that flip harm nobody', async t => {
  const begun = Object.entries(sound).map(([kind, bytes]) => [`${kind} begun`, Buffer.concat([bytes.subarray(0, 64), seededBlob(kind, 20_000).bytes])] as const)
  for (const { name, status } of await tryAll(begun)) t.equal(status, 422, name)
  const flipped = Object.entries(sound).flatMap(([kind, bytes]) => [1].map((round) => {
    const other = Buffer.from(bytes)
    const where = seededBlob(`${kind} ${round}`, 80).bytes
    for (let i = 0; i < 80; i += 4) other[16 + where.readUInt32LE(i) % (other.length - 16)]! ^= 1 << (i % 8)
    return [`${kind} flipped ${round}`, other] as const
  }))
  for (const { name, status, code } of await tryAll(flipped)) t.ok([200, 201, 415, 422].includes(status), `${name}: ${status} ${code}`)
})

/** A PNG of so many pixels, all one colour: a few KiB, however many. */
function pngOf (width: number, height: number): Buffer {
  const chunk = (type: string, data: Buffer): Buffer => {
    const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)]
    length.writeUInt32BE(data.length)
    const body = Buffer.concat([Buffer.from(type), data])
    sum.writeUInt32BE(crc32(body))
    return Buffer.concat([length, body, sum])
  }
  const head = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0])
  head.writeUInt32BE(width, 0)
  head.writeUInt32BE(height, 4)
  const lines = Buffer.alloc((Math.ceil(width / 8) + 1) * height)
  return Buffer.concat([Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]), chunk('IHDR', head), chunk('IDAT', deflateSync(lines, { level: 1 })), chunk('IEND', Buffer.alloc(0))])
}

t.test('a picture of too many pixels is refused before they are made, and a large one that may be is not', async t => {
  const bomb = pngOf(40_000, 40_000)
  t.ok(bomb.length < 2 ** 20)
  t.match(await said(await putMedia(url, new Signer(), bomb)), { status: 422, code: 'MEDIA_COSTLY', reason: /100000000 pixels at most/ })
  const frames = await animation(200, 40)
  const { url: small } = await startMarquee(t, { file: { media: { maxPixels: 100_000 } } })
  t.match(await said(await putMedia(small, new Signer(), frames)), { status: 422, code: 'MEDIA_COSTLY' }, 'all frames count')
  t.match(await said(await putMedia(small, new Signer(), await ffmpegMakes('mp4', ['-f', 'lavfi', '-i', 'color=s=640x480:d=1', '-c:v', 'libx264', '-preset', 'ultrafast']))), { status: 422, code: 'MEDIA_COSTLY' }, 'and those of a video\'s frame')
  t.equal((await mediaOf(url, new Signer(), pngOf(6_000, 5_000))).status, 201)
})

t.test('a picture or a video that is something else as well comes out as itself alone', async t => {
  const page = '<script>alert(1)</script>'
  const comment = Buffer.concat([sound['jpeg']!.subarray(0, 2), Buffer.from([0xff, 0xfe, 0, page.length + 2]), Buffer.from(page), sound['jpeg']!.subarray(2)])
  for (const bytes of [comment, ...['jpeg', 'png', 'gif', 'webp'].map((kind) => Buffer.concat([sound[kind]!, Buffer.from(`PK\x03\x04${page}`)]))]) {
    const { made } = await mediaOf(url, new Signer(), bytes)
    t.notMatch(made.toString('latin1'), 'script')
    t.equal((await sharp(made).metadata()).format, 'webp')
  }
  const behind = Buffer.concat([sound['mp4']!, Buffer.from([0, 0, 0, 8 + page.length]), Buffer.from('free'), Buffer.from(page)])
  t.notMatch((await mediaOf(url, new Signer(), behind)).made.toString('latin1'), 'script')
})

t.test('what names other files is no video: nothing is fetched, no file of the machine is read', async t => {
  let asked = 0
  const elsewhere = createServer((_request, response) => {
    asked++
    response.end()
  }).listen(0, '127.0.0.1')
  t.teardown(() => { elsewhere.close() })
  await once(elsewhere, 'listening')
  const there = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}`
  const playlist = `#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n${there}/a.ts\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n`
  const texts = [
    playlist, `ffconcat version 1.0\nfile '${there}/b.mp4'\nfile '/etc/passwd'\n`, `<?xml version="1.0"?><MPD><BaseURL>${there}/c</BaseURL></MPD>`, `v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n`
  ]
  for (const type of ['video/mp4', 'application/octet-stream', 'video/x-matroska']) {
    for (const text of texts) t.match(await said(await putMedia(url, new Signer(), Buffer.from(text), { 'content-type': type })), { status: 415, code: 'MEDIA_REFUSED' })
  }
  const disguised = Buffer.concat([sound['mp4']!.subarray(0, 32), Buffer.from(playlist)])
  t.match(await said(await putMedia(url, new Signer(), disguised)), { status: 422 }, 'it begins as an MP4 and is read as nothing else')
  // "the media lies elsewhere": a data reference that is not to the file itself
  const foreign = Buffer.from(sound['mp4']!)
  for (let at = foreign.indexOf('url \0\0\0\x01'); at > 0; at = foreign.indexOf('url \0\0\0\x01', at + 1)) foreign[at + 7] = 0
  t.ok([200, 201, 422].includes((await putMedia(url, new Signer(), foreign)).status))
  t.equal(asked, 0)
})

t.test('SVG is refused, whatever it is called: it is active content, and may name other files', async t => {
  const svgs = ['<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    '<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]><svg xmlns="http://www.w3.org/2000/svg"><text>&x;</text></svg>']
  for (const svg of svgs) {
    for (const type of ['image/svg+xml', 'image/png', 'application/octet-stream']) t.match(await said(await putMedia(url, new Signer(), Buffer.from(svg), { 'content-type': type })), { status: 415, code: 'MEDIA_REFUSED' })
  }
  for (const bytes of [Buffer.alloc(0), Buffer.from('text'), Buffer.from('%PDF-1.4\n'), seededBlob('opaque', 5000).bytes]) t.equal((await putMedia(url, new Signer(), bytes)).status, 415)
})

t.test('a body without end is cut where it passes the limit, and nothing of it stays', async t => {
  const small = await startMarquee(t, { file: { media: { maxSize: '1MiB' } } })
  const { hostname, port } = new URL(small.url)
  const socket = connect(Number(port), hostname)
  let answer = ''
  socket.on('data', (text) => { answer += String(text) }).on('error', () => {})
  socket.write(`PUT /media HTTP/1.1\r\nHost: ${hostname}\r\nAuthorization: ${new Signer().token('media', { hashes: ['0'.repeat(64)] })}\r\nTransfer-Encoding: chunked\r\n\r\n`)
  const piece = Buffer.concat([Buffer.from('10000\r\n'), sound['mp4']!.subarray(0, 32), Buffer.alloc(65536 - 32), Buffer.from('\r\n')])
  const sending = setInterval(() => { if (!socket.destroyed && socket.writable) socket.write(piece) }, 2)
  // it may be reset while it still sends
  await new Promise((resolve) => { socket.once('close', resolve) })
  clearInterval(sending)
  t.match(answer, /^HTTP\/1\.1 413 /)
  t.match(answer, /x-reason: the blob is larger/i)
  t.strictSame(leftIn(small.dataDir), [])
})

/** A program in ffprobe's place. */
function programOf (t: Test, lines: string): string {
  const path = join(newFolder(t), 'ffprobe')
  writeFileSync(path, `#!/bin/sh\n[ "$1" = -version ] && exit 0\n${lines}\n`)
  chmodSync(path, 0o755)
  return path
}

/** One that never ends. */
const hanging = (t: Test): string => programOf(t, 'sleep 3600 & sleep 3600')

/** One that ends, with a fault, when `end` has been called. */
function heldUp (t: Test): { ffprobe: string, end: () => void } {
  const gate = join(newFolder(t), 'gate')
  return { ffprobe: programOf(t, `while [ ! -e '${gate}' ]; do sleep 0.1; done; exit 1`), end: () => { writeFileSync(gate, '') } }
}

t.test('a job that hangs is killed in time, and the server answers others meanwhile', async t => {
  const { url, dataDir } = await startMarquee(t, { file: { media: { time: 8, jobs: 1, waiting: 4, ffprobe: hanging(t) } } })
  let done = false
  const hung = putMedia(url, new Signer(), sound['mp4']!).then(said).finally(() => { done = true })
  while (leftIn(dataDir).length === 0) await pause(10)
  t.equal((await fetch(`${url}/readyz`)).status, 200)
  t.notOk(done)
  const next = mediaOf(url, new Signer(), await twoHalves(40, 20).png().toBuffer())
  t.match(await hung, { status: 422, code: 'MEDIA_COSTLY', reason: /time/ })
  t.equal((await next).status, 201, 'who waited behind it has its turn')
  t.strictSame(leftIn(dataDir), [])
})

t.test('who comes when the line is full is told to come again, before its body', async t => {
  const { ffprobe, end } = heldUp(t)
  const { url } = await startMarquee(t, { file: { media: { time: 200, jobs: 1, waiting: 1, ffprobe } } })
  const hung = [new Signer(), new Signer()].map((signer) => putMedia(url, signer, sound['mp4']!))
  const signer = new Signer()
  const hash = '1'.repeat(64)
  const preflight = (): Promise<Response> => fetch(`${url}/media`, { method: 'HEAD', headers: { 'authorization': signer.token('media', { hashes: [hash] }), 'x-sha-256': hash, 'x-content-length': '1' } })
  let head = await preflight()
  for (; head.status === 200; head = await preflight()) await pause(10) // until both are in
  t.equal(head.status, 503)
  const refused = await putMedia(url, signer, sound['png']!)
  t.match(await said(refused), { status: 503, code: 'MEDIA_BUSY' })
  t.equal(refused.headers.get('retry-after'), '10')
  end()
  t.strictSame((await Promise.all(hung)).map(({ status }) => status), [422, 422])
})

t.test('when the client leaves, its job ends and nothing is stored', async t => {
  const { url, dataDir, marquee } = await startMarquee(t, { file: { media: { time: 60, ffprobe: hanging(t) } } })
  const signer = new Signer()
  const leaving = new AbortController()
  const bytes = sound['mp4']!
  const asked = fetch(`${url}/media`, { method: 'PUT', body: bytes as Uint8Array<ArrayBuffer>, signal: leaving.signal, headers: { authorization: signer.token('media', { hashes: ['1'.repeat(64)] }) } }).catch(() => null)
  await asked.then((response) => { t.equal(response?.status, 401, 'the token is checked against the hash before any work') })
  const again = fetch(`${url}/media`, { method: 'PUT', body: bytes as Uint8Array<ArrayBuffer>, signal: leaving.signal, headers: { authorization: signer.token('media', { hashes: [sha256Hex(bytes)] }) } })
  while (!leftIn(dataDir).some((job) => readdirSync(join(dataDir, 'media', job)).includes('in'))) await pause(10)
  await pause(100)
  leaving.abort()
  await t.rejects(again)
  for (let i = 0; i < 3000 && leftIn(dataDir).length > 0; i++) await pause(20)
  t.strictSame(leftIn(dataDir), [])
  t.equal(marquee.blobs.list({ owner: signer.pubkey, limit: 1, since: 0, until: Number.MAX_SAFE_INTEGER, after: null }).length, 0)
})

t.test('without ffmpeg on the machine videos are refused with that reason, and pictures are taken', async t => {
  const { url } = await startMarquee(t, { file: { media: { ffmpeg: '/no/such/ffmpeg' } } })
  const signer = new Signer()
  t.match(await said(await putMedia(url, signer, sound['mp4']!, { 'content-type': 'video/mp4' })), { status: 415, code: 'MEDIA_NO_FFMPEG', reason: /no ffmpeg/ })
  t.match(await said(await putMedia(url, signer, sound['webm']!)), { status: 415, code: 'MEDIA_NO_FFMPEG' })
  const hash = '1'.repeat(64)
  const head = await fetch(`${url}/media`, { method: 'HEAD', headers: { 'authorization': signer.token('media', { hashes: [hash] }), 'x-sha-256': hash, 'x-content-length': '1', 'x-content-type': 'video/mp4' } })
  t.equal(head.status, 415)
  t.match(head.headers.get('x-reason'), /no ffmpeg/)
  t.equal((await putMedia(url, signer, sound['png']!)).status, 201)
})

t.test('after a kill -9 in the middle of a job the next start finds nothing of it, and takes the same video', async t => {
  const folder = newFolder(t)
  const config = join(t.testdir({ 'config.json': JSON.stringify({ media: { ffprobe: hanging(t) } }) }), 'config.json')
  const first = await startServer(t, storeEnv(folder, null), [], ['--config', config])
  const asked = putMedia(first.url, new Signer(), sound['mp4']!)
  asked.catch(() => {})
  while (!leftIn(folder).some((job) => readdirSync(join(folder, 'media', job)).includes('in'))) await pause(10)
  await pause(100)
  await first.kill('SIGKILL')
  await t.rejects(asked)
  t.equal(leftIn(folder).length, 1)
  const second = await startServer(t, storeEnv(folder, null))
  t.strictSame(leftIn(folder), [])
  t.equal((await mediaOf(second.url, new Signer(), sound['mp4']!)).status, 201)
})

t.test('through all of it the server failed nobody, and left nothing', async t => {
  t.strictSame(log.filter(({ status }) => typeof status === 'number' && status >= 500), [])
  t.strictSame(leftIn(dataDir), [])
  t.equal((await fetch(`${url}/readyz`)).status, 200)
})
