// One link to one relay (NIP-01, NIP-42), against relays that do what no good one does.

import t from 'tap'
import { RelayLink } from '../../server/catalog/relay-link.ts'
import { RelayError } from '../../server/catalog/relay-error.ts'
import { Signer } from '../support/keys.ts'
import { startScriptedRelay } from '../support/scripted-relay.ts'
import type { Test } from 'tap'
import type { RelayLinkParts } from '../../server/catalog/relay-link.ts'
import type { SignedEvent } from '../../server/auth/signature.ts'
import type { Script } from '../support/scripted-relay.ts'

const signer = new Signer()
const note = (content: string): SignedEvent => signer.sign({ kind: 1, created_at: 1_700_000_000, tags: [], content })

async function linkTo (t: Test, script: Script, parts: Partial<RelayLinkParts> = {}, greet?: Parameters<typeof startScriptedRelay>[2]): Promise<{ link: RelayLink, relay: Awaited<ReturnType<typeof startScriptedRelay>> }> {
  const relay = await startScriptedRelay(t, script, greet)
  const link = new RelayLink({ url: relay.url, sign: null, now: Date.now, ...parts, limits: { answer: 60_000, ...parts.limits } })
  t.teardown(() => { link.close() })
  await link.open()
  return { link, relay }
}

const saysNothing: Script = () => {}
const SOON = { limits: { answer: 300 } }

t.test('a relay that is not there is told by its URL', async t => {
  const link = new RelayLink({ url: 'ws://127.0.0.1:1', sign: null, now: Date.now })
  await t.rejects(link.open(), { name: 'RelayError', url: 'ws://127.0.0.1:1', words: /ECONNREFUSED/ })
})

t.test('an event is published: the relay says yes or no, in its words', async t => {
  const { link } = await linkTo(t, (say, [word, event]) => {
    if (word === 'EVENT') say('OK', (event as SignedEvent).id, (event as SignedEvent).content === 'good', (event as SignedEvent).content === 'good' ? '' : 'blocked: not you')
  })
  t.same(await Promise.all([link.publish(note('good')), link.publish(note('bad'))]), [{ accepted: true, words: '' }, { accepted: false, words: 'blocked: not you' }])
})

t.test('what is asked of a link that has ended is refused at once', async t => {
  const { link, relay } = await linkTo(t, saysNothing)
  for (const socket of relay.sockets) socket.terminate()
  while (link.isOpen) await new Promise((resolve) => { setTimeout(resolve, 5) })
  await t.rejects(link.publish(note('x')), { name: 'RelayError', message: /closed/ })
  await t.rejects(link.ask({ kinds: [1], limit: 1 }, () => {}, 1), { name: 'RelayError', message: /closed/ })
})

t.test('a relay that never answers an event is told, and costs no more than its time', async t => {
  const { link } = await linkTo(t, saysNothing, SOON)
  await t.rejects(link.publish(note('x')), { message: /no answer/ })
})

t.test('events are asked for until the relay itself says that these were all', async t => {
  const { link } = await linkTo(t, (say, [word, id]) => {
    if (word !== 'REQ') return
    for (const content of ['a', 'b']) say('EVENT', id, note(content))
    say('EOSE', id)
  })
  const got: string[] = []
  t.equal(await link.ask({ kinds: [1] }, ({ content }) => { got.push(content) }, 10), 2)
  t.same(got, ['a', 'b'])
})

t.test('silence is no end of an answer', async t => {
  const { link } = await linkTo(t, (say, [word, id]) => { if (word === 'REQ') say('EVENT', id, note('a')) }, SOON)
  await t.rejects(link.ask({}, () => {}, 10), { message: /no end of the answer/ })
})

t.test('a relay that sends more than was asked for is stopped', async t => {
  const event = note('again')
  const { link, relay } = await linkTo(t, (say, [word, id]) => {
    if (word === 'REQ') for (let i = 0; i < 50; i++) say('EVENT', id, event)
  })
  let got = 0
  await t.rejects(link.ask({ limit: 10 }, () => { got++ }, 10), { message: /more than the 10/ })
  t.equal(got, 10)
  await t.rejects(link.ask({ limit: 10 }, () => {}, 10))
  t.ok(relay.heard.some(([word]) => word === 'CLOSE'), 'and told to')
})

t.test('CLOSED ends a request with the words of the relay', async t => {
  const { link } = await linkTo(t, (say, [word, id]) => { if (word === 'REQ') say('CLOSED', id, 'error: shutting down') })
  await t.rejects(link.ask({}, () => {}, 10), { message: /error: shutting down$/ })
})

t.test('a subscription goes on after EOSE, until it is closed by either side', async t => {
  const { link, relay } = await linkTo(t, (say, [word, id]) => {
    if (word !== 'REQ') return
    say('EOSE', id)
    say('EVENT', id, note('later'))
  })
  const got = await new Promise<string>((resolve) => { link.subscribe([{ kinds: [1] }], ({ content }) => { resolve(content) }, () => {}) })
  t.equal(got, 'later')
  const ended = new Promise<string>((resolve) => { link.subscribe([{ kinds: [2] }], () => {}, resolve) })
  for (const socket of relay.sockets) socket.close(1001, 'going away')
  t.equal(await ended, 'going away')
  t.notOk(link.isOpen)
})

t.test('NIP-42: a relay that asks who we are is told, and asked again', async t => {
  const known = new Set<unknown>()
  const { link, relay } = await linkTo(t, (say, [word, first], socket) => {
    const event = first as SignedEvent
    if (word === 'AUTH') {
      known.add(socket)
      say('OK', event.id, true, '')
    } else if (word === 'EVENT') {
      say('OK', event.id, known.has(socket), known.has(socket) ? '' : 'auth-required: who are you')
    } else if (word === 'REQ' && known.has(socket)) {
      say('EOSE', first)
    } else if (word === 'REQ') {
      say('CLOSED', first, 'auth-required: who are you')
    }
  }, { sign: (draft) => signer.sign(draft) }, (say) => { say('AUTH', 'a challenge') })
  t.same(await link.publish(note('x')), { accepted: true, words: '' })
  t.equal(await link.ask({}, () => {}, 10), 0)
  const said = relay.heard.filter(([word]) => word === 'AUTH').map(([, event]) => event as SignedEvent)
  t.equal(said.length, 1, 'once for both')
  t.match(said[0], { kind: 22242, pubkey: signer.pubkey, tags: [['relay', relay.url], ['challenge', 'a challenge']] })
})

t.test('a relay that asks who we are and does not believe us is not asked for ever', async t => {
  const { link, relay } = await linkTo(t, (say, [word, event]) => {
    say('OK', (event as SignedEvent).id, false, word === 'AUTH' ? 'restricted: never heard of you' : 'auth-required: who are you')
  }, { sign: (draft) => signer.sign(draft) }, (say) => { say('AUTH', 'a challenge') })
  t.match(await link.publish(note('x')), { accepted: false, words: /^auth-required/ })
  t.equal(relay.heard.length, 2)
})

t.test('NIP-42: a relay that answers a good AUTH by nothing is asked again all the same', async t => {
  const known = new Set<unknown>()
  const { link, relay } = await linkTo(t, (say, [word, first], socket) => {
    if (word === 'AUTH') known.add(socket)
    else if (word === 'EVENT') say('OK', (first as SignedEvent).id, known.has(socket), known.has(socket) ? '' : 'auth-required: who are you')
  }, { sign: (draft) => signer.sign(draft), limits: { answer: 4000 } }, (say) => { say('AUTH', 'a challenge') })
  t.same(await link.publish(note('x')), { accepted: true, words: '' })
  t.same(relay.heard.map(([word]) => word), ['EVENT', 'AUTH', 'EVENT'])
})

t.test('a message over the limit ends the link', async t => {
  const { link } = await linkTo(t, (_say, _message, socket) => { socket.send('"' + 'x'.repeat(5000) + '"') }, { limits: { message: 4096 } })
  await t.rejects(link.ask({}, () => {}, 1), RelayError)
  t.notOk(link.isOpen)
})

t.test('what is not of Nostr, and what nobody asked for, is counted, and too much of it ends the link', async t => {
  const { link } = await linkTo(t, (say, [, id], socket) => {
    for (const text of ['{}', 'not json', '["EVENT"]', '[]', '["WHAT",1]', `["EVENT","${id as string}",{"id":1}]`]) socket.send(text)
    socket.send(Buffer.from([1, 2, 3]))
    say('NOTICE', 'hello')
    say('EOSE', id)
  })
  t.equal(await link.ask({}, () => { t.fail('no event came') }, 10), 0)
  t.equal(link.faults, 7)
  const ends = new Promise((resolve) => { link.subscribe([{}], () => {}, resolve) })
  for (let i = 0; i < 20; i++) link.ask({}, () => {}, 10).catch(() => {})
  await ends
  t.notOk(link.isOpen)
})

t.test('a flood is left in the sockets: no more than the rate is taken in a second', async t => {
  const event = note('flood')
  const { link } = await linkTo(t, (say, [word, id]) => {
    if (word === 'REQ') for (let i = 0; i < 1000; i++) say('EVENT', id, event)
  }, { limits: { rate: 100 }, now: () => 1_700_000_000_000 })
  let got = 0
  link.subscribe([{}], () => { got++ }, () => {})
  while (got < 100) await new Promise((resolve) => { setTimeout(resolve, 5) })
  await new Promise((resolve) => { setTimeout(resolve, 300) })
  // one read of the socket may hold some more messages than the one at which it was paused
  t.ok(got >= 100 && got < 500, `${got} of 1000`)
})

t.test('a relay that no longer answers pings is left', async t => {
  const ended = new Promise<string>((resolve) => {
    void linkTo(t, saysNothing, { limits: { ping: 50 }, onEnd: resolve }, (_say, socket) => { socket.pause() })
  })
  t.type(await ended, 'string')
})
