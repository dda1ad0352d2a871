// The outbox and its emptying (design §5; NIP-01's prefixes), over a real database and relays that say what they are told to.

import t from 'tap'
import { openDatabase } from '../../server/database.ts'
import { Announcer, judgeVerdict } from '../../server/catalog/announcer.ts'
import { pauseAfter } from '../../server/catalog/backoff.ts'
import { Outbox } from '../../server/catalog/outbox.ts'
import { Relay } from '../../server/catalog/relay.ts'
import { Signer } from '../support/keys.ts'
import { startScriptedRelay } from '../support/scripted-relay.ts'
import type { Test } from 'tap'
import type { SignedEvent } from '../../server/auth/signature.ts'
import type { ScriptedRelay } from '../support/scripted-relay.ts'

const signer = new Signer()
const note = (content: string): SignedEvent => signer.sign({ kind: 1, created_at: 1_700_000_000, tags: [], content })

const QUICK = { backoff: { first: 20, most: 40 }, random: () => 1 }

interface Teller {
  announcer: Announcer
  relay: Relay
}

/** @param answer milliseconds that a silent relay is waited for. */
function tellerOf (t: Test, url: string, outbox: Outbox, answer = 60_000): Teller {
  const relay = new Relay({ url, sign: null, now: Date.now, limits: { answer }, ...QUICK })
  const announcer = new Announcer({ relay, outbox, now: Date.now, ...QUICK })
  relay.start()
  t.teardown(() => { announcer.close(); relay.close() })
  return { announcer, relay }
}

/** A relay that answers each event with what `verdict` gives. */
function startAnswering (t: Test, verdict: (event: SignedEvent, times: number) => [boolean, string] | null): Promise<ScriptedRelay> {
  const times = new Map<string, number>()
  return startScriptedRelay(t, (say, [word, first]) => {
    if (word !== 'EVENT') return
    const event = first as SignedEvent
    times.set(event.id, (times.get(event.id) ?? 0) + 1)
    const answer = verdict(event, times.get(event.id)!)
    if (answer !== null) say('OK', event.id, ...answer)
  })
}

async function until (isSo: () => boolean): Promise<boolean> {
  for (let i = 0; i < 6000; i++) {
    if (isSo()) return true
    await new Promise((resolve) => { setTimeout(resolve, 10) })
  }
  return false
}

t.test('the pause doubles up to its most, and half of it is chance', async t => {
  const backoff = { first: 1000, most: 60_000 }
  t.same([1, 2, 3, 7, 50].map((failures) => pauseAfter(failures, backoff, 1)), [1000, 2000, 4000, 60_000, 60_000])
  t.same([1, 2].map((failures) => pauseAfter(failures, backoff, 0)), [500, 1000])
})

t.test('a verdict is read by its prefix', async t => {
  for (const [accepted, words, meaning] of [
    [true, '', 'done'], [true, 'duplicate: have it', 'done'], [false, 'duplicate: have it', 'done'], [false, 'rate-limited: slow', 'slow'],
    [false, 'blocked: rate-limited: slow', 'slow'],
    [false, 'blocked: no', 'refused'], [false, 'invalid: no', 'refused'], [false, 'restricted: no', 'refused'], [false, 'pow: 20', 'refused'],
    [false, 'error: disk', 'again'], [false, '', 'again'], [false, 'replaced: have newer event', 'done']
  ] as const) t.equal(judgeVerdict(accepted, words), meaning, words)
})

t.test('what is queued reaches every relay, and each answer is kept in its words', async t => {
  const outbox = new Outbox(openDatabase(':memory:'))
  const good = await startAnswering(t, () => [true, ''])
  const bad = await startAnswering(t, () => [false, 'blocked: not you'])
  const event = note('hello')
  outbox.queue(event, [good.url, bad.url], Date.now())
  for (const { url } of [good, bad]) tellerOf(t, url, outbox)
  t.ok(await until(() => outbox.told(event.id).every(({ state }) => state !== 'waiting')))
  t.strictSame(outbox.told(event.id).find(({ relay }) => relay === good.url), { relay: good.url, state: 'done', attempts: 1, words: '' })
  t.strictSame(outbox.told(event.id).find(({ relay }) => relay === bad.url), { relay: bad.url, state: 'refused', attempts: 1, words: 'blocked: not you' })
  t.strictSame(outbox.refusals(bad.url, 10), [{ id: event.id, kind: 1, words: 'blocked: not you' }])
  t.same(outbox.summary().map(({ waiting, done, refused }) => [waiting, done, refused]).sort(), [[0, 0, 1], [0, 1, 0]])
  t.equal(good.heard.length, 1)
})

t.test('a relay that is rate limiting is asked less, and gets everything in the end', async t => {
  const outbox = new Outbox(openDatabase(':memory:'))
  let busy = 5
  const relay = await startAnswering(t, () => busy-- > 0 ? [false, 'rate-limited: slow down'] : [true, ''])
  const events = Array.from({ length: 20 }, (_, i) => note(String(i)))
  for (const event of events) outbox.queue(event, [relay.url], Date.now())
  tellerOf(t, relay.url, outbox)
  t.ok(await until(() => outbox.summary()[0]!.done === 20))
  t.equal(relay.heard.length, 25)
})

t.test('a fault is tried again, and silence too', async t => {
  const outbox = new Outbox(openDatabase(':memory:'))
  const relay = await startAnswering(t, (_event, times) => times === 1 ? [false, 'error: disk'] : times === 2 ? null : [true, ''])
  const event = note('again')
  outbox.queue(event, [relay.url], Date.now())
  tellerOf(t, relay.url, outbox, 200)
  t.ok(await until(() => outbox.told(event.id)[0]!.state === 'done'))
  t.ok(outbox.told(event.id)[0]!.attempts >= 3, 'where this machine pauses, an answer that came is silence too')
})

t.test('what waits survives a restart, and a relay that was away', async t => {
  const file = `${t.testdir()}/marquee.db`
  const event = note('later')
  const first = openDatabase(file)
  const away = new Outbox(first)
  const relay = await startAnswering(t, () => [true, ''])
  away.queue(event, [relay.url, 'ws://127.0.0.1:1'], Date.now())
  first.close()

  const outbox = new Outbox(openDatabase(file))
  const { relay: gone } = tellerOf(t, 'ws://127.0.0.1:1', outbox)
  tellerOf(t, relay.url, outbox)
  t.ok(await until(() => outbox.told(event.id).some(({ state }) => state === 'done')))
  t.ok(await until(() => gone.status.failures > 2))
  t.match(gone.status, { state: /waiting|connecting/, words: /ECONNREFUSED/ })
  t.equal(outbox.told(event.id).find(({ relay }) => relay !== gone.url)?.state, 'done')
  t.match(outbox.summary().find(({ relay }) => relay === gone.url), { waiting: 1, done: 0, oldest: Number })
})

t.test('what expired while a relay was away is not told to it any more', async t => {
  const outbox = new Outbox(openDatabase(':memory:'))
  const relay = await startAnswering(t, () => [true, ''])
  const now = Math.floor(Date.now() / 1000)
  const [over, good] = [now - 1, now + 600].map((end) => signer.sign({ kind: 30081, created_at: now - 10, tags: [['d', ''], ['expiration', String(end)]], content: '' }))
  for (const event of [over!, good!]) outbox.queue(event, [relay.url], Date.now())
  tellerOf(t, relay.url, outbox)
  t.ok(await until(() => outbox.summary()[0]!.waiting === 0))
  t.match(outbox.told(over!.id), [{ state: 'refused', words: /expired/ }])
  t.match(outbox.told(good!.id), [{ state: 'done' }])
  t.equal(relay.heard.length, 1)
})

t.test('a link that breaks is opened again, and what had waited is told over it', async t => {
  const outbox = new Outbox(openDatabase(':memory:'))
  let broken = true
  const server = await startScriptedRelay(t, (say, [, event], socket) => {
    if (broken) socket.terminate()
    else say('OK', (event as SignedEvent).id, true, '')
    broken = false
  })
  const { relay } = tellerOf(t, server.url, outbox)
  const event = note('twice')
  t.ok(await until(() => relay.link !== null))
  outbox.queue(event, [server.url], Date.now())
  const { announcer } = tellerOf(t, server.url, outbox)
  announcer.wake()
  t.ok(await until(() => outbox.told(event.id)[0]!.state === 'done'))
})

t.test('an event that a relay refused can be queued again; one that it has is not told twice', async t => {
  const outbox = new Outbox(openDatabase(':memory:'))
  const event = note('x')
  outbox.queue(event, ['ws://a'], 1000)
  outbox.refused(event.id, 'ws://a', 'blocked: no', 2000)
  t.same(outbox.due('ws://a', 9000, 10), [])
  outbox.queue(event, ['ws://a'], 3000)
  t.equal(outbox.due('ws://a', 9000, 10).length, 1)
  outbox.done(event.id, 'ws://a', '', 4000)
  outbox.queue(event, ['ws://a'], 5000)
  t.same(outbox.due('ws://a', 9000, 10), [])
  outbox.sweep(4000 + 8 * 24 * 3600_000)
  t.same(outbox.told(event.id), [], 'and is forgotten after a week')
})
