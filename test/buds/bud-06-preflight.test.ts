// BUD-06: HEAD /upload says what PUT /upload would say, for the same reason and in the same order (H-2).

import t from 'tap'
import { startMarquee } from '../support/app.ts'
import { Signer, seededBlob } from '../support/keys.ts'

const friend = new Signer()
const stranger = new Signer()
const { url } = await startMarquee(t, { env: { UPLOAD_PUBKEYS: friend.pubkey, MAX_BLOB_SIZE: '1000' }, file: { types: ['image/*'] } })
const OTHER = 'ab'.repeat(32)
const small = seededBlob('preflight', 500)
const large = seededBlob('preflight', 1001)

/** What an upload claims; each fault below spoils one field. */
interface Asked { hash: string | null, length: string | null, type: string | null, signer: Signer | null, verb: string, covered: string[],
  expiration: string, body: Buffer }

const right = (): Asked => ({
  hash: small.sha256, length: '500', type: 'image/png', signer: friend, verb: 'upload', covered: [small.sha256],
    expiration: String(Math.floor(Date.now() / 1000) + 60), body: small.bytes
})

interface Fault { field: keyof Asked, code: string, status: number, spoil: (asked: Asked) => void }

/** In the order in which they are told. */
const FAULTS: Fault[] = [
  { field: 'hash', code: 'HASH_INVALID', status: 400, spoil: (asked) => { asked.hash = 'abc' } },
  { field: 'type', code: 'TYPE_INVALID', status: 400, spoil: (asked) => { asked.type = 'png' } },
  { field: 'length', code: 'TOO_LARGE', status: 413, spoil: (asked) => { Object.assign(asked, { length: '1001', body: large.bytes }) } },
  { field: 'type', code: 'TYPE_REFUSED', status: 415, spoil: (asked) => { asked.type = 'video/mp4' } },
  { field: 'signer', code: 'TOKEN_MISSING', status: 401, spoil: (asked) => { asked.signer = null } },
  { field: 'expiration', code: 'TOKEN_EXPIRED', status: 401, spoil: (asked) => { asked.expiration = '1700000000' } },
  { field: 'verb', code: 'TOKEN_VERB', status: 401, spoil: (asked) => { asked.verb = 'delete' } },
  { field: 'signer', code: 'KEY_REFUSED', status: 403, spoil: (asked) => { asked.signer = stranger } },
  { field: 'covered', code: 'TOKEN_HASH', status: 401, spoil: (asked) => { asked.covered = [OTHER] } }
]

function headersOf (asked: Asked, method: 'HEAD' | 'PUT'): Record<string, string> {
  const { hash, length, type, signer, verb, covered, expiration } = asked
  const headers: Record<string, string> = {}
  if (hash !== null) headers['x-sha-256'] = hash
  if (type !== null) headers[method === 'HEAD' ? 'x-content-type' : 'content-type'] = type
  if (method === 'HEAD' && length !== null) headers['x-content-length'] = length
  if (signer !== null) headers['authorization'] = signer.token(verb, { hashes: covered, expiration })
  return headers
}

const head = (asked: Asked): Promise<Response> => fetch(`${url}/upload`, { method: 'HEAD', headers: headersOf(asked, 'HEAD') })
const put = (asked: Asked): Promise<Response> => fetch(`${url}/upload`,
  { method: 'PUT', headers: headersOf(asked, 'PUT'), body: asked.body as Uint8Array<ArrayBuffer> })

t.test('06-6, 06-10, H-2 HEAD and PUT answer each fault with the same status and reason', async t => {
  for (const { code, status, spoil } of FAULTS) {
    const asked = right()
    spoil(asked)
    const [before, real] = [await head(asked), await put(asked)]
    t.equal(before.status, status, `HEAD ${code}`)
    t.equal(real.status, status, `PUT ${code}`)
    t.equal((await real.json() as { code: string }).code, code)
    t.ok(before.headers.get('x-reason'))
    t.equal(before.headers.get('x-reason'), real.headers.get('x-reason'))
    t.equal(before.headers.get('www-authenticate'), status === 401 ? 'Nostr' : null)
    t.equal((await before.arrayBuffer()).byteLength, 0, 'HEAD has no body')
  }
})

t.test('A5 of two faults the one that costs least to find is told, on HEAD and on PUT', async t => {
  for (const [index, first] of FAULTS.entries()) {
    for (const second of FAULTS.slice(index + 1)) {
      if (first.field === second.field) continue
      const asked = right()
      second.spoil(asked)
      first.spoil(asked)
      const [before, real] = [await head(asked), await put(asked)]
      t.equal((await real.json() as { code: string }).code, first.code, `${first.code} before ${second.code}`)
      t.equal(before.status, real.status)
      t.equal(before.headers.get('x-reason'), real.headers.get('x-reason'))
    }
  }
})

t.test('06-4 a good preflight is 200 without a body, whether the blob is here or not (A15)', async t => {
  const asked = right()
  const before = await head(asked)
  t.equal(before.status, 200)
  t.equal((await before.arrayBuffer()).byteLength, 0)
  const created = await put(asked)
  t.equal(created.status, 201)
  const after = await head(asked)
  t.equal(after.status, 200)
  const said = ({ headers }: Response): string[] => [...headers].filter(([name]) => name !== 'date').map(String)
  t.strictSame(said(after), said(before), 'nothing tells whether it exists')
})

t.test('a missing length is 411, a missing hash 400: on HEAD both are needed, on PUT neither (02-13)', async t => {
  const rows: [Partial<Asked>, number, string][] = [
    [{ length: null }, 411, 'X-Content-Length is required here'], [{ hash: null }, 400, 'X-SHA-256 is required here'],
    [{ length: null, hash: null }, 411, 'X-Content-Length is required here'],
    [{ length: '' }, 400, 'the length must be a whole number of bytes'],
    [{ length: '-1' }, 400, 'the length must be a whole number of bytes'],
    [{ length: '1.5' }, 400, 'the length must be a whole number of bytes'],
    [{ length: '1e3' }, 400, 'the length must be a whole number of bytes'],
    [{ length: '999999999999999' }, 413, 'the blob is larger than this server takes: 1000 bytes at most'],
    [{ length: '99999999999999999999' }, 413, 'the blob is larger than this server takes: 1000 bytes at most']
  ]
  for (const [change, status, reason] of rows) {
    const response = await head({ ...right(), ...change })
    t.equal(response.status, status, JSON.stringify(change))
    t.equal(response.headers.get('x-reason'), reason)
  }
  t.equal((await head({ ...right(), length: '0', hash: small.sha256.toUpperCase() })).status, 200, 'A9, A4')
})

t.test('a missing or empty type is octet-stream, and ciphertext is always taken', async t => {
  for (const type of [null, '', 'application/octet-stream']) t.equal((await head({ ...right(), type })).status, 200, String(type))
  t.equal((await head({ ...right(), type: 'multipart/form-data; boundary=x' })).status, 415)
})

t.test('NIP-98 on the preflight: method HEAD, exact u, payload equal to X-SHA-256', async t => {
  const ask = (authorization: string): Promise<Response> => fetch(`${url}/upload`, {
    method: 'HEAD', headers: { authorization, 'x-sha-256': small.sha256, 'x-content-length': '500' }
  })
  const payload = small.sha256
  const good = friend.httpToken('HEAD', `${url}/upload`, { payload })
  t.equal((await ask(good)).status, 200)
  t.equal((await ask(good)).status, 200, 'it changes nothing, so it may come again')
  for (const token of [friend.httpToken('HEAD', `${url}/upload`), friend.httpToken('HEAD', `${url}/upload`, { payload: OTHER }),
    friend.httpToken('PUT', `${url}/upload`, { payload })]) {
    t.equal((await ask(token)).status, 401)
  }
})
