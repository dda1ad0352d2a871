// Blocked hashes over HTTP: 404 on read at once, whatever lies in memory; 403 on upload and mirror; the store remembers them when the database
// does not, and other nodes on one bucket follow within 5 seconds.

import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { startMarquee, upload } from '../support/app.ts'
import { hashed, listed, mirror, remove } from '../support/asking.ts'
import { newFolder, onBothStores } from '../support/both-stores.ts'
import { storeEnv } from '../support/children.ts'
import { runCommand } from '../support/command.ts'
import { Signer, seededBlob } from '../support/keys.ts'
import { startMinio } from '../support/minio.ts'
import { operate } from '../support/operator.ts'
import { soon } from '../support/soon.ts'

const SIZES = [900, 60_000, 3_000_000]

async function reasonOf (response: Response): Promise<[number, string | null]> {
  await response.arrayBuffer()
  return [response.status, response.headers.get('x-reason')]
}

const BLOCKED = [403, 'this blob is blocked here']
const MISSING = [404, 'blob not found']

await onBothStores(t, 'a blocked blob is 404 for GET, HEAD and ranges at once, 403 for uploads and mirrors, and whole again when unblocked', async (t, newPlace) => {
  const server = await startMarquee(t, { minio: await newPlace() })
  const { url } = server
  const [owner, other] = [new Signer(), new Signer()]
  for (const size of SIZES) {
    const blob = seededBlob(`blocked ${size}`, size)
    const { sha256 } = blob
    const path = `${url}/${sha256}`
    t.equal((await upload(url, owner, blob)).status, 201)
    // read often enough to lie in every memory there is
    for (let i = 0; i < 4; i++) t.equal((await hashed(await fetch(path))).sha256, sha256)

    const answer = await operate(server, 'POST', '/admin/blocked', { hashes: [sha256.toUpperCase()], reason: 'a court said so' })
    t.same([answer.status, await answer.json()], [200, { hashes: 1, ended: 0 }])
    const reads: [string, RequestInit][] = [
      [path, {}], [`${path}.bin`, {}], [path, { method: 'HEAD' }], [path, { headers: { range: 'bytes=0-9' } }],
      [path, { headers: { 'if-none-match': `"${sha256}"` } }], [path, { headers: { authorization: owner.token('get', { hashes: [sha256] }) } }]
    ]
    for (const [where, init] of reads) {
      const response = await fetch(where, init)
      t.same(await reasonOf(response), MISSING, JSON.stringify(init))
      t.equal(response.headers.get('cache-control'), 'no-store')
    }

    const token = owner.token('upload', { hashes: [sha256, 'ab'.repeat(32)] })
    t.same(await reasonOf(await upload(url, other, blob)), BLOCKED, 'upload')
    t.same(await reasonOf(await fetch(`${url}/upload`, { method: 'PUT', body: blob.bytes, headers: { authorization: token } })), BLOCKED, 'told by its bytes alone')
    t.same(await reasonOf(await fetch(`${url}/upload`, {
      method: 'HEAD', headers: { 'authorization': token, 'x-sha-256': sha256, 'x-content-length': String(size) }
    })), BLOCKED, 'HEAD /upload')
    t.same(await reasonOf(await mirror(url, other, path, sha256)), BLOCKED, 'mirror of our own')
    t.same(await reasonOf(await fetch(`${url}/report`, {
      method: 'PUT', body: JSON.stringify(other.sign({ kind: 1984, created_at: Math.floor(Date.now() / 1000), tags: [['x', sha256, 'spam']], content: '' }))
    })), MISSING, 'a report')
    t.match(await listed(url, owner), [{ sha256 }], 'its owner still sees what is his')
    t.same(await listed(url, other), [])

    t.equal((await operate(server, 'DELETE', '/admin/blocked', { hashes: [sha256] })).status, 200)
    t.same(await hashed(await fetch(path)), { status: 200, size, sha256 }, 'the bytes were kept')
    t.equal((await upload(url, other, blob)).status, 200)
    for (const signer of [owner, other]) t.equal((await remove(url, signer, sha256)).status, 204)
  }
})

await onBothStores(t, 'a blocked blob may be deleted by its owner, and stays blocked', async (t, newPlace) => {
  const server = await startMarquee(t, { minio: await newPlace() })
  const { url } = server
  const owner = new Signer()
  const [blob, origin] = [seededBlob('left', 70_000), seededBlob('elsewhere', 70_000)]
  t.equal((await upload(url, owner, blob)).status, 201)
  t.equal((await operate(server, 'POST', '/admin/blocked', { hashes: [blob.sha256, origin.sha256] })).status, 200)
  t.equal((await remove(url, owner, blob.sha256)).status, 204)
  t.same(await reasonOf(await upload(url, owner, blob)), BLOCKED)
  t.same(await reasonOf(await upload(url, owner, origin)), BLOCKED, 'what never was here')
  t.equal((await operate(server, 'DELETE', '/admin/blocked', { hashes: [blob.sha256] })).status, 200)
  t.same(await reasonOf(await fetch(`${url}/${blob.sha256}`)), MISSING, 'it was deleted')
  t.equal((await upload(url, owner, blob)).status, 201)
})

await onBothStores(t, 'a block that deletes removes the blob for all its owners, and keeps it out', async (t, newPlace) => {
  const server = await startMarquee(t, { minio: await newPlace() })
  const { url } = server
  const owners = [new Signer(), new Signer()]
  for (const size of SIZES) {
    const blob = seededBlob(`removed ${size}`, size)
    for (const owner of owners) await upload(url, owner, blob)
    const answer = await operate(server, 'POST', '/admin/blocked', { hashes: [blob.sha256], delete: true })
    t.same([answer.status, await answer.json()], [200, { hashes: 1, ended: 2 }])
    for (const owner of owners) t.same(await listed(url, owner), [])
    t.same(await reasonOf(await upload(url, owners[0]!, blob)), BLOCKED)
    t.equal((await operate(server, 'DELETE', '/admin/blocked', { hashes: [blob.sha256] })).status, 200)
    t.same(await reasonOf(await fetch(`${url}/${blob.sha256}`)), MISSING)
  }
  t.equal(server.marquee.descriptors.counts().blobs, 0)
})

await onBothStores(t, 'what was blocked is blocked after a restart, and after the database is deleted and rebuilt', async (t, newPlace) => {
  const place = await newPlace()
  const dataDir = newFolder(t)
  const owner = new Signer()
  const [bad, good] = [seededBlob('bad', 50_000), seededBlob('good', 50_000)]
  const first = await startMarquee(t, { dataDir, minio: place })
  for (const blob of [bad, good]) t.equal((await upload(first.url, owner, blob)).status, 201)
  t.equal((await operate(first, 'POST', '/admin/blocked', { hashes: [bad.sha256], reason: 'why' })).status, 200)
  await first.close()

  const look = async (): Promise<void> => {
    const server = await startMarquee(t, { dataDir, minio: place })
    t.same(await reasonOf(await fetch(`${server.url}/${bad.sha256}`)), MISSING)
    t.same(await reasonOf(await upload(server.url, owner, bad)), BLOCKED)
    t.equal((await hashed(await fetch(`${server.url}/${good.sha256}`))).sha256, good.sha256)
    t.match(await (await operate(server, 'GET', '/admin/blocked')).json(), { lines: [{ sha256: bad.sha256, reason: 'why' }] })
    await server.close()
  }
  await look()
  for (const name of readdirSync(dataDir).filter((name) => name.startsWith('marquee.db'))) rmSync(join(dataDir, name))
  const { code, out, err } = await runCommand(t, ['rebuild'], storeEnv(dataDir, place))
  t.equal(code, 0, err)
  t.match(out, /rebuilt: 2 blobs/)
  await look()
  const verified = await runCommand(t, ['verify'], storeEnv(dataDir, place))
  t.equal(verified.code, 0, verified.out)
})

t.test('two servers on one bucket: a block at one shows at the other within 5 s, hot or not, and so does its end', async t => {
  const minio = await startMinio(t)
  if (minio === null) return
  const bucket = await minio.newBucket()
  const [a, b] = [await startMarquee(t, { minio: { minio, bucket } }), await startMarquee(t, { minio: { minio, bucket } })]
  const owner = new Signer()
  const blobs = SIZES.map((size) => seededBlob(`shared ${size}`, size))
  for (const blob of blobs) {
    t.equal((await upload(a.url, owner, blob)).status, 201)
    for (let i = 0; i < 3; i++) t.equal((await hashed(await fetch(`${b.url}/${blob.sha256}`))).sha256, blob.sha256)
  }
  const hashes = blobs.map(({ sha256 }) => sha256)
  const all = async (status: number): Promise<boolean> =>
    (await Promise.all(hashes.map(async (sha256) => (await fetch(`${b.url}/${sha256}`, { method: 'HEAD' })).status))).every((each) => each === status)
  t.equal((await operate(a, 'POST', '/admin/blocked', { hashes })).status, 200)
  t.ok(await soon(() => all(404)), 'blocked')
  t.same(await reasonOf(await upload(b.url, owner, blobs[0]!)), BLOCKED)
  t.equal((await operate(b, 'DELETE', '/admin/blocked', { hashes })).status, 200)
  t.ok(await all(200))
  t.ok(await soon(async () => (await fetch(`${a.url}/${hashes[2]!}`, { method: 'HEAD' })).status === 200), 'unblocked')

  await minio.stop('SIGKILL')
  const fault = await operate(a, 'POST', '/admin/blocked', { hashes })
  t.equal(fault.status, 503, 'what is not durable is not acknowledged')
  await minio.start()
  t.ok(await soon(async () => (await operate(a, 'POST', '/admin/blocked', { hashes })).status === 200), 'and may be asked again')
  t.ok(await soon(() => all(404)))
})

t.test('/admin changes lists for an operator alone, whose token covers the body; anything else changes nothing', async t => {
  const server = await startMarquee(t)
  const { url, marquee } = server
  const [stranger, sha256] = [new Signer(), 'cd'.repeat(32)]
  const node = new Signer(Buffer.from(marquee.nodeKey.secret, 'hex'))
  const path = '/admin/blocked'
  const body = { hashes: [sha256] }
  t.match(await reasonOf(await operate(server, 'POST', path, body, stranger)), [403, 'this key may not do this here'])
  t.equal((await operate(server, 'GET', path, undefined, stranger)).status, 403)
  t.equal((await fetch(`${url}${path}`)).status, 401)
  const post = async (authorization: string, text: string): Promise<number> =>
    (await fetch(`${url}${path}`, { method: 'POST', headers: { authorization, 'content-type': 'application/json' }, body: text })).status
  t.equal(await post(node.httpToken('POST', `${url}${path}`), JSON.stringify(body)), 401, 'no payload')
  t.equal(await post(node.httpToken('POST', `${url}${path}`, { payload: 'ab'.repeat(32) }), JSON.stringify(body)), 401, 'the payload of another body')
  t.equal(await post(node.token('admin', { hashes: [sha256] }), JSON.stringify(body)), 401, 'kind 24242')
  for (const bad of [{}, { hashes: [] }, { hashes: 'x' }, { hashes: ['x'] }, { hashes: [sha256, 7] }, { hashes: [sha256], reason: 7 }, { hashes: [sha256], delete: 'yes' },
    { hashes: Array.from({ length: 1001 }, () => sha256) }]) {
    t.equal((await operate(server, 'POST', path, bad)).status, 400, JSON.stringify(bad).slice(0, 80))
  }
  t.same(await (await operate(server, 'GET', path)).json(), { lines: [] })
})
