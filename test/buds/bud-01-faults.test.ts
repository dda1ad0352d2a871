// BUD-01 when the store or the client misbehaves: never a 200 that looks whole and is not, never an open file left behind.

import { existsSync, readdirSync, readlinkSync, rmSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Layout } from '../../server/stores/layout.ts'
import { sha256Multihash } from '../../server/stores/multihash.ts'
import { startMarquee, upload } from '../support/app.ts'
import { Signer, seededBlob } from '../support/keys.ts'
import { ask, RawClient } from '../support/raw-http.ts'
import { until } from '../support/raw-origin.ts'

const { url, dataDir, marquee } = await startMarquee(t)
const signer = new Signer()

async function put (name: string, size: number): Promise<{ sha256: string, bytes: Buffer, pack: string }> {
  const blob = seededBlob(name, size)
  const response = await upload(url, signer, blob)
  if (response.status !== 201) throw new Error(`upload: ${response.status}`)
  const pack = join(dataDir, 'store', new Layout(false).pack(sha256Multihash(blob.sha256)))
  // a small one becomes a file a moment after the answer
  if (size > 4096) await until(() => existsSync(pack) && (marquee.stores.journal?.pending(blob.sha256) ?? null) === null)
  return { ...blob, pack }
}

// a file that was forgotten is closed by the garbage collector sooner or later, with a warning
const warnings: string[] = []
process.on('warning', (warning) => { warnings.push(warning.message) })

/** How many files of the store this process holds open. */
function openPacks (): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(join('/proc/self/fd', fd)).startsWith(join(dataDir, 'store', 'pack'))
    } catch {
      return false
    }
  }).length
}

t.test('HEAD touches no pack; GET of one that is gone is 503, says why, and no cache keeps it; then HEAD is told as well', async t => {
  const { sha256, pack } = await put('gone', 10_000)
  rmSync(pack)
  const head = await fetch(`${url}/${sha256}`, { method: 'HEAD' })
  t.equal(head.status, 200)
  t.equal(head.headers.get('content-length'), '10000')
  for (const range of ['', 'bytes=5-10', 'bytes=0-1,5000-5001']) {
    const response = await fetch(`${url}/${sha256}`, { headers: range === '' ? {} : { range } })
    t.equal(response.status, 503)
    t.equal(response.headers.get('x-reason'), 'the blob is damaged here, and waits to be repaired')
    t.equal(response.headers.get('cache-control'), 'no-store')
    t.ok(response.headers.has('retry-after'))
    t.equal(response.headers.get('access-control-allow-origin'), '*')
    t.notMatch(response.headers.get('content-type'), /octet-stream/)
    t.match(await response.json(), { code: 'BLOB_DAMAGED' })
  }
  t.equal((await fetch(`${url}/${sha256}`, { method: 'HEAD' })).status, 503)
})

t.test('a pack cut short before the first piece is 503', async t => {
  for (const [size, left] of [[5000, 4999], [5000, 0], [3_000_000, 1000]] as const) {
    const { sha256, pack } = await put(`cut ${size} ${left}`, size)
    truncateSync(pack, left)
    const response = await fetch(`${url}/${sha256}`)
    t.equal(response.status, 503)
    await response.arrayBuffer()
    t.equal((await fetch(`${url}/${sha256}`, { headers: { range: 'bytes=0-9' } })).status, 503, 'nor is any part of it')
  }
  await until(() => openPacks() === 0)
})

t.test('a pack cut short further on breaks the connection: the answer never looks whole', async t => {
  const { sha256, bytes, pack } = await put('cut later', 3 * 1024 * 1024 + 1)
  truncateSync(pack, 2 * 1024 * 1024 + 10)
  const answer = await ask(url, `GET /${sha256} HTTP/1.1\r\nHost: x\r\n\r\n`)
  if (answer === null) return t.pass('broken before the head')
  t.equal(answer.status, 200)
  t.equal(answer.whole, false)
  t.ok(answer.body.equals(bytes.subarray(0, answer.body.length)), 'and what came is the blob\'s')
  const again = await fetch(`${url}/${sha256}`).then(async (response) => (await response.arrayBuffer()).byteLength === bytes.length && response.ok, () => false)
  t.equal(again, false, 'broken off again, or told by then')
  const multipart = await ask(url, `GET /${sha256} HTTP/1.1\r\nHost: x\r\nRange: bytes=0-9,3000000-3000009\r\n\r\n`)
  t.not(multipart?.whole === true && multipart.status === 206, true)
  await until(() => openPacks() === 0)
})

t.test('a client that leaves half-way leaves no open file, and the server goes on', async t => {
  const { sha256, bytes } = await put('left', 24 * 1024 * 1024)
  for (let round = 0; round < 10; round++) {
    const clients = await Promise.all([0, 1, 2].map(() => RawClient.open(url)))
    for (const client of clients) {
      client.socket.pause()
      client.send(`GET /${sha256} HTTP/1.1\r\nHost: x\r\n\r\n`)
    }
    await until(() => openPacks() === 3)
    // some read on and leave at any moment, some leave without having read a byte
    if (round % 2 === 0) clients[0]!.socket.resume()
    if (round % 3 === 0) await until(() => clients[0]!.bytes.length > 100_000 || round % 2 !== 0)
    for (const client of clients) client.destroy()
    await until(() => openPacks() === 0)
  }
  t.ok(Buffer.from(await (await fetch(`${url}/${sha256}`)).arrayBuffer()).equals(bytes))
})

t.test('so does one that had asked for several blobs at once on its connection', async t => {
  const { sha256 } = await put('pipelined', 24 * 1024 * 1024)
  const client = await RawClient.open(url)
  client.socket.pause()
  client.send(`GET /${sha256} HTTP/1.1\r\nHost: x\r\n\r\n`.repeat(2))
  await until(() => openPacks() > 0)
  await new Promise((resolve) => { setTimeout(resolve, 50) }) // the second waits behind the first
  client.destroy()
  await until(() => openPacks() === 0)
  t.equal((await fetch(`${url}/healthz`)).status, 200)
})

t.test('answers to pipelined requests come whole and in order', async t => {
  const sent = await Promise.all([1, 70_000, 1_200_000, 5000].map((size) => put(`ordered ${size}`, size)))
  const client = await RawClient.open(url)
  client.send(sent.map(({ sha256 }) => `GET /${sha256} HTTP/1.1\r\nHost: x\r\n\r\n`).join(''))
  for (const { bytes } of sent) {
    const answer = await client.answer()
    t.equal(answer?.status, 200)
    t.ok(answer?.body.equals(bytes))
  }
  client.destroy()
})

t.test('garbage behind a request does not get its refusal into the bytes of the answer before it', async t => {
  const { sha256, bytes } = await put('followed', 24 * 1024 * 1024)
  const client = await RawClient.open(url)
  client.socket.pause()
  client.send(`GET /${sha256} HTTP/1.1\r\nHost: x\r\n\r\n`)
  await until(() => openPacks() > 0)
  client.send('\x01 not http\r\n\r\n')
  await new Promise((resolve) => { setTimeout(resolve, 50) })
  client.socket.resume()
  const answer = await client.answer()
  // where nothing had gone out yet, the refusal is the whole answer
  t.ok(answer === null || answer.status === 400 || bytes.subarray(0, answer.body.length).equals(answer.body))
  client.destroy()
  await until(() => openPacks() === 0)
})

t.test('no file was closed by the garbage collector alone', async t => {
  t.strictSame(warnings, [])
})
