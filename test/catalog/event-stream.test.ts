// Streams without end (server-sent events): as many readers as may, each told everything once, and none of them keeps what it does not read in our memory.

import { connect } from 'node:net'
import { once } from 'node:events'
import Fastify from 'fastify'
import t from 'tap'
import { EventStreams, lastEventId, messageOf } from '../../server/catalog/http/event-stream.ts'
import { tellCatalogFaults } from '../../server/catalog/http/answering.ts'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import type { StreamLimits, StreamSource } from '../../server/catalog/http/event-stream.ts'

async function serve (t: Test, limits: Partial<StreamLimits>, source: StreamSource): Promise<number> {
  const app = Fastify({ forceCloseConnections: true })
  tellCatalogFaults(app)
  const streams = new EventStreams(app, limits)
  app.get('/', async (request, reply) => {
    streams.open(reply, lastEventId(request.headers['last-event-id']) ?? 0, source)
    return reply
  })
  await app.listen({ port: 0, host: '127.0.0.1' })
  t.teardown(() => app.close())
  return (app.server.address() as AddressInfo).port
}

/** Messages of these places and no more, until `add`. */
function placesTo (last: number): StreamSource & { add: () => void } {
  const readers = new Set<() => void>()
  return {
    add: () => { last++; for (const more of readers) more() },
    onMore: (more) => { readers.add(more); return () => { readers.delete(more) } },
    after: (place) => place >= last ? { to: place, messages: [] } : { to: place + 1, messages: [messageOf(place + 1, 'x', `"${place + 1}"`)] }
  }
}

t.test('each reader hears everything after its place, once and in order, and then what comes', async t => {
  const source = placesTo(3)
  const port = await serve(t, {}, source)
  const response = await fetch(`http://127.0.0.1:${port}/`, { headers: { 'last-event-id': '1' } })
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  const read = async (until: RegExp): Promise<void> => { while (!until.test(text)) text += (await reader.read()).value ?? '' }
  await read(/"3"/)
  source.add()
  await read(/"4"/)
  t.same([...text.matchAll(/^id: (\d+)$/gm)].map(([, id]) => id), ['2', '3', '4'])
  await reader.cancel()
})

t.test('as many follow as may, and the next is told so', async t => {
  const port = await serve(t, { readers: 2 }, placesTo(0))
  const [first] = [await fetch(`http://127.0.0.1:${port}/`), await fetch(`http://127.0.0.1:${port}/`)]
  t.equal((await fetch(`http://127.0.0.1:${port}/`)).status, 503)
  await first.body!.cancel()
  for (let i = 0; i < 3000; i++) {
    if ((await fetch(`http://127.0.0.1:${port}/`)).status === 200) return t.pass('one that leaves makes room')
    await new Promise((resolve) => { setTimeout(resolve, 20) })
  }
  return t.fail('no room')
})

t.test('one that reads nothing is let go; nothing more is made for it meanwhile', async t => {
  let made = 0
  const line = messageOf(1, 'x', `"${'x'.repeat(60_000)}"`)
  const port = await serve(t, { patience: 300 }, { onMore: () => () => {}, after: (place) => { made++; return { to: place + 1, messages: [line] } } })
  const socket = connect(port, '127.0.0.1')
  socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  socket.pause()
  socket.on('error', () => {})
  const gone = once(socket, 'close')
  let then = -1
  while (made === 0 || made !== then) {
    then = made
    await new Promise((resolve) => { setTimeout(resolve, 100) })
  }
  t.ok(made * line.length < 32 * 1024 * 1024, `${made * line.length} bytes at most what the connection takes`)
  await new Promise((resolve) => { setTimeout(resolve, 100) })
  t.equal(made, then)
  await new Promise((resolve) => { setTimeout(resolve, 500) })
  socket.resume() // what the kernel holds comes, and then the end
  await gone
  t.equal(made, then)
})

t.test('a place is digits and nothing else', async t => {
  t.same(['12', '', 'x', '-1', '1e3', ['1'], undefined].map(lastEventId), [12, null, null, null, null, null, null])
})
