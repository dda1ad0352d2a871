// What players need of the blob server (nostr-and-releases.md §4.3), sentence by sentence: types, ranges, CORS, and bytes that are never looked into.

import t from 'tap'
import { startMarquee } from '../support/app.ts'
import { send, startOrigin } from '../support/blob-origin.ts'
import { onBothStores } from '../support/both-stores.ts'
import { Signer, seededBlob } from '../support/keys.ts'
import { sha256Hex } from '../../server/stores/multihash.ts'
import type { Answer } from '../support/blob-origin.ts'

const TYPES = { m3u8: 'application/vnd.apple.mpegurl', ts: 'video/mp2t', m4s: 'video/iso.segment', mp4: 'video/mp4', vtt: 'text/vtt' } as const

/** Ciphertext whose first bytes happen to be those of something else. */
const LOOKALIKES: Readonly<Record<string, Buffer>> = {
  png: Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex'), gif: Buffer.from('GIF89a'), jpeg: Buffer.from('ffd8ffe000104a46494600', 'hex'),
  mp4: Buffer.from('000000206674797069736f6d0000020069736f6d69736f32', 'hex'), mp3: Buffer.from('fffb9064', 'hex'), html: Buffer.from('<!doctype html><script>'), m3u8: Buffer.from('#EXTM3U\n'), gzip: Buffer.from('1f8b0800', 'hex')
}

function startingWith (head: Buffer, seed: string): { bytes: Buffer, sha256: string } {
  const bytes = Buffer.concat([head, seededBlob(seed, 20_000).bytes])
  return { bytes, sha256: sha256Hex(bytes) }
}

async function put (url: string, { bytes, sha256 }: { bytes: Uint8Array, sha256: string }, type?: string): Promise<{ url: string, type: string }> {
  const response = await fetch(`${url}/upload`, {
    method: 'PUT', body: bytes as Uint8Array<ArrayBuffer>,
    headers: { authorization: new Signer().token('upload', { hashes: [sha256] }), 'x-sha-256': sha256, ...(type === undefined ? {} : { 'content-type': type }) } as Record<string, string>
  })
  if (!response.ok) throw new Error(String(response.status))
  return await response.json() as { url: string, type: string }
}

await onBothStores(t, 'each file of a film keeps the type it was uploaded with, and its descriptor has the extension that players expect', async (t, newPlace) => {
  const { url } = await startMarquee(t, { minio: await newPlace() })
  for (const [extension, type] of Object.entries(TYPES)) {
    const blob = seededBlob(`a ${extension}`, 9_000)
    const descriptor = await put(url, blob, type)
    t.equal(descriptor.type, type)
    t.equal(descriptor.url, `${url}/${blob.sha256}.${extension}`)
    for (const path of [`${blob.sha256}.${extension}`, blob.sha256, `${blob.sha256}.bin`]) {
      for (const method of ['GET', 'HEAD']) {
        const response = await fetch(`${url}/${path}`, { method })
        t.equal(response.headers.get('content-type'), type, `${method} ${path}: 01-11, whatever the extension`)
        t.equal(response.headers.get('content-length'), '9000')
        await response.arrayBuffer()
      }
    }
  }
  const old = await put(url, seededBlob('old name', 100), 'application/x-mpegURL')
  t.match(old, { type: 'application/x-mpegurl', url: /\.m3u8$/ }, 'application/x-mpegURL is taken as well')
})

t.test('ciphertext is never sniffed: a segment that happens to begin like something else stays what it was said to be', async t => {
  const { url } = await startMarquee(t)
  for (const [like, head] of Object.entries(LOOKALIKES)) {
    for (const [extension, type] of Object.entries(TYPES)) {
      const blob = startingWith(head, `${like} ${extension}`)
      t.equal((await put(url, blob, type)).type, type, `${extension} like ${like}`)
    }
    const blob = startingWith(head, like)
    await put(url, blob, 'video/mp2t')
    const response = await fetch(`${url}/${blob.sha256}.ts`)
    t.equal(response.headers.get('content-type'), 'video/mp2t')
    t.equal(response.headers.get('x-content-type-options'), 'nosniff', 'nor may a browser')
    t.ok(Buffer.from(await response.arrayBuffer()).equals(blob.bytes))
  }
})

t.test('a mirror that is told nothing better takes the type of a film\'s file from its extension, and not from its bytes', async t => {
  const { url } = await startMarquee(t, { env: { MIRROR_ALLOW_PRIVATE: 'true' } })
  const films = Object.entries(TYPES).flatMap(([extension, type]) => Object.entries(LOOKALIKES).map(([like, head]) => ({ extension, type, ...startingWith(head, `mirrored ${like} ${extension}`) })))
  const answers: Record<string, Answer> = {}
  films.forEach(({ sha256, extension, bytes }, i) => { answers[`/${sha256}.${extension}`] = send(bytes, i % 2 === 0 ? { type: 'application/octet-stream' } : {}) })
  const origin = await startOrigin(t, answers)
  for (const { sha256, extension, type } of films) {
    const response = await fetch(`${url}/mirror`, {
      method: 'PUT', body: JSON.stringify({ url: `${origin.url}/${sha256}.${extension}` }),
      headers: { 'authorization': new Signer().token('upload', { hashes: [sha256] }), 'content-type': 'application/json' }
    })
    t.equal(response.status, 201)
    t.match(await response.json(), { type, url: `${url}/${sha256}.${extension}` })
  }
})

t.test('a preflight allows Authorization and Range, and a page may read length, range and ETag of every answer', async t => {
  const { url } = await startMarquee(t)
  const blob = seededBlob('segment', 100_000)
  await put(url, blob, 'video/mp2t')
  const at = `${url}/${blob.sha256}.ts`
  const preflight = await fetch(at, { method: 'OPTIONS', headers: { 'origin': 'https://player.example', 'access-control-request-method': 'GET', 'access-control-request-headers': 'authorization,range' } })
  t.equal(preflight.status, 204)
  const names = (header: string): string[] => (header).toLowerCase().split(',').map((name) => name.trim())
  const allowed = names(preflight.headers.get('access-control-allow-headers') ?? '')
  for (const name of ['authorization', 'range', 'if-range', 'if-none-match']) t.ok(allowed.includes(name), name)
  for (const method of ['get', 'head']) t.ok(names(preflight.headers.get('access-control-allow-methods') ?? '').includes(method))
  for (const headers of [{}, { range: 'bytes=0-9' }, { range: 'bytes=900000-' }, { 'if-none-match': `"${blob.sha256}"` }] as Record<string, string>[]) {
    const response = await fetch(at, { headers: { origin: 'https://player.example', authorization: 'Nostr anything', ...headers } })
    t.equal(response.headers.get('access-control-allow-origin'), '*')
    const exposed = names(response.headers.get('access-control-expose-headers') ?? '')
    for (const name of ['content-length', 'content-range', 'accept-ranges', 'etag']) t.ok(exposed.includes(name), `${response.status} ${name}`)
    await response.arrayBuffer()
  }
})

await onBothStores(t, 'ranges of a segment are 206 with their place in it, 416 beyond it; it may be kept for ever', async (t, newPlace) => {
  const { url } = await startMarquee(t, { minio: await newPlace() })
  const blob = seededBlob('ranges', 300_000)
  await put(url, blob, 'video/iso.segment')
  const at = `${url}/${blob.sha256}.m4s`
  for (const [range, from, to] of [['bytes=0-999', 0, 999], ['bytes=1000-1999', 1000, 1999], ['bytes=299000-', 299_000, 299_999], ['bytes=-500', 299_500, 299_999], ['bytes=0-', 0, 299_999]] as const) {
    const response = await fetch(at, { headers: { range } })
    t.equal(response.status, 206)
    t.equal(response.headers.get('content-range'), `bytes ${from}-${to}/300000`)
    t.equal(response.headers.get('content-length'), String(to - from + 1))
    t.equal(response.headers.get('content-type'), 'video/iso.segment')
    t.ok(Buffer.from(await response.arrayBuffer()).equals(blob.bytes.subarray(from, to + 1)), range)
  }
  const beyond = await fetch(at, { headers: { range: 'bytes=300000-' } })
  t.equal(beyond.status, 416)
  t.equal(beyond.headers.get('content-range'), 'bytes */300000')
  const whole = await fetch(at)
  t.equal(whole.headers.get('accept-ranges'), 'bytes')
  t.equal(whole.headers.get('etag'), `"${blob.sha256}"`)
  t.match(whole.headers.get('cache-control'), /public, max-age=31536000, immutable/)
  t.equal((await whole.arrayBuffer()).byteLength, 300_000)
})

t.test('a playlist is returned as it was uploaded, byte for byte, whatever it names', async t => {
  const { url } = await startMarquee(t)
  const bytes = Buffer.from(`\ufeff#EXTM3U\r\n#EXT-X-VERSION:7\n#EXT-X-KEY:METHOD=AES-128,URI="keys/0011223344556677",IV=0x${'ab'.repeat(16)}\n#EXTINF:6.000000,  \n${'c'.repeat(64)}.ts\nhttp://elsewhere.example/x.ts\n\n`)
  const sha256 = sha256Hex(bytes)
  for (const type of ['application/vnd.apple.mpegurl', undefined]) await put(url, { bytes, sha256 }, type)
  const response = await fetch(`${url}/${sha256}.m3u8`, { headers: { accept: '*/*', 'accept-encoding': 'gzip' } })
  t.ok(Buffer.from(await response.arrayBuffer()).equals(bytes))
  t.equal(response.headers.get('content-encoding'), null)
  t.equal(response.headers.get('content-type'), 'application/vnd.apple.mpegurl')
  t.equal(response.headers.get('content-security-policy'), null)
})
