// BUD-01 over HTTP: ranges (01-23, H-8). Every answer is compared with the blob's own bytes.

import t from 'tap'
import { startMarquee, upload } from '../support/app.ts'
import { Signer, seededBlob } from '../support/keys.ts'
import type { Test } from 'tap'

const { url } = await startMarquee(t)
const signer = new Signer()
const SIZES = [1, 4096, 4097, 65_536, 3 * 1024 * 1024 + 1]
const blobs = new Map<number, { bytes: Buffer, sha256: string }>()
for (const size of [0, ...SIZES]) {
  const blob = seededBlob(`ranges ${size}`, size)
  blobs.set(size, blob)
  const { status } = await upload(url, signer, blob, { 'content-type': 'video/mp4' })
  if (status !== 201) throw new Error(`upload: ${status}`)
}
const blobOf = (size: number): { bytes: Buffer, sha256: string } => blobs.get(size)!
const get = (size: number, headers: Record<string, string>, method = 'GET'): Promise<Response> => fetch(`${url}/${blobOf(size).sha256}.mp4`,
  { method, headers })
const bytesOf = async (response: Response): Promise<Buffer> => Buffer.from(await response.arrayBuffer())

async function isPart (t: Test, size: number, range: string, start: number, end: number): Promise<void> {
  const response = await get(size, { range })
  const body = await bytesOf(response)
  t.equal(response.status, 206, `${range} of ${size}`)
  t.equal(response.headers.get('content-range'), `bytes ${start}-${end}/${size}`)
  t.equal(response.headers.get('content-length'), String(end - start + 1))
  t.equal(response.headers.get('content-type'), 'video/mp4')
  t.equal(response.headers.get('accept-ranges'), 'bytes')
  t.equal(response.headers.get('etag'), `"${blobOf(size).sha256}"`)
  t.ok(body.equals(blobOf(size).bytes.subarray(start, end + 1)), `bytes of ${range}`)
}

t.test('01-23 a single range is answered 206 with those bytes; an end past the blob is clamped, a long suffix is all of it', async t => {
  for (const size of SIZES) {
    const last = size - 1
    await isPart(t, size, 'bytes=0-0', 0, 0)
    await isPart(t, size, 'bytes=0-', 0, last)
    await isPart(t, size, `bytes=${last}-`, last, last)
    await isPart(t, size, 'bytes=-1', last, last)
    await isPart(t, size, `bytes=-${size + 1000}`, 0, last)
    await isPart(t, size, `bytes=0-${'9'.repeat(30)}`, 0, last)
    await isPart(t, size, `BYTES=${Math.floor(size / 3)}-${Math.floor(size / 2)}`, Math.floor(size / 3), Math.floor(size / 2))
  }
  await isPart(t, 3 * 1024 * 1024 + 1, 'bytes=1048575-1048577', 1_048_575, 1_048_577)
  await isPart(t, 3 * 1024 * 1024 + 1, 'bytes=100-3000000', 100, 3_000_000)
})

t.test('a blob put together from its ranges is the blob', async t => {
  const { bytes } = blobOf(3 * 1024 * 1024 + 1)
  const pieces: Buffer[] = []
  for (let start = 0; start < bytes.length; start += 700_001) {
    pieces.push(await bytesOf(await get(bytes.length, { range: `bytes=${start}-${start + 700_000}` })))
  }
  t.ok(Buffer.concat(pieces).equals(bytes))
})

t.test('a range outside the blob is 416 and MUST tell the size; nothing of it is cached', async t => {
  for (const [size, range] of [[4096, 'bytes=4096-'], [4097, 'bytes=5000-6000'], [65_536, 'bytes=-0'], [1, 'bytes=1-,2-'], [0, 'bytes=0-'],
    [0, 'bytes=-5'], [0, 'bytes=0-0']] as const) {
    const response = await get(size, { range })
    t.equal(response.status, 416, `${range} of ${size}`)
    t.equal(response.headers.get('content-range'), `bytes */${size}`)
    t.equal(response.headers.get('cache-control'), 'no-store')
    t.equal(response.headers.get('x-reason'), 'the range lies outside the blob')
    t.match(await response.json(), { code: 'RANGE_INVALID' })
  }
})

t.test('a unit or a syntax that we do not know MUST be ignored: 200 and all of it', async t => {
  for (const range of ['items=0-5', 'bytes', 'bytes=', 'bytes=abc', 'bytes=5-2', 'bytes=--1', 'bytes=1-2-3', 'bytes=0-1;2', 'bytes 0-5',
    '0-5', `bytes=${'0-1,'.repeat(60)}0-1`]) {
    const response = await get(4097, { range })
    t.equal(response.status, 200, range)
    t.equal(response.headers.get('content-range'), null)
    t.ok((await bytesOf(response)).equals(blobOf(4097).bytes))
  }
  const whole = await get(0, { range: 'items=0-' })
  t.equal(whole.status, 200)
  t.equal(whole.headers.get('content-length'), '0')
})

t.test('Range on HEAD is ignored', async t => {
  for (const range of ['bytes=0-9', 'bytes=99999999-', 'bytes=0-1,4000-4010']) {
    const response = await get(4097, { range }, 'HEAD')
    t.equal(response.status, 200)
    t.equal(response.headers.get('content-length'), '4097')
    t.equal(response.headers.get('content-range'), null)
    t.equal(response.headers.get('content-type'), 'video/mp4')
  }
})

interface BodyPart { type: string, start: number, end: number, size: number, bytes: Buffer }

/** RFC 2046 §5.1.1, read with as little trust as a client would. */
function parseMultipart (body: Buffer, contentType: string): BodyPart[] {
  const boundary = /^multipart\/byteranges; boundary=([^\s;"]+)$/.exec(contentType)?.[1]
  if (boundary === undefined) throw new Error(`no boundary: ${contentType}`)
  const parts: BodyPart[] = []
  let at = 0
  for (;;) {
    const open = `${at === 0 ? '' : '\r\n'}--${boundary}`
    if (body.subarray(at, at + open.length).toString('latin1') !== open) throw new Error(`no boundary at ${at}`)
    at += open.length
    if (body.subarray(at).toString('latin1') === '--\r\n') return parts
    const split = body.indexOf('\r\n\r\n', at)
    const head = body.subarray(at, split).toString('latin1')
    const [, start, end, size] = /\r\nContent-Range: bytes (\d+)-(\d+)\/(\d+)(?:\r\n|$)/i.exec(head)?.map(Number) ?? []
    const type = /\r\nContent-Type: (.+?)(?:\r\n|$)/i.exec(head)?.[1]
    if (start === undefined || end === undefined || size === undefined || type === undefined) throw new Error(`a part without range or type: ${head}`)
    at = split + 4 + end - start + 1
    parts.push({ type, start, end, size, bytes: body.subarray(split + 4, at) })
  }
}

t.test('several ranges are one multipart/byteranges answer, exactly as long as announced, each part with its own range and bytes',
  async t => {
  const big = 3 * 1024 * 1024 + 1
  const rows: [number, string, [number, number][]][] = [
    [4096, 'bytes=0-9,1000-1009', [[0, 9], [1000, 1009]]],
    [4097, 'bytes=4000-4009,0-9,-1', [[4000, 4009], [0, 9], [4096, 4096]]],
    [65_536, 'bytes=0-0, 30000-39999 ,,-100', [[0, 0], [30_000, 39_999], [65_436, 65_535]]],
    [big, 'bytes=0-1500000,2000000-3100000,-5', [[0, 1_500_000], [2_000_000, 3_100_000], [big - 5, big - 1]]],
    [65_536, 'bytes=500-600,99999-,60000-99999', [[500, 600], [60_000, 65_535]]]
  ]
  for (const [size, range, wanted] of rows) {
    const response = await get(size, { range })
    const body = await bytesOf(response)
    t.equal(response.status, 206, range)
    t.equal(response.headers.get('content-length'), String(body.length))
    t.equal(response.headers.get('content-range'), null, 'RFC 9110 §15.3.7.2: not in the head of a multipart answer')
    const parts = parseMultipart(body, response.headers.get('content-type') ?? '')
    t.strictSame(parts.map(({ start, end }) => [start, end]), wanted)
    for (const part of parts) {
      t.equal(part.type, 'video/mp4')
      t.equal(part.size, size)
      t.ok(part.bytes.equals(blobOf(size).bytes.subarray(part.start, part.end + 1)), `${part.start}-${part.end}`)
    }
  }
})

t.test('several ranges that touch, or of which one is left, are one plain part', async t => {
  await isPart(t, 4097, 'bytes=0-9,10-19', 0, 19)
  await isPart(t, 4097, 'bytes=10-19,0-15', 0, 19)
  await isPart(t, 4097, 'bytes=0-9,5000-', 0, 9)
})

t.test('If-Range: the range is used only for the same tag or the exact date; anything else gets the whole blob', async t => {
  const { sha256, bytes } = blobOf(4097)
  const modified = (await get(4097, {}, 'HEAD')).headers.get('last-modified') ?? ''
  const rows: [string, number][] = [
    [`"${sha256}"`, 206], [modified, 206],
    [`W/"${sha256}"`, 200], ['"other"', 200], [new Date(Date.parse(modified) + 5000).toUTCString(), 200], [sha256, 200], ['*', 200]
  ]
  for (const [value, status] of rows) {
    const response = await get(4097, { 'range': 'bytes=0-9', 'if-range': value })
    t.equal(response.status, status, value)
    t.ok((await bytesOf(response)).equals(status === 206 ? bytes.subarray(0, 10) : bytes))
  }
  t.equal((await get(4097, { 'range': 'bytes=9999-', 'if-range': '"other"' })).status, 200, 'nor is there a 416 then')
})
