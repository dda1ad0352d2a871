// The planned body is put together and read back by a plain reading of RFC 2046.

import t from 'tap'
import { planMultipart } from '../../server/buds/multipart-ranges.ts'
import type { MultipartPlan } from '../../server/buds/multipart-ranges.ts'

const BOUNDARY = '3d6b6a416f9b5c0e8a'
const BLOB = Buffer.from(Array.from({ length: 1000 }, (_, i) => (i * 7 + 13) % 256))

function body (plan: MultipartPlan): Buffer {
  return Buffer.concat([...plan.sections.flatMap(({ head, start, end }) => [head, BLOB.subarray(start, end + 1)]), plan.tail])
}

/** Reads a multipart body: headers and bytes of each part. */
function readParts (body: Buffer, boundary: string): { headers: Map<string, string>, bytes: Buffer }[] {
  const pieces = Buffer.concat([Buffer.from('\r\n'), body]).toString('latin1').split(`\r\n--${boundary}`)
  if (pieces[0] !== '' || pieces.at(-1) !== '--\r\n') throw new Error('no proper begin or end')
  return pieces.slice(1, -1).map(piece => {
    const blank = piece.indexOf('\r\n\r\n')
    const lines = piece.slice(2, blank).split('\r\n').map(line => line.split(': ') as [string, string])
    return { headers: new Map(lines), bytes: Buffer.from(piece.slice(blank + 4), 'latin1') }
  })
}

t.test('each part carries its own Content-Type, Content-Range and exactly its bytes, in the order given', async t => {
  const parts = [{ start: 900, end: 999 }, { start: 0, end: 0 }, { start: 200, end: 456 }]
  const plan = planMultipart(parts, 1000, 'video/mp4', BOUNDARY)
  const read = readParts(body(plan), BOUNDARY)
  t.strictSame(read.map(({ headers }) => headers.get('Content-Range')), ['bytes 900-999/1000', 'bytes 0-0/1000', 'bytes 200-456/1000'])
  for (const [i, { headers, bytes }] of read.entries()) {
    t.strictSame([...headers.keys()], ['Content-Type', 'Content-Range'])
    t.equal(headers.get('Content-Type'), 'video/mp4')
    t.ok(bytes.equals(BLOB.subarray(parts[i]?.start, (parts[i]?.end ?? 0) + 1)), `bytes of part ${i}`)
  }
})

t.test('the planned length is the length of the body', async t => {
  for (const parts of [[{ start: 5, end: 5 }], [{ start: 0, end: 9 }, { start: 500, end: 999 }]]) {
    const plan = planMultipart(parts, 1000, 'text/plain; charset=utf-8', BOUNDARY)
    t.equal(plan.contentLength, body(plan).length)
  }
})

t.test('a length beyond 4 GiB is exact', async t => {
  const size = 2 ** 40
  const plan = planMultipart([{ start: 0, end: 2 ** 36 }, { start: 2 ** 39, end: size - 1 }], size, 'video/mp4', BOUNDARY)
  const framing = plan.tail.length + plan.sections.reduce((sum, { head }) => sum + head.length, 0)
  t.equal(plan.contentLength, 2 ** 36 + 1 + 2 ** 39 + framing)
  t.match(plan.sections[1]?.head.toString(), `bytes 549755813888-1099511627775/1099511627776`)
})

t.test('the answer is multipart/byteranges and its boundary is not quoted', async t => {
  const plan = planMultipart([{ start: 0, end: 0 }], 1000, 'video/mp4', BOUNDARY)
  t.equal(plan.contentType, `multipart/byteranges; boundary=${BOUNDARY}`)
})

t.test('a boundary that would need quotes or more than 70 characters is refused, and so is a body without parts', async t => {
  const one = [{ start: 0, end: 0 }]
  for (const boundary of ['', 'a b', 'a:b', 'a"b', 'a\r\nb', 'a'.repeat(71)]) t.throws(() => planMultipart(one, 1, 'a/b', boundary), TypeError)
  t.equal(planMultipart(one, 1, 'a/b', 'a'.repeat(70)).sections.length, 1)
  t.throws(() => planMultipart([], 1, 'a/b', BOUNDARY), TypeError)
})
