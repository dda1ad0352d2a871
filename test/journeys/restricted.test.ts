// Restricted blobs: read with a `get` token of a key named for them or of an owner, by whatever road; everything else is as ever.

import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { sha256Hex } from '../../server/stores/multihash.ts'
import { startMarquee, upload } from '../support/app.ts'
import { hashed, listed, mirror, remove } from '../support/asking.ts'
import { send, startOrigin } from '../support/blob-origin.ts'
import { newFolder, onBothStores } from '../support/both-stores.ts'
import { storeEnv } from '../support/children.ts'
import { runCommand } from '../support/command.ts'
import { Signer, seededBlob } from '../support/keys.ts'
import { sharedMinio, startMinio } from '../support/minio.ts'
import { operate } from '../support/operator.ts'
import { soon } from '../support/soon.ts'
import type { Test } from 'tap'
import type { Running } from '../support/app.ts'

const SIZES = [0, 900, 60_000, 3_000_000]
const [owner, reader, stranger] = [new Signer(), new Signer(), new Signer()]

function restrict (server: Running, hashes: string[], to: Signer[] = [reader], reason = ''): Promise<Response> {
  return operate(server, 'POST', '/admin/restricted', { hashes, to: to.map(({ pubkey }) => pubkey), reason })
}

/** Every way to ask for a blob that must be refused with this status. */
async function refused (t: Test, at: string, sha256: string, status: number, authorization?: (method: string) => string): Promise<void> {
  const asked: [string, Record<string, string>][] = [
    ['GET', {}], ['HEAD', {}], ['GET', { range: 'bytes=0-9' }], ['GET', { range: 'bytes=0-1,5-6' }], ['GET', { 'if-none-match': `"${sha256}"` }], ['HEAD', { 'if-none-match': `"${sha256}"` }],
    ['GET', { 'if-match': '"other"' }], ['GET', { 'if-modified-since': new Date().toUTCString() }], ['GET', { range: 'bytes=99999999-' }]
  ]
  for (const [method, headers] of asked) {
    for (const where of [at, `${at}.mp4`, at.replace(sha256, sha256.toUpperCase())]) {
      const response = await fetch(where, { method, redirect: 'manual', headers: { ...headers, ...(authorization === undefined ? {} : { authorization: authorization(method) }) } })
      const body = await response.text()
      t.strictSame([response.status, response.headers.get('cache-control'), response.headers.get('etag'), response.headers.get('access-control-allow-origin')], [status, 'no-store', null, '*'],
        `${method} ${JSON.stringify(headers)}`)
      t.ok(body.length < 200)
    }
  }
}

await onBothStores(t, 'a restricted blob is 401 without a good token, 403 for another key, and private for a key named or an owner, until that ends', async (t, newPlace) => {
  const server = await startMarquee(t, { minio: await newPlace() })
  const { url } = server
  for (const size of SIZES) {
    const [blob, free] = [seededBlob(`restricted ${size}`, size), seededBlob(`free ${size}`, size + 1)]
    const { sha256 } = blob
    const at = `${url}/${sha256}`
    for (const each of [blob, free]) t.equal((await upload(url, owner, each)).status, 201)
    // read often enough to lie in every memory there is
    for (let i = 0; i < 4; i++) t.match((await fetch(at)).headers.get('cache-control'), /^public, /)
    const done = await restrict(server, [sha256.toUpperCase()])
    t.same([done.status, await done.json()], [200, { hashes: 1, ended: 0 }])

    await refused(t, at, sha256, 401)
    await refused(t, at, sha256, 401, () => reader.token('upload', { hashes: [sha256] }))
    await refused(t, at, sha256, 401, () => reader.token('get', { hashes: ['ab'.repeat(32)] }))
    await refused(t, at, sha256, 403, () => stranger.token('get', { hashes: [sha256] }))
    t.equal((await fetch(at, { headers: { authorization: stranger.httpToken('GET', at) } })).status, 403)
    for (const signer of [reader, owner]) {
      const get = (headers: Record<string, string> = {}, method = 'GET'): Promise<Response> =>
        fetch(at, { method, headers: { authorization: signer.token('get', { hashes: [sha256] }), ...headers } })
      for (let i = 0; i < 3; i++) {
        const answer = await get()
        t.equal(answer.headers.get('cache-control'), 'private, max-age=31536000, immutable, no-transform')
        t.same(await hashed(answer), { status: 200, size, sha256 })
      }
      for (const [headers, method, status] of [[{ 'if-none-match': `"${sha256}"` }, 'GET', 304], [{}, 'HEAD', 200], ...(size === 0 ? [] : [[{ range: 'bytes=5-9' }, 'GET', 206]])] as [Record<string, string>, string, number][]) {
        const answer = await get(headers, method)
        t.equal(answer.status, status)
        t.match(answer.headers.get('cache-control'), /^private, /)
      }
      t.equal((await fetch(at, { headers: { authorization: signer.httpToken('GET', at) } })).status, 200, 'NIP-98')
      t.equal((await fetch(at, { method: 'HEAD', headers: { authorization: signer.httpToken('HEAD', at) } })).status, 200)
    }
    const other = await fetch(`${url}/${free.sha256}`)
    t.match([other.status, other.headers.get('cache-control')], [200, /^public, /], 'other blobs are as ever')
    t.match((await listed(url, owner)).map(({ sha256 }) => sha256).sort(), [sha256, free.sha256].sort(), 'and so are lists')

    t.equal((await restrict(server, [sha256], [])).status, 200)
    t.equal((await fetch(at, { headers: { authorization: reader.token('get') } })).status, 403, 'who is named again takes the place of who was')
    t.equal((await fetch(at, { headers: { authorization: owner.token('get') } })).status, 200)
    t.equal((await operate(server, 'DELETE', '/admin/restricted', { hashes: [sha256] })).status, 200)
    t.match((await fetch(at)).headers.get('cache-control'), /^public, /)
    for (const each of [blob, free]) t.equal((await remove(url, owner, each.sha256)).status, 204)
  }
  const absent = 'cd'.repeat(32)
  await restrict(server, [absent])
  await refused(t, `${url}/${absent}`, absent, 401)
  await refused(t, `${url}/${absent}`, absent, 403, () => stranger.token('get'))
  t.equal((await fetch(`${url}/${absent}`, { headers: { authorization: reader.token('get') } })).status, 404)
})

await onBothStores(t, 'naming a restricted blob to /mirror makes nobody its owner who may not read it; uploading its bytes does', async (t, newPlace) => {
  const blob = seededBlob('to be mirrored', 40_000)
  const { sha256, bytes } = blob
  const { url: origin } = await startOrigin(t, { '/anything': send(bytes), [`/${sha256}`]: send(bytes) })
  const server = await startMarquee(t, { minio: await newPlace(), env: { MIRROR_ALLOW_PRIVATE: 'on' } })
  const { url } = server
  t.equal((await upload(url, owner, blob)).status, 201)
  t.equal((await restrict(server, [sha256])).status, 200)
  const sources = [`${url}/${sha256}`, `http://other.example/${sha256}.mp4`, `blossom:${sha256}.bin?xs=${new URL(url).host}`, `${origin}/anything`, `${origin}/${sha256}`]
  for (const source of sources) {
    const response = await mirror(url, stranger, source, sha256)
    t.same([response.status, (await response.json() as { code: string }).code], [403, 'KEY_REFUSED'], source)
    t.same(await listed(url, stranger), [])
  }
  const text = JSON.stringify({ url: sources[0] })
  t.equal((await fetch(`${url}/mirror`, {
    method: 'PUT', body: text, headers: { authorization: stranger.httpToken('PUT', `${url}/mirror`, { payload: sha256Hex(Buffer.from(text)) }) }
  })).status, 403, 'NIP-98')
  await refused(t, `${url}/${sha256}`, sha256, 403, () => stranger.token('get'))
  t.equal((await mirror(url, owner, sources[0], sha256)).status, 200)
  t.equal((await mirror(url, reader, sources[0], sha256)).status, 200, 'who may read may own')
  t.equal((await upload(url, stranger, blob)).status, 200, 'who has the bytes')
  t.same(await hashed(await fetch(`${url}/${sha256}`, { headers: { authorization: stranger.token('get') } })), { status: 200, size: bytes.length, sha256 })
})

await onBothStores(t, 'what was restricted is restricted after a restart, and after the database is deleted and rebuilt', async (t, newPlace) => {
  const place = await newPlace()
  const dataDir = newFolder(t)
  const blob = seededBlob('kept', 50_000)
  const first = await startMarquee(t, { dataDir, minio: place })
  t.equal((await upload(first.url, owner, blob)).status, 201)
  t.equal((await restrict(first, [blob.sha256], [reader], 'why')).status, 200)
  await first.close()
  const look = async (): Promise<void> => {
    const server = await startMarquee(t, { dataDir, minio: place })
    const at = `${server.url}/${blob.sha256}`
    t.equal((await fetch(at)).status, 401)
    t.equal((await fetch(at, { headers: { authorization: stranger.token('get') } })).status, 403)
    for (const signer of [reader, owner]) t.equal((await hashed(await fetch(at, { headers: { authorization: signer.token('get') } }))).sha256, blob.sha256)
    t.match(await (await operate(server, 'GET', '/admin/restricted')).json(), { lines: [{ sha256: blob.sha256, to: [reader.pubkey], reason: 'why' }] })
    await server.close()
  }
  await look()
  for (const name of readdirSync(dataDir).filter((name) => name.startsWith('marquee.db'))) rmSync(join(dataDir, name))
  const { code, err } = await runCommand(t, ['rebuild'], storeEnv(dataDir, place))
  t.equal(code, 0, err)
  await look()
})

t.test('two servers on one bucket: a restriction at one holds at the other within 5 s, and so do another name and its end; an owner who came elsewhere reads', async t => {
  const minio = await startMinio(t)
  if (minio === null) return
  const bucket = await minio.newBucket()
  const [a, b] = [await startMarquee(t, { minio: { minio, bucket } }), await startMarquee(t, { minio: { minio, bucket } })]
  const blob = seededBlob('shared', 60_000)
  t.equal((await upload(a.url, owner, blob)).status, 201)
  for (let i = 0; i < 3; i++) t.equal((await hashed(await fetch(`${b.url}/${blob.sha256}`))).sha256, blob.sha256)
  const status = async (signer: Signer | null): Promise<number> => {
    const response = await fetch(`${b.url}/${blob.sha256}`, { headers: signer === null ? {} : { authorization: signer.token('get') } })
    await response.arrayBuffer()
    return response.status
  }
  await restrict(a, [blob.sha256])
  t.ok(await soon(async () => await status(null) === 401))
  t.strictSame([await status(reader), await status(stranger), await status(owner)], [200, 403, 200])
  const late = new Signer()
  t.equal((await upload(a.url, late, blob)).status, 200)
  t.equal(await status(late), 200, 'an owner that b has never heard of')
  await restrict(a, [blob.sha256], [stranger])
  t.ok(await soon(async () => await status(stranger) === 200))
  t.equal(await status(reader), 403)
  await operate(b, 'DELETE', '/admin/restricted', { hashes: [blob.sha256] })
  t.equal(await status(null), 200)

  await restrict(a, [blob.sha256])
  t.ok(await soon(async () => await status(null) === 401))
  await minio.stop('SIGKILL')
  t.strictSame([await status(null), await status(stranger)], [401, 503], 'with the store away nobody gets in, and who may be an owner is not told that he is none')
  await minio.start()
})

t.test('with an offload to nginx or the bucket a restricted blob is sent by this server, to who may read it', async t => {
  const secret = 'a-secret-of-16-or-more'
  const minio = await sharedMinio()
  const servers = [
    [await startMarquee(t, { env: { OFFLOAD: 'x-accel', OFFLOAD_SECRET: secret } }), { 'x-marquee-offload': secret }],
    ...(minio === null ? [] : [[await startMarquee(t, { env: { OFFLOAD: 'redirect' }, minio: { minio, bucket: await minio.newBucket() } }), {}]])
  ] as [Running, Record<string, string>][]
  for (const [server, mark] of servers) {
    const blob = seededBlob('offloaded', 400_000)
    const at = `${server.url}/${blob.sha256}`
    t.equal((await upload(server.url, owner, blob, { 'content-type': 'video/mp4' })).status, 201)
    const ask = (headers: Record<string, string> = {}): Promise<Response> => fetch(at, { redirect: 'manual', headers: { ...mark, ...headers } })
    const handed = ({ headers, status }: Response): boolean => status === 307 || headers.has('x-accel-redirect')
    t.ok(await soon(async () => handed(await ask())), 'before')
    await restrict(server, [blob.sha256])
    t.equal((await ask()).status, 401)
    t.equal((await ask({ authorization: stranger.token('get') })).status, 403)
    for (let i = 0; i < 40; i++) { // a crowd
      const answer = await ask({ authorization: reader.token('get') })
      t.notOk(handed(answer) || answer.headers.has('x-accel-expires'))
      t.match(answer.headers.get('cache-control'), /^private, /)
      t.same(await hashed(answer), { status: 200, size: 400_000, sha256: blob.sha256 })
    }
  }
})

t.test('READ_PUBKEYS and a restriction both hold', async t => {
  const both = new Signer()
  const server = await startMarquee(t, { env: { READ_PUBKEYS: `${both.pubkey},${stranger.pubkey}` } })
  const blob = seededBlob('twice', 900)
  await upload(server.url, owner, blob)
  await restrict(server, [blob.sha256], [both, reader])
  const statuses = []
  for (const signer of [both, stranger, reader, owner]) statuses.push((await fetch(`${server.url}/${blob.sha256}`, { headers: { authorization: signer.token('get') } })).status)
  t.strictSame(statuses, [200, 403, 403, 403])
})

t.test('/admin/restricted takes public keys in hex alone', async t => {
  const server = await startMarquee(t)
  const hashes = ['ef'.repeat(32)]
  for (const to of ['x', ['x'], [7], [null], Array.from({ length: 1001 }, () => reader.pubkey)]) {
    t.equal((await operate(server, 'POST', '/admin/restricted', { hashes, to })).status, 400, JSON.stringify(to).slice(0, 50))
  }
  t.equal((await operate(server, 'POST', '/admin/restricted', { hashes, delete: true })).status, 400)
  t.same(await (await operate(server, 'GET', '/admin/restricted')).json(), { lines: [] })
})
