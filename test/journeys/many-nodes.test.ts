// Many nodes on one bucket: three servers under some seconds of load and kills (cluster-journey.ts), a node that joins a bucket which others have
// filled, and boots that leave the other nodes' uploads alone.

import { Agent, request } from 'node:http'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { startMarquee, upload } from '../support/app.ts'
import { hashed, listed, remove } from '../support/asking.ts'
import { Signer, seededBlob } from '../support/keys.ts'
import { sharedMinio } from '../support/minio.ts'
import { playCluster } from './cluster-journey.ts'
import type { ClientRequest, IncomingMessage } from 'node:http'

const readiness = async (url: string): Promise<Record<string, unknown>> => await (await fetch(`${url}/readyz`)).json() as Record<string, unknown>

t.test('three servers on one MinIO under uploads, mirrors, deletes, blocks and kills: nothing acknowledged is lost, and all agree', (t) =>
  playCluster(t, { duration: 4000, killEvery: 1200, kills: 2 }))

t.test('a node that joins a bucket which others filled serves, takes and deletes at once, catches up in the background and says how far it is', async (t) => {
  const minio = await sharedMinio()
  if (minio === null) return
  const bucket = await minio.newBucket()
  const old = await startMarquee(t, { minio: { minio, bucket } })
  const [ann, ben] = [new Signer(), new Signer()]
  const blobs = Array.from({ length: 60 }, (_, i) => seededBlob(`joined ${i}`, i % 10 === 0 ? 6000 : 50 + i))
  for (const blob of blobs) t.ok((await upload(old.url, ann, blob)).ok)
  // all that it could read instead of looking at the bucket itself
  const { state } = old.marquee.stores
  for await (const name of state.list('changes/')) await state.remove(name)
  await old.close()

  const fresh = await startMarquee(t, { minio: { minio, bucket } })
  const { status, ...ready } = await readiness(fresh.url)
  t.equal(status, 'ready')
  t.match(ready['catchingUp'], { of: 256, shard: Number, seen: Number })
  const own = seededBlob('own', 700)
  t.equal((await upload(fresh.url, ben, own)).status, 201)
  t.same(await hashed(await fetch(`${fresh.url}/${blobs[7]!.sha256}`)), { status: 200, size: blobs[7]!.bytes.length, sha256: blobs[7]!.sha256 })
  t.equal((await remove(fresh.url, ann, blobs[50]!.sha256)).status, 204)
  while ('catchingUp' in await readiness(fresh.url)) await sleep(50)
  t.match(await readiness(fresh.url), { status: 'ready', database: 'ok', store: 'ok' })
  const left = blobs.filter((_, i) => i !== 50).map(({ sha256 }) => sha256)
  t.same(new Set((await listed(fresh.url, ann)).map(({ sha256 }) => sha256)), new Set(left))
  t.match(await listed(fresh.url, ben), [{ sha256: own.sha256 }])
  const metrics = await (await fetch(`${fresh.url}/metrics`)).text()
  t.match(metrics, /^marquee_catch_up_ratio 1$/m)
  t.match(metrics, /^marquee_catch_up_learned_total [1-9]/m)
})

t.test('a boot aborts its own uploads alone: what other nodes have half of goes on and is whole', async (t) => {
  const minio = await sharedMinio()
  if (minio === null) return
  const bucket = await minio.newBucket()
  const one = await startMarquee(t, { minio: { minio, bucket } })
  const signer = new Signer()
  const agent = new Agent()
  t.teardown(() => { agent.destroy() })
  const [promised, unnamed] = [seededBlob('half promised', 30_000_000), seededBlob('half unnamed', 30_000_000)]
  const begin = (hashes: string[], headers: Record<string, string>): ClientRequest => request(`${one.url}/upload`, {
    method: 'PUT', agent, headers: { 'authorization': signer.token('upload', { hashes }), 'content-length': '30000000', ...headers }
  })
  const uploads = [
    { blob: promised, sending: begin([promised.sha256], { 'x-sha-256': promised.sha256 }) },
    // two hashes may be meant: its bytes go to tmp/ until the hash is known
    { blob: unnamed, sending: begin([unnamed.sha256, promised.sha256], {}) }
  ]
  for (const { blob, sending } of uploads) {
    sending.write(blob.bytes.subarray(0, 20_000_000))
    while (one.marquee.stores.packs.name === 'minio' && sending.writableLength > 0) await sleep(10)
  }
  await sleep(300) // the second part of each is on its way
  for (let boots = 0; boots < 2; boots++) {
    const other = await startMarquee(t, { minio: { minio, bucket } })
    while ('catchingUp' in await readiness(other.url)) await sleep(20)
    await other.close()
  }
  for (const { blob, sending } of uploads) {
    sending.end(blob.bytes.subarray(20_000_000))
    const [answer] = await once(sending, 'response') as [IncomingMessage]
    answer.resume()
    t.equal(answer.statusCode, 201)
    t.same(await hashed(await fetch(`${one.url}/${blob.sha256}`)), { status: 200, size: 30_000_000, sha256: blob.sha256 })
  }
})
