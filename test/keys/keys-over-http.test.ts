// Film keys over HTTP, sentence by sentence of docs/api.md, over folders and over a real MinIO: who hands them in, who gets them, and what each other is
// told.

import t from 'tap'
import { formatNaddr } from '../../server/catalog/address.ts'
import { startMarquee } from '../support/app.ts'
import { onBothStores } from '../support/both-stores.ts'
import { bytesOf, callKeys, codeOf, getKey, newFilmKey, putAccess, putKey, titleOf } from '../support/film-keys.ts'
import { Signer } from '../support/keys.ts'

const [creator, fan, stranger] = [new Signer(), new Signer(), new Signer()]

await onBothStores(t, 'PUT /keys/:id keeps a key of the title\'s creator: 201, the same again 200; whoever else comes for the id is 409', async (t, newPlace) => {
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

await onBothStores(t, 'GET /keys/:id gives 16 bytes to the creator and to whom they let, at once, and to nobody after that', async (t, newPlace) => {
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
