// Messages whose end is in doubt, one by one (RFC 9112 §6): what hostile.test.ts fires at random.

import t from 'tap'
import { startMarquee, upload } from '../support/app.ts'
import { operate } from '../support/operator.ts'
import { sha256Hex } from '../../server/stores/multihash.ts'
import { Signer, seededBlob } from '../support/keys.ts'
import { RawClient } from '../support/raw-http.ts'
import type { Answer } from '../support/raw-http.ts'

const server = await startMarquee(t, { env: { IDLE_TIMEOUT: '3' } })
const { url } = server
const blob = seededBlob('framed', 9000)
await upload(url, new Signer(), blob)
const hidden = `GET /${blob.sha256} HTTP/1.1\r\nHost: x\r\n\r\n`

/** Everything that is answered before the connection ends. */
async function allAnswers (text: string): Promise<Answer[]> {
  const client = await RawClient.open(url)
  client.send(text)
  const found: Answer[] = []
  for (let answer = await client.answer(); answer !== null; answer = await client.answer()) found.push(answer)
  await client.closed()
  return found
}

t.test('RFC 9112 §6.1: a transfer coding that is not known is refused, with CORS and a reason, and the connection ends', async t => {
  for (const [coding, version] of [['identity, chunked', '1.1'], ['gzip, chunked', '1.1'], ['chunked, chunked', '1.1'], ['chunked', '1.0']] as const) {
    for (const line of ['PUT /upload', `GET /${blob.sha256}`, 'OPTIONS /upload']) {
      const answers = await allAnswers(`${line} HTTP/${version}\r\nHost: x\r\nTransfer-Encoding: ${coding}\r\n\r\n0\r\n\r\n${hidden}`)
      t.strictSame(answers.map(({ status }) => status), [400], `${line}, ${coding}, ${version}`)
      t.equal(answers[0]?.headers['access-control-allow-origin'], '*')
      t.match(answers[0]?.headers['x-reason'], /well formed/)
    }
  }
})

t.test('RFC 9112 §6.3: two lengths, a length beside a coding and a length that is no number are refused', async t => {
  for (const fields of [`Content-Length: ${hidden.length}\r\nContent-Length: 0`, `Content-Length: 0, ${hidden.length}`, 'Content-Length: 4\r\nTransfer-Encoding: chunked', `Content-Length: +${hidden.length}`]) {
    const answers = await allAnswers(`PUT /upload HTTP/1.1\r\nHost: x\r\n${fields}\r\n\r\n${hidden}`)
    t.strictSame(answers.map(({ status }) => status), [400], fields)
  }
})

t.test('a body that goes wrong after its request was refused ends the connection, with no second answer', async t => {
  const client = await RawClient.open(url)
  client.send('PUT /upload HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello')
  t.equal((await client.answer())?.status, 401)
  client.send(`XX0\r\n\r\n${hidden}`)
  t.equal(await client.answer(), null)
  await client.closed()
})

t.test('a head that never ends is 408 after IDLE_TIMEOUT, and the connection ends', async t => {
  const [answer, ...more] = await allAnswers('GET / HTTP/1.1\r\nHost: x\r\nX-Slow: a')
  t.equal(answer?.status, 408)
  t.equal(answer?.headers['access-control-allow-origin'], '*')
  t.match(answer?.headers['x-reason'], /head stood still/)
  t.strictSame(more, [])
})

t.test('a connection that says nothing is closed after IDLE_TIMEOUT, with no word; one that asked is kept', async t => {
  const silent = await RawClient.open(url)
  const kept = await RawClient.open(url)
  kept.send(hidden)
  t.equal((await kept.answer())?.status, 200)
  await silent.closed()
  t.equal(silent.bytes.length, 0)
  kept.send(hidden)
  t.equal((await kept.answer())?.status, 200, 'it waits for its next request as before')
  kept.destroy()
})

t.test('JSON nested deeper than it can be written is 400 or 401, not a fault of ours', async t => {
  const nested = `{"hashes":${'['.repeat(6000)}${']'.repeat(6000)}}`
  const operator = new Signer(Buffer.from(server.marquee.nodeKey.secret, 'hex'))
  const ask = (payload: string): Promise<Response> => fetch(`${url}/admin/blocked`, { method: 'POST', body: nested, headers: { authorization: operator.httpToken('POST', `${url}/admin/blocked`, { payload }) } })
  t.equal((await ask(sha256Hex(Buffer.from(nested)))).status, 400)
  t.equal((await ask('0'.repeat(64))).status, 401)
  t.equal((await operate(server, 'GET', '/admin/blocked')).status, 200)
  // BUD-09: members of an event that nobody signed are not kept, whatever they are
  const event = new Signer().sign({ kind: 1984, created_at: Math.floor(Date.now() / 1000), tags: [['x', blob.sha256, 'spam']], content: '' })
  const reported = await fetch(`${url}/report`, { method: 'PUT', body: `${JSON.stringify(event).slice(0, -1)},"more":${'['.repeat(6000)}${']'.repeat(6000)}}` })
  t.equal(reported.status, 200)
  t.strictSame(await server.marquee.stores.state.get(`reports/${event.id}`), { event, received: (await server.marquee.stores.state.get(`reports/${event.id}`) as { received: number }).received, blobs: [blob.sha256] })
})
