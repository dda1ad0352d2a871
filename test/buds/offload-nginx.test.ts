// Reads behind a real nginx with docs/nginx.example.conf: the file is nginx's to send, and what a client sees is as if we had sent it.

import { existsSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Actions, createDeleteAuth, createUploadAuth } from 'blossom-client-sdk'
import t from 'tap'
import { Layout } from '../../server/stores/layout.ts'
import { sha256Multihash } from '../../server/stores/multihash.ts'
import { startMarquee, upload } from '../support/app.ts'
import { hashed, remove } from '../support/asking.ts'
import { Signer, seededBlob } from '../support/keys.ts'
import { startNginx } from '../support/nginx.ts'
import { ask } from '../support/raw-http.ts'
import { until } from '../support/raw-origin.ts'
import type { Test } from 'tap'

const SECRET = 'a-secret-of-16-or-more'
const { url: direct, dataDir, marquee, log, close } = await startMarquee(t, { env: { OFFLOAD: 'x-accel', OFFLOAD_SECRET: SECRET } })
const signer = new Signer()
const packs = join(dataDir, 'store', 'pack')
// first of all: a test that waited for it with nothing under way would end
const nginx = await startNginx(t, { before: direct, packs, secret: SECRET })

interface Put { bytes: Buffer, sha256: string, pack: string }

/** Uploads, and waits until the blob has its file. */
async function put (url: string, name: string, size: number, type = 'video/mp4'): Promise<Put> {
  const blob = seededBlob(name, size)
  const response = await upload(url, signer, blob, { 'content-type': type })
  if (!response.ok) throw new Error(`upload: ${response.status} ${await response.text()}`)
  const pack = join(dataDir, 'store', new Layout(false).pack(sha256Multihash(blob.sha256)))
  if (size > 4096) await until(() => existsSync(pack) && (marquee.stores.journal?.pending(blob.sha256) ?? null) === null)
  return { ...blob, pack }
}

/** What an answer says, without what only its connection and its writer say. */
function said ({ headers }: Response): Record<string, string> {
  const aside = ['date', 'connection', 'keep-alive', 'server', 'transfer-encoding']
  return Object.fromEntries([...headers].filter(([name]) => !aside.includes(name)))
}

/** What we answer to nginx, not to a client. */
function asNginx (path: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${direct}${path}`, { headers: { 'x-marquee-offload': SECRET, ...headers } })
}

async function sameAnswer (t: Test, url: string, path: string, headers: Record<string, string>, note: string): Promise<void> {
  const [ours, theirs] = [await fetch(`${direct}${path}`, { headers }), await fetch(`${url}${path}`, { headers })]
  t.equal(theirs.status, ours.status, note)
  const [expected, seen] = [said(ours), said(theirs)]
  // RFC 9110 §14.3: it MAY be sent; nginx leaves it out of these
  if ([206, 304].includes(theirs.status)) delete expected['accept-ranges'], delete seen['accept-ranges']
  if (expected['content-type']?.startsWith('multipart/') === true) for (const each of [expected, seen]) each['content-type'] = each['content-type']!.replace(/=.*/, '')
  t.strictSame(seen, expected, note)
  const [a, b] = [Buffer.from(await ours.arrayBuffer()), Buffer.from(await theirs.arrayBuffer())]
  t.equal(b.length, a.length, note)
  if (seen['content-type']?.startsWith('multipart/') !== true) t.ok(a.equals(b), note)
}

t.test('nginx alone is told where the file is; whoever comes without its secret gets the bytes', async t => {
  const { sha256, bytes, pack } = await put(direct, 'told', 100_000)
  const told = await asNginx(`/${sha256}`)
  t.equal(told.headers.get('x-accel-redirect'), `/_marquee/packs/${pack.slice(packs.length + 1)}`)
  t.equal((await told.arrayBuffer()).byteLength, 0)
  for (const secret of ['', SECRET.slice(1), `${SECRET}x`, 'undefined', 'null']) {
    const response = await asNginx(`/${sha256}`, { 'x-marquee-offload': secret })
    t.equal(response.headers.get('x-accel-redirect'), null)
    t.ok(Buffer.from(await response.arrayBuffer()).equals(bytes))
  }
})

t.test('checks come first, and what nginx would judge otherwise than we do is ours to answer', async t => {
  const { sha256 } = await put(direct, 'judged', 100_000)
  const etag = `"${sha256}"`
  const asked: [headers: Record<string, string>, status: number][] = [
    [{ 'if-none-match': etag }, 304], [{ 'if-match': '"other"' }, 412], [{ 'if-match': etag }, 200], [{ 'if-unmodified-since': new Date().toUTCString() }, 200],
    [{ range: 'bytes=100000-' }, 416], [{ range: 'bytes=0-1,50000-50001' }, 206], [{ range: 'bytes=,0-1' }, 206], [{ range: 'lines=1-2' }, 200], [{ range: 'bytes=2-1' }, 200]
  ]
  for (const [headers, status] of asked) {
    const response = await asNginx(`/${sha256}`, headers)
    t.match([response.status, response.headers.get('x-accel-redirect')], [status, null], JSON.stringify(headers))
    await response.arrayBuffer()
  }
  const head = await fetch(`${direct}/${sha256}`, { method: 'HEAD', headers: { 'x-marquee-offload': SECRET } })
  t.match([head.headers.get('content-length'), head.headers.get('x-accel-redirect')], ['100000', null])
  t.equal((await asNginx(`/${'ab'.repeat(32)}`)).status, 404)
  for (const range of ['bytes=0-', 'bytes=-5', 'bytes=7-999999']) t.ok((await asNginx(`/${sha256}`, { range })).headers.has('x-accel-redirect'), range)
})

t.test('a blob without a file of its own is sent by us: empty, in its record, still in the journal', async t => {
  for (const size of [0, 1, 4096]) {
    const { sha256, bytes } = await put(direct, `no file ${size}`, size)
    const response = await asNginx(`/${sha256}`)
    t.equal(response.headers.get('x-accel-redirect'), null)
    t.ok(Buffer.from(await response.arrayBuffer()).equals(bytes))
  }
  // it has its file in a moment: asked again with another, until the answer came before that
  for (let tries = 1; ; tries++) {
    const blob = seededBlob(`just uploaded ${tries}`, 60_000)
    t.equal((await upload(direct, signer, blob)).status, 201)
    const response = await asNginx(`/${blob.sha256}`)
    const body = Buffer.from(await response.arrayBuffer())
    if (marquee.stores.journal!.pending(blob.sha256) === null) continue
    t.equal(response.headers.get('x-accel-redirect'), null)
    t.ok(body.equals(blob.bytes))
    break
  }
})

t.test('a small blob that many ask for goes to nginx whole, to be kept for a second; a large one never', async t => {
  const large = await put(direct, 'large crowd', 300_000)
  for (let i = 0; i < 60; i++) {
    const { headers } = await asNginx(`/${large.sha256}`)
    t.equal(headers.get('x-accel-expires'), null)
  }
  // counted is within one second of the clock: tried with another blob where a second ended among the requests
  for (let tries = 1; ; tries++) {
    const small = await put(direct, `crowd ${tries}`, 65_536)
    const kinds = { accel: 0, kept: 0, plain: 0 }
    await until(() => Date.now() % 1000 < 100)
    const began = Math.floor(Date.now() / 1000)
    for (let i = 0; i < 40; i++) {
      const response = await asNginx(`/${small.sha256}`)
      const bytes = Buffer.from(await response.arrayBuffer())
      if (response.headers.has('x-accel-redirect')) kinds.accel++
      else {
        kinds[response.headers.get('x-accel-expires') === '1' ? 'kept' : 'plain']++
        t.ok(bytes.equals(small.bytes))
      }
    }
    if (Math.floor(Date.now() / 1000) !== began) continue
    t.ok(kinds.accel >= 20 && kinds.kept > 0 && kinds.plain >= 1, JSON.stringify(kinds))
    break
  }
})

if (nginx !== null) {
  const { url, errors } = nginx

  t.test('behind nginx a blob with an end says so as we do', async t => {
    for (const size of [100, 300_000]) {
      const { sha256, bytes } = await put(url, `ends ${size}`, size)
      const end = Math.floor(Date.now() / 1000) + 5000
      await upload(direct, signer, { sha256, bytes }, { 'x-expiration': String(end) })
      for (const headers of [{}, { range: 'bytes=5-9' }, { 'if-none-match': `"${sha256}"` }] as Record<string, string>[]) {
        const answer = await fetch(`${url}/${sha256}`, { headers })
        await answer.arrayBuffer()
        t.equal(answer.headers.get('sunset'), new Date(end * 1000).toUTCString(), `${size} ${JSON.stringify(headers)}`)
        t.match(answer.headers.get('cache-control'), /^public, max-age=(4\d{3}|5000), no-transform$/)
      }
    }
  })

  t.test('behind nginx every answer is the one we give ourselves: headers, ranges, conditions, refusals', async t => {
    for (const [name, size, type] of [
      ['film', 300_000, 'video/mp4'], ['page', 70_000, 'text/html; charset=utf-8'], ['drawing', 50_000, 'image/svg+xml'], ['opaque', 9000, 'application/octet-stream'],
      ['inline', 100, 'text/plain; charset=utf-8'], ['empty', 0, 'image/png']
    ] as const) {
      const { sha256 } = await put(url, name, size, type)
      const etag = `"${sha256}"`
      const modified = (await fetch(`${direct}/${sha256}`, { method: 'HEAD' })).headers.get('last-modified')!
      const asked: Record<string, string>[] = [
        {}, { range: 'bytes=0-0' }, { range: 'bytes=5-' }, { range: 'bytes=-7' }, { range: `bytes=3-${size * 2}` }, { range: `bytes=${size}-` }, { range: 'bytes=-0' },
        { range: 'bytes=0-5,30-40' }, { range: 'bytes=oops' }, { range: 'bytes=2-1' },
        { 'if-none-match': etag }, { 'if-none-match': '"other"' }, { 'if-match': etag }, { 'if-match': '"other"' },
        { 'if-modified-since': modified }, { 'if-modified-since': 'Thu, 01 Jan 1970 00:00:00 GMT' }, { 'if-unmodified-since': modified },
        { 'if-unmodified-since': 'Thu, 01 Jan 1970 00:00:00 GMT' },
        { 'range': 'bytes=1-2', 'if-range': etag }, { 'range': 'bytes=1-2', 'if-range': '"other"' }, { 'range': 'bytes=1-2', 'if-range': modified }
      ]
      for (const headers of asked) await sameAnswer(t, url, `/${sha256}.x`, headers, `${name} ${JSON.stringify(headers)}`)
      const [ours, theirs] = [await fetch(`${direct}/${sha256}`, { method: 'HEAD' }), await fetch(`${url}/${sha256}`, { method: 'HEAD' })]
      t.strictSame(said(theirs), said(ours), `HEAD of ${name}`)
    }
    await sameAnswer(t, url, `/${'ab'.repeat(32)}`, {}, 'missing')
    await sameAnswer(t, url, '/', {}, 'what this server is')
    await sameAnswer(t, url, '/nothing/here', {}, 'no such path')
  })

  t.test('the bytes of a film come from nginx: whole, and in ranges of every kind', async t => {
    const { sha256, bytes, pack } = await put(url, 'twenty megabytes', 20_000_000)
    t.strictSame(await hashed(await fetch(`${url}/${sha256}.mp4`)), { status: 200, size: 20_000_000, sha256 })
    for (const [start, end] of [[0, 0], [1, 1_000_000], [19_999_999, 19_999_999], [10_000_000, 19_999_999]] as const) {
      const response = await fetch(`${url}/${sha256}`, { headers: { range: `bytes=${start}-${end}` } })
      t.match([response.status, response.headers.get('content-range')], [206, `bytes ${start}-${end}/20000000`])
      t.ok(Buffer.from(await response.arrayBuffer()).equals(bytes.subarray(start, end + 1)))
    }
    renameSync(pack, `${pack}.away`)
    t.equal((await hashed(await fetch(`${url}/${sha256}`))).sha256, sha256, 'from the file that nginx has open')
    t.equal((await fetch(`${direct}/${sha256}`)).status, 503, 'which we do not')
    renameSync(`${pack}.away`, pack)
  })

  t.test('a deleted blob is 404 at once, though nginx has its file open', async t => {
    const { sha256 } = await put(url, 'deleted', 500_000)
    for (let i = 0; i < 3; i++) t.equal((await hashed(await fetch(`${url}/${sha256}`))).sha256, sha256)
    t.equal((await remove(url, signer, sha256)).status, 204)
    const response = await fetch(`${url}/${sha256}`)
    t.match([response.status, response.headers.get('x-reason'), response.headers.get('access-control-allow-origin')], [404, 'blob not found', '*'])
  })

  t.test('one that a crowd asks for is gone within two seconds of its delete', async t => {
    const { sha256, bytes } = await put(url, 'deleted in a crowd', 65_536)
    const reached = (): number => log.filter(({ path }) => path === `/${sha256}`).length
    let asked = 0
    // until nginx has answered some alone: a machine that is slow may take a second for the first twenty
    for (let round = 0; round < 10 || reached() === asked; round++, asked += 16) {
      const answers = await Promise.all(Array.from({ length: 16 }, () => fetch(`${url}/${sha256}`)))
      for (const answer of answers) t.ok(Buffer.from(await answer.arrayBuffer()).equals(bytes))
    }
    t.ok(reached() >= 20 && reached() < asked, `${reached()} of ${asked} requests reached us`)
    t.equal((await remove(url, signer, sha256)).status, 204)
    t.equal((await fetch(`${url}/${sha256}`, { method: 'HEAD' })).status, 404, 'HEAD is asked of us')
    await sleep(2100)
    t.equal((await fetch(`${url}/${sha256}`)).status, 404)
  })

  t.test('in a crowd too every answer is the one we give ourselves', async t => {
    const { sha256 } = await put(url, 'same in a crowd', 65_536, 'text/html')
    const pressing = async (): Promise<void> => { await Promise.all(Array.from({ length: 60 }, async () => (await fetch(`${url}/${sha256}`)).arrayBuffer())) }
    for (const headers of [{}, { range: 'bytes=5-9' }, { range: 'bytes=9-5' }, { range: 'bytes=70000-' }, { 'if-none-match': `"${sha256}"` }, { 'if-match': '"other"' }]) {
      await pressing()
      await sameAnswer(t, url, `/${sha256}`, headers as Record<string, string>, JSON.stringify(headers))
    }
  })

  t.test('the folder of packs is no place for clients', async t => {
    const { pack } = await put(url, 'inside', 50_000)
    for (const path of [`/_marquee/packs/${pack.slice(packs.length + 1)}`, '/_marquee/packs/', '/_marquee/packs/..%2f..%2fmarquee.db']) {
      const answer = await ask(url, `GET ${path} HTTP/1.1\r\nHost: x\r\nX-Marquee-Offload: ${SECRET}\r\n\r\n`)
      t.match([answer?.status, answer?.headers['x-reason'], answer?.headers['access-control-allow-origin']], [404, 'nothing is served here', '*'], path)
    }
  })

  t.test('a file that is gone while its row is here is told as we tell it', async t => {
    const { sha256, pack } = await put(url, 'lost', 400_000)
    renameSync(pack, `${pack}.away`)
    const response = await fetch(`${url}/${sha256}`)
    t.match([response.status, response.headers.get('x-reason'), response.headers.get('cache-control')], [503, /the blob is damaged/i, 'no-store'])
    t.match(errors(), /No such file/, 'and nginx tells its operator')
    renameSync(`${pack}.away`, pack)
  })

  t.test('a token of 1,000 hashes and an upload of unknown length go through', async t => {
    const blob = seededBlob('long token', 2_000_000)
    const hashes = [...Array.from({ length: 999 }, (_, i) => i.toString(16).padStart(64, '0')), blob.sha256]
    const body = new Blob([blob.bytes as Buffer<ArrayBuffer>]).stream()
    const response = await fetch(`${url}/upload`, { method: 'PUT', body, duplex: 'half', headers: { authorization: signer.token('upload', { hashes }) } } as RequestInit)
    t.equal(response.status, 201)
    t.equal((await hashed(await fetch(`${url}/${blob.sha256}`))).sha256, blob.sha256)
  })

  t.test('blossom-client-sdk uploads, finds, fetches and deletes through nginx', async t => {
    const film = seededBlob('sdk', 3_000_000)
    const sign = async (draft: Parameters<Signer['sign']>[0]): Promise<ReturnType<Signer['sign']>> => signer.sign(draft)
    const file = new Blob([film.bytes as Buffer<ArrayBuffer>], { type: 'video/mp4' })
    t.match(await Actions.uploadBlob(url, file, { auth: await createUploadAuth(sign, film.sha256) }), { sha256: film.sha256, size: 3_000_000, type: 'video/mp4' })
    t.equal(await Actions.hasBlob(url, film.sha256), true)
    t.equal((await hashed(await Actions.downloadBlob(url, film.sha256))).sha256, film.sha256)
    t.equal(await Actions.deleteBlob(url, film.sha256, { auth: await createDeleteAuth(sign, film.sha256) }), true)
    await t.rejects(Actions.downloadBlob(url, film.sha256), { message: 'blob not found' })
  })

  t.test('when we are away nginx says so, and pages of other sites may read it', async t => {
    await close()
    const response = await fetch(`${url}/${'ab'.repeat(32)}`)
    t.match([response.status, response.headers.get('access-control-allow-origin'), response.headers.get('cache-control')], [503, '*', 'no-store'])
    t.match([response.headers.get('x-reason'), response.headers.get('retry-after')], ['the server does not answer', '5'])
  })
}
