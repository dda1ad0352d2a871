// The published clients, unmodified, against two running servers, on folders and on a real MinIO: what their users do is what we are for.

import { createUploadAuth, createDeleteAuth, createListAuth, createMirrorAuth, Actions } from 'blossom-client-sdk'
import { BlossomClient } from 'nostr-tools/nipb7'
import { PlainKeySigner } from 'nostr-tools/signer'
import t from 'tap'
import { sha256Hex } from '../../server/stores/multihash.ts'
import { startMarquee } from '../support/app.ts'
import { onBothStores } from '../support/both-stores.ts'
import { Signer, seededBlob } from '../support/keys.ts'
import { cameraVideo, turnedPhoto } from '../support/media.ts'
import type { SignedEvent } from 'blossom-client-sdk'
import type { Test } from 'tap'
import type { Running } from '../support/app.ts'
import type { StorePlace } from '../support/children.ts'

const { uploadBlob, hasBlob, downloadBlob, listBlobs, iterateBlobs, mirrorBlob, deleteBlob, multiServerUpload, uploadMedia, multiServerMediaUpload } = Actions

/** Two servers of different stores that may mirror from one another. */
async function startTwo (t: Test, newPlace: () => Promise<StorePlace>): Promise<[Running, Running]> {
  const env = { MIRROR_ALLOW_PRIVATE: 'true' }
  return [await startMarquee(t, { env, minio: await newPlace() }), await startMarquee(t, { env, minio: await newPlace() })]
}

const sign = (signer: Signer) => async (draft: Parameters<Signer['sign']>[0]): Promise<SignedEvent> => signer.sign(draft)

function fileOf (seed: string, size: number, type = ''): { file: Blob, sha256: string, bytes: Buffer } {
  const { bytes, sha256 } = seededBlob(seed, size)
  return { file: new Blob([bytes as Buffer<ArrayBuffer>], { type }), sha256, bytes }
}

async function bytesOf (response: Response): Promise<Buffer> {
  return Buffer.from(await response.arrayBuffer())
}

await onBothStores(t, 'blossom-client-sdk uploads, finds, fetches, mirrors, lists and deletes', async (t, newPlace) => {
  const [a, b] = await startTwo(t, newPlace)
  const signer = new Signer()
  const video = fileOf('sdk video', 3_000_000, 'video/mp4')

  t.equal(await hasBlob(a.url, video.sha256), false)
  // `auth` unset: the SDK signs after the 401 of its HEAD
  const onAuth = (_server: string, sha256: string): Promise<SignedEvent> => createUploadAuth(sign(signer), sha256)
  const uploaded = await uploadBlob(a.url, video.file, { onAuth })
  t.match(uploaded, { url: `${a.url}/${video.sha256}.mp4`, sha256: video.sha256, size: video.file.size, type: 'video/mp4', uploaded: Number })
  t.equal(await hasBlob(a.url, video.sha256), true)
  t.ok((await bytesOf(await downloadBlob(a.url, video.sha256))).equals(video.bytes))

  t.equal(await hasBlob(b.url, video.sha256), false)
  const mirrored = await mirrorBlob(b.url, uploaded, { auth: await createMirrorAuth(sign(signer), video.sha256) })
  t.match(mirrored, { url: `${b.url}/${video.sha256}.mp4`, sha256: video.sha256, size: video.file.size, type: 'video/mp4' })
  t.ok((await bytesOf(await downloadBlob(b.url, video.sha256))).equals(video.bytes))

  const text = fileOf('sdk text', 100, 'text/plain')
  await uploadBlob(a.url, text.file, { auth: await createUploadAuth(sign(signer), text.file) })
  // a Buffer brings no type at all
  const raw = seededBlob('sdk buffer', 9_000)
  const described = await uploadBlob(a.url, raw.bytes, { auth: await createUploadAuth(sign(signer), raw.sha256) })
  t.match(described, { url: `${a.url}/${raw.sha256}.bin`, type: 'application/octet-stream' })
  const listAuth = await createListAuth(sign(signer))
  t.same((await listBlobs(a.url, signer.pubkey, { auth: listAuth })).map(({ sha256 }) => sha256).sort(), [video, text, raw].map(({ sha256 }) => sha256).sort())
  t.same((await listBlobs(b.url, signer.pubkey, { auth: listAuth })).map(({ sha256 }) => sha256), [video.sha256])

  const onDeleteAuth = (_server: string, sha256: string): Promise<SignedEvent> => createDeleteAuth(sign(signer), sha256)
  t.equal(await deleteBlob(a.url, video.sha256, { onAuth: onDeleteAuth }), true)
  t.equal(await hasBlob(a.url, video.sha256), false)
  t.equal(await hasBlob(b.url, video.sha256), true, 'the other server keeps its own')
  await t.rejects(downloadBlob(a.url, video.sha256), { message: 'blob not found' }, 'the SDK shows our X-Reason')
})

await onBothStores(t, 'blossom-client-sdk iterates over the pages of a list and sees every blob once', async (t, newPlace) => {
  const { url } = await startMarquee(t, { minio: await newPlace() })
  const signer = new Signer()
  const files = Array.from({ length: 7 }, (_, i) => fileOf(`page ${i}`, 50 + i))
  const auth = await createUploadAuth(sign(signer), files.map(({ sha256 }) => sha256))
  for (const { file } of files) await uploadBlob(url, file, { auth })

  for (const limit of [2, 3, 7, 8]) {
    const pages: string[][] = []
    for await (const page of iterateBlobs(url, signer.pubkey, { limit, auth: await createListAuth(sign(signer)) })) pages.push(page.map(({ sha256 }) => sha256))
    t.same(pages.flat().sort(), files.map(({ sha256 }) => sha256).sort(), `pages of ${limit}`)
    t.equal(pages[0]?.length, Math.min(limit, files.length))
  }
})

await onBothStores(t, 'blossom-client-sdk uploads to two servers at once, then makes a second key an owner without sending the bytes again', async (t, newPlace) => {
  const [a, b] = await startTwo(t, newPlace)
  const servers = [a.url, b.url]
  const song = fileOf('everywhere', 400_000, 'audio/mpeg')
  const failed: unknown[] = []
  const onError = (_server: string, _sha256: string, _blob: Blob, error: Error): void => { failed.push(error) }

  for (const signer of [new Signer(), new Signer()]) {
    // `servers` puts the bare host names, without ports, into the token's server tags
    const onAuth = (): Promise<SignedEvent> => createUploadAuth(sign(signer), song.sha256, { servers })
    const results = await multiServerUpload(servers, song.file, { onAuth, onError })
    t.same(failed, [])
    t.same([...results.keys()], servers)
    for (const server of servers) {
      t.match(results.get(server), { url: `${server}/${song.sha256}.mp3`, sha256: song.sha256, size: song.file.size, type: 'audio/mpeg' })
      t.ok((await bytesOf(await downloadBlob(server, song.sha256))).equals(song.bytes))
      const listAuth = await createListAuth(sign(signer), { servers })
      t.same((await listBlobs(server, signer.pubkey, { auth: listAuth })).map(({ sha256 }) => sha256), [song.sha256])
    }
  }
  const puts = [...a.log, ...b.log].filter(({ method, status }) => method === 'PUT' && Number(status) < 300).map(({ path, status }) => `${String(path)} ${String(status)}`)
  t.same(puts.sort(), ['/mirror 200', '/mirror 200', '/mirror 201', '/upload 201'], 'the bytes were sent once, and fetched once')
})

t.test('blossom-client-sdk names the servers of a token by their host alone, and the token is good for this server but for no other', async t => {
  const { url } = await startMarquee(t)
  const signer = new Signer()
  const { file, sha256 } = fileOf('tagged', 5_000)
  const auth = await createUploadAuth(sign(signer), sha256, { servers: [url] })
  t.same(auth.tags.filter(([name]) => name === 'server'), [['server', '127.0.0.1']])
  t.match(await uploadBlob(url, file, { auth }), { sha256 })
  const elsewhere = await createUploadAuth(sign(signer), sha256, { servers: ['https://cdn.example.com'] })
  await t.rejects(uploadBlob(url, file, { onAuth: async () => elsewhere }), { message: 'the authorization token is for another server' })
})

await onBothStores(t, 'blossom-client-sdk makes a photo and a video fit to be shown at one server, and mirrors what they became to the other', async (t, newPlace) => {
  const [a, b] = await startTwo(t, newPlace)
  const signer = new Signer()
  // it asks for a `media` token for what it sends, and for an `upload` token for the result
  const verbs: string[] = []
  const onAuth = (_server: string, sha256: string, type: 'upload' | 'media'): Promise<SignedEvent> => {
    verbs.push(type)
    return createUploadAuth(sign(signer), sha256, { type })
  }
  const photo = new Blob([await turnedPhoto(400, 300, 6) as Buffer<ArrayBuffer>], { type: 'image/jpeg' })
  const shown = await uploadMedia(a.url, photo, { onAuth })
  t.match(shown, { url: `${a.url}/${shown.sha256}.webp`, type: 'image/webp', size: Number })
  t.equal(sha256Hex(await bytesOf(await downloadBlob(a.url, shown.sha256))), shown.sha256)

  const video = new File([await cameraVideo() as Buffer<ArrayBuffer>], 'film.mp4', { type: 'video/mp4' })
  const results = await multiServerMediaUpload([a.url, b.url], video, { onAuth, mirrorTimeout: 30_000 })
  t.same([...results.keys()], [a.url, b.url])
  const { sha256 } = results.get(a.url)!
  for (const server of [a.url, b.url]) {
    t.match(results.get(server), { url: `${server}/${sha256}.mp4`, sha256, type: 'video/mp4' })
    t.equal(sha256Hex(await bytesOf(await downloadBlob(server, sha256))), sha256)
  }
  t.same([...new Set(verbs)].sort(), ['media', 'upload'])
  const text = new Blob(['words'], { type: 'text/plain' })
  await t.rejects(uploadMedia(a.url, text, { onAuth }), { message: /^only pictures/ }, 'the SDK shows our X-Reason')
})

t.test('blossom-client-sdk is told by a server without /media that there is none, and uploads the bytes as they are', async t => {
  const { url } = await startMarquee(t, { env: { MEDIA: 'off' } })
  const signer = new Signer()
  const onAuth = (_server: string, sha256: string, type: 'upload' | 'media'): Promise<SignedEvent> => createUploadAuth(sign(signer), sha256, { type })
  const photo = new Blob([await turnedPhoto(80, 60, 1) as Buffer<ArrayBuffer>], { type: 'image/jpeg' })
  await t.rejects(uploadMedia(url, photo, { onAuth }), { message: '/media endpoint not supported' })
  const results = await multiServerMediaUpload([url], photo, { onAuth, mediaUploadFallback: true })
  t.match(results.get(url), { type: 'image/jpeg', size: photo.size })
})

await onBothStores(t, "nostr-tools' BlossomClient uploads, checks, downloads, mirrors, lists and deletes", async (t, newPlace) => {
  const [a, b] = await startTwo(t, newPlace)
  const key = new Signer()
  const [atA, atB] = [a, b].map(({ url }) => new BlossomClient(url, new PlainKeySigner(key.secret))) as [BlossomClient, BlossomClient]
  const picture = fileOf('nostr-tools', 200_000, 'image/png')

  await t.rejects(atA.check(picture.sha256), /404/)
  const uploaded = await atA.uploadBlob(picture.file)
  t.match(uploaded, { url: `${a.url}/${picture.sha256}.png`, sha256: picture.sha256, size: picture.file.size, type: 'image/png' })
  await atA.check(picture.sha256)
  t.ok(Buffer.from(await atA.download(picture.sha256)).equals(picture.bytes))
  t.match(await atB.mirror(uploaded.url), { url: `${b.url}/${picture.sha256}.png`, type: 'image/png' })
  t.match(await atB.mirror(uploaded.url), { url: `${b.url}/${picture.sha256}.png` }, 'a second time too')
  const file = new File([picture.bytes.subarray(0, 1000) as Buffer<ArrayBuffer>], 'part.png', { type: 'image/png' })
  const part = await atB.uploadFile(file)
  t.same((await atB.list()).map(({ sha256 }) => sha256).sort(), [picture.sha256, part.sha256].sort())
  await atB.delete(picture.sha256)
  await t.rejects(atB.check(picture.sha256), /404/)
  t.same((await atB.list()).map(({ sha256 }) => sha256), [part.sha256])
  await atA.check(picture.sha256)
})
