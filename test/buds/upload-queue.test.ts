// So many uploads under way, the rest in fair turns before their body is read; nobody who stands still or leaves holds anybody up.

import { setTimeout as wait } from 'node:timers/promises'
import t from 'tap'
import { UploadQueue } from '../../server/buds/upload-queue.ts'
import { startMarquee, upload } from '../support/app.ts'
import { mirror } from '../support/asking.ts'
import { send, startOrigin } from '../support/blob-origin.ts'
import { refusalOf, seeded } from '../support/judging.ts'
import { Signer, seededBlob } from '../support/keys.ts'
import { RawClient } from '../support/raw-http.ts'
import { until } from '../support/raw-origin.ts'
import type { Ticket } from '../../server/buds/upload-queue.ts'

const CRLF = '\r\n'
const never = (): null => null

/** Enters and notes when its turn comes. */
function enter (queue: UploadQueue, who: string, name: string, began: string[], moved: () => number | null = never): Ticket {
  const ticket = queue.enter(who, moved)
  ticket.turn.then(() => { began.push(name) }, () => { began.push(`${name} left`) })
  return ticket
}

t.test('as many as there are places go at once; each that ends lets the next in, and the names that wait take turns', async t => {
  const queue = new UploadQueue({ places: 2, waiting: 10 })
  const began: string[] = []
  const names = ['a1', 'a2', 'a3', 'a4', 'a5', 'b1', 'b2', 'c1']
  const tickets = names.map((name) => enter(queue, name[0]!, name, began))
  await wait(0)
  t.strictSame(began, ['a1', 'a2'])
  for (let i = 0; i < 6; i++) {
    tickets[names.indexOf(began[i]!)]!.leave()
    await wait(0)
  }
  t.strictSame(began, ['a1', 'a2', 'a3', 'b1', 'c1', 'a4', 'b2', 'a5'])
  t.match(queue.counts, { underWay: 2, waiting: 0 })
})

t.test('who waits and leaves frees its place in line; a full line is 503 with Retry-After', async t => {
  const queue = new UploadQueue({ places: 1, waiting: 2 })
  const began: string[] = []
  const first = enter(queue, 'a', 'a1', began)
  const second = enter(queue, 'a', 'a2', began)
  enter(queue, 'b', 'b1', began)
  t.equal(refusalOf(() => queue.judge()), 'QUEUE_FULL')
  t.equal(refusalOf(() => queue.enter('c', never)), 'QUEUE_FULL')
  second.leave()
  second.leave()
  await wait(0)
  t.strictSame(began, ['a1', 'a2 left'])
  t.equal(refusalOf(() => queue.judge()), 'none')
  first.leave()
  await wait(0)
  t.strictSame(began, ['a1', 'a2 left', 'b1'])
  t.match(queue.counts, { underWay: 1, waiting: 0 })
})

t.test('what stands still or trickles while others wait gives its place away, what moves or waits for us keeps it', async t => {
  const queue = new UploadQueue({ places: 3, waiting: 10, lookMs: 20 })
  const began: string[] = []
  let [fast, slow] = [0, 0]
  enter(queue, 'a', 'fast', began, () => fast += 20_000)
  enter(queue, 'b', 'ours', began)
  const trickle = enter(queue, 'c', 'trickle', began, () => slow += 100)
  await wait(100)
  t.match(queue.counts, { underWay: 3, waiting: 0 })
  enter(queue, 'd', 'next', began)
  enter(queue, 'e', 'later', began)
  await until(() => began.includes('next'))
  await wait(100)
  t.match(queue.counts, { underWay: 4, waiting: 1 }, 'one place was free to give')
  trickle.leave()
  await wait(50)
  t.notOk(began.includes('later'), 'it had no place any more')
})

t.test('places that were given away are no way round the bound', async t => {
  const queue = new UploadQueue({ places: 2, waiting: 100, lookMs: 5 })
  const began: string[] = []
  for (let i = 0; i < 60; i++) enter(queue, `still ${i}`, String(i), began, () => 0)
  await until(() => began.length > 4) // many go on
  await wait(300)
  t.ok(queue.counts.underWay <= 2 + 2 * 8, `${queue.counts.underWay} under way`)
})

t.test('whatever comes and goes, no more move than there are places, and everybody has a turn', async t => {
  const { below } = seeded(t)
  for (let round = 0; round < 50; round++) {
    const places = 1 + below(4)
    const queue = new UploadQueue({ places, waiting: 1000 })
    const [open, done]: [Set<Ticket>, Set<Ticket>] = [new Set(), new Set()]
    let entered = 0
    let most = 0
    while (entered < 100 || open.size > 0) {
      if (entered < 100 && below(2) === 0) {
        entered++
        const ticket = queue.enter(String(below(5)), never)
        ticket.turn.then(() => { open.add(ticket) }, () => {})
        if (below(10) === 0) {
          ticket.leave()
          open.delete(ticket)
          done.add(ticket)
        }
      } else {
        for (const ticket of open) {
          open.delete(ticket)
          done.add(ticket)
          ticket.leave()
          break
        }
      }
      most = Math.max(most, queue.counts.underWay)
      await Promise.resolve()
    }
    await wait(0)
    for (const ticket of open) ticket.leave()
    t.ok(most <= places)
    t.equal(queue.counts.waiting, 0)
  }
})

function head (sha256: string, length: number, signer: Signer, extra = ''): string {
  return `PUT /upload HTTP/1.1${CRLF}Host: x${CRLF}Authorization: ${signer.token('upload', { hashes: [sha256] })}${CRLF}Content-Length: ${length}${CRLF}${extra}${CRLF}`
}

t.test('over HTTP: 100 Continue comes with the turn; who left is not waited for; a full line is 503, on HEAD as well', async t => {
  const { url } = await startMarquee(t, { env: { MAX_UPLOADS: '1', MAX_WAITING_UPLOADS: '2' } })
  const [one, two, three, four] = [seededBlob('one', 2000), seededBlob('two', 2000), seededBlob('three', 2000), seededBlob('four', 2000)]
  const expect = `Expect: 100-continue${CRLF}`
  const begin = async (blob: { bytes: Buffer, sha256: string }): Promise<RawClient> => {
    const client = await RawClient.open(url)
    client.send(head(blob.sha256, 2000, new Signer(), expect))
    return client
  }
  const first = await begin(one)
  t.equal((await first.answer())?.status, 100)
  const gone = await begin(two)
  const third = await begin(three)
  const signer = new Signer()
  const preflight = (): Promise<Response> => fetch(`${url}/upload`, {
    method: 'HEAD', headers: { 'authorization': signer.token('upload', { hashes: [four.sha256] }), 'x-sha-256': four.sha256, 'x-content-length': '2000' }
  })
  let before = await preflight()
  while (before.status === 200) before = await preflight()
  const refused = await upload(url, signer, four)
  t.equal(refused.status, 503)
  t.match(await refused.json(), { code: 'QUEUE_FULL' })
  t.equal(refused.headers.get('retry-after'), '5')
  t.equal(before.status, 503)
  t.equal(before.headers.get('x-reason'), refused.headers.get('x-reason'))
  gone.destroy()
  while ((await preflight()).status !== 200);
  first.send(one.bytes)
  t.equal((await first.answer())?.status, 201)
  t.equal((await third.answer())?.status, 100, 'the one that left is passed over')
  third.send(three.bytes)
  t.equal((await third.answer())?.status, 201)
  t.equal((await upload(url, signer, four)).status, 201)
  for (const client of [first, third]) client.destroy()
})

t.test('over HTTP: bodies that stand still hold nobody else up, and are cut after IDLE_TIMEOUT', async t => {
  const { url } = await startMarquee(t, { env: { MAX_UPLOADS: '2', IDLE_TIMEOUT: '15', MIRROR_ALLOW_PRIVATE: 'on' } })
  const still: RawClient[] = []
  for (let i = 0; i < 3; i++) {
    const client = await RawClient.open(url)
    const blob = seededBlob(`still ${i}`, 500_000)
    client.send(head(blob.sha256, 500_000, new Signer()))
    client.send(blob.bytes.subarray(0, 100_000))
    still.push(client)
  }
  const blob = seededBlob('moves', 300_000)
  t.equal((await upload(url, new Signer(), blob)).status, 201)
  t.ok(still.every(({ bytes }) => bytes.length === 0), 'before any of them is cut')
  const other = seededBlob('mirrored', 300_000)
  const origin = await startOrigin(t, { '/x': send(other.bytes, {}) })
  t.equal((await mirror(url, new Signer(), `${origin.url}/x`, other.sha256)).status, 201)
  for (const client of still) t.equal((await client.answer('PUT', 60_000))?.status, 408)
  for (const client of still) client.destroy()
})

t.test('over HTTP: many more at once than there are places are all taken', async t => {
  const { url, marquee } = await startMarquee(t, { env: { MAX_UPLOADS: '3' } })
  const signers = [new Signer(), new Signer()]
  const found = await Promise.all(Array.from({ length: 60 }, async (_, i) => (await upload(url, signers[i % 2]!, seededBlob(`many ${i}`, 20_000))).status))
  t.strictSame(new Set(found), new Set([201]))
  t.equal(marquee.descriptors.counts().blobs, 60)
})

t.test('with more places those who wait come in; with fewer nobody is sent away, and nobody new comes in', async t => {
  const queue = new UploadQueue({ places: 1, waiting: 10 })
  const tickets = Array.from({ length: 4 }, () => queue.enter('one', () => 0))
  t.match(queue.counts, { underWay: 1, waiting: 3 })
  queue.reload({ places: 3, waiting: 1 })
  await Promise.all(tickets.slice(0, 3).map(({ turn }) => turn))
  t.match(queue.counts, { underWay: 3, waiting: 1 })
  t.throws(() => { queue.enter('two', () => 0) }, { code: 'QUEUE_FULL' })
  queue.reload({ places: 1, waiting: 1 })
  tickets[0]!.leave()
  tickets[1]!.leave()
  t.match(queue.counts, { underWay: 1, waiting: 1 })
  tickets[2]!.leave()
  await tickets[3]!.turn
  t.match(queue.counts, { underWay: 1, waiting: 0 })
  tickets[3]!.leave()
})
