// Where real relays disagree, or forget: each line a reason for something that the catalog does itself (relay-config/README.md, "What a relay
// forgets"). nostr-rs-relay 0.8.12 with the shipped file, and @nostr-relay 0.0.40.

import t from 'tap'
import { RelayLink } from '../../server/catalog/relay-link.ts'
import { onBothRelays } from '../support/both-relays.ts'
import { Signer } from '../support/keys.ts'
import { startNostrRelay } from '../support/nostr-relay.ts'
import type { Test } from 'tap'
import type { Filter } from '../../server/catalog/relay-link.ts'
import type { SignedEvent } from '../../server/auth/signature.ts'

const creator = new Signer()
const NOW = Math.floor(Date.now() / 1000)
const eventOf = (kind: number, tags: string[][], content = '', createdAt = NOW): SignedEvent => creator.sign({ kind, created_at: createdAt, tags, content })
const filmOf = (d: string, content = '', createdAt = NOW): SignedEvent => eventOf(34235, [['d', d]], content, createdAt)

async function linkTo (t: Test, url: string, answer = 60_000): Promise<RelayLink> {
  const link = new RelayLink({ url, sign: null, now: Date.now, limits: { answer } })
  t.teardown(() => { link.close() })
  await link.open()
  return link
}

/** In the order in which they come. */
async function idsOf (link: RelayLink, filter: Filter): Promise<string[]> {
  const ids: string[] = []
  await link.ask(filter, ({ id }) => ids.push(id), 1000)
  return ids
}

const film = (d: string): Filter => ({ kinds: [34235], '#d': [d], limit: 10 })

onBothRelays(t, 'of two versions of one second nostr-rs-relay keeps the first that came, the other the lowest id; both say that all is well', async (t, { url, make }) => {
  const isFirst = make === 'nostr-rs-relay'
  const link = await linkTo(t, url)
  const [low, high] = [filmOf('a', '1'), filmOf('a', '2')].sort((a, b) => a.id < b.id ? -1 : 1) as [SignedEvent, SignedEvent]
  t.same(await link.publish(high), { accepted: true, words: '' })
  t.same(await link.publish(low), { accepted: true, words: isFirst ? 'duplicate: ' : '' })
  t.same(await idsOf(link, film('a')), [isFirst ? high.id : low.id])
})

onBothRelays(t, 'a withdrawal by address is passed over by nostr-rs-relay; the other deletes', async (t, { url, make }) => {
  const isPassedOver = make === 'nostr-rs-relay'
  const link = await linkTo(t, url)
  const event = filmOf('a')
  await link.publish(event)
  t.same(await link.publish(eventOf(5, [['a', `34235:${creator.pubkey}:a`]], '', NOW + 1)), { accepted: true, words: '' })
  t.same(await idsOf(link, film('a')), isPassedOver ? [event.id] : [])
})

onBothRelays(t, 'a withdrawal by id takes the event off both; nostr-rs-relay keeps the withdrawal and the event out, the other neither', async (t, { url, make }) => {
  const isKept = make === 'nostr-rs-relay'
  const link = await linkTo(t, url)
  const event = filmOf('a')
  await link.publish(event)
  const kind5 = eventOf(5, [['e', event.id]], '', NOW + 1)
  t.same(await link.publish(kind5), { accepted: true, words: '' })
  t.same(await idsOf(link, film('a')), [])
  t.same(await idsOf(link, { kinds: [5], limit: 10 }), isKept ? [kind5.id] : [])
  t.match(await link.publish(event), { accepted: true, words: isKept ? /^duplicate:/ : /^$/ })
  t.same(await idsOf(link, film('a')), isKept ? [] : [event.id])
})

onBothRelays(t, 'a withdrawal of what another key signed takes nothing off either', async (t, { url }) => {
  const link = await linkTo(t, url)
  const event = filmOf('a')
  await link.publish(event)
  const stranger = new Signer()
  await link.publish(stranger.sign({ kind: 5, created_at: NOW + 1, tags: [['e', event.id], ['a', `34235:${creator.pubkey}:a`]], content: '' }))
  t.same(await idsOf(link, film('a')), [event.id])
})

onBothRelays(t, 'what has expired is refused by both, each in words of its own; what expires later is still served by one', async (t, { url, make }) => {
  const isServed = make !== 'nostr-rs-relay'
  const link = await linkTo(t, url)
  const advertOf = (d: string, expiration: number): SignedEvent => eventOf(30081, [['d', d], ['expiration', String(expiration)]])
  t.match(await link.publish(advertOf('a', NOW - 1)), { accepted: false, words: isServed ? 'reject: event is expired' : /^invalid: .*expired/ })
  let [event, end, ids]: [SignedEvent | null, number, string[]] = [null, 0, []]
  // once more where this machine paused until it had expired
  for (let i = 0; Date.now() > (end - 1) * 1000; i++) {
    end = Math.floor(Date.now() / 1000) + 4
    event = advertOf(`b${i}`, end)
    await link.publish(event)
    ids = await idsOf(link, { kinds: [30081], '#d': [`b${i}`], limit: 10 })
  }
  t.same(ids, [event!.id])
  while (Date.now() < end * 1000 + 500) await new Promise((resolve) => { setTimeout(resolve, 100) })
  t.same(await idsOf(link, { ids, limit: 10 }), isServed ? ids : [])
})

onBothRelays(t, 'without a limit nostr-rs-relay gives everything, the oldest first; the other its newest hundred', async (t, { url, make }) => {
  const isAll = make === 'nostr-rs-relay'
  const link = await linkTo(t, url)
  const events = Array.from({ length: 103 }, (_, i) => filmOf(String(i), '', NOW - 1000 + i))
  for (let i = 0; i < events.length; i += 8) await Promise.all(events.slice(i, i + 8).map((event) => link.publish(event)))
  const ids = events.map(({ id }) => id)
  t.same(await idsOf(link, { kinds: [34235] }), isAll ? ids : ids.slice(3).reverse())
  t.same(await idsOf(link, { kinds: [34235], limit: 103 }), ids.toReversed(), 'with one they agree')
})

onBothRelays(t, 'a request with limit 0 has no end at nostr-rs-relay: it is for subscriptions', async (t, { url, make }) => {
  const link = await linkTo(t, url, make === 'nostr-rs-relay' ? 2000 : 60_000)
  if (make !== 'nostr-rs-relay') t.equal(await link.ask({ kinds: [34235], limit: 0 }, () => {}, 1), 0)
  else await t.rejects(link.ask({ kinds: [34235], limit: 0 }, () => {}, 1), { message: /no end of the answer/ })
})

onBothRelays(t, 'three tag conditions in a filter are more than one of them can', async (t, { url, make }) => {
  const link = await linkTo(t, url)
  const event = eventOf(34235, [['d', 'a'], ['t', 'film'], ['x', 'ff']])
  await link.publish(event)
  t.same(await idsOf(link, { '#d': ['a'], '#t': ['film'], limit: 10 }), [event.id])
  t.same(await idsOf(link, { '#d': ['a'], '#t': ['film'], '#x': ['ff'], limit: 10 }), make === 'nostr-rs-relay' ? [event.id] : [])
})

t.test('what the shipped file refuses: other kinds, and what comes from further in the future than 15 minutes', async t => {
  const relay = await startNostrRelay(t)
  if (relay === null) return
  const link = await linkTo(t, relay.url)
  for (const kind of [0, 1, 3, 4, 30023, 31990]) t.same(await link.publish(eventOf(kind, [['d', 'a']])), { accepted: false, words: 'blocked: event kind is blocked by relay' })
  t.same(await idsOf(link, { authors: [creator.pubkey], limit: 10 }), [])
  t.match(await link.publish(filmOf('late', '', NOW + 1200)), { accepted: false, words: /^invalid: .*\+900sec/ })
  t.match(await link.publish(filmOf('soon', '', NOW + 600)), { accepted: true })
  t.match(await link.publish(filmOf('old', '', 1)), { accepted: true }, 'there is no limit for the past but the policy')
})

t.test('what is too large for the shipped file is told by a NOTICE and no OK; what is larger still ends the link', async t => {
  const relay = await startNostrRelay(t)
  if (relay === null) return
  const link = await linkTo(t, relay.url, 1000)
  t.match(await link.publish(filmOf('a', 'x'.repeat(120_000))), { accepted: true })
  await t.rejects(link.publish(filmOf('b', 'x'.repeat(131_000))), { message: /no answer to an event/ })
  t.ok(link.isOpen)
  await t.rejects(link.publish(filmOf('c', 'x'.repeat(262_144))), { message: /1006|EPIPE|ECONNRESET/ })
  t.notOk(link.isOpen)
})

t.test('nostr-rs-relay announces neither counting nor negentropy, and none of its limits: they must be known', async t => {
  const relay = await startNostrRelay(t)
  if (relay === null) return
  const answer = await fetch(relay.url.replace('ws:', 'http:'), { headers: { accept: 'application/nostr+json' } })
  const { version, name, supported_nips: nips, limitation } = await answer.json() as { version: string, name: string, supported_nips: number[], limitation: object }
  t.same([version, name], ['0.8.12', 'marquee relay'])
  t.same(nips.filter((nip) => nip === 45 || nip === 77), [])
  t.same(limitation, { payment_required: false })
})

t.test('with nip42_auth nostr-rs-relay challenges everybody, believes a good AUTH without a word, and stores events without one', async t => {
  const relay = await startNostrRelay(t, { lines: ['nip42_auth = true', 'relay_url = "ws://127.0.0.1/"'] })
  if (relay === null) return
  const link = new RelayLink({ url: relay.url, sign: (draft) => creator.sign(draft), now: Date.now, limits: { answer: 500 } })
  t.teardown(() => { link.close() })
  await link.open()
  t.match(await link.publish(filmOf('a')), { accepted: true })
  t.equal(await link.authenticate(), true, 'NIP-42 wants an OK; silence is taken for one')
  t.match(relay.logs(), /client is authenticated/)
  t.match(await link.publish(filmOf('b')), { accepted: true })
})
