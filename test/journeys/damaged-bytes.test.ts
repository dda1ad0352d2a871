// Bytes that were damaged behind our back (issue 5, "Faults"): up to 1 MiB never served wrong, a larger blob never ends short as if it were
// whole; the blob is noted, kept aside and told as 503 BLOB_DAMAGED, on every node; the very bytes repair it, and its owners stay.

import t from 'tap'
import { startMarquee, upload } from '../support/app.ts'
import { hashed, listed, mirror, remove } from '../support/asking.ts'
import { send, startOrigin } from '../support/blob-origin.ts'
import { newFolder, onBothStores } from '../support/both-stores.ts'
import { runMarquee, storeEnv } from '../support/children.ts'
import { damagerOf } from '../support/damage.ts'
import { sharedMinio } from '../support/minio.ts'
import { Signer, seededBlob } from '../support/keys.ts'
import { sampleOf, scrape } from '../support/metrics.ts'
import { ask } from '../support/raw-http.ts'
import { until } from '../support/raw-origin.ts'
import type { Test } from 'tap'
import type { Damage } from '../support/damage.ts'

const RANGES = { whole: '', range: 'bytes=5-10', suffix: 'bytes=-3', multipart: 'bytes=0-1,300-301' }
const get = (url: string, sha256: string, range = ''): Promise<Response> => fetch(`${url}/${sha256}`, { headers: range === '' ? {} : { range } })

async function isTold (t: Test, response: Response, what: string): Promise<void> {
  t.equal(response.status, 503, what)
  t.ok(Number(response.headers.get('retry-after')) > 0, `${what}: Retry-After`)
  t.equal(response.headers.get('cache-control'), 'no-store')
  t.equal(response.headers.get('access-control-allow-origin'), '*')
  const body = await response.text()
  if (body !== '') t.match(JSON.parse(body), { code: 'BLOB_DAMAGED' }, what)
}

await onBothStores(t, 'a flipped byte, a cut and a lost pack are found by whichever read comes first, and told from then on', async (t, newPlace) => {
  const place = await newPlace()
  const dataDir = newFolder(t)
  const server = await startMarquee(t, { dataDir, minio: place, env: { SCRUB_RATE: '0' } })
  const damager = damagerOf(dataDir, place)
  const signer = new Signer()
  for (const size of [700, 50_000, 700_000, 1_048_576]) {
    for (const damage of ['flip', 'cut', 'remove'] as const satisfies Damage[]) {
      if (size === 700 && damage === 'remove') continue // an inline blob without its record is a leftover
      for (const [way, range] of Object.entries(RANGES)) {
        const what = `${size} bytes, ${damage}, ${way}`
        const blob = seededBlob(what, size)
        if ((await upload(server.url, signer, blob)).status !== 201) throw new Error('upload')
        await damager[size === 700 ? 'record' : 'pack'](server, blob.sha256, damage)
        await isTold(t, await get(server.url, blob.sha256, range), what)
        await isTold(t, await fetch(`${server.url}/${blob.sha256}`, { method: 'HEAD' }), `${what}: HEAD afterwards`)
        await isTold(t, await get(server.url, blob.sha256), `${what}: GET afterwards`)
        await until(() => server.marquee.damaged.has(blob.sha256))
        t.equal((await damager.aside(blob.sha256)).length, damage === 'remove' ? 0 : 1, `${what}: its bytes are kept aside`)
      }
    }
  }
  const notes = await server.marquee.damaged.notes()
  t.equal(notes.length, 44)
  t.ok(notes.every(({ by, what }) => by === 'read' && what.length > 0))
  t.equal(server.log.filter(({ level, msg }) => level === 50 && String(msg).startsWith('a blob is damaged')).length, 44, 'logged at error, once each')
  await server.close()
  const again = await startMarquee(t, { dataDir, minio: place })
  for (const { sha256 } of notes.slice(0, 5)) await isTold(t, await get(again.url, sha256), 'after a restart')
})

await onBothStores(t, 'what is in memory was checked, and goes on being served', async (t, newPlace) => {
  const place = await newPlace()
  const dataDir = newFolder(t)
  const server = await startMarquee(t, { dataDir, minio: place })
  const blob = seededBlob('hot', 60_000)
  await upload(server.url, new Signer(), blob)
  await until(() => (server.marquee.stores.journal?.pending(blob.sha256) ?? null) === null)
  for (let i = 0; i < 3; i++) await hashed(await get(server.url, blob.sha256))
  await damagerOf(dataDir, place).pack(server, blob.sha256, 'flip')
  t.same(await hashed(await get(server.url, blob.sha256)), { status: 200, size: 60_000, sha256: blob.sha256 })
  t.ok(Buffer.from(await (await get(server.url, blob.sha256, 'bytes=41000-43000')).arrayBuffer()).equals(blob.bytes.subarray(41_000, 43_001)))
})

await onBothStores(t, 'a pack of more than 1 MiB that is cut short breaks the connection off, and is told from then on', async (t, newPlace) => {
  const place = await newPlace()
  const dataDir = newFolder(t)
  const server = await startMarquee(t, { dataDir, minio: place })
  const damager = damagerOf(dataDir, place)
  for (const damage of ['cut', 'remove'] as const) {
    const blob = seededBlob(`film ${damage}`, 9_000_000)
    await upload(server.url, new Signer(), blob)
    await damager.pack(server, blob.sha256, damage)
    const answer = await ask(server.url, `GET /${blob.sha256} HTTP/1.1\r\nHost: x\r\n\r\n`)
    t.notOk(answer?.status === 200 && answer.whole, 'no 200 that looks whole')
    await until(() => server.marquee.damaged.has(blob.sha256))
    await isTold(t, await get(server.url, blob.sha256, 'bytes=0-9'), damage)
  }
})

await onBothStores(t, 'the very bytes, uploaded or mirrored, repair a blob: its owners stay, and `marquee verify` is clean again', async (t, newPlace) => {
  const place = await newPlace()
  const dataDir = newFolder(t)
  const env = { PUBLIC_URL: 'http://one.example', MIRROR_ALLOW_PRIVATE: 'on' }
  const server = await startMarquee(t, { dataDir, minio: place, env })
  const url = `http://127.0.0.1:${(server.marquee.app.server.address() as { port: number }).port}`
  const damager = damagerOf(dataDir, place)
  const [alice, bob, carol] = [new Signer(), new Signer(), new Signer()]
  const blobs = [700, 50_000, 700_000, 7_000_000].map((size) => seededBlob(`repair ${size}`, size))
  for (const { sha256, bytes } of blobs) {
    for (const owner of [alice, bob]) t.ok((await upload(url, owner, { sha256, bytes }, { 'content-type': 'image/webp' })).status <= 201)
    await damager[bytes.length === 700 ? 'record' : 'pack'](server, sha256, bytes.length === 7_000_000 ? 'cut' : 'flip')
    await (await get(url, sha256)).arrayBuffer().catch(() => {})
    await until(() => server.marquee.damaged.has(sha256))
  }
  await server.marquee.stores.journal?.settle()
  await server.close()
  const found = await runMarquee(t, ['verify'], { ...storeEnv(dataDir, place), ...env })
  t.equal(found.code, 1)
  for (const { sha256 } of blobs) t.match(found.output, new RegExp(`blob-damaged  ${sha256}`), 'verify tells it')

  const second = await startMarquee(t, { dataDir, minio: place, env })
  const at = `http://127.0.0.1:${(second.marquee.app.server.address() as { port: number }).port}`
  const origin = await startOrigin(t, Object.fromEntries(blobs.map(({ sha256, bytes }) => [`/${sha256}`, send(bytes)])))
  for (const [index, blob] of blobs.entries()) {
    await isTold(t, await get(at, blob.sha256), 'still')
    const { status } = index % 2 === 0 ? await upload(at, carol, blob) : await mirror(at, carol, `${origin.url}/${blob.sha256}`, blob.sha256)
    t.equal(status, 200, 'it was hers to repair, and is nobody\'s new blob')
    t.same(await hashed(await get(at, blob.sha256)), { status: 200, size: blob.bytes.length, sha256: blob.sha256 })
    t.same(await damager.aside(blob.sha256), [], 'what was kept aside is gone')
  }
  t.same((await second.marquee.damaged.notes()), [])
  for (const owner of [alice, bob, carol]) t.equal((await listed(at, owner)).length, blobs.length)
  const metrics = await scrape(at)
  t.equal(sampleOf(metrics, 'marquee_damaged_blobs'), 0)
  t.equal(sampleOf(metrics, 'marquee_damage_repaired_total'), 4)
  await second.close()
  const clean = await runMarquee(t, ['verify'], { ...storeEnv(dataDir, place), ...env })
  t.equal(clean.code, 0, clean.output)
})

await onBothStores(t, 'a damaged blob that its last owner deletes is gone, with what was kept of it', async (t, newPlace) => {
  const place = await newPlace()
  const dataDir = newFolder(t)
  const server = await startMarquee(t, { dataDir, minio: place })
  const damager = damagerOf(dataDir, place)
  const signer = new Signer()
  for (const size of [700, 60_000]) {
    const blob = seededBlob(`deleted ${size}`, size)
    await upload(server.url, signer, blob)
    await damager[size === 700 ? 'record' : 'pack'](server, blob.sha256, 'cut')
    await isTold(t, await get(server.url, blob.sha256), 'damaged')
    t.equal((await remove(server.url, signer, blob.sha256)).status, 204)
    t.equal((await get(server.url, blob.sha256)).status, 404)
    t.same(await damager.aside(blob.sha256), [])
    t.equal((await upload(server.url, signer, blob)).status, 201)
    t.same(await hashed(await get(server.url, blob.sha256)), { status: 200, size, sha256: blob.sha256 })
  }
})

t.test('what one node of a bucket finds damaged, and what it repairs, the others know by themselves', async t => {
  const minio = await sharedMinio()
  if (minio === null) return
  const place = { minio, bucket: await minio.newBucket() }
  const [a, b] = [await startMarquee(t, { minio: place }), await startMarquee(t, { minio: place })]
  const signer = new Signer()
  for (const size of [700, 60_000]) {
    const blob = seededBlob(`two nodes ${size}`, size)
    await upload(a.url, signer, blob)
    for (let i = 0; i < 3; i++) await hashed(await get(b.url, blob.sha256)) // in B's memory
    await damagerOf('', place)[size === 700 ? 'record' : 'pack'](a, blob.sha256, 'flip')
    await isTold(t, await get(a.url, blob.sha256), 'at A')
    const seen = async (status: number, url: string): Promise<boolean> => {
      for (const end = Date.now() + 60_000; Date.now() < end;) {
        const answer = await get(url, blob.sha256)
        await answer.arrayBuffer()
        if (answer.status === status) return true
        await new Promise((resolve) => { setTimeout(resolve, 50) })
      }
      return false
    }
    t.ok(await seen(503, b.url), 'B tells it too')
    t.equal((await upload(b.url, signer, blob)).status, 200)
    t.same(await hashed(await get(b.url, blob.sha256)), { status: 200, size, sha256: blob.sha256 })
    t.ok(await seen(200, a.url), 'repaired at B: A serves it again')
    t.same(await hashed(await get(a.url, blob.sha256)), { status: 200, size, sha256: blob.sha256 })
  }
})
