// BUD-05: PUT and HEAD /media over HTTP, with real pictures and videos.

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import sharp from 'sharp'
import { sha256Hex } from '../../server/stores/multihash.ts'
import { startMarquee } from '../support/app.ts'
import { onBothStores } from '../support/both-stores.ts'
import { Signer } from '../support/keys.ts'
import { PRIVATE, animation, boxesOf, cameraVideo, fastVideo, ffmpegMakes, mediaOf, probe, putMedia, SCENE, turnedPhoto, twoHalves } from '../support/media.ts'
import { startMinio } from '../support/minio.ts'
import type { Marquee } from '../../server/marquee.ts'

await startMinio(t)

function ownedBy ({ blobs }: Marquee, { pubkey }: Signer): string[] {
  return blobs.list({ owner: pubkey, limit: 10, since: 0, until: Number.MAX_SAFE_INTEGER, after: null }).map(({ sha256 }) => sha256)
}

/** What lies in the folder of jobs. */
function leftIn (dataDir: string): string[] {
  try {
    return readdirSync(join(dataDir, 'media'))
  } catch {
    return []
  }
}

await onBothStores(t, '05-1 05-4 a photo comes back upright, without EXIF and place, bounded, as WebP: 201 with the descriptor of the result, 200 when it comes again', async (t, newPlace) => {
  const { url, dataDir, marquee } = await startMarquee(t, { minio: await newPlace() })
  const signer = new Signer()
  const photo = await turnedPhoto(3000, 60, 6)
  t.ok((await sharp(photo).metadata()).exif, 'the photo has EXIF')
  const { status, descriptor, made, tags } = await mediaOf(url, signer, photo, { 'content-type': 'image/jpeg' })
  t.equal(status, 201)
  t.equal(descriptor.sha256, sha256Hex(made))
  t.match(descriptor, { url: `${url}/${descriptor.sha256}.webp`, type: 'image/webp', size: made.length })
  t.equal(tags.get('ox'), sha256Hex(photo), 'NIP-94: ox is what was sent')
  t.equal(tags.get('x'), descriptor.sha256)
  t.equal(tags.get('dim'), '51x2560', 'orientation 6 turns it by 90 degrees')
  const { exif, icc, xmp, iptc, orientation, width, height, format } = await sharp(made).metadata()
  t.strictSame({ exif, icc, xmp, iptc, orientation, width, height, format }, { exif: undefined, icc: undefined, xmp: undefined, iptc: undefined, orientation: undefined, width: 51, height: 2560, format: 'webp' })
  const top = await sharp(made).extract({ left: 25, top: 100, width: 1, height: 1 }).raw().toBuffer()
  const bottom = await sharp(made).extract({ left: 25, top: 2400, width: 1, height: 1 }).raw().toBuffer()
  t.ok(top[0]! > 200 && top[2]! < 60, 'red, which was on the left, is on top')
  t.ok(bottom[2]! > 200 && bottom[0]! < 60)
  t.notMatch(made.toString('latin1'), /Secret Camera|somebody/)

  const again = await mediaOf(url, signer, photo)
  t.equal(again.status, 200, 'A28: the same input gives the same blob')
  t.equal(again.descriptor.sha256, descriptor.sha256)
  t.equal((await fetch(`${url}/${sha256Hex(photo)}`)).status, 404, 'the bytes that were sent are not kept')
  t.strictSame(ownedBy(marquee, signer), [descriptor.sha256], 'owned by who sent it')
  t.strictSame(leftIn(dataDir), [])
})

await onBothStores(t, 'a video gets its index to the front, loses place, title and time, keeps every frame as it was, and brings a poster', async (t, newPlace) => {
  const { url, dataDir, marquee } = await startMarquee(t, { minio: await newPlace() })
  const signer = new Signer()
  const video = await cameraVideo()
  t.ok(boxesOf(video).indexOf('moov') > boxesOf(video).indexOf('mdat'), 'it was at the end')
  const { status, descriptor, made, tags } = await mediaOf(url, signer, video, { 'content-type': 'video/mp4' })
  t.equal(status, 201)
  t.match(descriptor, { url: `${url}/${descriptor.sha256}.mp4`, sha256: sha256Hex(made), type: 'video/mp4' })
  const boxes = boxesOf(made)
  t.ok(boxes.indexOf('moov') >= 0 && boxes.indexOf('moov') < boxes.indexOf('mdat'), boxes.join(' '))
  t.notMatch(made.toString('latin1'), /a secret title|\+48\.2/)
  const { streams, format } = await probe(made)
  t.strictSame(streams.map(({ codec_name: codec, nb_frames: frames }) => [codec, frames]), (await probe(video)).streams.map(({ codec_name: codec, nb_frames: frames }) => [codec, frames]))
  t.equal((streams[1]!['tags'] as Record<string, string>)['language'], 'eng', 'the language of the sound is no secret')
  t.notOk(format.tags?.['creation_time'] ?? format.tags?.['title'] ?? format.tags?.['location'])
  t.equal(tags.get('dim'), '320x180')
  t.equal(Number(tags.get('duration')), 2)
  const poster = await fetch(tags.get('thumb')!)
  t.equal(poster.headers.get('content-type'), 'image/jpeg')
  t.match(await sharp(Buffer.from(await poster.arrayBuffer())).metadata(), { width: 320, height: 180, format: 'jpeg' })
  t.equal(tags.get('image'), tags.get('thumb'))
  t.equal(ownedBy(marquee, signer).length, 2, 'video and poster, and not what was sent')
  t.equal((await mediaOf(url, signer, video)).status, 200)
  t.strictSame(leftIn(dataDir), [])
})

t.test('every kind that is taken becomes what docs/api.md says', async t => {
  const [webp, same] = [await startMarquee(t), await startMarquee(t, { file: { media: { format: 'same', maxSide: 64 } } })]
  const signer = new Signer()
  const pictures: [string, Buffer][] = [
    ['image/jpeg', await twoHalves(80, 40).jpeg().toBuffer()], ['image/png', await twoHalves(800, 400).png().toBuffer()], ['image/webp', await twoHalves(80, 40).webp().toBuffer()],
    ['image/avif', await twoHalves(80, 40).avif({ effort: 0 }).toBuffer()], ['image/gif', await animation(4, 80)]
  ]
  for (const [type, bytes] of pictures) {
    const { descriptor, made } = await mediaOf(webp.url, signer, bytes, { 'content-type': type })
    t.equal(descriptor.type, 'image/webp', type)
    t.equal((await sharp(made).metadata()).pages ?? 1, type === 'image/gif' ? 4 : 1, `${type}: every frame`)
    const kept = await mediaOf(same.url, signer, bytes, { 'content-type': type })
    t.equal(kept.descriptor.type, type)
    t.match(kept.tags.get('dim'), /^64x(32|64)$/)
    t.equal((await sharp(kept.made).metadata()).pages ?? 1, type === 'image/gif' ? 4 : 1)
  }
  const vp8 = ['-c:v', 'libvpx', '-deadline', 'realtime', '-cpu-used', '8', '-c:a', 'libopus', ...PRIVATE]
  const videos: [string, Buffer, string][] = [
    ['video/webm', await ffmpegMakes('webm', [...SCENE, ...vp8]), 'video/webm'], ['video/x-matroska', await ffmpegMakes('mkv', [...SCENE, ...vp8]), 'video/matroska'],
    ['video/quicktime', await ffmpegMakes('mov', [...SCENE, '-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-c:a', 'aac']), 'video/mp4'],
    ['video/quicktime', await ffmpegMakes('mov', [...SCENE, '-c:v', 'mjpeg', '-c:a', 'pcm_s16le']), 'video/quicktime']
  ]
  for (const [type, bytes, becomes] of videos) {
    const { descriptor, made } = await mediaOf(webp.url, signer, bytes, { 'content-type': type })
    t.equal(descriptor.type, becomes)
    t.notMatch(made.toString('latin1'), /a secret title|\+48\.2/)
    t.equal((await probe(made)).streams.length, 2)
  }
})

t.test('a video that lies on its side is shown as before, and its poster stands upright', async t => {
  const { url } = await startMarquee(t)
  const video = await fastVideo()
  const folder = t.testdir({ 'a.mp4': video })
  const turned = await ffmpegMakes('mp4', ['-i', join(folder, 'a.mp4'), '-c', 'copy', '-metadata:s:v:0', 'rotate=90'])
  const { made, tags } = await mediaOf(url, new Signer(), turned)
  t.equal(tags.get('dim'), '180x320')
  t.match((await probe(made)).streams[0]!['side_data_list'], [{ rotation: Number }])
  t.match(await sharp(Buffer.from(await (await fetch(tags.get('thumb')!)).arrayBuffer())).metadata(), { width: 180, height: 320 })
})

t.test('05-3 the token and X-SHA-256 are about the bytes that are sent; other bytes are refused and nothing is left', async t => {
  const { url, dataDir, marquee } = await startMarquee(t)
  const signer = new Signer()
  const picture = await twoHalves(80, 40).png().toBuffer()
  const sha256 = sha256Hex(picture)
  const put = (headers: Record<string, string>): Promise<Response> => fetch(`${url}/media`, { method: 'PUT', body: picture, headers })
  const zeros = '0'.repeat(64)
  const cases: [number, string, Record<string, string>][] = [
    [401, 'TOKEN_MISSING', {}],
    [401, 'TOKEN_VERB', { authorization: signer.token('upload', { hashes: [sha256] }) }],
    [401, 'TOKEN_HASH', { authorization: signer.token('media', { hashes: [zeros] }) }],
    [401, 'TOKEN_HASH', { 'authorization': signer.token('media', { hashes: [zeros] }), 'x-sha-256': sha256 }],
    [409, 'HASH_MISMATCH', { 'authorization': signer.token('media', { hashes: [zeros] }), 'x-sha-256': zeros }],
    [401, 'TOKEN_PAYLOAD', { authorization: signer.httpToken('PUT', `${url}/media`, { payload: zeros }) }],
    [400, 'HASH_INVALID', { 'authorization': signer.token('media', { hashes: [sha256] }), 'x-sha-256': 'abc' }]
  ]
  for (const [status, code, headers] of cases) {
    const response = await put(headers)
    t.equal(response.status, status, code)
    t.match(await response.json(), { code })
    t.ok(response.headers.get('x-reason'))
  }
  t.strictSame(ownedBy(marquee, signer), [])
  t.strictSame(leftIn(dataDir), [])
  t.equal((await put({ authorization: signer.httpToken('PUT', `${url}/media`, { payload: sha256 }) })).status, 201, 'NIP-98 with the payload of the body')
  t.equal((await put({ authorization: signer.token('media', { hashes: [sha256] }) })).status, 200, '05-15: without X-SHA-256 and without a HEAD before')
})

t.test('05-9 05-11 HEAD /media reads the three X- headers and says what PUT would', async t => {
  const { url } = await startMarquee(t, { file: { media: { maxSize: 1000 } } })
  const signer = new Signer()
  const sha256 = '1'.repeat(64)
  const authorization = signer.token('media', { hashes: [sha256] })
  const head = (headers: Record<string, string>): Promise<Response> => fetch(`${url}/media`, { method: 'HEAD', headers })
  const good = { authorization, 'x-sha-256': sha256, 'x-content-length': '900', 'x-content-type': 'image/png' }
  const cases: [number, Record<string, string>][] = [
    [200, good], [200, { ...good, 'x-content-type': 'video/mp4' }], [200, { ...good, 'x-content-type': 'application/octet-stream' }], [411, { ...good, 'x-content-length': '' }], [400, { ...good, 'x-sha-256': 'no' }],
    [413, { ...good, 'x-content-length': '1001' }], [413, { ...good, 'x-content-length': '999999999999999' }], [401, { ...good, authorization: '' }], [401, { ...good, 'x-sha-256': '2'.repeat(64) }],
    ...['image/svg+xml', 'text/html', 'application/vnd.apple.mpegurl', 'audio/mpeg', 'image/heic'].map((type): [number, Record<string, string>] => [415, { ...good, 'x-content-type': type }]),
    [200, { ...good, authorization: signer.httpToken('HEAD', `${url}/media`, { payload: sha256 }) }], [401, { ...good, authorization: signer.httpToken('HEAD', `${url}/media`, { payload: '2'.repeat(64) }) }]
  ]
  for (const [status, headers] of cases) {
    const response = await head(Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== '')))
    t.equal(response.status, status, JSON.stringify({ ...headers, authorization: undefined }))
    if (status !== 200) t.ok(response.headers.get('x-reason'))
  }
})

t.test('policy and quota hold for what comes and for what it becomes; what is refused leaves nothing', async t => {
  const picture = await twoHalves(1600, 1200).png().toBuffer()
  const video = await cameraVideo()
  const signer = new Signer()
  const attempts: [number, string, Record<string, unknown>, Buffer][] = [
    [403, 'KEY_REFUSED', { uploadPubkeys: [new Signer().pubkey] }, picture],
    [415, 'TYPE_REFUSED', { types: ['video/*'] }, picture],
    [415, 'TYPE_REFUSED', { types: ['image/png'] }, picture],
    [413, 'TOO_LARGE', { policy: [{ types: ['image/webp'], maxSize: 100 }] }, picture],
    [413, 'KEY_FULL', { maxKeyBytes: 1000 }, picture],
    [413, 'KEY_FULL', { maxKeyBlobs: 1 }, video],
    [415, 'TYPE_REFUSED', { policy: [{ types: ['image/jpeg'], deny: 'no posters' }] }, video],
    [413, 'TOO_LARGE', { policy: [{ types: ['video/*'], maxSize: 1000 }] }, video]
  ]
  for (const [status, code, file, bytes] of attempts) {
    const { url, dataDir, marquee } = await startMarquee(t, { file })
    // no type and no length: all is judged by the bytes
    const stream = new Blob([bytes as Uint8Array<ArrayBuffer>]).stream()
    const response = await fetch(`${url}/media`, { method: 'PUT', body: stream, duplex: 'half', headers: { authorization: signer.token('media', { hashes: [sha256Hex(bytes)] }) } } as RequestInit)
    t.equal(response.status, status, JSON.stringify(file))
    t.match(await response.json(), { code })
    t.strictSame(ownedBy(marquee, signer), [], 'not even the poster')
    t.strictSame(leftIn(dataDir), [])
  }
})

t.test('a blocked blob is not taken, and one that would become a blocked blob neither', async t => {
  const { url, marquee } = await startMarquee(t)
  const signer = new Signer()
  const picture = await twoHalves(80, 40).png().toBuffer()
  const { descriptor } = await mediaOf(url, signer, picture)
  for (const sha256 of [sha256Hex(picture), descriptor.sha256]) {
    await marquee.decisions.put('blocked', sha256, 'no', false)
    const response = await putMedia(url, signer, picture)
    t.equal(response.status, 403)
    t.match(await response.json(), { code: 'HASH_BLOCKED' })
    await marquee.decisions.take('blocked', sha256)
  }
})

t.test('switched off, /media is not there: 404, which clients read as absent', async t => {
  const { url } = await startMarquee(t, { env: { MEDIA: 'off' } })
  const signer = new Signer()
  const picture = await twoHalves(80, 40).png().toBuffer()
  t.equal((await fetch(`${url}/media`, { method: 'HEAD' })).status, 404)
  t.equal((await putMedia(url, signer, picture)).status, 404)
  const terms = await (await fetch(`${url}/.well-known/marquee.json`)).json() as { buds: number[], endpoints: { path: string }[] }
  t.notOk(terms.buds.includes(5))
  t.notOk(terms.endpoints.some(({ path }) => path === '/media'))
})

t.test('GET never transforms anything: what was uploaded is what is read', async t => {
  const { url } = await startMarquee(t)
  const signer = new Signer()
  const photo = await turnedPhoto(300, 200, 6)
  const sha256 = sha256Hex(photo)
  await fetch(`${url}/upload`, { method: 'PUT', body: photo, headers: { authorization: signer.token('upload', { hashes: [sha256] }) } })
  for (const path of [sha256, `${sha256}.webp`, `${sha256}.jpg?width=100`]) t.ok(Buffer.from(await (await fetch(`${url}/${path}`)).arrayBuffer()).equals(photo), path)
  t.equal((await fetch(`${url}/media/${sha256}`)).status, 404)
})
