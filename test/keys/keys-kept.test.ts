// What becomes of film keys: they outlive restarts, kills and the database, open under the same node key alone, and are found nowhere in the clear.

import { readFileSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { sha256Hex } from '../../server/stores/multihash.ts'
import { startMarquee, upload } from '../support/app.ts'
import { newFolder } from '../support/both-stores.ts'
import { runMarquee, startServer, storeEnv } from '../support/children.ts'
import { bytesOf, callKeys, codeOf, getKey, newFilmKey, onFoldersAnd, publishTitle, putAccess, putKey, titleOf } from '../support/film-keys.ts'
import { Signer, seededBlob } from '../support/keys.ts'
import { startMinio } from '../support/minio.ts'
import type { Running } from '../support/app.ts'
import type { FilmKey } from '../support/film-keys.ts'

const [creator, fan, stranger] = [new Signer(), new Signer(), new Signer()]
const minio = await startMinio(t)

async function audited (url: string): Promise<unknown[]> {
  const { entries } = await (await callKeys(url, creator, 'GET', `/keys/audit/${encodeURIComponent(titleOf(creator))}`)).json() as { entries: unknown[] }
  return entries
}

await onFoldersAnd(minio, t, 'keys, who took them, access and the log are the same after a restart, and after the database is lost and rebuilt', async (t, newPlace) => {
  const place = await newPlace()
  const dataDir = newFolder(t)
  const film = newFilmKey()
  const first = await startMarquee(t, { dataDir, minio: place })
  await putKey(first.url, creator, film)
  await putAccess(first.url, creator, { who: 'list', pubkeys: [fan.pubkey] })
  await getKey(first.url, stranger, film.id)
  await first.close()
  const look = async (): Promise<void> => {
    const server = await startMarquee(t, { dataDir, minio: place })
    const { url } = server
    const log = await audited(url)
    t.equal(await bytesOf(await getKey(url, fan, film.id)), film.key.toString('hex'))
    t.equal((await getKey(url, stranger, film.id)).status, 403)
    t.equal((await putKey(url, stranger, film, titleOf(stranger))).status, 409)
    t.equal((await putKey(url, creator, film)).status, 200)
    t.strictSame(await (await callKeys(url, creator, 'GET', `/keys/access/${encodeURIComponent(titleOf(creator))}`)).json(), { who: 'list', pubkeys: [fan.pubkey] })
    t.strictSame((await audited(url)).slice(2), log, 'what was there is there')
    t.ok(log.length > 0)
    await server.close()
  }
  await look()
  for (const name of readdirSync(dataDir).filter((name) => name.startsWith('marquee.db'))) rmSync(join(dataDir, name))
  const { code, output } = await runMarquee(t, ['rebuild'], storeEnv(dataDir, place))
  t.equal(code, 0, 'rebuild', { output })
  await look()
})

t.test('a withdrawn title\'s keys have stopped at a server whose database is new, before its catalog is read again', async t => {
  const dataDir = newFolder(t)
  const film = newFilmKey()
  const first = await startMarquee(t, { dataDir })
  await putKey(first.url, creator, film)
  await putAccess(first.url, creator, { who: 'open' })
  await publishTitle(first.url, creator, 'withdrawn', Math.floor(Date.now() / 1000) - 20)
  await first.close()
  for (const folder of ['state/events', 'store/state/events']) rmSync(join(dataDir, folder), { recursive: true, force: true }) // as long as it is not read
  for (const name of readdirSync(dataDir).filter((name) => name.startsWith('marquee.db'))) rmSync(join(dataDir, name))
  const { url, marquee } = await startMarquee(t, { dataDir })
  t.equal(marquee.catalog.store.log.last, 0, 'nothing was read')
  t.equal((await getKey(url, null, film.id)).status, 410)
})

await onFoldersAnd(minio, t, 'under another node key a key is 503 KEY_SEALED_ELSEWHERE, never 500, until its creator hands it in again; sessions of the old one are over', async (t, newPlace) => {
  const place = await newPlace()
  const dataDir = newFolder(t)
  const film = newFilmKey()
  const first = await startMarquee(t, { dataDir, minio: place, env: { NODE_KEY: 'a1'.repeat(32) } })
  await putKey(first.url, creator, film)
  const { token } = await (await callKeys(first.url, creator, 'POST', '/keys/session', { title: titleOf(creator) })).json() as { token: string }
  await first.close()
  const { url } = await startMarquee(t, { dataDir, minio: place, env: { NODE_KEY: 'b2'.repeat(32) } })
  const refused = await getKey(url, creator, film.id)
  t.strictSame([refused.status, await codeOf(refused)], [503, 'KEY_SEALED_ELSEWHERE'])
  t.match(refused.headers.get('x-reason'), /another node key/)
  t.ok(Number(refused.headers.get('retry-after')) > 0)
  t.equal((await putKey(url, stranger, film, titleOf(stranger))).status, 409, 'it is still the creator\'s')
  t.equal((await putKey(url, creator, film)).status, 201)
  t.equal(await bytesOf(await getKey(url, creator, film.id)), film.key.toString('hex'))
  t.equal((await fetch(`${url}/keys/${film.id}?token=${token}`)).status, 401)
})

await onFoldersAnd(minio, t, 'a key whose 201 was seen is there after a kill -9', async (t, newPlace) => {
  const place = await newPlace()
  const env = storeEnv(newFolder(t), place)
  const server = await startServer(t, env)
  const films = Array.from({ length: 12 }, newFilmKey)
  const seen: FilmKey[] = []
  // the kill comes while others are under way
  await Promise.all(films.map(async (film) => {
    try {
      const { status } = await putKey(server.url, creator, film)
      if (status === 201 && seen.push(film) === 8) await server.kill('SIGKILL')
    } catch { /* cut off: nothing was said of it */ }
  }))
  t.ok(seen.length >= 8)
  const { url } = await startServer(t, env)
  for (const { id, key } of seen) t.equal(await bytesOf(await getKey(url, creator, id)), key.toString('hex'))
  const { keys } = await (await callKeys(url, creator, 'GET', `/keys/titles/${encodeURIComponent(titleOf(creator))}`)).json() as { keys: string[] }
  for (const { id } of seen) t.ok(keys.includes(id))
})

/** Every file below a folder, by its path. */
function * filesIn (folder: string): Iterable<[path: string, bytes: Buffer]> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) yield * filesIn(path)
    else if (entry.isFile()) yield [path, readFileSync(path)]
  }
}

/** Which of the files or lines have this secret in any spelling. */
function findings (secret: Buffer, ...where: Iterable<[string, Buffer]>[]): string[] {
  const hex = secret.toString('hex')
  const spelled = [secret, Buffer.from(hex), Buffer.from(hex.toUpperCase()), ...[0, 1, 2].map((shift) => {
    // base64 of it within other bytes: the whole groups of three that it fills wherever it begins
    const text = Buffer.concat([Buffer.alloc(shift), secret]).toString('base64').slice(shift === 0 ? 0 : 4, -4)
    return Buffer.from(text.replaceAll('=', ''))
  })]
  return where.flatMap((some) => [...some].filter(([, bytes]) => spelled.some((each) => bytes.includes(each))).map(([path]) => path))
}

await onFoldersAnd(minio, t, 'a key is in no log, no file, no database, no snapshot and no blob, in no spelling', async (t, newPlace) => {
  const place = await newPlace()
  const server: Running = await startMarquee(t, { minio: place })
  const { url, marquee, dataDir, log } = server
  const film = newFilmKey()
  await publishTitle(url, creator, 'published', Math.floor(Date.now() / 1000) - 20)
  const asked: Response[] = [await putKey(url, creator, film), await putKey(url, creator, film), await putKey(url, stranger, film, titleOf(stranger)), await getKey(url, creator, film.id)]
  // and what is refused with it, in every way
  const key = film.key.toString('hex')
  for (const body of [{ title: 'x', key }, { title: titleOf(creator), key: `${key}00` }, `{"title":"${titleOf(creator)}","key":"${key}"`, { title: titleOf(creator), key, more: key }]) asked.push(await callKeys(url, creator, 'PUT', `/keys/${film.id}`, body))
  asked.push(await fetch(`${url}/keys/${film.id}`, { method: 'PUT', body: JSON.stringify({ title: titleOf(creator), key }) }))
  const { token } = await (await callKeys(url, creator, 'POST', '/keys/session', { title: titleOf(creator) })).json() as { token: string }
  asked.push(await fetch(`${url}/keys/${film.id}?token=${token}`))
  t.strictSame(asked.map(({ status }) => status), [201, 200, 409, 200, 400, 400, 400, 400, 401, 200])
  const snapshot = await marquee.catalog.makeSnapshot()
  t.ok(snapshot)
  const logged = log.map((line, index): [string, Buffer] => [`log line ${index}`, Buffer.from(JSON.stringify(line))])
  t.ok(logged.some(([, bytes]) => bytes.includes(`/keys/${film.id}`)), 'the requests are in the log')
  const state: [string, Buffer][] = []
  for await (const name of marquee.stores.state.list('')) state.push([`state/${name}`, Buffer.from(JSON.stringify(await marquee.stores.state.get(name)))])
  t.ok(state.some(([name]) => name === `state/keys/${film.id}`))
  const { sha256 } = JSON.parse(snapshot!.content) as { sha256: string }
  const blob: [string, Buffer][] = [['the snapshot', Buffer.from(await (await fetch(`${url}/${sha256}`)).arrayBuffer())]]
  t.strictSame(findings(film.key, logged, state, blob, filesIn(dataDir)), [])
  t.strictSame(findings(Buffer.from(token, 'base64url'), logged, state, filesIn(dataDir)), [], 'nor is a session\'s token')
  t.strictSame(findings(Buffer.from(film.id), logged, filesIn(dataDir)).length > 0, true, 'what is there is found')
})

t.test('a mirror of a film\'s blobs has none of its keys', async t => {
  const [origin, mirror] = [await startMarquee(t), await startMarquee(t, { env: { MIRROR_ALLOW_PRIVATE: 'on' } })]
  const film = newFilmKey()
  const segment = seededBlob('segment', 9000)
  t.equal((await upload(origin.url, creator, segment)).status, 201)
  await putKey(origin.url, creator, film)
  await putAccess(origin.url, creator, { who: 'open' })
  const body = JSON.stringify({ url: `${origin.url}/${segment.sha256}` })
  t.equal((await fetch(`${mirror.url}/mirror`, { method: 'PUT', body, headers: { authorization: creator.token('upload', { hashes: [segment.sha256] }) } })).status, 201)
  t.equal(await bytesOf(await getKey(origin.url, null, film.id)), film.key.toString('hex'))
  for (const who of [null, fan, creator]) {
    const refused = await getKey(mirror.url, who, film.id)
    t.strictSame([refused.status, await codeOf(refused)], [404, 'KEY_UNKNOWN'])
  }
})

t.test('a playlist\'s keys/<id>, served by the origin, is where the player finds the key with its session\'s token', async t => {
  const { url } = await startMarquee(t)
  const film = newFilmKey()
  await putKey(url, creator, film)
  const bytes = Buffer.from(`#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="keys/${film.id}"\n`)
  const playlist = { bytes, sha256: sha256Hex(bytes) }
  await upload(url, creator, playlist, { 'content-type': 'application/vnd.apple.mpegurl' })
  const at = `${url}/${playlist.sha256}.m3u8`
  const uri = /URI="([^"]+)"/.exec(await (await fetch(at)).text())![1]!
  const { token } = await (await callKeys(url, creator, 'POST', '/keys/session', { title: titleOf(creator) })).json() as { token: string }
  t.equal(await bytesOf(await fetch(`${new URL(uri, at)}?token=${token}`)), film.key.toString('hex'))
})

