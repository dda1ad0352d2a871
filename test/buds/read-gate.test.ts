// READ_PUBKEYS: blobs are read with a `get` token of these keys alone, and no shared cache keeps them.

import t from 'tap'
import { startMarquee, upload } from '../support/app.ts'
import { onBothStores } from '../support/both-stores.ts'
import { hashed } from '../support/asking.ts'
import { Signer, seededBlob } from '../support/keys.ts'

const SIZES = [900, 60_000, 3_000_000]

await onBothStores(t, 'with READ_PUBKEYS a blob is 401 without a good token, 403 for another key, and private for one of them', async (t, newPlace) => {
  const [reader, stranger] = [new Signer(), new Signer()]
  const { url } = await startMarquee(t, { minio: await newPlace(), env: { READ_PUBKEYS: reader.pubkey } })
  const absent = 'ab'.repeat(32)
  for (const size of SIZES) {
    const blob = seededBlob(`gated ${size}`, size)
    const { sha256 } = blob
    const path = `${url}/${sha256}`
    t.equal((await upload(url, stranger, blob)).status, 201, 'anybody may upload')
    const get = (authorization: string, headers: Record<string, string> = {}, method = 'GET', where = path): Promise<Response> =>
      fetch(where, { method, headers: { authorization, ...headers } })
    const good = reader.token('get', { hashes: [sha256] })

    for (let i = 0; i < 4; i++) { // from the disk first, then from memory
      const answer = await get(good)
      t.equal(answer.headers.get('cache-control'), 'private, max-age=31536000, immutable, no-transform')
      t.same(await hashed(answer), { status: 200, size, sha256 })
      for (const method of ['GET', 'HEAD']) {
        const refused = await fetch(path, { method })
        t.match(refused, { status: 401 }, method)
        t.equal(refused.headers.get('www-authenticate'), 'Nostr')
        t.equal(refused.headers.get('cache-control'), 'no-store')
        t.equal(refused.headers.get('access-control-allow-origin'), '*')
      }
    }
    for (const [headers, status] of [[{ range: 'bytes=5-9' }, 206], [{ range: 'bytes=0-1,7-8' }, 206], [{ 'if-none-match': `"${sha256}"` }, 304]] as [Record<string, string>, number][]) {
      const answer = await get(good, headers)
      t.equal(answer.status, status)
      t.match(answer.headers.get('cache-control'), /^private, /, JSON.stringify(headers))
      t.equal((await fetch(path, { headers })).status, 401)
    }
    t.match(await get(good, {}, 'HEAD'), { status: 200 })
    t.match(await get(reader.token('get')), { status: 200 }, 'a token without x is good for every blob')
    t.match(await get(reader.httpToken('GET', path)), { status: 200 }, 'NIP-98')
    t.match(await get(reader.httpToken('HEAD', path), {}, 'HEAD'), { status: 200 })

    t.match(await get(stranger.token('get', { hashes: [sha256] })), { status: 403 })
    t.match(await get(stranger.httpToken('GET', path)), { status: 403 })
    t.match(await get(reader.token('get', { hashes: [absent] })), { status: 401 }, 'for another blob')
    t.match(await get(reader.token('upload', { hashes: [sha256] })), { status: 401 }, 'for another verb')
    t.match(await get(reader.token('get', { expiration: '1' })), { status: 401 }, 'expired')
    t.match(await get(reader.httpToken('GET', `${url}/${absent}`)), { status: 401 }, 'for another URL')
    t.match(await get(reader.httpToken('HEAD', path)), { status: 401 }, 'for another method')
  }
  const authorization = reader.token('get')
  t.match(await fetch(`${url}/${absent}`), { status: 401 }, 'what is not here is not told apart')
  t.match(await fetch(`${url}/${absent}`, { headers: { authorization } }), { status: 404 })
  t.match(await fetch(`${url}/healthz`), { status: 200 })
})

t.test('without READ_PUBKEYS everybody reads, a bad token is ignored, and caches may keep it', async t => {
  const { url } = await startMarquee(t)
  const blob = seededBlob('open', 900)
  const signer = new Signer()
  await upload(url, signer, blob)
  for (const headers of [{}, { authorization: 'Nostr x' }, { authorization: signer.token('get', { expiration: '1' }) }] as Record<string, string>[]) {
    const answer = await fetch(`${url}/${blob.sha256}`, { headers })
    t.equal(answer.status, 200)
    t.match(answer.headers.get('cache-control'), /^public, /)
  }
})
