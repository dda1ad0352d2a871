// BUD-01 over HTTP: GET and HEAD of a blob, its headers and its conditions. Names begin with the rules of the reference's §4.

import t from 'tap'
import { startMarquee, upload } from '../support/app.ts'
import { Signer, seededBlob } from '../support/keys.ts'
import type { Test } from 'tap'

const { url } = await startMarquee(t)
const signer = new Signer()
const UNKNOWN = 'ab'.repeat(32)

async function put (t: Test, name: string, size: number, type = 'image/png'): Promise<{ bytes: Buffer, sha256: string, at: string }> {
  const blob = seededBlob(name, size)
  const response = await upload(url, signer, blob, { 'content-type': type })
  t.equal(response.ok, true)
  return { ...blob, at: `${url}/${blob.sha256}` }
}

const bytesOf = async (response: Response): Promise<Buffer> => Buffer.from(await response.arrayBuffer())

t.test('01-8 GET by hash MUST return the bytes of the blob, whatever its size: empty, inside its record, packed', async t => {
  for (const size of [0, 1, 100, 4095, 4096, 4097, 65_536, 1024 * 1024, 3 * 1024 * 1024 + 1]) {
    const { bytes, at } = await put(t, `size ${size}`, size)
    const response = await fetch(at)
    t.equal(response.status, 200)
    t.equal(response.headers.get('content-length'), String(size))
    t.ok((await bytesOf(response)).equals(bytes), `${size} bytes`)
  }
})

t.test('01-9, 01-10, 01-11 the type MUST be the blob\'s own, whatever extension was asked', async t => {
  const { sha256, bytes } = await put(t, 'typed', 5000, 'video/mp4')
  for (const extension of ['', '.mp4', '.html', '.tar.gz', '.a_b-c', '.X']) {
    const response = await fetch(`${url}/${sha256}${extension}`)
    t.equal(response.status, 200, extension)
    t.equal(response.headers.get('content-type'), 'video/mp4')
    t.ok((await bytesOf(response)).equals(bytes))
    t.equal((await fetch(`${url}/${sha256}${extension}`, { method: 'HEAD' })).status, 200, '01-21 on HEAD too')
  }
})

t.test('01-12 an unknown type MUST be served as application/octet-stream', async t => {
  const { at } = await put(t, 'opaque', 300, 'application/octet-stream')
  const response = await fetch(`${at}.png`)
  t.equal(response.headers.get('content-type'), 'application/octet-stream')
  await response.arrayBuffer()
})

t.test('01-20 HEAD MUST have the same Content-Type and Content-Length as GET, and everything else it says (01-18)', async t => {
  for (const [size, type] of [[0, 'image/png'], [77, 'text/html; charset=utf-8'], [4097, 'image/svg+xml'],
    [100_000, 'video/webm']] as const) {
    const { at } = await put(t, `head ${size}`, size, type)
    const [get, head] = [await fetch(at), await fetch(at, { method: 'HEAD' })]
    t.equal(get.headers.get('content-type'), type)
    const said = (response: Response): object => Object.fromEntries([...response.headers].filter(([name]) => !['date', 'connection',
      'keep-alive'].includes(name)))
    t.strictSame(said(head), said(get))
    t.equal((await bytesOf(head)).length, 0, '01-19 HEAD MUST NOT send a body')
    t.equal((await bytesOf(get)).length, size)
  }
})

t.test('01-23 GET and HEAD announce Accept-Ranges: bytes; the ETag is the quoted hash, Last-Modified the upload', async t => {
  const before = Math.floor(Date.now() / 1000)
  const { at, sha256 } = await put(t, 'announced', 10)
  for (const method of ['GET', 'HEAD']) {
    const { headers } = await fetch(at, { method })
    t.equal(headers.get('accept-ranges'), 'bytes')
    t.equal(headers.get('etag'), `"${sha256}"`)
    t.equal(headers.get('cache-control'), 'public, max-age=31536000, immutable, no-transform')
    t.equal(headers.get('x-content-type-options'), 'nosniff')
    t.equal(headers.get('cross-origin-resource-policy'), 'cross-origin')
    const modified = Date.parse(headers.get('last-modified') ?? '') / 1000
    t.ok(modified >= before && modified <= Date.now() / 1000)
  }
})

t.test('a blob that is not here is 404 on GET and HEAD, and no cache may keep that (H-4)', async t => {
  for (const method of ['GET', 'HEAD']) {
    for (const path of [UNKNOWN, `${UNKNOWN}.mp4`, UNKNOWN.toUpperCase()]) {
      const response = await fetch(`${url}/${path}`, { method })
      t.equal(response.status, 404)
      t.equal(response.headers.get('cache-control'), 'no-store')
      t.equal(response.headers.get('x-reason'), 'blob not found')
      t.equal(response.headers.get('etag'), null)
    }
  }
  const blob = seededBlob('later', 20)
  t.equal((await fetch(`${url}/${blob.sha256}`)).status, 404)
  t.equal((await upload(url, signer, blob)).status, 201)
  t.equal((await fetch(`${url}/${blob.sha256}`)).status, 200, 'and it may appear a second later')
})

t.test('a path that is no hash is 404, never some blob', async t => {
  const { sha256 } = await put(t, 'paths', 10)
  const paths = [`x${sha256}`, `${sha256}0`, sha256.slice(1), `${sha256}.`, `${sha256}..png`, `${sha256}/`, `/${sha256}`, `${sha256}.a%2fb`,
    `${sha256}%20`,
    `${sha256}.${'a'.repeat(33)}`, `blobs/${sha256}`, `${sha256.slice(0, 63)}g`, 'favicon.ico', 'list', 'upload', 'mirror']
  for (const path of paths) {
    for (const method of ['GET', 'HEAD']) {
      if (path === 'upload' && method === 'HEAD') continue
      t.equal((await fetch(`${url}/${path}`, { method })).status, 404, `${method} ${path}`)
    }
  }
})

t.test('A4 an uppercase hash names the same blob', async t => {
  const { sha256, bytes } = await put(t, 'upper', 50)
  const response = await fetch(`${url}/${sha256.toUpperCase()}.PNG`)
  t.equal(response.headers.get('etag'), `"${sha256}"`)
  t.ok((await bytesOf(response)).equals(bytes))
})

t.test('A24 a bad token on a public GET is ignored', async t => {
  const { at } = await put(t, 'public', 50)
  for (const authorization of ['Nostr !!!', 'Bearer x', signer.token('get', { expiration: '1' }),
    signer.token('get', { hashes: [UNKNOWN] })]) {
    t.equal((await fetch(at, { headers: { authorization } })).status, 200)
  }
})

t.test('a query changes nothing: cache servers send xs and as', async t => {
  const { at } = await put(t, 'query', 50)
  t.equal((await fetch(`${at}.bin?xs=cdn.example.com&as=${signer.pubkey}&sz=50`)).status, 200)
})

t.test('If-None-Match answers 304 for the blob\'s tag alone, in a list, weak, or *', async t => {
  const { at, sha256 } = await put(t, 'tagged', 5000)
  const other = `"${UNKNOWN}"`
  const rows: [string, number][] = [
    [`"${sha256}"`, 304], [`W/"${sha256}"`, 304], [`${other}, "${sha256}"`, 304], ['*', 304],
    [other, 200], [`${other}, W/${other}`, 200], [sha256, 200], ['', 200]
  ]
  for (const [value, status] of rows) {
    for (const method of ['GET', 'HEAD']) {
      const response = await fetch(at, { method, headers: { 'if-none-match': value } })
      t.equal(response.status, status, `${method} ${value}`)
      t.equal(response.headers.get('etag'), `"${sha256}"`)
      t.equal((await bytesOf(response)).length, status === 304 || method === 'HEAD' ? 0 : 5000)
      t.match(response.headers.get('cache-control'), /immutable/)
    }
  }
  t.equal((await fetch(`${url}/${UNKNOWN}`, { headers: { 'if-none-match': '*' } })).status, 404, 'an absent blob is not "not modified"')
  const ranged = await fetch(at, { headers: { 'if-none-match': `"${sha256}"`, 'range': 'bytes=0-9' } })
  t.equal(ranged.status, 304, 'before the range is looked at')
})

t.test('If-Modified-Since answers 304 from the second of the upload on; it is ignored beside If-None-Match', async t => {
  const { at } = await put(t, 'dated', 500)
  const modified = (await fetch(at, { method: 'HEAD' })).headers.get('last-modified') ?? ''
  const earlier = new Date(Date.parse(modified) - 1000).toUTCString()
  const later = new Date(Date.parse(modified) + 60_000).toUTCString()
  for (const [value, status] of [[modified, 304], [later, 304], [earlier, 200], ['yesterday', 200]] as const) {
    t.equal((await fetch(at, { headers: { 'if-modified-since': value } })).status, status, value)
  }
  t.equal((await fetch(at, { headers: { 'if-modified-since': later, 'if-none-match': `"${UNKNOWN}"` } })).status, 200)
  t.equal((await fetch(at, { headers: { 'if-unmodified-since': earlier } })).status, 412)
  t.equal((await fetch(at, { headers: { 'if-unmodified-since': modified } })).status, 200)
})

t.test('If-Match with another tag, or a weak one, is 412', async t => {
  const { at, sha256 } = await put(t, 'matched', 500)
  const rows: [string, number][] = [[`"${sha256}"`, 200], ['*', 200], [`"x", "${sha256}"`, 200], [`"${UNKNOWN}"`, 412],
    [`W/"${sha256}"`, 412]]
  for (const [value, status] of rows) {
    for (const method of ['GET', 'HEAD']) {
      const response = await fetch(at, { method, headers: { 'if-match': value } })
      t.equal(response.status, status, `${method} ${value}`)
      if (status === 412) t.equal(response.headers.get('cache-control'), 'no-store')
      if (status === 412 && method === 'GET') t.match(await response.json(), { code: 'PRECONDITION_FAILED' })
    }
  }
})

t.test('H-12 what a browser would run is sandboxed, and nothing else is', async t => {
  const active = ['text/html', 'text/html; charset=utf-8', 'image/svg+xml', 'application/xml', 'text/xml', 'application/xhtml+xml',
    'text/javascript',
    'application/javascript', 'application/rss+xml', 'message/rfc822', 'multipart/related', 'application/x-unheard-of']
  const passive = ['image/png', 'video/mp4', 'audio/mpeg', 'font/woff2', 'application/pdf', 'application/octet-stream',
    'text/plain; charset=utf-8',
    'text/vtt', 'application/vnd.apple.mpegurl', 'application/json']
  for (const [index, type] of [...active, ...passive].entries()) {
    const { at } = await put(t, `page ${index}`, 200 + index, type)
    for (const init of [{ method: 'GET' }, { method: 'HEAD' }, { headers: { range: 'bytes=0-9' } },
      { headers: { 'if-none-match': '*' } }]) {
      const { headers, status } = await fetch(at, init)
      const policy = headers.get('content-security-policy')
      if (active.includes(type)) t.match(policy, /^sandbox; default-src 'none'/, `${type} ${status}`)
      else t.equal(policy, null, type)
      t.equal(headers.get('x-content-type-options'), 'nosniff')
      t.notMatch(policy, /allow-scripts|allow-same-origin/)
    }
  }
})

t.test('a request body on GET is dropped, and the connection serves the next one', async t => {
  const { sha256 } = await put(t, 'bodied', 100)
  const { RawClient } = await import('../support/raw-http.ts')
  const client = await RawClient.open(url)
  client.send(`GET /${sha256} HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhelloHEAD /${sha256} HTTP/1.1\r\nHost: x\r\n\r\n`)
  t.match(await client.answer(), { status: 200, whole: true })
  t.match(await client.answer('HEAD'), { status: 200, headers: { 'content-length': '100' } })
  client.destroy()
})
