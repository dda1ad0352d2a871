// Pinned hashes stay when their last owner leaves, and an allow-list lets in and out only what is on it; both outlive the database.

import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { startMarquee, upload } from '../support/app.ts'
import { hashed, listed, mirror, remove } from '../support/asking.ts'
import { newFolder, onBothStores } from '../support/both-stores.ts'
import { storeEnv } from '../support/children.ts'
import { runCommand } from '../support/command.ts'
import { Signer, seededBlob } from '../support/keys.ts'
import { sharedMinio } from '../support/minio.ts'
import { operate } from '../support/operator.ts'
import { soon } from '../support/soon.ts'

const SIZES = [900, 60_000, 3_000_000]
const NOT_ALLOWED = [403, 'this blob is not on the list of those taken here']

const status = async (url: string, sha256: string): Promise<number> => (await fetch(`${url}/${sha256}`, { method: 'HEAD' })).status

async function reasonOf (response: Response): Promise<[number, string | null]> {
  await response.arrayBuffer()
  return [response.status, response.headers.get('x-reason')]
}

await onBothStores(t, 'the bytes of a pinned blob stay when its owners leave, pinned before it came or after, until it is unpinned', async (t, newPlace) => {
  const place = await newPlace()
  const dataDir = newFolder(t)
  const owner = new Signer()
  let server = await startMarquee(t, { dataDir, minio: place, env: { MIRROR_ALLOW_PRIVATE: 'on' } })
  const source = await startMarquee(t)
  const [early, late, mirrored] = ['early', 'late', 'mirrored'].map((name) => SIZES.map((size) => seededBlob(`${name} ${size}`, size))) as [ReturnType<typeof seededBlob>[], ReturnType<typeof seededBlob>[], ReturnType<typeof seededBlob>[]]
  const all = [...early, ...late, ...mirrored]
  const hashes = all.map(({ sha256 }) => sha256)
  for (const blob of mirrored) t.equal((await upload(source.url, owner, blob)).status, 201)
  for (const blob of late) t.equal((await upload(server.url, owner, blob)).status, 201)
  t.equal((await operate(server, 'POST', '/admin/pinned', { hashes })).status, 200)
  for (const blob of early) t.equal((await upload(server.url, owner, blob)).status, 201)
  for (const { sha256 } of mirrored) t.equal((await mirror(server.url, owner, `${source.url}/${sha256}`, sha256)).status, 201)

  for (const { sha256 } of all) t.equal((await remove(server.url, owner, sha256)).status, 204)
  t.same(await listed(server.url, owner), [], 'his ownership ended as always')
  const whole = async (): Promise<void> => {
    for (const { sha256, bytes } of all) t.same(await hashed(await fetch(`${server.url}/${sha256}`)), { status: 200, size: bytes.length, sha256 })
  }
  await whole()

  await server.close()
  for (const name of readdirSync(dataDir).filter((name) => name.startsWith('marquee.db'))) rmSync(join(dataDir, name))
  t.equal((await runCommand(t, ['rebuild'], storeEnv(dataDir, place))).code, 0)
  server = await startMarquee(t, { dataDir, minio: place })
  await whole()
  t.equal((await upload(server.url, owner, early[0]!)).status, 200)
  t.equal((await remove(server.url, owner, early[0]!.sha256)).status, 204)
  await whole()

  const kept = early[1]!
  t.equal((await upload(server.url, owner, kept)).status, 200)
  t.equal((await operate(server, 'DELETE', '/admin/pinned', { hashes })).status, 200)
  for (const { sha256 } of all) t.equal(await status(server.url, sha256), sha256 === kept.sha256 ? 200 : 404, 'unpinned: only what somebody owns')
  t.same(await (await operate(server, 'GET', '/admin/pinned')).json(), { lines: [] })
  await server.close()
  t.equal((await runCommand(t, ['verify'], storeEnv(dataDir, place))).code, 0)
})

await onBothStores(t, 'a block hides what is pinned and keeps it; one that deletes ends the pin too', async (t, newPlace) => {
  const server = await startMarquee(t, { minio: await newPlace() })
  const owner = new Signer()
  const blob = seededBlob('both', 60_000)
  const [{ sha256 }, { url }] = [blob, server]
  await upload(url, owner, blob)
  await operate(server, 'POST', '/admin/pinned', { hashes: [sha256] })
  await operate(server, 'POST', '/admin/blocked', { hashes: [sha256] })
  t.equal(await status(url, sha256), 404)
  t.equal((await remove(url, owner, sha256)).status, 204)
  await operate(server, 'DELETE', '/admin/blocked', { hashes: [sha256] })
  t.equal((await hashed(await fetch(`${url}/${sha256}`))).sha256, sha256)
  t.same(await (await operate(server, 'POST', '/admin/blocked', { hashes: [sha256], delete: true })).json(), { hashes: 1, ended: 1 })
  t.same(await (await operate(server, 'GET', '/admin/pinned')).json(), { lines: [] })
  await operate(server, 'DELETE', '/admin/blocked', { hashes: [sha256] })
  t.equal(await status(url, sha256), 404)
})

t.test('two servers on one bucket: a pin at one keeps what the other takes and loses', async t => {
  const minio = await sharedMinio()
  if (minio === null) return
  const bucket = await minio.newBucket()
  const env = { NODE_KEY: '17'.repeat(32) }
  const [a, b] = [await startMarquee(t, { minio: { minio, bucket }, env }), await startMarquee(t, { minio: { minio, bucket }, env })]
  const owner = new Signer()
  const [known, fresh] = [seededBlob('known', 60_000), seededBlob('fresh', 60_000)]
  t.equal((await upload(b.url, owner, known)).status, 201)
  t.equal((await operate(a, 'POST', '/admin/pinned', { hashes: [known.sha256, fresh.sha256] })).status, 200)
  t.equal((await remove(b.url, owner, known.sha256)).status, 204, 'before the other may have heard')
  t.equal((await upload(b.url, owner, fresh)).status, 201)
  const keeper = b.marquee.nodeKey.pubkey
  t.ok(await soon(() => [known, fresh].every(({ sha256 }) => b.marquee.descriptors.ownersOf(sha256).includes(keeper))), 'the other hears of it')
  t.equal((await remove(b.url, owner, fresh.sha256)).status, 204)
  for (const { url } of [a, b]) {
    // who was asked before it came may remember for two seconds that it was not there
    for (const { sha256 } of [known, fresh]) t.ok(await soon(async () => (await hashed(await fetch(`${url}/${sha256}`))).sha256 === sha256))
  }
})

await onBothStores(t, 'with allowListOnly only what is on the list is stored and served', async (t, newPlace) => {
  const place = await newPlace()
  const dataDir = newFolder(t)
  const owner = new Signer()
  const [old, on, off] = [seededBlob('old', 60_000), seededBlob('on', 60_000), seededBlob('off', 60_000)]
  const open = await startMarquee(t, { dataDir, minio: place })
  t.equal((await upload(open.url, owner, old)).status, 201)
  t.equal((await operate(open, 'POST', '/admin/allowed', { hashes: [on.sha256] })).status, 200)
  t.equal(await status(open.url, old.sha256), 200, 'switched off the list says nothing')
  await open.close()

  const server = await startMarquee(t, { dataDir, minio: place, file: { allowListOnly: true } })
  const { url } = server
  t.equal(await status(url, old.sha256), 404, 'here, and not on the list')
  t.same(await reasonOf(await upload(url, owner, off)), NOT_ALLOWED)
  const token = owner.token('upload', { hashes: [off.sha256, on.sha256] })
  t.same(await reasonOf(await fetch(`${url}/upload`, { method: 'PUT', body: off.bytes, headers: { authorization: token } })), NOT_ALLOWED, 'told by its bytes alone')
  t.same(await reasonOf(await mirror(url, owner, `${url}/${old.sha256}`, old.sha256)), NOT_ALLOWED)
  t.same(await reasonOf(await fetch(`${url}/upload`, {
    method: 'HEAD', headers: { 'authorization': token, 'x-sha-256': off.sha256, 'x-content-length': '60000' }
  })), NOT_ALLOWED)
  t.equal((await upload(url, owner, on)).status, 201)
  t.equal((await hashed(await fetch(`${url}/${on.sha256}`))).sha256, on.sha256)
  t.equal((await operate(server, 'POST', '/admin/allowed', { hashes: [old.sha256] })).status, 200)
  t.equal((await hashed(await fetch(`${url}/${old.sha256}`))).sha256, old.sha256)
  t.equal((await operate(server, 'POST', '/admin/blocked', { hashes: [old.sha256] })).status, 200)
  t.equal(await status(url, old.sha256), 404, 'a block is stronger')
  t.equal((await operate(server, 'DELETE', '/admin/allowed', { hashes: [on.sha256] })).status, 200)
  t.equal(await status(url, on.sha256), 404)
})
