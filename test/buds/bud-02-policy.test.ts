// BUD-02: who may upload what (02-10, 02-14), through the configuration, over HTTP.

import t from 'tap'
import { startMarquee, upload } from '../support/app.ts'
import { Signer, seededBlob } from '../support/keys.ts'

const friend = new Signer()
const stranger = new Signer()
const PNG = Buffer.from('89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489', 'hex')

async function refusal (response: Response): Promise<[number, string, string]> {
  const { code, reason } = await response.json() as { code: string, reason: string }
  return [response.status, code, reason]
}

t.test('UPLOAD_PUBKEYS: others are 403 on PUT, HEAD and mirror; reading stays free', async t => {
  const { url } = await startMarquee(t, { env: { UPLOAD_PUBKEYS: friend.pubkey } })
  const blob = seededBlob('friends', 500)
  t.strictSame((await refusal(await upload(url, stranger, blob))).slice(0, 2), [403, 'KEY_REFUSED'])
  const preflight = await fetch(`${url}/upload`, {
    method: 'HEAD', headers: { 'authorization': stranger.token('upload', { hashes: [blob.sha256] }), 'x-sha-256': blob.sha256,
      'x-content-length': '500' }
  })
  t.equal(preflight.status, 403)
  t.equal((await upload(url, friend, blob)).status, 201)
  const mirrored = await fetch(`${url}/mirror`, {
    method: 'PUT', body: JSON.stringify({ url: `${url}/${blob.sha256}` }),
      headers: { authorization: stranger.token('upload', { hashes: [blob.sha256] }) }
  })
  t.equal(mirrored.status, 403, 'a mirror of our own URL would make an owner too')
  t.equal((await fetch(`${url}/${blob.sha256}`)).status, 200)
})

t.test('types: what is not in the list is 415, by its name or by what its bytes show; ciphertext is always taken', async t => {
  const { url } = await startMarquee(t, { file: { types: ['video/*', 'text/plain'] } })
  const rows: [string, number][] = [['video/mp4', 201], ['VIDEO/webm', 201], ['text/plain; charset=utf-8', 201],
    ['application/octet-stream', 201], ['image/png', 415], ['text/html', 415], ['videos/mp4', 415]]
  for (const [index, [type, status]] of rows.entries()) {
    const response = await upload(url, friend, seededBlob(`typed ${index}`, 40), { 'content-type': type })
    t.equal(response.status, status, type)
    if (status === 415) t.equal((await refusal(response))[1], 'TYPE_REFUSED')
  }
  const disguised = Buffer.concat([PNG, Buffer.alloc(9000)])
  const { sha256Hex } = await import('../../server/stores/multihash.ts')
  const hidden = { bytes: disguised, sha256: sha256Hex(disguised) }
  t.equal((await upload(url, friend, hidden, { 'content-type': 'application/octet-stream' })).status, 415, 'a PNG labelled as nothing')
  t.equal((await fetch(`${url}/${hidden.sha256}`)).status, 404)
})

t.test('policy rules: the first that matches key and type decides; deny and maxSize, before the body and after', async t => {
  const blocked = new Signer()
  const { url } = await startMarquee(t, {
    file: {
      policy: [
        { pubkeys: [blocked.pubkey], deny: 'this key is blocked' },
        { pubkeys: [friend.pubkey], types: ['image/*'], maxSize: 2000 },
        { types: ['image/*'], maxSize: 1000 },
        { types: ['text/html'], deny: 'no pages here' }
      ]
    }
  })
  const put = (signer: Signer, type: string, size: number): Promise<Response> => upload(url, signer,
    seededBlob(`${signer.pubkey} ${type} ${size}`, size), { 'content-type': type })
  t.strictSame(await refusal(await put(blocked, 'video/mp4', 10)),
    [403, 'KEY_REFUSED', 'this key may not do this here: this key is blocked'])
  t.strictSame((await refusal(await put(stranger, 'text/html', 10))),
    [415, 'TYPE_REFUSED', 'this server does not take this content type: no pages here'])
  t.strictSame((await refusal(await put(stranger, 'image/gif', 1001))).slice(0, 2), [413, 'TOO_LARGE'])
  t.equal((await put(stranger, 'image/gif', 1000)).status, 201)
  t.equal((await put(friend, 'image/gif', 2000)).status, 201, 'the friend\'s own rule stands before')
  t.equal((await put(friend, 'image/gif', 2001)).status, 413)
  t.equal((await put(stranger, 'video/mp4', 50_000)).status, 201, 'what no rule names is free')

  // chunked, unlabelled: neither size nor type is known before the body
  const picture = Buffer.concat([PNG, Buffer.alloc(1500)])
  const response = await fetch(`${url}/upload`, {
    method: 'PUT', duplex: 'half', body: (async function * () { yield picture })() as unknown as ReadableStream,
    headers: { authorization: stranger.token('upload',
      { hashes: [(await import('../../server/stores/multihash.ts')).sha256Hex(picture)] }) }
  } as RequestInit)
  t.equal(response.status, 413)
})

t.test('anonymousUploads: no token is needed, but one that is sent must be good', async t => {
  const { url } = await startMarquee(t, { file: { anonymousUploads: true } })
  const blob = seededBlob('anonymous', 5000)
  const put = (headers: Record<string, string>): Promise<Response> => fetch(`${url}/upload`,
    { method: 'PUT', body: blob.bytes as Uint8Array<ArrayBuffer>, headers })
  t.equal((await put({ authorization: friend.token('upload') })).status, 401, 'a token without x tags')
  t.equal((await put({ 'x-sha-256': 'ab'.repeat(32) })).status, 409)
  t.equal((await put({})).status, 201)
  t.equal((await put({ 'x-sha-256': blob.sha256 })).status, 200)
  t.equal((await fetch(`${url}/upload`, { method: 'HEAD', headers: { 'x-sha-256': blob.sha256, 'x-content-length': '5000' } })).status, 200)
  t.equal((await fetch(`${url}/${blob.sha256}`)).status, 200)
  const removal = (authorization?: string): Promise<Response> => fetch(`${url}/${blob.sha256}`,
    { method: 'DELETE', headers: authorization === undefined ? {} : { authorization } })
  t.equal((await removal()).status, 401, 'nobody may delete it')
  t.equal((await removal(friend.token('delete', { hashes: [blob.sha256] }))).status, 403)
  t.equal((await fetch(`${url}/mirror`, { method: 'PUT', body: '{}' })).status, 401, 'a mirror still needs a token')
})

t.test('anonymousUploads beside UPLOAD_PUBKEYS: who has no key is none of them', async t => {
  const { url } = await startMarquee(t, { env: { UPLOAD_PUBKEYS: friend.pubkey }, file: { anonymousUploads: true } })
  t.equal((await fetch(`${url}/upload`, { method: 'PUT', body: 'words' })).status, 403)
})
