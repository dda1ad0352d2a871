// Several nodes on one bucket, with one node key: an id has one taker, and what one node was told the others go by at their next answer: keys, access,
// sessions, withdrawals, used events, the log.

import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { startMarquee } from '../support/app.ts'
import { newFolder } from '../support/both-stores.ts'
import { bytesOf, callKeys, codeOf, getKey, newFilmKey, onceToken, publishTitle, putAccess, putKey, takeBack, titleOf } from '../support/film-keys.ts'
import { Signer } from '../support/keys.ts'
import { startMinio } from '../support/minio.ts'
import type { Running } from '../support/app.ts'

const [creator, fan, stranger] = [new Signer(), new Signer(), new Signer()]
const NODE_KEY = 'c3'.repeat(32)
const minio = await startMinio(t)

async function twoNodes (): Promise<[Running, Running] | null> {
  if (minio === null) return null
  const bucket = await minio.newBucket()
  const a = await startMarquee(t, { minio: { minio, bucket }, env: { NODE_KEY } })
  // as behind one name: a token for the one is for the other too
  return [a, await startMarquee(t, { minio: { minio, bucket }, env: { NODE_KEY }, file: { aliases: [a.url] } })]
}

t.test('of two creators who come for one id at the same moment, at two nodes, one has it, at both', async t => {
  const nodes = await twoNodes()
  if (nodes === null) return
  const [a, b] = nodes
  for (let round = 0; round < 8; round++) {
    const [mine, theirs] = [newFilmKey(), newFilmKey()]
    const id = mine.id
    const statuses = (await Promise.all([putKey(a.url, creator, mine), putKey(b.url, stranger, { id, key: theirs.key })])).map(({ status }) => status)
    t.strictSame([...statuses].sort(), [201, 409])
    const [winner, { key }] = statuses[0] === 201 ? [creator, mine] : [stranger, theirs]
    for (const { url } of [a, b]) t.equal(await bytesOf(await getKey(url, winner, id)), key.toString('hex'))
  }
  const twice = newFilmKey()
  t.strictSame((await Promise.all([putKey(a.url, creator, twice), putKey(b.url, creator, twice)])).map(({ status }) => status).sort(), [200, 201], 'the same key at both is one key')
  const { keys } = await (await callKeys(b.url, creator, 'GET', `/keys/titles/${encodeURIComponent(titleOf(creator))}`)).json() as { keys: string[] }
  t.equal(new Set(keys).size, keys.length)
  for (const id of keys) t.equal((await getKey(a.url, creator, id)).status, 200, 'those who lost are not named as theirs')
})

t.test('what one node was told the other goes by at its next answer', async t => {
  const nodes = await twoNodes()
  if (nodes === null) return
  const [a, b] = nodes
  const film = newFilmKey()
  await putKey(a.url, creator, film)
  const at = async ({ url }: Running, who: Signer | null): Promise<number> => (await getKey(url, who, film.id)).status
  t.strictSame([await at(b, fan), await at(b, creator)], [403, 200])
  for (let round = 0; round < 5; round++) {
    await putAccess(a.url, creator, { who: 'list', pubkeys: [fan.pubkey] })
    t.strictSame([await at(b, fan), await at(b, stranger)], [200, 403])
    await putAccess(b.url, creator, { who: 'list' })
    t.equal(await at(a, fan), 403)
  }
  await putAccess(a.url, creator, { who: 'open' })
  const { token } = await (await callKeys(a.url, fan, 'POST', '/keys/session', { title: titleOf(creator) })).json() as { token: string }
  t.equal((await fetch(`${b.url}/keys/${film.id}?token=${token}`)).status, 200, 'a session of the other')
  await putAccess(a.url, creator, { who: 'list' })
  t.equal((await fetch(`${b.url}/keys/${film.id}?token=${token}`)).status, 403)

  const now = Math.floor(Date.now() / 1000)
  for (const [node, other] of [[a, b], [b, a]] as const) {
    const d = `at ${node.url}`
    const its = newFilmKey()
    await putKey(node.url, creator, its, titleOf(creator, d))
    const both = async (): Promise<number[]> => [(await getKey(node.url, creator, its.id)).status, (await getKey(other.url, creator, its.id)).status]
    await publishTitle(node.url, creator, 'published', now - 50, { d })
    t.strictSame(await both(), [200, 200])
    await publishTitle(node.url, creator, 'withdrawn', now - 40, { d })
    t.strictSame(await both(), [410, 410], 'withdrawn at one, with no relay between them')
    await publishTitle(node.url, creator, 'published', now - 30, { d })
    t.strictSame(await both(), [200, 200])
    await takeBack(node.url, creator, [['a', titleOf(creator, d)]], now - 20)
    t.strictSame(await both(), [410, 410], 'taken back')
    await publishTitle(other.url, creator, 'published', now - 10, { d })
    t.strictSame(await both(), [200, 200], 'published again at the other')
  }

  const { entries } = await (await callKeys(a.url, creator, 'GET', `/keys/audit/${encodeURIComponent(titleOf(creator))}?limit=1000`)).json() as { entries: { at: number }[] }
  t.equal(entries.length, 2 + 5 * 3 + 3, 'the log is of both')
  t.strictSame(entries.map(({ at }) => at), entries.map(({ at }) => at).sort((x, y) => y - x))
})

t.test('an event that was used at one node is a replay at the other, and after a restart', async t => {
  const nodes = await twoNodes()
  if (nodes === null) return
  const [a, b] = nodes
  const film = newFilmKey()
  await putKey(a.url, creator, film)
  const authorization = onceToken(a.url, creator, 'GET', `/keys/${film.id}`)
  const ask = (url: string): Promise<Response> => fetch(`${url}/keys/${film.id}`, { headers: { authorization } })
  t.equal((await ask(b.url)).status, 200)
  for (const { url } of [a, b]) {
    const refused = await ask(url)
    t.strictSame([refused.status, await codeOf(refused)], [401, 'TOKEN_REPLAYED'])
  }
  await b.close()
  const { stores } = a.marquee
  const used = []
  for await (const name of stores.state.list('key-uses/')) used.push(name)
  t.equal(used.length, 2)

  const alone = await startMarquee(t, { dataDir: newFolder(t) })
  await putKey(alone.url, creator, film)
  const mine = onceToken(alone.url, creator, 'GET', `/keys/${film.id}`)
  t.equal((await fetch(`${alone.url}/keys/${film.id}`, { headers: { authorization: mine } })).status, 200)
  const { dataDir, url } = alone
  await alone.close()
  const again = await startMarquee(t, { dataDir, file: { aliases: [url] } })
  t.equal((await fetch(`${again.url}/keys/${film.id}`, { headers: { authorization: mine } })).status, 401, 'folders, after a restart')
})

t.test('with the store away a key is 503, never 404 and never given; it is there when the store is', async t => {
  const nodes = await twoNodes()
  if (nodes === null || minio === null) return
  const [a] = nodes
  const film = newFilmKey()
  await putKey(a.url, creator, film)
  await putAccess(a.url, creator, { who: 'open' })
  const { token } = await (await callKeys(a.url, fan, 'POST', '/keys/session', { title: titleOf(creator) })).json() as { token: string }
  t.equal((await getKey(a.url, null, film.id)).status, 200)
  await minio.stop('SIGKILL')
  const refused = [await getKey(a.url, null, film.id), await getKey(a.url, creator, film.id), await fetch(`${a.url}/keys/${film.id}?token=${token}`), await putKey(a.url, creator, newFilmKey())]
  t.strictSame(refused.map(({ status }) => status), [503, 503, 503, 503])
  for (const response of refused) t.ok(Number(response.headers.get('retry-after')) > 0)
  await minio.start()
  // it answers some moments before it reads its objects
  const again: number[] = []
  do again.push((await getKey(a.url, creator, film.id)).status)
  while (again.at(-1) === 503 && await sleep(200, true))
  t.equal(again.at(-1), 200)
})
