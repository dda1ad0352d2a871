// SQLite holds nothing that the store cannot give back (design §1.3): with the database gone `marquee rebuild` makes it anew, and every answer
// is what it was: lists, types, times, descriptors.

import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { startMarquee, upload } from '../support/app.ts'
import { hashed, listed, remove } from '../support/asking.ts'
import { newFolder, onBothStores } from '../support/both-stores.ts'
import { runMarquee, startServer, storeEnv } from '../support/children.ts'
import { freePort } from '../support/program.ts'
import { Signer, seededBlob } from '../support/keys.ts'

const HEADERS = ['content-type', 'content-length', 'last-modified', 'etag', 'accept-ranges', 'cache-control']

await onBothStores(t, 'after the database is lost `marquee rebuild` brings back every blob, owner, type and time', async (t, newPlace) => {
  const place = await newPlace()
  const dataDir = newFolder(t)
  const env = { PORT: String(await freePort()) } // descriptors name the port
  const [ann, ben, cleo] = [new Signer(), new Signer(), new Signer()]
  const blobs = [
    { blob: seededBlob('inline', 700), type: 'text/plain; charset=utf-8', owners: [ann] },
    { blob: seededBlob('empty', 0), type: 'image/png', owners: [ben] },
    { blob: seededBlob('small pack', 50_000), type: 'video/mp4', owners: [ann, ben] },
    { blob: seededBlob('pack', 500_000), type: 'application/octet-stream', owners: [ann, ben, cleo] },
    { blob: seededBlob('large pack', 20_000_000), type: 'video/webm', owners: [cleo] }
  ]
  const first = await startMarquee(t, { dataDir, minio: place, env })
  for (const [index, { blob, type, owners }] of blobs.entries()) {
    for (const owner of owners) t.ok([200, 201].includes((await upload(first.url, owner, blob, { 'content-type': type })).status))
    if (index === 1) await sleep(1100) // so that not all times are one second
  }
  // the first owner left: the time of the blob is that of the next one
  const left = seededBlob('left', 30_000)
  for (const owner of [ann, ben]) await upload(first.url, owner, left, { 'content-type': owner === ann ? 'image/webp' : 'image/gif' })
  t.equal((await remove(first.url, ann, left.sha256)).status, 204)
  const deleted = seededBlob('deleted', 40_000)
  await upload(first.url, ann, deleted)
  await remove(first.url, ann, deleted.sha256)

  const all = [...blobs.map(({ blob }) => blob), left]
  const look = async (url: string): Promise<unknown> => ({
    lists: await Promise.all([ann, ben, cleo].map((owner) => listed(url, owner))),
    heads: await Promise.all(all.map(async ({ sha256 }) => {
      const { status, headers } = await fetch(`${url}/${sha256}`, { method: 'HEAD' })
      return [sha256, status, ...HEADERS.map((name) => headers.get(name))]
    })),
    deleted: (await fetch(`${url}/${deleted.sha256}`)).status
  })
  const before = await look(first.url)
  await first.close()

  for (const name of readdirSync(dataDir).filter((name) => name.startsWith('marquee.db'))) rmSync(join(dataDir, name))
  const { code, output } = await runMarquee(t, ['rebuild'], storeEnv(dataDir, place))
  t.equal(code, 0, 'rebuild exits with 0', { output })
  t.match(output, /rebuilt: 6 blobs of 20580700 bytes, 9 owners/)
  t.ok(existsSync(join(dataDir, 'marquee.db')))

  const second = await startMarquee(t, { dataDir, minio: place, env })
  t.same(await look(second.url), before)
  for (const { sha256, bytes } of all) t.same(await hashed(await fetch(`${second.url}/${sha256}`)), { status: 200, size: bytes.length, sha256 })
  t.equal((await upload(second.url, ann, blobs[2]!.blob)).status, 200, 'known as before')
  await second.close()

  const again = await runMarquee(t, ['rebuild'], storeEnv(dataDir, place))
  t.equal(again.code, 0, 'over a database that is there')
  t.ok(existsSync(join(dataDir, 'marquee.db.old')), 'which is kept beside it')
  const verified = await runMarquee(t, ['verify'], storeEnv(dataDir, place))
  t.equal(verified.code, 0, 'verify exits with 0', { output: verified.output })
  const third = await startMarquee(t, { dataDir, minio: place, env })
  t.same(await look(third.url), before)
})

t.test('`marquee rebuild` and `marquee verify` refuse a data folder that a server holds, and say who holds it', async t => {
  const env = storeEnv(newFolder(t), null)
  const { pid } = await startServer(t, env)
  for (const command of ['rebuild', 'verify']) {
    const { code, output } = await runMarquee(t, [command], env)
    t.equal(code, 1)
    t.match(output, new RegExp(`in use by marquee serve \\(process ${pid}, since `))
  }
})
