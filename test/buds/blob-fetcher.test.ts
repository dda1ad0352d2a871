// What a blob that comes in from elsewhere must be and how long it may take, beyond what PUT /mirror asks (test/buds/bud-04-origins.test.ts has that).

import t from 'tap'
import { BlobFetcher } from '../../server/buds/blob-fetcher.ts'
import { OurNames } from '../../server/auth/our-names.ts'
import { startMarquee } from '../support/app.ts'
import { send, sendChunked, startOrigin } from '../support/blob-origin.ts'
import { seededBlob } from '../support/keys.ts'
import type { BlobFetcherParts } from '../../server/buds/blob-fetcher.ts'

const OWNER = 'ab'.repeat(32)
const blob = seededBlob('elsewhere', 300_000)
const rules = { owner: OWNER, promised: blob.sha256, likely: blob.sha256 }

/** Of a running server, without limits. */
async function fetcherOf (t: Parameters<typeof startMarquee>[0], idleTimeout = 60_000): Promise<{ fetcher: BlobFetcher, find: (sha256: string) => Promise<unknown> }> {
  const { marquee: { blobs } } = await startMarquee(t)
  const room = { hold: async () => ({ grow: () => {}, settle: () => {}, release: () => {} }) }
  const parts = { blobs, room, policy: { judge: () => {}, judgeClaims: () => {} }, lists: { judge: () => {}, readersOf: () => null }, names: () => new OurNames('http://ours.example', []), settings: { current: { mirrorAllowPrivate: true, idleTimeout } } }
  return { fetcher: new BlobFetcher(parts as unknown as BlobFetcherParts), find: (sha256) => blobs.find(sha256) }
}

t.test('a blob whose size is known is not waited for when the place has another: by its Content-Length at once, without one when more has come', async t => {
  const { fetcher, find } = await fetcherOf(t)
  const origin = await startOrigin(t, { '/long': send(blob.bytes), '/endless': sendChunked(blob.bytes, Infinity), '/right': sendChunked(blob.bytes, 1) })
  await t.rejects(fetcher.fetch(new URL('/long', origin.url), { ...rules, size: 299_999 }), { code: 'HASH_MISMATCH', message: /300000 bytes there and not 299999/ })
  await t.rejects(fetcher.fetch(new URL('/endless', origin.url), { ...rules, size: 300_000 }), { code: 'HASH_MISMATCH', message: /more than 300000 bytes/ })
  t.equal(await find(blob.sha256), null)
  t.match(await fetcher.fetch(new URL('/right', origin.url), { ...rules, size: 300_000 }), { created: true, blob: { size: 300_000 } })
})

t.test('a place that sends too slowly over the whole is given up, though it never stands still', async t => {
  const { fetcher, find } = await fetcherOf(t, 2000)
  let dripping: NodeJS.Timeout | undefined
  t.teardown(() => { clearInterval(dripping) })
  const origin = await startOrigin(t, { '/drip': (socket) => {
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${blob.bytes.length}\r\n\r\n`)
    let at = 0
    dripping = setInterval(() => { if (!socket.destroyed) socket.write(blob.bytes.subarray(at, at += 10)) }, 50)
  } })
  await t.rejects(fetcher.fetch(new URL('/drip', origin.url), { ...rules, slowest: 1024 * 1024 }), { code: 'ORIGIN_FAILED', message: /too slow/ })
  t.equal(await find(blob.sha256), null)
})

t.test('a signal ends a fetch with its reason, and nothing is left', async t => {
  const { fetcher, find } = await fetcherOf(t)
  const origin = await startOrigin(t, { '/endless': sendChunked(Buffer.alloc(65_536), Infinity) })
  const control = new AbortController()
  let bytes = 0
  const fetching = fetcher.fetch(new URL('/endless', origin.url), {
    ...rules, signal: control.signal,
    onBytes: (more) => {
      bytes += more
      if (bytes > 2_000_000) control.abort(new Error('enough'))
    }
  })
  await t.rejects(fetching)
  t.ok(control.signal.aborted)
  t.equal(await find(blob.sha256), null)
})
