// The catalog's main job, on folders and on a real MinIO: a film that is published at A is fetched to B, large blobs and ranges included, while one provider
// stands still in the middle of each blob; a kill of B in the midst loses nothing.

import { randomBytes } from 'node:crypto'
import t from 'tap'
import { buildManifest } from '../../server/catalog/manifest.ts'
import { buildTitle } from '../../server/catalog/kinds/title.ts'
import { startMarquee, upload } from '../support/app.ts'
import { hashed } from '../support/asking.ts'
import { newFolder, onBothStores } from '../support/both-stores.ts'
import { startServer, storeEnv } from '../support/children.ts'
import { blobOf, smallFilm } from '../support/film-blobs.ts'
import { ended, mirrorUntil, publishAt, seconds, startMirror, startProvider } from '../support/film-providers.ts'
import { Signer } from '../support/keys.ts'
import { serve, until } from '../support/raw-origin.ts'

await onBothStores(t, 'a film of larger blobs is fetched past a provider that stalls', async (t, newPlace) => {
  const ann = new Signer()
  const segments = Array.from({ length: 4 }, () => blobOf(randomBytes(3 * 1024 * 1024)))
  const playlist = blobOf(randomBytes(300))
  const ref = ({ sha256, blake3, size }: typeof playlist): { sha256: string, blake3: string, size: number } => ({ sha256, blake3, size })
  const { bytes } = buildManifest({
    title_ref: `34235:${ann.pubkey}:large`, duration_ms: 24_000, master: ref(playlist),
    renditions: [{ name: '720p', kind: 'video', type: 'video/mp2t', playlist: ref(playlist), segments: segments.map((segment) => ({ ...ref(segment), duration_ms: 6000 })) }]
  })
  const manifest = blobOf(bytes)
  const blobs = [manifest, playlist, ...segments]
  const a = await startMarquee(t)
  for (const blob of blobs) await upload(a.url, ann, blob)
  // a MiB of each, and no more
  const staller = await serve(t, (socket, head) => {
    const blob = blobs.find(({ sha256 }) => head.includes(sha256))
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${blob?.size ?? 0}\r\n\r\n`)
    if (blob !== undefined) socket.write(blob.bytes.subarray(0, Math.min(blob.size - 1, 1024 * 1024)))
  })
  const title = ann.sign(buildTitle({ d: 'large', title: 'Large', duration: 24, manifest: ref(manifest), servers: [staller.url, a.url] }, seconds()))

  const env = { MIRROR_ALLOW_PRIVATE: 'true', IDLE_TIMEOUT: '3' }
  const b = await startMarquee(t, { env, minio: await newPlace() })
  await publishAt(b.url, title)
  const { body: { id } } = await startMirror(b.url, ann, { title: `34235:${ann.pubkey}:large`, deep: true })
  const job = await mirrorUntil(b.url, ann, id, ended)
  t.match(job, { state: 'done', coverage: { have: 6, of_all: 6 }, bytes: blobs.reduce((sum, { size }) => sum + size, 0) })
  t.match(job.faults.last[0], { provider: staller.url, code: 'ORIGIN_FAILED', reason: /stalled|stood still|too slow/ }) // a machine that stood still itself may find the whole too slow first
  t.ok(staller.requests.length <= 5, `it is passed over after a few tries: ${staller.requests.length}`)
  for (const { sha256, size } of blobs) t.same(await hashed(await fetch(`${b.url}/${sha256}`)), { status: 200, size, sha256 })

  const c = await startMarquee(t, { env: { ...env, FILL_MISSES: 'on' }, minio: await newPlace() })
  await publishAt(c.url, ann.sign(buildTitle({ d: 'large', title: 'Large', duration: 24, manifest: ref(manifest), servers: [a.url] }, seconds() + 1)))
  t.equal((await fetch(`${c.url}/${manifest.sha256}`)).status, 200)
  const readers = await Promise.all(Array.from({ length: 20 }, async (_, i) => {
    const response = await fetch(`${c.url}/${segments[0]!.sha256}`, { headers: { range: `bytes=${i * 1000}-${i * 1000 + 99}` } })
    return [response.status, Buffer.from(await response.arrayBuffer())]
  }))
  t.same(readers, readers.map((_, i) => [206, segments[0]!.bytes.subarray(i * 1000, i * 1000 + 100)]))
  t.equal((await fetch(`${c.url}/${'ab'.repeat(32)}`)).status, 404)
})

await onBothStores(t, 'a job whose server is killed in the midst goes on at the next start, and fetches nothing twice', async (t, newPlace) => {
  const [ann, bob] = [new Signer(), new Signer()]
  const film = smallFilm(ann.pubkey, 'killed', 20)
  const provider = await startProvider(t, film.blobs)
  const env = { ...storeEnv(newFolder(t), await newPlace()), MIRROR_ALLOW_PRIVATE: 'true' }
  const first = await startServer(t, env)
  await publishAt(first.url, ann.sign(film.title(seconds(), { servers: [provider.url] })))
  provider.most = 8
  const { body: { id } } = await startMirror(first.url, bob, { title: `34235:${ann.pubkey}:killed`, deep: true })
  await until(() => provider.asked.length > 8)
  await first.kill('SIGKILL')
  provider.most = Infinity
  const second = await startServer(t, env)
  t.match(await mirrorUntil(second.url, bob, id, ended), { state: 'done', coverage: { have: film.blobs.length, of_all: film.blobs.length }, faults: { count: 0 } })
  t.ok(provider.asked.length - film.blobs.length <= 4, `only what was under way is asked for again: ${provider.asked.length - film.blobs.length}`)
  for (const { sha256, size } of film.blobs) t.same(await hashed(await fetch(`${second.url}/${sha256}`)), { status: 200, size, sha256 })
})
