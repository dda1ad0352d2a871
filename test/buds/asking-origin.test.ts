// A few bytes of a stranger's server (server/buds/asking-origin.ts), through the address guard of a mirror: with real servers on loopback.

import t from 'tap'
import { askOrigin } from '../../server/buds/asking-origin.ts'
import { redirect, serve } from '../support/raw-origin.ts'

const LOCAL = { allowPrivate: true }
const BODY = Buffer.from('0123456789')
const partly = 'HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 2-4/10\r\nContent-Length: 3\r\nConnection: close\r\n\r\n234'
const whole = `HTTP/1.1 200 OK\r\nContent-Length: 10\r\nConnection: close\r\n\r\n`

t.test('HEAD, a range and all of it; no credentials go along', async t => {
  const place = await serve(t, (socket, head) => {
    if (head.startsWith('HEAD')) socket.end(whole)
    else socket.end(/^range:/im.test(head) ? partly : `${whole}${BODY.toString()}`)
  })
  const url = new URL(`${place.url}/blob`)
  t.strictSame(await askOrigin(url, { method: 'HEAD', range: null, most: 0 }, LOCAL), { length: 10, range: null, bytes: Buffer.alloc(0) })
  t.strictSame(await askOrigin(url, { method: 'GET', range: [2, 4], most: 3 }, LOCAL), { length: 3, range: 'bytes 2-4/10', bytes: BODY.subarray(2, 5) })
  t.strictSame(await askOrigin(url, { method: 'GET', range: null, most: 11 }, LOCAL), { length: 10, range: null, bytes: BODY })
  t.match(place.requests[1], /\r\nRange: bytes=2-4\r\n/)
  for (const head of place.requests) t.notMatch(head, /authorization|cookie/i)
})

t.test('no more is read than was asked for, and a range that is answered with all of it is a fault', async t => {
  const place = await serve(t, (socket) => { socket.write('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n'); for (let i = 0; i < 100; i++) socket.write(Buffer.alloc(10_000)) })
  const url = new URL(`${place.url}/blob`)
  t.equal((await askOrigin(url, { method: 'GET', range: null, most: 100 }, LOCAL)).bytes.length, 100)
  await t.rejects(askOrigin(url, { method: 'GET', range: [0, 9], most: 10 }, LOCAL), { code: 'ORIGIN_FAILED', message: /answered 200/ })
})

t.test('private addresses are not asked, nor after a redirect; nor is a server that says nothing waited for', async t => {
  const inner = await serve(t, (socket) => { socket.end(whole) })
  const outer = await serve(t, redirect(`http://127.0.0.1:${inner.port}/blob`))
  const question = { method: 'HEAD', range: null, most: 0 } as const
  await t.rejects(askOrigin(new URL(`${inner.url}/blob`), question, { allowPrivate: false }), { code: 'ORIGIN_FORBIDDEN' })
  await t.rejects(askOrigin(new URL(`${outer.url}/blob`), question, { allowPrivate: false }), { code: 'ORIGIN_FORBIDDEN' })
  t.strictSame(inner.requests, [])
  // the first host may be reached, the one it points to not
  let asked = 0
  const lookup = async (): Promise<{ address: string, family: number }[]> => [{ address: asked++ === 0 ? '127.0.0.1' : '10.0.0.1', family: 4 }]
  await t.rejects(askOrigin(new URL(`http://provider.example:${outer.port}/blob`), question, { ...LOCAL, lookup, refuse: (url) => url.hostname === '127.0.0.1' }), { code: 'ORIGIN_FORBIDDEN' })
  t.strictSame(inner.requests, [])
  const silent = await serve(t, () => {})
  await t.rejects(askOrigin(new URL(`${silent.url}/blob`), question, { ...LOCAL, patience: 50 }))
})
