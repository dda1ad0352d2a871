// server/buds/origin.ts, once connected: bodies that are whole, broken, slow or unwanted, with real servers on loopback.

import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import t from 'tap'
import { OK, open, read, redirect, say, serve, until } from '../support/raw-origin.ts'

t.test('chunked, until-close, typeless and empty bodies are read; length is null where the origin does not say', async t => {
  const cases: [string, string, number | null, string | null][] = [
    ['Content-Type: a/b\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n', 'hello!', null, 'a/b'],
    ['Content-Encoding: identity\r\n\r\nuntil the end', 'until the end', null, null],
    ['Content-Length: 0\r\nContent-Type: \r\n\r\n', '', 0, null],
  ]
  for (const [answer, text, length, type] of cases) {
    const place = await serve(t, say(`HTTP/1.1 200 OK\r\n${answer}`))
    const origin = await open(place.url)
    t.match(origin, { length, type })
    t.equal(await read(origin.body), text)
  }
})

t.test('headers that drip, interim answers without end and slow redirects do not outlast connectTimeout', async t => {
  const drip = (text: string) => (socket: Socket) => {
    const timer = setInterval(() => { socket.write(text) }, 10)
    socket.on('close', () => { clearInterval(timer) })
  }
  const slow = await serve(t, socket => {
    socket.write('HTTP/1.1 200 OK\r\n')
    drip('X-A: b\r\n')(socket)
  })
  const interim = await serve(t, drip('HTTP/1.1 100 Continue\r\n\r\n'))
  const hops = await serve(t, socket => { setTimeout(redirect('/next'), 60, socket) })
  for (const place of [slow, interim, hops]) {
    await t.rejects(open(place.url, { connectTimeout: 150, maxRedirects: 1000 }), { code: 'ORIGIN_FAILED', message: /in time/ })
    await until(() => place.closed === place.requests.length)
  }
})

t.test('a body that stands still is cut with ORIGIN_FAILED; one that only takes long is not', async t => {
  const stalled = await serve(t, socket => { socket.write(OK.replace('5\r\n', '6\r\n')) })
  const { body } = await open(stalled.url, { idleTimeout: 50 })
  await t.rejects(read(body), { code: 'ORIGIN_FAILED', message: /stalled/ })
  await until(() => stalled.closed === 1)
  const long = await serve(t, async socket => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n')
    for (let count = 0; count < 12; count++) await wait(200).then(() => socket.write('x'))
  })
  t.equal(await read((await open(long.url, { connectTimeout: 2000, idleTimeout: 2000 })).body), 'x'.repeat(12))
})

t.test('a body that ends before its length, within a chunk or with a reset is an error', async t => {
  const chunked = 'Transfer-Encoding: chunked\r\n\r\n'
  const cases = ['Content-Length: 10\r\n\r\nhello', 'Content-Length: 10\r\n\r\n', `${chunked}5\r\nhello\r\n`, `${chunked}5\r\nhel`,
    `${chunked}5\r\nhello\r\nnonsense\r\n`]
  for (const answer of cases) {
    const place = await serve(t, say(`HTTP/1.1 200 OK\r\n${answer}`))
    await t.rejects(open(place.url).then(({ body }) => read(body)), { code: 'ORIGIN_FAILED' }, answer)
    const { body } = await open(place.url)
    await until(() => place.closed === 2)
    await wait(20)
    await t.rejects(read(body), { code: 'ORIGIN_FAILED' }, `a reader who comes late: ${answer}`)
  }
  const reset = await serve(t, socket => { socket.write('HTTP/1.1 200 OK\r\n\r\nhello', () => { setTimeout(() => { socket.resetAndDestroy() }, 20) }) })
  await t.rejects(open(reset.url).then(({ body }) => read(body)), { code: 'ORIGIN_FAILED' }, 'a reset without any length')
  const whole = await serve(t, socket => { socket.write(OK, () => { setTimeout(() => { socket.resetAndDestroy() }, 20) }) })
  const { body } = await open(whole.url)
  await until(() => whole.closed === 1)
  await wait(20)
  t.equal(await read(body), 'hello', 'a reset after the last byte takes nothing away')
})

t.test('the origin sends no faster than its reader reads, and a slow reader is no stalled origin', async t => {
  const SIZE = 48 * 1024 * 1024
  let sent = 0
  const server = http.createServer(async (_request, response) => {
    response.writeHead(200, { 'Content-Length': SIZE })
    for (const piece = Buffer.alloc(1024 * 1024); sent < SIZE; sent += piece.length) if (!response.write(piece)) await once(response, 'drain')
    response.end()
  }).listen(0, '127.0.0.1')
  t.teardown(() => server.close())
  await once(server, 'listening')
  const { body } = await open(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`, { idleTimeout: 1000 })
  let received = 0
  for await (const chunk of body) {
    if (received === 0) {
      let before = -1
      for (; before !== sent; await wait(1500)) before = sent
      t.ok(sent < SIZE / 2, `with one chunk read, ${sent} bytes were sent`)
      t.ok(body.readableLength <= 512 * 1024, `${body.readableLength} bytes wait here`)
    }
    received += (chunk as Buffer).length
  }
  t.equal(received, SIZE)
})

t.test('the signal ends it at every stage with its own reason, and a body that lies here whole does not end early as if it were', async t => {
  const reason = new Error('the server is closing')
  const silent = await serve(t, () => {})
  await t.rejects(open(silent.url, { signal: AbortSignal.abort(reason) }), reason)
  t.strictSame(silent.requests, [], 'aborted before it began')
  const named = new AbortController()
  await t.rejects(open('http://slow.invalid/', { signal: named.signal, lookup: () => { named.abort(reason); return new Promise(() => {}) } }), reason)
  const heading = new AbortController()
  const headless = open(silent.url, { signal: heading.signal })
  void until(() => silent.requests.length === 1).then(() => { heading.abort(reason) })
  await t.rejects(headless, reason)
  await until(() => silent.closed === 1)
  for (const answer of [OK, OK.replace('5\r\n', '6\r\n')]) {
    const place = await serve(t, socket => { socket.write(answer) })
    const control = new AbortController()
    const { body } = await open(place.url, { signal: control.signal })
    await wait(20)
    control.abort(reason)
    await t.rejects(read(body), reason)
    await until(() => place.closed === 1)
  }
})

t.test('a reader that destroys the body closes the connection and lets go of the signal', async t => {
  const place = await serve(t, socket => { socket.write(OK.replace('5\r\n', '6\r\n')) })
  const { signal } = new AbortController()
  let listening = 0
  const { addEventListener, removeEventListener } = signal
  signal.addEventListener = (...args: Parameters<typeof addEventListener>) => { listening++; addEventListener.apply(signal, args) }
  signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => { listening--; removeEventListener.apply(signal, args) }
  const { body } = await open(place.url, { signal })
  t.equal(listening, 1)
  body.destroy()
  await once(body, 'close')
  await until(() => place.closed === 1)
  t.equal(listening, 0)
})
