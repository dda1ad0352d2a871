// Film keys over HTTP, sentence by sentence of docs/api.md, over folders and over a real MinIO: who hands them in, who gets them, and what each other is
// told.

import t from 'tap'
import { formatNaddr } from '../../server/catalog/address.ts'
import { startMarquee } from '../support/app.ts'
import { bytesOf, callKeys, codeOf, getKey, newFilmKey, onFoldersAnd, publishTitle, putAccess, putKey, takeBack, titleOf } from '../support/film-keys.ts'
import { Signer } from '../support/keys.ts'
import { startMinio } from '../support/minio.ts'

const [creator, fan, stranger] = [new Signer(), new Signer(), new Signer()]
const minio = await startMinio(t)

await onFoldersAnd(minio, t, 'PUT /keys/:id keeps a key of the title\'s creator: 201, the same again 200; whoever else comes for the id is 409', async (t, newPlace) => {
  const { url } = await startMarquee(t, { minio: await newPlace() })
  const film = newFilmKey()
  const first = await putKey(url, creator, film)
  t.equal(first.status, 201)
  t.equal(first.headers.get('cache-control'), 'no-store')
  t.strictSame(await first.json(), { id: film.id, title: titleOf(creator) })
  t.equal((await putKey(url, creator, film)).status, 200)
  const others: [string, Signer, string, Buffer][] = [
    ['another key', creator, titleOf(creator), newFilmKey().key], ['another title of the creator', creator, titleOf(creator, 'another'), film.key],
    ['another creator', stranger, titleOf(stranger), film.key], ['another, for the creator\'s title', stranger, titleOf(creator), film.key]
  ]
  for (const [name, signer, title, key] of others) {
    const refused = await putKey(url, signer, { id: film.id, key }, title)
    t.strictSame([refused.status, await codeOf(refused)], [409, 'KEY_TAKEN'], name)
  }
  const free = newFilmKey()
  const stolen = await putKey(url, stranger, free, titleOf(creator))
  t.strictSame([stolen.status, await codeOf(stolen)], [403, 'NOT_CREATOR'], 'a free id for the title of another')
  t.equal((await putKey(url, creator, free)).status, 201, 'which took nothing')
  const held = await callKeys(url, creator, 'GET', `/keys/titles/${formatNaddr({ kind: 34235, pubkey: creator.pubkey, d: 'film' })}`)
  t.strictSame(await held.json(), { keys: [film.id, free.id].sort() })
  t.equal(await bytesOf(await getKey(url, creator, film.id)), film.key.toString('hex'))
})

await onFoldersAnd(minio, t, 'GET /keys/:id gives 16 bytes to the creator and to whom they let, at once, and to nobody after that', async (t, newPlace) => {
  const { url } = await startMarquee(t, { minio: await newPlace() })
  const film = newFilmKey()
  await putKey(url, creator, film)
  const statuses = async (): Promise<number[]> => {
    const found = []
    for (const who of [null, stranger, fan, creator]) found.push((await getKey(url, who, film.id)).status)
    return found
  }
  t.strictSame(await statuses(), [401, 403, 403, 200], 'nothing was said: the creator alone')
  const rules = { who: 'list', pubkeys: [fan.pubkey] }
  const put = await putAccess(url, creator, rules)
  t.strictSame([put.status, await put.json()], [200, rules])
  t.strictSame(await (await callKeys(url, creator, 'GET', `/keys/access/${encodeURIComponent(titleOf(creator))}`)).json(), rules)
  t.strictSame(await statuses(), [401, 403, 200, 200])
  const given = await getKey(url, fan, film.id)
  for (const [name, value] of Object.entries({ 'content-type': 'application/octet-stream', 'content-length': '16', 'cache-control': 'no-store', 'access-control-allow-origin': '*' })) t.equal(given.headers.get(name), value)
  t.equal(await bytesOf(given), film.key.toString('hex'))
  for (const [rules, expected] of [
    [{ who: 'signed-in' }, [401, 200, 200, 200]], [{ who: 'open' }, [200, 200, 200, 200]], [{ who: 'list', pubkeys: [stranger.pubkey] }, [401, 200, 403, 200]], [{ who: 'list' }, [401, 403, 403, 200]]
  ] as const) {
    t.equal((await putAccess(url, creator, rules)).status, 200)
    t.strictSame(await statuses(), expected, JSON.stringify(rules).slice(0, 60))
  }
})

await onFoldersAnd(minio, t, 'a session gives the keys of its title to its public key for five minutes, while the creator lets it have them', async (t, newPlace) => {
  const { url } = await startMarquee(t, { minio: await newPlace() })
  const [film, other] = [newFilmKey(), newFilmKey()]
  await putKey(url, creator, film)
  await putKey(url, creator, other, titleOf(creator, 'other'))
  const begin = (signer: Signer, title = titleOf(creator)): Promise<Response> => callKeys(url, signer, 'POST', '/keys/session', { title })
  const closed = await begin(fan)
  t.strictSame([closed.status, await codeOf(closed)], [403, 'KEY_NOT_GRANTED'])
  await putAccess(url, creator, { who: 'list', pubkeys: [fan.pubkey] })
  const before = Math.floor(Date.now() / 1000)
  const opened = await begin(fan, formatNaddr({ kind: 34235, pubkey: creator.pubkey, d: 'film' }))
  t.strictSame([opened.status, opened.headers.get('cache-control')], [200, 'no-store'])
  const { token, expires } = await opened.json() as { token: string, expires: number }
  t.ok(expires >= before + 300 && expires <= Date.now() / 1000 + 300)
  const asked = (id: string, text = token): Promise<Response>[] => [
    fetch(`${url}/keys/${id}?token=${text}`), fetch(`${url}/keys/${id}`, { headers: { authorization: `Bearer ${text}` } }), fetch(`${url}/keys/${id}`, { headers: { authorization: `bearer  ${text} ` } })
  ]
  for (const response of await Promise.all([...asked(film.id), ...asked(film.id)])) t.equal(await bytesOf(response), film.key.toString('hex'))
  for (const response of await Promise.all(asked(other.id))) t.strictSame([response.status, await codeOf(response)], [403, 'KEY_OTHER_TITLE'])
  const forged = `${token.slice(0, 10)}${token[10] === 'A' ? 'B' : 'A'}${token.slice(11)}`
  for (const text of [forged, token.slice(0, -1), `${token}A`, 'x', `${token}%3D`]) {
    for (const response of await Promise.all(asked(film.id, text))) t.strictSame([response.status, await codeOf(response)], [401, 'KEY_SESSION'], text.slice(0, 12))
  }
  t.strictSame((await fetch(`${url}/keys/${film.id}?token=${token}&token=${token}`)).status, 401)
  t.equal((await fetch(`${url}/keys/${film.id}?token=`)).status, 401)
  t.equal((await begin(fan, titleOf(creator, 'none'))).status, 404, 'no key of it is here')
  await putAccess(url, creator, { who: 'list', pubkeys: [] })
  for (const response of await Promise.all(asked(film.id))) t.strictSame([response.status, await codeOf(response)], [403, 'KEY_NOT_GRANTED'], 'asked again on each use')
})

await onFoldersAnd(minio, t, 'the keys of a withdrawn title stop, for its creator too, and come back with a newer version', async (t, newPlace) => {
  const { url } = await startMarquee(t, { minio: await newPlace() })
  const [film, deleted, byId, unheard] = ['film', 'deleted', 'by id', 'unheard'].map((d) => ({ d, ...newFilmKey() }))
  for (const each of [film, deleted, byId, unheard]) await putKey(url, creator, each!, titleOf(creator, each!.d))
  await putAccess(url, creator, { who: 'open' })
  const session = await (await callKeys(url, creator, 'POST', '/keys/session', { title: titleOf(creator) })).json() as { token: string }
  const now = Math.floor(Date.now() / 1000)
  const all = async (id: string): Promise<number[]> => [
    (await getKey(url, null, id)).status, (await getKey(url, stranger, id)).status, (await getKey(url, creator, id)).status, (await fetch(`${url}/keys/${id}?token=${session.token}`)).status
  ]
  t.strictSame(await all(film!.id), [200, 200, 200, 200], 'not published yet')
  await publishTitle(url, creator, 'published', now - 50)
  t.strictSame(await all(film!.id), [200, 200, 200, 200])
  await publishTitle(url, creator, 'withdrawn', now - 40)
  t.strictSame(await all(film!.id), [410, 410, 410, 410])
  const refused = await getKey(url, creator, film!.id)
  t.strictSame([await codeOf(refused), refused.headers.get('cache-control')], ['TITLE_GONE', 'no-store'])
  t.equal((await callKeys(url, creator, 'POST', '/keys/session', { title: titleOf(creator) })).status, 410)
  await publishTitle(url, creator, 'published', now - 30)
  t.strictSame(await all(film!.id), [200, 200, 200, 200])

  const get = async ({ id }: { id: string }): Promise<number> => (await getKey(url, creator, id)).status
  await publishTitle(url, creator, 'published', now - 50, { d: deleted!.d })
  t.equal(await get(deleted!), 200)
  await takeBack(url, creator, [['a', titleOf(creator, deleted!.d)]], now - 40)
  t.equal(await get(deleted!), 410, 'taken back by its address')
  const version = await publishTitle(url, creator, 'published', now - 50, { d: byId!.d })
  t.equal(await get(byId!), 200)
  await takeBack(url, creator, [['e', version]], now - 40)
  t.equal(await get(byId!), 410, 'its only version taken back by id')
  await t.rejects(takeBack(url, stranger, [['a', titleOf(creator, unheard!.d)]], now - 40))
  t.equal(await get(unheard!), 200, 'nobody else takes it back')
})

await onFoldersAnd(minio, t, 'the creator, and nobody else, reads who asked and what they were told, newest first', async (t, newPlace) => {
  const { url } = await startMarquee(t, { minio: await newPlace() })
  const film = newFilmKey()
  await putKey(url, creator, film)
  const path = `/keys/audit/${encodeURIComponent(titleOf(creator))}`
  const read = async (query = ''): Promise<{ entries: Record<string, unknown>[], next: string | null }> => (await callKeys(url, creator, 'GET', `${path}${query}`)).json() as Promise<never>
  t.strictSame(await read(), { entries: [], next: null })
  await getKey(url, null, film.id) // nobody known
  await getKey(url, stranger, film.id)
  await putAccess(url, creator, { who: 'list', pubkeys: [fan.pubkey] })
  await getKey(url, fan, film.id)
  await callKeys(url, fan, 'POST', '/keys/session', { title: titleOf(creator) })
  await callKeys(url, stranger, 'POST', '/keys/session', { title: titleOf(creator) })
  await getKey(url, creator, film.id)
  await putAccess(url, creator, { who: 'open' })
  await getKey(url, null, film.id)
  await publishTitle(url, creator, 'withdrawn', Math.floor(Date.now() / 1000) - 5)
  await getKey(url, fan, film.id)
  await getKey(url, null, film.id)
  const { entries, next } = await read()
  t.equal(next, null)
  const key = film.id
  t.strictSame(entries.map(({ at, ...rest }) => rest), [
    { pubkey: fan.pubkey, key, action: 'key', granted: false, reason: 'withdrawn' }, { pubkey: null, key, action: 'key', granted: true, reason: 'open' },
    { pubkey: creator.pubkey, key, action: 'key', granted: true, reason: 'creator' }, { pubkey: stranger.pubkey, key: null, action: 'session', granted: false, reason: 'not listed' },
    { pubkey: fan.pubkey, key: null, action: 'session', granted: true, reason: 'listed' }, { pubkey: fan.pubkey, key, action: 'key', granted: true, reason: 'listed' },
    { pubkey: stranger.pubkey, key, action: 'key', granted: false, reason: 'not listed' }
  ])
  t.ok(entries.every(({ at }) => Math.abs(Number(at) - Date.now()) < 60_000))
  const paged = []
  for (let page = await read('?limit=3'), pages = 1; ; page = await read(`?limit=3&before=${page.next}`), pages++) {
    paged.push(...page.entries)
    if (page.next === null) {
      t.equal(pages, 3)
      break
    }
  }
  t.strictSame(paged, entries, 'a page at a time')
  for (const query of ['?before=x', '?limit=x', '?other=1']) t.equal((await callKeys(url, creator, 'GET', `${path}${query}`)).status, 400, query)
  for (const what of ['audit', 'access', 'titles']) {
    const at = `/keys/${what}/${encodeURIComponent(titleOf(creator))}`
    const refused = await callKeys(url, stranger, 'GET', at)
    t.strictSame([refused.status, await codeOf(refused)], [403, 'NOT_CREATOR'], what)
    t.equal((await fetch(`${url}${at}`)).status, 401, what)
  }
  const refused = await callKeys(url, stranger, 'PUT', `/keys/access/${encodeURIComponent(titleOf(creator))}`, { who: 'open' })
  t.strictSame([refused.status, await codeOf(refused)], [403, 'NOT_CREATOR'])
})
