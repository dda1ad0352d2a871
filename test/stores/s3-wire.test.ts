// The wire to a bucket against a store that is told what to answer: how it reads any answer HTTP/1.1 allows (RFC 9112), what it does when the
// store lies or hangs up, and that a kept connection which had been closed costs no call.

import { once } from 'node:events'
import { createServer } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import t from 'tap'
import { decodeChunked, parseAnswerHead } from '../../server/stores/s3/answer-head.ts'
import { NO_PAYLOAD, Signer, UNSIGNED, encodePath } from '../../server/stores/s3/signature.ts'
import { Wire } from '../../server/stores/s3/wire.ts'
import type { AddressInfo, Socket } from 'node:net'
import type { Test } from 'tap'

// for 127.0.0.1, signed by itself, good for a hundred years
const KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgIcvwi68TUuJT+cDo
msJf6nhn4+JNoimj7SP0B/oUGtOhRANCAARoHg1R0+CIG49Up0VX/vfIZzDVzUVw
1v/3Zmv0cJTSLudZr9jNO/MpceZDQqk/gLK/3OZ5SJVAnooOGL6ADuo1
-----END PRIVATE KEY-----`
const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBkTCCATagAwIBAgIUIRqUmMOizc/5SDlVDtbLGyApc+swCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMTEyNTUzOVoYDzIxMjYxMDI4
MTI1NTM5WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAARoHg1R0+CIG49Up0VX/vfIZzDVzUVw1v/3Zmv0cJTSLudZr9jNO/Mp
ceZDQqk/gLK/3OZ5SJVAnooOGL6ADuo1o2QwYjAdBgNVHQ4EFgQUOE0Xy8rdjZlG
EVz7CKAva4WJDvEwHwYDVR0jBBgwFoAUOE0Xy8rdjZlGEVz7CKAva4WJDvEwDwYD
VR0TAQH/BAUwAwEB/zAPBgNVHREECDAGhwR/AAABMAoGCCqGSM49BAMCA0kAMEYC
IQCFrF8gP5X1iScdoPsbzJqC0tRoexgojJrTaXNc3PvIrAIhAKQILG6qP1vkCEeT
wWhJSPeStL3nDW8rWZFSJJN1v2ED
-----END CERTIFICATE-----`

/** Answers each request with the next of `answers`; a function does what it likes with the connection. */
type Reply = string | ((socket: Socket) => void)

async function store (t: Test, answers: Reply[], secure = false): Promise<{ wire: Wire, asked: string[], connections: () => number }> {
  const asked: string[] = []
  let connections = 0
  const sockets = new Set<Socket>()
  const serve = (socket: Socket): void => {
    connections++
    sockets.add(socket)
    let text = ''
    socket.on('error', () => {})
    socket.on('data', (bytes) => {
      text += bytes.toString('latin1')
      const end = text.indexOf('\r\n\r\n')
      const length = Number(/content-length: (\d+)/.exec(text)?.[1] ?? 0)
      if (end === -1 || text.length < end + 4 + length) return
      asked.push(text)
      text = ''
      const reply = answers.shift()
      if (typeof reply === 'string') socket.write(reply, 'latin1')
      else reply?.(socket)
    })
  }
  const server = (secure ? createTlsServer({ key: KEY, cert: CERTIFICATE }, serve) : createServer(serve)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const wire = new Wire({ endpoint: `${secure ? 'https' : 'http'}://127.0.0.1:${port}`, accessKey: 'key', secretKey: 'secret', region: 'us-east-1', bucket: 'films' })
  t.teardown(() => {
    wire.close()
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { wire, asked, connections: () => connections }
}

const ok = (body: string): string => `HTTP/1.1 200 OK\r\nETag: "abc"\r\nContent-Length: ${body.length}\r\n\r\n${body}`
const get = (wire: Wire, streamAbove = Infinity) => wire.ask({ method: 'GET', key: 'a/b', payload: NO_PAYLOAD, streamAbove })

void t.test('an answer is read whole, however it is cut, and its connection used again', async (t) => {
  const pieces = ['HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 2', '00 OK\r\netag: "abc"\r\ncontent-', 'length: 5\r\n\r', '\nhe', 'llo']
  const inPieces = (socket: Socket): void => {
    const piece = pieces.shift()
    if (piece !== undefined) socket.write(piece, () => { setTimeout(() => { inPieces(socket) }, 10) })
  }
  const { wire, asked, connections } = await store(t, [inPieces, ok(''), ok('x'.repeat(200_000)), 'HTTP/1.1 204 No Content\r\nETag: "abc"\r\n\r\n', ok('last')])
  t.equal((await get(wire)).body.toString(), 'hello')
  t.equal((await get(wire)).body.length, 0)
  t.equal((await get(wire)).body.toString(), 'x'.repeat(200_000))
  t.equal((await get(wire)).head.status, 204)
  const last = await get(wire)
  t.match({ body: last.body.toString(), etag: last.head.etag }, { body: 'last', etag: 'abc' })
  t.equal(connections(), 1)
  t.match(asked[0], /^GET \/films\/a\/b HTTP\/1\.1\r\n/)
})

void t.test('a chunked answer, and one that ends with its connection, are read as well', async (t) => {
  const { wire, connections } = await store(t, [
    'HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n6;x=y\r\n<Code>\r\n10\r\nNoSuchKey</Code>\r\n0\r\n\r\n', ok('again'),
    (socket) => { socket.end('HTTP/1.1 200 OK\r\nETag: "abc"\r\n\r\nuntil the end') }
  ])
  await t.rejects(get(wire), { name: 'Refused', status: 404, code: 'NoSuchKey' })
  t.equal((await get(wire)).body.toString(), 'again')
  t.equal(connections(), 1)
  t.equal((await get(wire)).body.toString(), 'until the end')
})

void t.test('a kept connection that the store had closed costs no call, and a store that hangs up on a fresh one is told', async (t) => {
  const hangUp = (socket: Socket): void => { socket.destroy() }
  const { wire, connections } = await store(t, [ok('one'), hangUp, ok('two'), hangUp, hangUp])
  await get(wire)
  t.equal((await get(wire)).body.toString(), 'two')
  t.equal(connections(), 2)
  await t.rejects(get(wire), { name: 'ConnectionLost' })
})

void t.test('an answer that breaks off, says more than it announced or is no HTTP is an error, never a short body', async (t) => {
  const broken: Reply[] = [
    (socket) => { socket.end('HTTP/1.1 200 OK\r\nETag: "abc"\r\nContent-Length: 10\r\n\r\nshort') },
    'HTTP/1.1 200 OK\r\nETag: "abc"\r\nContent-Length: 2\r\n\r\nlong', 'SSH-2.0-OpenSSH\r\n\r\n',
    (socket) => { socket.end('HTTP/1.1 200 OK\r\nETag: "abc"\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe') },
    'HTTP/1.1 200 OK\r\nETag: "abc"\r\nTransfer-Encoding: chunked\r\n\r\nnothing\r\n'
  ]
  const { wire } = await store(t, [...broken])
  for (const _ of broken) await t.rejects(get(wire))
})

void t.test('a long answer comes in pieces, and one that breaks off fails at the piece that is missing', async (t) => {
  const head = 'HTTP/1.1 206 Partial Content\r\nETag: "abc"\r\nContent-Length: 3000000\r\n\r\n'
  const { wire, connections } = await store(t, [
    `${head}${'y'.repeat(3_000_000)}`, ok('after'), (socket) => { socket.end(`${head}${'z'.repeat(1_000_000)}`) }, `${head}${'y'.repeat(2_000_000)}`, ok('new')
  ])
  const read = async (): Promise<number> => {
    const { stream } = await get(wire, 1000)
    let seen = 0
    for (let piece = await stream!.next(); piece !== null; piece = await stream!.next()) {
      seen += piece.bytes.length
      piece.release()
      await new Promise((resolve) => { setImmediate(resolve) })
    }
    return seen
  }
  t.equal(await read(), 3_000_000)
  t.equal((await get(wire)).body.toString(), 'after')
  t.equal(connections(), 1, 'read to its end: the connection is kept')
  await t.rejects(read(), { name: 'ConnectionLost' })
  const { stream } = await get(wire, 1000)
  await stream!.close()
  await stream!.close()
  t.equal((await get(wire)).body.toString(), 'new', 'one that nobody wants to its end is not')
  t.equal(connections(), 3)
})

void t.test('over TLS, which hands on what it has decrypted after it was stopped, a slow reader gets every byte and the connection is kept', async (t) => {
  process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'
  t.teardown(() => { delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'] })
  const rounds = 5
  const long = `HTTP/1.1 200 OK\r\nETag: "abc"\r\nContent-Length: 1000000\r\n\r\n${'t'.repeat(1_000_000)}`
  const { wire, connections } = await store(t, Array.from({ length: rounds }, () => [long, ok('small')]).flat(), true)
  for (let round = 0; round < rounds; round++) {
    const { stream } = await get(wire, 1000)
    let seen = 0
    for (let piece = await stream!.next(); piece !== null; piece = await stream!.next()) {
      seen += piece.bytes.length
      piece.release()
      await new Promise((resolve) => { setTimeout(resolve, 1) })
    }
    t.equal(seen, 1_000_000)
    t.equal((await get(wire)).body.toString(), 'small')
  }
  t.equal(connections(), 1)
})

void t.test('a store that is busy is asked once more, and its word is told when it stays so', async (t) => {
  const busy = 'HTTP/1.1 503 Slow Down\r\nContent-Length: 21\r\n\r\n<Code>SlowDown</Code>'
  const { wire, asked } = await store(t, [busy, ok('now'), busy, busy])
  const put = () => wire.ask({ method: 'PUT', key: 'k', body: [Buffer.from('one'), Buffer.from('two')], payload: UNSIGNED })
  t.equal((await put()).body.toString(), 'now')
  t.same(asked.map((text) => text.slice(-6)), ['onetwo', 'onetwo'], 'with the whole body')
  await t.rejects(put(), { name: 'Refused', code: 'SlowDown' })
})

void t.test('a removal that a gateway gave up is not asked again: the store may still do the first; one that the store itself put off is', async (t) => {
  const gaveUp = 'HTTP/1.1 504 Gateway Timeout\r\nContent-Length: 16\r\n\r\n<html>504</html>'
  const busy = 'HTTP/1.1 503 Slow Down\r\nContent-Length: 21\r\n\r\n<Code>SlowDown</Code>'
  const done = 'HTTP/1.1 204 No Content\r\n\r\n'
  const { wire, asked } = await store(t, [gaveUp, busy, done])
  const remove = () => wire.ask({ method: 'DELETE', key: 'a', payload: NO_PAYLOAD })
  await t.rejects(remove(), { name: 'Refused', status: 504 })
  t.equal(asked.length, 1)
  t.match(await remove(), { head: { status: 204 } })
  t.equal(asked.length, 3)
})

void t.test('the signature is the one of the example in the S3 documentation', (t) => {
  // "Signature Calculations for the Authorization Header", GET Object
  const signer = new Signer({ accessKey: 'AKIAIOSFODNN7EXAMPLE', secretKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY', region: 'us-east-1', host: 'examplebucket.s3.amazonaws.com' })
  const head = signer.head({ method: 'GET', path: '/test.txt', query: '', headers: { range: 'bytes=0-9' }, payload: NO_PAYLOAD }, Date.UTC(2013, 4, 24))
  t.match(head, 'SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41\r\n\r\n')
  t.equal(encodePath('/a b/ü(1)~'), '/a%20b/%C3%BC%281%29~')
  for (const value of ['a\r\nb: c', 'two  spaces', ' x', 'ü']) {
    t.throws(() => signer.head({ method: 'PUT', path: '/x', query: '', headers: { 'content-type': value }, payload: UNSIGNED }, 0), /cannot be signed/)
  }
  t.end()
})

void t.test('a head tells whether its connection may be used again', (t) => {
  t.match(parseAnswerHead('HTTP/1.1 200 OK\r\nConnection: close'), { kept: false, length: null })
  t.match(parseAnswerHead('HTTP/1.0 200 OK\r\nContent-Length: 3'), { kept: false, length: 3 })
  t.match(parseAnswerHead('HTTP/1.1 304'), { kept: true, length: 0, etag: '' })
  t.equal(decodeChunked(Buffer.from('3\r\nabc\r\n0\r\n')), null, 'the empty line is missing')
  t.equal(decodeChunked(Buffer.from('3\r\nabc\r\n0\r\nx: y\r\n\r\n'))?.toString(), 'abc')
  t.end()
})
