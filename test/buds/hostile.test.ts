// Five thousand requests that no client should send, from a seed, at a server process: none may make it fail, hang, leak, answer what a page cannot
// read, or take one request's body for another. HOSTILE_SEED=n fires others, HOSTILE_REQUESTS=n more; test/long/hostile.ts does both.

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { upload } from '../support/app.ts'
import { hashed } from '../support/asking.ts'
import { newFolder } from '../support/both-stores.ts'
import { startServer, storeEnv } from '../support/children.ts'
import { fireVolley } from '../support/hostile-volley.ts'
import { Signer, seededBlob } from '../support/keys.ts'
import { sampleOf, scrape } from '../support/metrics.ts'
import { startMinio } from '../support/minio.ts'
import { Random } from '../support/random.ts'
import { RawClient } from '../support/raw-http.ts'
import { leastOf, lookAt } from '../support/steadiness.ts'
import type { Test } from 'tap'
import type { Child, StorePlace } from '../support/children.ts'
import type { Moment } from '../support/steadiness.ts'

const MIB = 1024 * 1024
/** Bytes by which memory may have grown for other reasons than a leak: when the last collection was, and how the allocator holds on to what is free. */
const SLACK = 128 * MIB
/** Connections of the good client, and to the bucket, that wait for their next use; a leak would be one of hundreds. */
const KEPT_OPEN = 32
const seed = Number(process.env['HOSTILE_SEED'] ?? 898193324)
const minio = await startMinio(t)

const signer = new Signer(new Uint8Array(32).fill(7))
const operator = new Signer(new Uint8Array(32).fill(8))
const good = new Signer(new Uint8Array(32).fill(9))
const [target, tiny, bait] = [seededBlob('target', 9000), seededBlob('tiny', 40), seededBlob('bait', 300)]
const HASHES = [target.sha256, tiny.sha256, 'ab'.repeat(32), '0'.repeat(64)]

/** What is left when nothing is under way: the least of some looks, once there are no more files open than `files`. */
async function settled (server: Child, files = Infinity): Promise<Moment> {
  const moments: Moment[] = []
  for (let look = 0; look < 240 && (look < 4 || moments.at(-1)!.files > files); look++) {
    moments.push(await lookAt(server.pid, server.url))
    await sleep(250)
  }
  return { ...leastOf(moments), files: moments.at(-1)!.files }
}

/** A client that does nothing wrong while `work` goes on: everything it asks for it gets. How often, and the server's heap in bytes now and then. */
async function besides (t: Test, { url, pid }: Child, work: Promise<unknown>): Promise<{ rounds: number, heaps: number[] }> {
  const heaps: number[] = []
  const keep = Array.from({ length: 5 }, (_, index) => seededBlob(`good ${index}`, 3000 * (index + 1)))
  let ended = false
  void work.finally(() => { ended = true }).catch(() => {})
  let rounds = 0
  const wrong: string[] = []
  for (; !ended; rounds++) {
    const blob = keep[rounds % keep.length]!
    const fresh = seededBlob(`good and new ${rounds} ${Math.random()}`, 6000)
    const [here, put] = await Promise.all([fetch(`${url}/${blob.sha256}`).then(hashed), rounds < keep.length ? upload(url, good, blob) : upload(url, good, fresh)])
    if (rounds > keep.length && here.sha256 !== blob.sha256) wrong.push(`${here.status} ${here.sha256} for ${blob.sha256}`)
    if (!put.ok) wrong.push(`upload: ${put.status}`)
    await put.arrayBuffer()
    if (rounds % 3 === 0) heaps.push((await lookAt(pid, url)).heap)
    await sleep(10)
  }
  t.strictSame(wrong, [], 'a client beside them is served')
  return { rounds, heaps }
}

async function storm (t: Test, place: StorePlace, count: number): Promise<void> {
  const dataDir = newFolder(t)
  const server = await startServer(t, {
    ...storeEnv(dataDir, place), MAX_BLOB_SIZE: '200000', IDLE_TIMEOUT: '3', RATE_LIMIT: 'off', NODE_KEY: Buffer.from(operator.secret).toString('hex')
  })
  const { url } = server
  for (const each of [target, tiny, bait]) t.equal((await upload(url, signer, each, { 'content-type': 'text/html' })).status, 201)
  const ground = { random: new Random(seed), url, signer, operator, hashes: HASHES, bait: bait.sha256, tiny }

  // the first fifth warms up: threads begin, connections are opened and kept
  const warming = fireVolley(ground, Math.round(count / 5))
  await besides(t, server, warming)
  const warm = await warming
  const before = await settled(server)
  const storming = fireVolley(ground, count - Math.round(count / 5))
  const { rounds, heaps } = await besides(t, server, storming)
  const volley = await storming
  const after = await settled(server, before.files + KEPT_OPEN)

  for (const { faults } of [warm, volley]) t.strictSame(faults.slice(0, 5), [], `seed ${seed}`)
  const told = (map: Map<unknown, number>): string => [...map].sort().map(([name, times]) => `${String(name)}×${times}`).join(' ')
  t.comment(`seed ${seed}: ${told(volley.statuses)}, no answer ×${volley.silent}; ${told(volley.kinds)}; the good client asked ${rounds} times`)
  const expected = [200, 204, 206, 400, 401, 404, ...(count < 5000 ? [] : [304, 408, 412])] // a few hundred may miss the rarer ones
  for (const status of expected) t.ok((volley.statuses.get(status) ?? 0) + (warm.statuses.get(status) ?? 0) > 0, `some were ${status}`)
  t.ok(rounds > 5)

  t.ok(after.files <= before.files + KEPT_OPEN, `no open file or socket is left behind: ${before.files} before, ${after.files} after`)
  // what a collection leaves is told by the lowest of many looks: at rest nothing is collected
  const third = Math.max(1, Math.floor(heaps.length / 3))
  const [early, late] = [Math.min(...heaps.slice(0, third)), Math.min(...heaps.slice(-third))]
  t.ok(late - early < SLACK, `no memory is left behind: heap ${Math.round(early / MIB)} MiB early, ${Math.round(late / MIB)} late, of ${heaps.length} looks`)
  t.ok(after.rss - before.rss < SLACK, `nor outside the heap: ${Math.round(before.rss / MIB)} MiB before, ${Math.round(after.rss / MIB)} after`)
  t.equal(sampleOf(await scrape(url), 'marquee_uploads_active'), 0, 'no upload is under way for ever')
  t.strictSame(readdirSync(join(dataDir, ...place === null ? ['store', 'drafts'] : ['uploads'])), [], 'no draft is left')
  const faults = server.output().split('\n').filter((line) => /"level":(50|60)/.test(line) && !line.includes('ORIGIN_FAILED'))
  t.strictSame(faults.slice(0, 3), [], 'nothing was logged as our fault')

  // after that it serves as before
  const fresh = seededBlob('afterwards', 5000)
  for (const each of [target, fresh]) {
    const put = await upload(url, signer, each) // a lucky DELETE may have been right
    const got = await fetch(`${url}/${each.sha256}`)
    const said = `${put.status} ${put.headers.get('x-reason')}, then ${got.status} ${got.headers.get('x-reason')}`
    await put.arrayBuffer()
    const found = await hashed(got)
    // an operator's token was among theirs: what it blocked is blocked
    if (each === target && said.startsWith('403 this blob is blocked here')) t.equal(found.status, 404)
    else t.equal(found.sha256, each.sha256, said)
  }
  await manyTags(t, url)
  t.equal(await server.kill('SIGTERM'), null, 'it ends when it is told to')
}

/** H-16: a token of 800 x tags is taken. */
async function manyTags (t: Test, url: string): Promise<void> {
  const hashes = Array.from({ length: 799 }, (_, index) => index.toString(16).padStart(64, '0'))
  const each = seededBlob('among many', 5000)
  const authorization = signer.token('upload', { hashes: [...hashes, each.sha256] })
  t.ok(authorization.length > 64 * 1024)
  const client = await RawClient.open(url)
  client.send(`PUT /upload HTTP/1.1\r\nHost: x\r\nAuthorization: ${authorization}\r\nContent-Length: ${each.bytes.length}\r\n\r\n`)
  client.send(each.bytes)
  t.equal((await client.answer())?.status, 201, 'a token of 800 x tags is taken')
  client.destroy()
}

const requests = Number(process.env['HOSTILE_REQUESTS'] ?? 5000)
await t.test(`no request makes the server fail, hang, leak or lose its place: ${requests} of them, HOSTILE_SEED=${seed}: folders`, (t) => storm(t, null, requests))
if (minio !== null) {
  await t.test(`the same: ${Math.round(requests / 8)} of them, HOSTILE_SEED=${seed}: MinIO`, async (t) => storm(t, { minio, bucket: await minio.newBucket() }, Math.round(requests / 8)))
}
