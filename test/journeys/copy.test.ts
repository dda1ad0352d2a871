// Moving house: `marquee copy --to` brings a store from folders to a bucket and back while its server serves and takes uploads; killed at any
// point it shows nothing that is not whole; after the last pass a server with an empty database serves, lists and refuses as the old one did.

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { Layout } from '../../server/stores/layout.ts'
import { sha256Multihash } from '../../server/stores/multihash.ts'
import { openStores } from '../../server/stores/open.ts'
import { verify } from '../../server/stores/verify.ts'
import { loadConfig } from '../../server/config.ts'
import { upload } from '../support/app.ts'
import { hashed, listed, remove } from '../support/asking.ts'
import { newFolder } from '../support/both-stores.ts'
import { storeEnv } from '../support/children.ts'
import { runCommand, startCommand, startServing } from '../support/command.ts'
import { Signer, seededBlob } from '../support/keys.ts'
import { startMinio } from '../support/minio.ts'
import type { Test } from 'tap'
import type { StorePlace } from '../support/children.ts'

const minio = await startMinio(t)
const bucket = async (): Promise<StorePlace> => ({ minio: minio!, bucket: await minio!.newBucket() })
const folders = async (): Promise<StorePlace> => null

const node = new Signer()
const [ann, ben] = [new Signer(), new Signer()]
const blobs = [
  ['text/plain', seededBlob('inline', 700)], ['image/png', seededBlob('empty', 0)], ['image/webp', seededBlob('small', 50_000)], ['video/mp4', seededBlob('pack', 900_000)],
  ['video/webm', seededBlob('large', 12_000_000)]
] as const
const [shared, bad, deleted] = [seededBlob('shared', 9000), seededBlob('bad', 30_000), seededBlob('deleted', 300_000)]

interface House {
  env: Record<string, string>
  /** The same as a file, for `--to`. */
  file: string
  dataDir: string
}

async function newHouse (t: Test, place: StorePlace): Promise<House> {
  const dataDir = newFolder(t)
  const env = { ...storeEnv(dataDir, place), NODE_KEY: Buffer.from(node.secret).toString('hex'), PUBLIC_URL: 'http://house.example', RATE_LIMIT: 'off', LOG_LEVEL: 'error' }
  const file = join(newFolder(t), 'marquee.json')
  const bucket = place === null ? {} : { store: 'minio', minio: { endpoint: place.minio.endpoint, accessKey: place.minio.accessKey, secretKey: place.minio.secretKey, bucket: place.bucket } }
  writeFileSync(file, JSON.stringify({ dataDir, ...bucket }))
  return { env, file, dataDir }
}

const placed = [...blobs.map(([, blob]) => [ann, blob] as const), [ann, shared], [ben, shared], [ann, bad], [ben, deleted]] as const

/** Resolves when what `furnish` uploaded has its files: small uploads get theirs a moment after the answer. A bucket has all at once. */
async function filed ({ dataDir, env }: House): Promise<void> {
  if (env['STORE'] === 'minio') return
  const layout = new Layout(false)
  const keys = placed.flatMap(([{ pubkey }, { sha256 }]) => [layout.owner(sha256Multihash(sha256), pubkey), layout.record(sha256Multihash(sha256))])
  while (!keys.every((key) => existsSync(join(dataDir, 'store', key)))) await sleep(20)
}

async function furnish (url: string): Promise<void> {
  for (const [type, blob] of blobs) if (!(await upload(url, ann, blob, { 'content-type': type })).ok) throw new Error('upload')
  for (const [who, blob] of placed.slice(blobs.length)) if (!(await upload(url, who, blob)).ok) throw new Error('upload')
}

/** What is wrong in a store that the kill of a copy left; a pack, or a record, that nobody can see yet is not. */
async function visibleFaults (file: string): Promise<string[]> {
  const stores = await openStores(loadConfig({ file, env: {} }))
  try {
    const { faults } = await verify({ stores, descriptors: null, repair: false, foreignBlobs: false, now: Date.now() + 24 * 3600_000 })
    return faults.filter(({ kind }) => !['pack-unused', 'record-missing', 'record-ownerless'].includes(kind)).map(({ kind, about, detail }) => `${kind} ${about} ${detail}`)
  } finally {
    await stores.close()
  }
}

async function move (t: Test, from: () => Promise<StorePlace>, to: () => Promise<StorePlace>): Promise<void> {
  const [old, next] = [await newHouse(t, await from()), await newHouse(t, await to())]
  const server = await startServing(t, old.env)
  const { url } = server
  await furnish(url)
  t.equal((await runCommand(t, ['block', bad.sha256, '--reason', 'a test'], { ...old.env, PORT: new URL(url).port })).code, 0)
  await filed(old)

  // killed half-way, twice
  for (const [rate, ms] of [['8MiB', 100], ['4MiB', 700]] as const) {
    const copying = startCommand(t, ['copy', '--to', next.file, '--rate', rate], old.env)
    await copying.prints(/./) // it has begun
    await sleep(ms)
    copying.kill('SIGKILL')
    await copying.ended
    t.strictSame(await visibleFaults(next.file), [], 'nothing is there that is not whole')
  }

  // while it takes uploads
  let copied = false
  const late: ReturnType<typeof seededBlob>[] = []
  const copying = runCommand(t, ['copy', '--to', next.file], old.env).finally(() => { copied = true })
  for (let count = 0; !copied || count < 5; count++) {
    late.push(seededBlob(`late ${count}`, 2000 + count * 3000))
    t.equal((await upload(url, ben, late.at(-1)!)).status, 201)
  }
  const first = await copying
  t.equal(first.code, 0, first.err)
  t.match(first.out, /^copied: \d+ blobs of \d+ bytes, \d+ owners, \d+ of state; \d+ blobs were there\n$/)
  const again = await runCommand(t, ['copy', '--to', next.file], old.env)
  t.ok(Number(/; (\d+) blobs were there/.exec(again.out)?.[1]) >= blobs.length, `what is there is skipped: ${again.out.trim()}`)

  t.equal((await remove(url, ben, deleted.sha256)).status, 204, 'deleted after it was copied')
  t.equal((await remove(url, ben, shared.sha256)).status, 204, 'and one of two owners left')
  const early = await runCommand(t, ['copy', '--to', next.file, '--last'], old.env)
  t.equal(early.code, 1, 'the last pass is not made beside a server')
  t.match(early.err, /in use by marquee serve/)
  const lists = [await listed(url, ann), await listed(url, ben)]
  server.kill('SIGTERM')
  t.equal((await server.ended).code, 0)

  const last = await runCommand(t, ['copy', '--to', next.file, '--last'], old.env)
  t.equal(last.code, 0, last.err)
  t.match(last.out, /; 2 removed that are gone/)
  const verified = await runCommand(t, ['verify'], next.env)
  t.equal(verified.code, 0, verified.out + verified.err)
  t.equal((await runCommand(t, ['copy', '--to', next.file], old.env)).code, 2, 'the move is over')

  const there = await startServing(t, next.env)
  // into a bucket it catches up in the background, and serves meanwhile
  while (((await (await fetch(`${there.url}/readyz`)).json()) as { catchingUp?: unknown }).catchingUp !== undefined) await sleep(50)
  t.strictSame([await listed(there.url, ann), await listed(there.url, ben)], lists, 'every owner, type and time is as it was')
  for (const [, { sha256 }] of blobs) t.match(await hashed(await fetch(`${there.url}/${sha256}`)), { status: 200, sha256 })
  for (const { sha256 } of [...late, shared]) t.match(await hashed(await fetch(`${there.url}/${sha256}`)), { status: 200, sha256 })
  t.equal((await fetch(`${there.url}/${deleted.sha256}`)).status, 404, 'what was deleted is deleted')
  t.equal((await fetch(`${there.url}/${bad.sha256}`)).status, 404, 'what was blocked is blocked')
  t.equal((await upload(there.url, ann, bad)).status, 403)
  there.kill('SIGTERM')
  t.equal((await there.ended).code, 0)
  const after = await runCommand(t, ['verify'], next.env)
  t.equal(after.code, 0, after.out + after.err)
  t.match((await runCommand(t, ['copy', '--to', next.file], old.env)).err, /a server ran on/, 'a copy does not go behind its back')
}

if (minio === null) {
  await t.test('a store moves from folders to folders', (t) => move(t, folders, folders))
} else {
  await t.test('a store moves from folders to a bucket', (t) => move(t, folders, bucket))
  await t.test('a store moves from a bucket to folders', (t) => move(t, bucket, folders))
}

t.test('a damaged blob is told and left out, with exit code 1; the rest goes over', async t => {
  const [old, next] = [await newHouse(t, null), await newHouse(t, null)]
  const server = await startServing(t, old.env)
  await furnish(server.url)
  server.kill('SIGTERM')
  await server.ended
  const path = (sha256: string): string => join(old.dataDir, 'store', new Layout(false).pack(sha256Multihash(sha256)))
  const flipped = readFileSync(path(shared.sha256))
  flipped[5000]! ^= 1
  writeFileSync(path(shared.sha256), flipped)
  writeFileSync(path(deleted.sha256), readFileSync(path(deleted.sha256)).subarray(0, 1000))
  for (const args of [[], ['--last']]) {
    const { code, out, err } = await runCommand(t, ['copy', '--to', next.file, ...args], old.env)
    t.equal(code, 1)
    t.match(out, /; 2 left out/)
    t.match(err, new RegExp(`^FAULT  ${shared.sha256}: its pack is damaged$`, 'm'))
    t.match(err, new RegExp(`^FAULT  ${deleted.sha256}: its pack cannot be read`, 'm'))
  }
  t.equal((await runCommand(t, ['verify'], next.env)).code, 0)
  const there = await startServing(t, next.env)
  t.equal((await listed(there.url, ann)).length, blobs.length + 1)
  t.equal((await fetch(`${there.url}/${shared.sha256}`)).status, 404)
})

t.test('a target that is somebody\'s, this store itself, or no configuration at all is refused with exit code 2', async t => {
  const [old, other] = [await newHouse(t, null), await newHouse(t, null)]
  const elsewhere = await startServing(t, other.env)
  await upload(elsewhere.url, ann, shared)
  t.match(await runCommand(t, ['copy', '--to', other.file], old.env), { code: 1, err: /in use by marquee serve/ }, 'a server runs there')
  elsewhere.kill('SIGTERM')
  await elsewhere.ended
  t.match(await runCommand(t, ['copy', '--to', other.file], old.env), { code: 2, err: /a server ran on/ })
  const filled = join(newFolder(t), 'filled.json')
  const dataDir = newFolder(t)
  const stores = await openStores(loadConfig({ file: null, env: { DATA_DIR: dataDir } }))
  await stores.state.put('blocked/x', {})
  await stores.close()
  writeFileSync(filled, JSON.stringify({ dataDir }))
  t.match(await runCommand(t, ['copy', '--to', filled], old.env), { code: 2, err: /the target is not empty/ })
  t.match(await runCommand(t, ['copy', '--to', old.file], old.env), { code: 2, err: /dataDir of its own/ })
  for (const args of [[], ['--to', join(dataDir, 'none.json')], ['--to', filled, '--rate', 'fast'], ['--to', filled, '--rate', '0']]) {
    t.equal((await runCommand(t, ['copy', ...args], old.env)).code, 2, args.join(' '))
  }
})
