// BUD-12 over HTTP: the list of a key's blobs and its pages; DELETE, one owner at a time.

import t from 'tap'
import { startMarquee, upload } from '../support/app.ts'
import { Signer, seededBlob } from '../support/keys.ts'
import { ask } from '../support/raw-http.ts'
import type { Test } from 'tap'
import type { BlobDescriptor } from '../../server/buds/descriptor.ts'

const { url, marquee } = await startMarquee(t)

async function list (signer: Signer, query = ''): Promise<BlobDescriptor[]> {
  const response = await fetch(`${url}/list/${signer.pubkey}${query}`, { headers: { authorization: signer.token('list') } })
  if (response.status !== 200) throw new Error(`${query}: ${response.status} ${response.headers.get('x-reason') ?? ''}`)
  return await response.json() as BlobDescriptor[]
}

const status = async (signer: Signer,
  query: string): Promise<number> => (await fetch(`${url}/list/${signer.pubkey}${query}`,
  { headers: { authorization: signer.token('list') } })).status
const del = (path: string, authorization?: string, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`${url}/${path}`, { method: 'DELETE', headers: { ...headers, ...(authorization === undefined ? {} : { authorization }) } })

/** Rows of known times, without bytes: [seconds, first digit of the hash]. Returned in the order of the list. */
function addRows (signer: Signer, rows: readonly (readonly [number, string])[]): string[] {
  const made = rows.map(([uploaded, digit]) => ({ uploaded, sha256: (digit + signer.pubkey.slice(digit.length)).padEnd(64, '0') }))
  for (const { uploaded, sha256 } of made) {
    marquee.descriptors.save({ sha256, owner: signer.pubkey, type: 'video/mp4', uploaded, blake3: sha256, size: 10 }, { kind: 'own' })
  }
  return made.sort((a, b) => b.uploaded - a.uploaded || (a.sha256 < b.sha256 ? -1 : 1)).map(({ sha256 }) => sha256)
}

t.test('12-2, 12-5, A20 the list is the key\'s own, newest first, equal seconds by sha256', async t => {
  const signer = new Signer()
  t.strictSame(await list(signer), [])
  const order = addRows(signer, [[100, '5'], [300, '9'], [200, 'c'], [200, '1'], [200, '7'], [300, '0']])
  addRows(new Signer(), [[250, '2']])
  const found = await list(signer)
  t.strictSame(found.map(({ sha256 }) => sha256), order)
  t.strictSame(found.map(({ uploaded }) => uploaded), [300, 300, 200, 200, 200, 100])
  t.strictSame(found[0], { url: `${url}/${order[0]}.mp4`, sha256: order[0], size: 10, type: 'video/mp4', uploaded: 300 })
})

t.test('12-3, 12-4, 12-6 pages by cursor and limit, of every size, give each blob once and in order', async t => {
  const signer = new Signer()
  const order = addRows(signer, Array.from({ length: 23 },
    (_, index) => [1000 + Math.floor(index / 5), index.toString(16).padStart(2, '0')] as const))
  for (const limit of [1, 2, 3, 5, 7, 22, 23, 24, 1000]) {
    const seen: string[] = []
    for (let cursor = ''; ;) {
      const page = await list(signer, `?limit=${limit}${cursor}`)
      seen.push(...page.map(({ sha256 }) => sha256))
      if (page.length < limit) break
      cursor = `&cursor=${page.at(-1)!.sha256}`
    }
    t.strictSame(seen, order, `pages of ${limit}`)
  }
  t.strictSame((await list(signer, `?cursor=${order[0]!.toUpperCase()}`)).length, 22, 'A4 a cursor in capitals')
  t.strictSame(await list(signer, `?cursor=${order.at(-1)}`), [], 'after the last there is nothing')
})

t.test('A19 a cursor whose blob was deleted keeps its place; one that was never in this list is 400', async t => {
  const signer = new Signer()
  const order = addRows(signer, [[500, '1'], [500, '2'], [500, '3'], [400, '4']])
  t.equal((await del(order[1]!, signer.token('delete', { hashes: [order[1]!] }))).status, 204)
  t.strictSame((await list(signer, `?cursor=${order[1]}`)).map(({ sha256 }) => sha256), order.slice(2))
  t.strictSame((await list(signer)).map(({ sha256 }) => sha256), [order[0], order[2], order[3]])
  const elsewhere = addRows(new Signer(), [[450, '7']])[0]
  t.equal(await status(signer, `?cursor=${'ee'.repeat(32)}`), 400)
  t.equal(await status(signer, `?cursor=${elsewhere}`), 400, 'a blob of somebody else\'s list')
})

t.test('12-7 since and until, both inclusive, also beside a cursor', async t => {
  const signer = new Signer()
  const order = addRows(signer, [[10, '1'], [20, '2'], [20, '3'], [30, '4'], [40, '5']])
  const hashes = async (query: string): Promise<string[]> => (await list(signer, query)).map(({ sha256 }) => sha256)
  t.strictSame(await hashes('?since=20&until=30'), order.slice(1, 4))
  t.strictSame(await hashes('?since=41'), [])
  t.strictSame(await hashes('?until=9'), [])
  t.strictSame(await hashes('?since=30&until=20'), [])
  t.strictSame(await hashes(`?since=20&cursor=${order[1]}&limit=1`), [order[2]])
  t.strictSame(await hashes(`?until=25&cursor=${order[0]}`), order.slice(2), 'the later of both bounds')
  t.strictSame(await hashes(`?since=30&cursor=${order[2]}`), [])
})

t.test('A18, H-6 a limit from 1 to 1000 is honoured, anything else is 400 and never clamped', async t => {
  const signer = new Signer()
  for (const query of ['limit=0', 'limit=-1', 'limit=abc', 'limit=1001', 'limit=', 'limit=1.5', 'limit=1e2', 'limit=%201',
    'limit=1&limit=2', 'since=x', 'until=-5', 'since=1&since=2', 'cursor=abc',
    'cursor=', `cursor=${'a'.repeat(64)}&cursor=${'b'.repeat(64)}`, `limit=${'9'.repeat(30)}`]) {
    t.equal(await status(signer, `?${query}`), 400, query)
  }
  for (const query of ['limit=1', 'limit=1000', 'since=0', 'until=0', 'unknown=1', '']) t.equal(await status(signer, `?${query}`), 200,
    query)
})

t.test('a pubkey is 64 hex digits: npub and the like are 400', async t => {
  const signer = new Signer()
  for (const path of ['npub1qqqq', signer.pubkey.slice(1), `${signer.pubkey}0`, 'x'.repeat(64)]) {
    t.equal((await fetch(`${url}/list/${path}`, { headers: { authorization: signer.token('list') } })).status, 400)
  }
  t.equal((await fetch(`${url}/list/${signer.pubkey.toUpperCase()}`, { headers: { authorization: signer.token('list') } })).status, 200)
})

t.test('A17 who may list: the owner with a list token; everybody; nobody', async t => {
  const signer = new Signer()
  const ask = async (at: string, authorization?: string): Promise<[number, string]> => {
    const response = await fetch(`${at}/list/${signer.pubkey}`, { headers: authorization === undefined ? {} : { authorization } })
    return [response.status, response.status === 200 ? '' : (await response.json() as { code: string }).code]
  }
  t.strictSame(await ask(url), [401, 'TOKEN_MISSING'])
  t.strictSame(await ask(url, signer.token('upload')), [401, 'TOKEN_VERB'])
  t.strictSame(await ask(url, new Signer().token('list')), [403, 'LIST_REFUSED'])
  t.strictSame(await ask(url, signer.token('list', { hashes: ['ab'.repeat(32)] })), [200, ''], 'x tags mean nothing here')
  const open = await startMarquee(t, { file: { list: 'public' } })
  t.strictSame(await ask(open.url), [200, ''])
  const off = await startMarquee(t, { file: { list: 'off' } })
  t.strictSame(await ask(off.url, signer.token('list')), [404, 'LIST_OFF'])
})

async function stored (t: Test, name: string, ...signers: Signer[]): Promise<string> {
  const blob = seededBlob(name, 6000)
  for (const signer of signers) t.ok((await upload(url, signer, blob)).ok)
  return blob.sha256
}

t.test('12-9, 12-10 DELETE: 401 without a good token, 403 for others, 204 for the owner, then 404 everywhere', async t => {
  const owner = new Signer()
  const other = new Signer()
  const hash = await stored(t, 'deleted', owner)
  t.equal((await del(hash)).status, 401)
  t.equal((await del('ab'.repeat(32))).status, 401, 'A13 401 comes before 404')
  t.equal((await del('ab'.repeat(32), owner.token('delete', { hashes: ['ab'.repeat(32)] }))).status, 404)
  t.equal((await del(hash, owner.token('delete', { hashes: ['ab'.repeat(32)] }))).status, 401)
  t.equal((await del(hash, owner.token('delete'))).status, 401)
  const foreign = await del(hash, other.token('delete', { hashes: [hash] }))
  t.equal(foreign.status, 403, 'A12')
  t.match(await foreign.json(), { code: 'NOT_OWNER' })
  t.equal((await fetch(`${url}/${hash}`)).status, 200, 'it is still here')
  const done = await del(hash, owner.token('delete', { hashes: [hash] }))
  t.equal(done.status, 204)
  t.equal((await done.arrayBuffer()).byteLength, 0)
  for (const method of ['GET', 'HEAD']) t.equal((await fetch(`${url}/${hash}`, { method })).status, 404)
  t.equal((await del(hash, owner.token('delete', { hashes: [hash] }))).status, 404)
  t.strictSame(await list(owner), [])
  await stored(t, 'deleted', owner)
  t.equal((await fetch(`${url}/${hash}`)).status, 200, 'and it may come back')
})

t.test('A14 of two owners one leaves: the blob stays, and the other owns it alone', async t => {
  const [one, two] = [new Signer(), new Signer()]
  const hash = await stored(t, 'shared', one, two)
  t.equal((await del(hash, one.token('delete', { hashes: [hash] }))).status, 204)
  t.equal((await fetch(`${url}/${hash}`)).status, 200)
  t.strictSame(await list(one), [])
  t.equal((await list(two)).length, 1)
  t.equal((await del(hash, one.token('delete', { hashes: [hash] }))).status, 403)
  t.equal((await del(hash, two.token('delete', { hashes: [hash] }))).status, 204)
  t.equal((await fetch(`${url}/${hash}`)).status, 404)
})

t.test('12-11 several x tags MUST NOT delete several blobs', async t => {
  const owner = new Signer()
  const hashes = [await stored(t, 'first of two', owner), await stored(t, 'second of two', owner)]
  t.equal((await del(hashes[0]!, owner.token('delete', { hashes }))).status, 204)
  t.equal((await fetch(`${url}/${hashes[1]}`)).status, 200)
  t.equal((await list(owner)).length, 1)
})

t.test('DELETE takes an extension, capitals, a Content-Type without a body, and drops a body', async t => {
  const owner = new Signer()
  const rows: [(hash: string) => string, string][] = [
    [(hash) => `${hash}.mp4`, ''], [(hash) => hash.toUpperCase(), ''], [(hash) => hash, 'Content-Type: application/json\r\n'],
    [(hash) => hash, 'Content-Type: application/json\r\nContent-Length: 9\r\n']
  ]
  for (const [index, [path, fields]] of rows.entries()) {
    const hash = await stored(t, `ways ${index}`, owner)
    const answer = await ask(url, `DELETE /${path(hash)} HTTP/1.1\r\nHost: x\r\nAuthorization: ${owner.token('delete', { hashes: [hash] })}\r\n${fields}\r\n${fields.includes('Length') ? 'not json!' : ''}`)
    t.equal(answer?.status, 204, `way ${index}`)
    t.equal((await fetch(`${url}/${hash}`)).status, 404)
  }
  t.equal((await del('nonsense', owner.token('delete'))).status, 404)
})

t.test('11-16 requireServerTag: a delete token that could be replayed from elsewhere is refused', async t => {
  const strict = await startMarquee(t, { file: { requireServerTag: true } })
  const hash = 'ab'.repeat(32)
  const ask = (authorization: string): Promise<Response> => fetch(`${strict.url}/${hash}`, { method: 'DELETE', headers: { authorization } })
  const signer = new Signer()
  t.equal((await ask(signer.token('delete', { hashes: [hash] }))).status, 401)
  t.equal((await ask(signer.token('delete', { hashes: [hash], servers: ['127.0.0.1'] }))).status, 404)
})
