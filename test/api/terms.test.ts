// /.well-known/marquee.json says what the server then does.

import { randomBytes } from 'node:crypto'
import t from 'tap'
import { loadConfig } from '../../server/config.ts'
import { sha256Hex } from '../../server/stores/multihash.ts'
import { startMarquee, upload } from '../support/app.ts'
import { Signer } from '../support/keys.ts'

interface Terms {
  name: string
  url: string
  pubkey: string
  limits: Record<string, number>
  uploads: { keys: string, withoutToken: boolean, types: string[], rules: object[] }
  lists: string
  tokens: { serverTag: string[] }
  endpoints: { method: string, path: string, token: string }[]
}

async function termsOf (url: string): Promise<Terms> {
  return await (await fetch(`${url}/.well-known/marquee.json`)).json() as Terms
}

t.test('with nothing configured it tells the defaults', async t => {
  const { url } = await startMarquee(t)
  const config = loadConfig({ file: null, env: {} })
  const terms = await termsOf(url)
  t.match(terms, {
    name: 'marquee', url, limits: { blobBytes: config.maxBlobSize, idleSeconds: 30, headerBytes: 131072, jsonBodyBytes: 262144, listItems: 1000, ranges: 50 },
    uploads: { keys: 'any', withoutToken: false, types: ['*/*'], rules: [] }, lists: 'owner', tokens: { kinds: [24242, 27235], serverTag: [] },
    mirror: { privateAddresses: false }, reads: { token: false, redirects: false }
  })
  t.ok(terms.endpoints.some(({ method, path, token }) => method === 'PUT' && path === '/upload' && token === 'upload'))
})

t.test('what it says is what a client meets: size, type, list, size of the JSON body, of the header and of a page', async t => {
  const owner = new Signer()
  const { url } = await startMarquee(t, {
    env: { MAX_BLOB_SIZE: '1000' }, file: { types: ['image/*', 'text/plain'], list: 'off', policy: [{ pubkeys: [owner.pubkey], types: ['image/png'], maxSize: 100 }] }
  })
  const { limits, uploads, lists, endpoints } = await termsOf(url)
  t.equal(limits['blobBytes'], 1000)
  t.strictSame(uploads, { keys: 'any', withoutToken: false, types: ['image/*', 'text/plain'], rules: [{ keys: 'some', types: ['image/png'], blobBytes: 100 }] })
  t.notMatch(JSON.stringify(uploads), owner.pubkey, 'whose rule it is stays the operator\'s')
  const put = async (size: number, type: string): Promise<number> => {
    const bytes = randomBytes(size)
    return (await upload(url, new Signer(), { bytes, sha256: sha256Hex(bytes) }, { 'content-type': type })).status
  }
  t.equal(await put(1000, 'text/plain'), 201)
  t.equal(await put(1001, 'text/plain'), 413)
  t.equal(await put(10, 'text/html'), 415)
  t.equal(lists, 'off')
  t.notOk(endpoints.some(({ path }) => path.startsWith('/list/')))
  t.equal((await fetch(`${url}/list/${owner.pubkey}`)).status, 404)
  const report = (size: number): Promise<Response> => fetch(`${url}/report`, { method: 'PUT', body: ' '.repeat(size) })
  t.equal((await report(limits['jsonBodyBytes']!)).status, 400)
  t.equal((await report(limits['jsonBodyBytes']! + 1)).status, 413)
  t.equal((await fetch(url, { headers: { 'x-much': 'x'.repeat(limits['headerBytes']! - 2000) } })).status, 200)
  t.equal((await fetch(url, { headers: { 'x-much': 'x'.repeat(limits['headerBytes']!) } })).status, 431)
  const open = await startMarquee(t, { file: { list: 'public' } })
  const terms = await termsOf(open.url)
  t.match(terms.endpoints.find(({ path }) => path.startsWith('/list/')), { token: 'none' })
  const page = async (limit: number): Promise<number> => (await fetch(`${open.url}/list/${owner.pubkey}?limit=${limit}`)).status
  t.equal(await page(terms.limits['listItems']!), 200)
  t.equal(await page(terms.limits['listItems']! + 1), 400)
})
