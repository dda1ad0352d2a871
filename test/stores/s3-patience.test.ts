// Limits of time towards a bucket (stores/s3/patience.ts), against a store that listens and does as it is told: no call waits for ever, none is made
// again because the store was silent, and what something else on the way says is not taken for the store's word.

import { once } from 'node:events'
import { createServer } from 'node:http'
import { Readable } from 'node:stream'
import t from 'tap'
import { Bucket } from '../../server/stores/s3/bucket.ts'
import { PartBudget } from '../../server/stores/s3/part-budget.ts'
import { Silent, eachWithin, within } from '../../server/stores/s3/patience.ts'
import { S3Objects } from '../../server/stores/s3/objects.ts'
import { NO_PAYLOAD } from '../../server/stores/s3/signature.ts'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'

type Reply = (response: ServerResponse, request: IncomingMessage) => void

const hang: Reply = () => {}
const say = (status: number, body: string, headers = {}): Reply => (response) => { response.writeHead(status, { 'content-length': body.length, ...headers }).end(body) }
const ETAG = { etag: '"abc"' }

async function store (t: Test, reply: Reply): Promise<{ bucket: Bucket, asked: string[], become: (next: Reply) => void }> {
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`)
    request.resume()
    reply(response, request)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const bucket = new Bucket({
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, accessKey: 'key', secretKey: 'secret', region: 'us-east-1', bucket: 'films',
    patience: { readSilence: 200, writeSilence: 200, answer: 300, assembly: 600 }
  })
  t.teardown(() => {
    bucket.close()
    server.closeAllConnections()
    server.close()
  })
  return { bucket, asked, become: (next) => { reply = next } }
}

const read = (bucket: Bucket) => bucket.wire.ask({ method: 'GET', key: 'a', payload: NO_PAYLOAD })

void t.test('every way to ask a store that says nothing ends', async (t) => {
  const { bucket } = await store(t, hang)
  const objects = new S3Objects(bucket)
  const drained = async (items: AsyncIterable<unknown>): Promise<void> => { for await (const _ of items); }
  for (const call of [
    () => bucket.prove(), () => objects.get('a'), () => objects.put('a', Buffer.from('b')), () => objects.add('a', Buffer.from('b')), () => objects.remove('a'),
    () => drained(objects.list('a/')), () => drained(objects.names('a/')), () => bucket.call('stat', 'a', () => bucket.client.statObject('films', 'a')), () => bucket.remove('a'),
    () => bucket.call('commit', 'a', () => bucket.assembler.completeMultipartUpload('films', 'a', 'b', []), bucket.patience.assembly)
  ]) await t.rejects(call() as Promise<unknown>, { name: 'StoreError' })
})

void t.test('a store that has become silent is not asked again on each kept connection', async (t) => {
  const { bucket, asked, become } = await store(t, say(200, 'here', ETAG))
  await Promise.all([read(bucket), read(bucket), read(bucket)])
  become(hang)
  asked.length = 0
  await t.rejects(read(bucket), { name: 'ConnectionLost', cause: { name: 'Silent' } })
  t.equal(asked.length, 1)
  become(say(200, 'again', ETAG))
  t.equal((await read(bucket)).body.toString(), 'again')
})

void t.test('an answer that trickles ends, and one that comes in time does not', async (t) => {
  const trickle = (times: number): Reply => (response) => {
    response.writeHead(200, { 'content-length': times, ...ETAG })
    const timer = setInterval(() => {
      response.write('x')
      if (--times === 0) clearInterval(timer)
    }, 50)
    timer.unref() // a reset does not always close the answer
    response.on('close', () => { clearInterval(timer) })
  }
  const { bucket, become } = await store(t, trickle(3))
  t.equal((await read(bucket)).body.toString(), 'xxx')
  become(trickle(1000))
  await t.rejects(read(bucket), { cause: { name: 'Silent' } })
})

void t.test('a yes to an object without an ETag, an object without one, a yes to a delete with a page, or a 404 without the store’s words is not the store’s', async (t) => {
  const { bucket, become } = await store(t, say(200, '<html>welcome</html>'))
  const objects = new S3Objects(bucket)
  await t.rejects(objects.put('a', Buffer.from('b')), /no store says/)
  await t.rejects(bucket.remove('a'), /no store says/)
  await t.rejects(objects.get('a'), /no store says/, 'it is a fault of the way, and not a damaged object')
  await t.rejects(bucket.wire.ask({ method: 'GET', key: 'a', payload: NO_PAYLOAD, streamAbove: 3 }), /no store says/)
  become(say(404, '<html>no such page</html>'))
  await t.rejects(objects.get('a'), { name: 'StoreError' })
  await t.rejects(objects.remove('a'), { name: 'StoreError' })
  become(say(404, '<Error><Code>NoSuchKey</Code></Error>'))
  t.equal(await objects.get('a'), null)
  t.equal(await objects.remove('a'), false)
})

void t.test('who waits to hold a part is refused with the first that the store gave no answer to, and by no other fault', async (t) => {
  const budget = new PartBudget(1)
  await budget.take()
  const [first, second] = [budget.take(), budget.take()]
  budget.refuse(new Error('refused'))
  budget.give()
  await first
  budget.refuse(new Error('lost', { cause: new Silent() }))
  await t.rejects(second, /lost/)
  budget.give()
  await budget.take()
})

void t.test('a list that fails when nobody reads it any more ends nothing else', async (t) => {
  const list = new Readable({ objectMode: true, read: () => {} })
  await t.rejects(async () => { for await (const _ of eachWithin(20, list)); }, { name: 'Silent' })
  list.emit('error', new Error('too late'))
  t.ok(list.destroyed)
  t.equal(await within(1000, Promise.resolve(1)), 1)
})
