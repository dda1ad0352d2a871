// X-Expiration on uploads, Sunset and max-age on what has a known end, on both stores and through whoever answers a read.

import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { startMarquee, upload } from '../support/app.ts'
import { hashed, mirror } from '../support/asking.ts'
import { onBothStores } from '../support/both-stores.ts'
import { Signer, seededBlob } from '../support/keys.ts'
import { sharedMinio } from '../support/minio.ts'
import { operate } from '../support/operator.ts'
import { ask } from '../support/raw-http.ts'

const DAY = 24 * 3600
const SIZES = [900, 60_000, 3_000_000]
const PLAIN = 'public, max-age=31536000, immutable, no-transform'
const now = (): number => Math.floor(Date.now() / 1000)
const secondsOf = (date: string | null): number => date === null ? NaN : Date.parse(date) / 1000

/** The whole seconds of a max-age; NaN when it is not of the form that what ends has. */
function ageOf (response: Response): number {
  return Number(/^(?:public|private), max-age=(\d+), no-transform$/.exec(response.headers.get('cache-control') ?? '')?.[1])
}

await onBothStores(t, 'an upload may ask for an end: it is told in Sunset and by max-age on GET and HEAD, whole, in ranges and 304; the newest wish counts', async (t, newPlace) => {
  const signer = new Signer()
  const { url } = await startMarquee(t, { minio: await newPlace(), env: { MIRROR_ALLOW_PRIVATE: 'on' } })
  for (const size of SIZES) {
    const blob = seededBlob(`wish ${size}`, size)
    const at = `${url}/${blob.sha256}`
    const end = now() + 5000
    const put = await upload(url, signer, blob, { 'x-expiration': String(end) })
    t.match(put, { status: 201 })
    t.equal(secondsOf(put.headers.get('sunset')), end)
    for (const [method, headers, status] of [
      ['GET', {}, 200], ['GET', {}, 200], ['GET', {}, 200], ['HEAD', {}, 200], ['GET', { range: 'bytes=1-5' }, 206], ['GET', { range: 'bytes=0-1,700-701' }, 206], ['GET', { 'if-none-match': `"${blob.sha256}"` }, 304]
    ] as [string, Record<string, string>, number][]) {
      const asked = now()
      const answer = await fetch(at, { method, headers })
      await answer.arrayBuffer()
      t.equal(answer.status, status)
      t.equal(secondsOf(answer.headers.get('sunset')), end, `${method} ${JSON.stringify(headers)}`)
      t.ok(ageOf(answer) <= end - asked && ageOf(answer) > 4000, answer.headers.get('cache-control')!)
      t.equal(answer.headers.get('etag'), `"${blob.sha256}"`)
    }
    for (const [headers, status] of [[{ 'if-match': '"other"' }, 412], [{ range: `bytes=${size}-` }, 416]] as [Record<string, string>, number][]) {
      const refused = await fetch(at, { headers })
      t.match([refused.status, refused.headers.get('cache-control'), refused.headers.get('sunset')], [status, 'no-store', null])
    }
    // another wish, by a mirror of our own URL; then none
    const sooner = await mirror(url, signer, at, blob.sha256, { 'x-expiration': String(end - 1000) })
    t.match([sooner.status, secondsOf(sooner.headers.get('sunset'))], [200, end - 1000])
    t.equal(secondsOf((await fetch(at, { method: 'HEAD' })).headers.get('sunset')), end - 1000)
    const none = await upload(url, signer, blob)
    t.match([none.status, none.headers.get('sunset')], [200, null])
    const forever = await fetch(at)
    t.same(await hashed(forever), { status: 200, size, sha256: blob.sha256 })
    t.match([forever.headers.get('sunset'), forever.headers.get('cache-control')], [null, PLAIN])
    // one owner wants it to end, another does not
    t.equal((await upload(url, new Signer(), blob, { 'x-expiration': String(end) })).headers.get('sunset'), null)
  }
  const elsewhere = await startMarquee(t)
  const fetched = seededBlob('fetched', 5000)
  await upload(elsewhere.url, signer, fetched)
  const end = now() + 900
  const mirrored = await mirror(url, signer, `${elsewhere.url}/${fetched.sha256}`, fetched.sha256, { 'x-expiration': String(end) })
  t.match([mirrored.status, secondsOf(mirrored.headers.get('sunset'))], [201, end])
})

t.test('an X-Expiration that is no time to come is 400 before a byte of the body, on upload, preflight and mirror', async t => {
  const signer = new Signer()
  const { url } = await startMarquee(t)
  const { sha256, bytes } = seededBlob('faulty wish', 500)
  const common = `Host: x\r\nAuthorization: ${signer.token('upload', { hashes: [sha256] })}\r\nX-SHA-256: ${sha256}\r\n`
  for (const wrong of ['soon', '-5', '1.5', '0x10', '1e12', String(now() - 1), String(now()), '1', '0', String(Date.now() + 1e6), '9'.repeat(40)]) {
    for (const head of [`PUT /upload HTTP/1.1\r\n${common}Content-Length: 500\r\n`, `HEAD /upload HTTP/1.1\r\n${common}X-Content-Length: 500\r\n`, `PUT /mirror HTTP/1.1\r\n${common}Content-Length: 90\r\n`]) {
      const answer = await ask(url, `${head}X-Expiration: ${wrong}\r\n\r\n`, head.slice(0, 4).trim()) // the body never comes
      t.equal(answer?.status, 400, `${wrong} ${head.slice(0, 12)}`)
      t.match(answer?.headers['x-reason'], 'X-Expiration must be a time to come, in unix seconds')
      if (!head.startsWith('HEAD')) t.match(JSON.parse(answer!.body.toString()), { code: 'EXPIRATION_INVALID' })
    }
  }
  t.equal((await fetch(`${url}/${sha256}`)).status, 404)
  for (const right of [String(now() + 60), ` ${now() + 60} `, '', '253402300799']) t.ok((await upload(url, signer, { bytes, sha256 }, { 'x-expiration': right })).ok, right)
  t.match((await fetch(url, { method: 'OPTIONS' })).headers.get('access-control-allow-headers'), /\bX-Expiration\b/)
  t.match((await fetch(`${url}/healthz`)).headers.get('access-control-expose-headers'), /\bSunset\b/)
})

await onBothStores(t, 'rules are told in the terms and kept by the answers; a pinned blob, and one that a rule keeps, is answered as ever', async (t, newPlace) => {
  const friend = new Signer()
  const retention = [{ pubkeys: [friend.pubkey] }, { types: ['video/*'], minSize: '1KiB', keep: '2d' }, { types: ['text/plain'], keepUnread: '10d' }]
  const server = await startMarquee(t, { minio: await newPlace(), file: { retention } })
  const { url } = server
  const terms = await (await fetch(`${url}/.well-known/marquee.json`)).json() as { retention: unknown }
  t.strictSame(terms.retention, [
    { keys: 'some', types: ['*/*'] }, { keys: 'any', types: ['video/*'], minBytes: 1024, keepSeconds: 2 * DAY }, { keys: 'any', types: ['text/plain'], keepUnreadSeconds: 10 * DAY }
  ])
  t.notMatch(JSON.stringify(terms), friend.pubkey)
  const signer = new Signer()
  const put = async (name: string, size: number, type: string, owner = signer): Promise<[number, Response, string]> => {
    const blob = seededBlob(name, size)
    const answer = await upload(url, owner, blob, { 'content-type': type })
    return [((await answer.json()) as { uploaded: number }).uploaded, answer, blob.sha256]
  }
  for (const size of SIZES.slice(1)) {
    const [uploaded, answer, sha256] = await put(`aged ${size}`, size, 'video/mp4')
    t.equal(secondsOf(answer.headers.get('sunset')), uploaded + 2 * DAY)
    for (let i = 0; i < 3; i++) {
      const got = await fetch(`${url}/${sha256}`)
      await got.arrayBuffer()
      t.equal(secondsOf(got.headers.get('sunset')), uploaded + 2 * DAY)
      t.ok(ageOf(got) <= 2 * DAY && ageOf(got) > 2 * DAY - 100)
    }
    // a friend owns it too: it has no end any more
    const [, theirs] = await put(`aged ${size}`, size, 'video/mp4', friend)
    t.equal(theirs.headers.get('sunset'), null)
    t.match((await fetch(`${url}/${sha256}`, { method: 'HEAD' })).headers.get('cache-control'), PLAIN)
  }
  const [, , unread] = await put('unread', 700, 'text/plain')
  const got = await fetch(`${url}/${unread}`)
  t.ok(Math.abs(secondsOf(got.headers.get('sunset')) - now() - 10 * DAY) < 100, 'ten days after this read')
  t.ok(ageOf(got) <= 5 * DAY && ageOf(got) > 5 * DAY - 100, 'a cache that has it comes back in time')
  const [, small] = await put('small', 1000, 'video/mp4')
  t.equal(small.headers.get('sunset'), null)

  const [, , pinned] = await put('pinned film', 40_000, 'video/mp4')
  for (let i = 0; i < 3; i++) await (await fetch(`${url}/${pinned}`)).arrayBuffer()
  t.equal((await operate(server, 'POST', '/admin/pinned', { hashes: [pinned] })).status, 200)
  const head = await fetch(`${url}/${pinned}`, { method: 'HEAD' })
  t.match([head.headers.get('sunset'), head.headers.get('cache-control')], [null, PLAIN])
})

t.test('behind the read gate it is private and ends all the same', async t => {
  const signer = new Signer()
  const { url } = await startMarquee(t, { env: { READ_PUBKEYS: signer.pubkey } })
  const blob = seededBlob('gated end', 900)
  const end = now() + 5000
  await upload(url, signer, blob, { 'x-expiration': String(end) })
  for (let i = 0; i < 3; i++) {
    const answer = await fetch(`${url}/${blob.sha256}`, { headers: { authorization: signer.token('get') } })
    t.match(answer.headers.get('cache-control'), /^private, max-age=\d{4}, no-transform$/)
    t.equal(secondsOf(answer.headers.get('sunset')), end)
  }
})

t.test('nginx and the bucket are told as well: by X-Accel-Redirect, by 307, and by what the bucket then answers', async t => {
  const signer = new Signer()
  const secret = '0123456789abcdef'
  const accel = await startMarquee(t, { env: { OFFLOAD: 'x-accel', OFFLOAD_SECRET: secret } })
  const film = seededBlob('offloaded end', 600_000)
  const end = now() + 3 * 3600 + 1000
  await upload(accel.url, signer, film, { 'x-expiration': String(end) })
  const sent = await ask(accel.url, `GET /${film.sha256} HTTP/1.1\r\nHost: x\r\nX-Marquee-Offload: ${secret}\r\nConnection: close\r\n\r\n`)
  t.ok(sent?.headers['x-accel-redirect'])
  t.equal(secondsOf(sent?.headers['sunset'] ?? null), end)
  t.match(sent?.headers['cache-control'], /^public, max-age=1\d{4}, no-transform$/)

  const minio = await sharedMinio()
  if (minio === null) return
  const { url } = await startMarquee(t, { env: { OFFLOAD: 'redirect' }, minio: { minio, bucket: await minio.newBucket() } })
  await upload(url, signer, film, { 'x-expiration': String(end) })
  const redirect = await fetch(`${url}/${film.sha256}`, { redirect: 'manual' })
  t.match([redirect.status, secondsOf(redirect.headers.get('sunset')), redirect.headers.get('cache-control')], [307, end, 'public, max-age=60'])
  const target = await fetch(redirect.headers.get('location')!)
  t.equal(target.headers.get('cache-control'), 'public, max-age=7200, no-transform', 'whole hours, and one to spare for whoever uses the URL last')
  t.same(await hashed(target), { status: 200, size: 600_000, sha256: film.sha256 })
  const brief = seededBlob('brief', 600_001)
  await upload(url, signer, brief, { 'x-expiration': String(now() + 59) })
  const soon = await fetch(`${url}/${brief.sha256}`, { redirect: 'manual' })
  t.match(soon.headers.get('cache-control'), /^public, max-age=[1-5]?\d$/)
  t.equal((await fetch(soon.headers.get('location')!)).headers.get('cache-control'), 'public, max-age=0, no-transform')
})

t.test('what has ended is served until the sweep has come, and no cache keeps it', async t => {
  const signer = new Signer()
  const { url } = await startMarquee(t)
  const blob = seededBlob('just ended', 900)
  const end = now() + 4
  t.equal((await upload(url, signer, blob, { 'x-expiration': String(end) })).status, 201)
  while (now() < end) await sleep(100)
  const answer = await fetch(`${url}/${blob.sha256}`)
  t.equal(answer.status, 200)
  t.equal(ageOf(answer), 0)
})
