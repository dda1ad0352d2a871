// Our links and our announcer against two real relays of different makes: nostr-rs-relay 0.8.12 with the shipped file, and @nostr-relay 0.0.40. What
// holds for both is here; where they disagree, relay-differences.test.ts shows it.

import t from 'tap'
import { Announcer } from '../../server/catalog/announcer.ts'
import { buildProviderAdvert } from '../../server/catalog/kinds/provider-advert.ts'
import { buildTitle } from '../../server/catalog/kinds/title.ts'
import { Outbox } from '../../server/catalog/outbox.ts'
import { RelayLink } from '../../server/catalog/relay-link.ts'
import { Relay } from '../../server/catalog/relay.ts'
import { openDatabase } from '../../server/database.ts'
import { Signer } from '../support/keys.ts'
import { onBothRelays } from '../support/both-relays.ts'
import type { Test } from 'tap'
import type { SignedEvent } from '../../server/auth/signature.ts'
import type { Filter } from '../../server/catalog/relay-link.ts'

const creator = new Signer()
const node = new Signer()
const NOW = Math.floor(Date.now() / 1000)
const hash = (n: number): string => n.toString(16).padStart(64, '0')

const titleOf = (d: string, n: number, createdAt = NOW): SignedEvent =>
  creator.sign(buildTitle({ d, title: `Film ${d}`, manifest: { sha256: hash(n), blake3: hash(n + 1), size: 1000 } }, createdAt))
const advertOf = (n: number, createdAt = NOW): SignedEvent =>
  node.sign(buildProviderAdvert({ blake3: hash(n), sha256: hash(n + 1), servers: ['https://a.example'], size: 5 }, createdAt))

async function linkTo (t: Test, url: string): Promise<RelayLink> {
  const link = new RelayLink({ url, sign: null, now: Date.now })
  t.teardown(() => { link.close() })
  await link.open()
  return link
}

async function idsOf (link: RelayLink, filter: Filter): Promise<string[]> {
  const ids: string[] = []
  await link.ask({ limit: 100, ...filter }, ({ id }) => ids.push(id), 100)
  return ids.sort()
}

const sorted = (events: SignedEvent[]): string[] => events.map(({ id }) => id).sort()

async function until (isSo: () => boolean): Promise<boolean> {
  for (let i = 0; i < 6000 && !isSo(); i++) await new Promise((resolve) => { setTimeout(resolve, 10) })
  return isSo()
}

onBothRelays(t, 'what is published is found by kind, author, #d and #x, several hashes in one filter, as it was signed', async (t, { url }) => {
  const link = await linkTo(t, url)
  const [titles, adverts] = [[titleOf('a', 10), titleOf('b', 20)], [advertOf(30), advertOf(40), advertOf(50)]]
  for (const event of [...titles, ...adverts]) t.same(await link.publish(event), { accepted: true, words: '' })
  t.same(await idsOf(link, { kinds: [34235] }), sorted(titles))
  t.same(await idsOf(link, { authors: [node.pubkey], kinds: [30081, 34235] }), sorted(adverts))
  t.same(await idsOf(link, { kinds: [30081], '#d': [hash(30), hash(50), hash(60)] }), sorted([adverts[0]!, adverts[2]!]))
  t.same(await idsOf(link, { kinds: [30081], '#x': [hash(41)] }), [adverts[1]!.id])
  t.same(await idsOf(link, { kinds: [34235], '#x': [hash(20)] }), [titles[1]!.id])
  t.same(await idsOf(link, { kinds: [34235], '#d': ['a'], '#x': [hash(20)] }), [], 'both must hold')
  t.same(await idsOf(link, { ids: [titles[0]!.id] }), [titles[0]!.id])
  const back: SignedEvent[] = []
  await link.ask({ kinds: [34235], '#d': ['a'], limit: 1 }, (event) => back.push(event), 1)
  t.same(back, [titles[0]])
})

onBothRelays(t, 'a duplicate is success, a newer version takes the place of the older, which does not come back', async (t, { url }) => {
  const link = await linkTo(t, url)
  const versions = [titleOf('a', 10, NOW - 10), titleOf('a', 20, NOW - 5), titleOf('a', 30, NOW)]
  t.match(await link.publish(versions[1]!), { accepted: true, words: '' })
  for (const again of [versions[1]!, versions[0]!]) t.match(await link.publish(again), { accepted: true, words: /^duplicate:/ })
  t.same(await idsOf(link, { kinds: [34235] }), [versions[1]!.id])
  t.same(await link.publish(versions[2]!), { accepted: true, words: '' })
  t.match(await link.publish(versions[1]!), { accepted: true, words: /^duplicate:/ })
  t.same(await idsOf(link, { kinds: [34235] }), [versions[2]!.id])
  t.same(await idsOf(link, { kinds: [34235], '#x': [hash(20)] }), [], 'nor by its own hash')
})

onBothRelays(t, 'with a limit the newest come first, and since and until are inclusive', async (t, { url }) => {
  const link = await linkTo(t, url)
  const events = [0, 1, 2, 3, 4].map((i) => advertOf(100 + i, NOW - i))
  for (const event of events) await link.publish(event)
  const order: string[] = []
  await link.ask({ kinds: [30081], limit: 3 }, ({ id }) => order.push(id), 3)
  t.same(order, events.slice(0, 3).map(({ id }) => id))
  t.same(await idsOf(link, { kinds: [30081], since: NOW - 3, until: NOW - 2 }), sorted(events.slice(2, 4)))
})

onBothRelays(t, 'a subscription hears what is new and not what is old', async (t, { url }) => {
  const [listening, writing] = [await linkTo(t, url), await linkTo(t, url)]
  await writing.publish(titleOf('old', 10))
  const heard: string[] = []
  const stop = listening.subscribe([{ kinds: [34235], since: NOW, limit: 0 }], ({ id }) => heard.push(id), () => {})
  await idsOf(listening, { kinds: [34235] }) // in the same order as it was asked: the subscription stands
  const [one, other, two] = [titleOf('new', 20), advertOf(30), titleOf('newer', 40)]
  for (const event of [one, other, two]) await writing.publish(event)
  t.ok(await until(() => heard.length === 2))
  t.same(heard, [one.id, two.id])
  stop()
  await idsOf(listening, { kinds: [34235] })
  await writing.publish(titleOf('newest', 50))
  await idsOf(listening, { kinds: [34235] })
  t.equal(heard.length, 2)
  t.equal(listening.faults, 0)
})

onBothRelays(t, 'a forged event and one of a wrong id are invalid to it, and its link goes on', async (t, { url }) => {
  const link = await linkTo(t, url)
  const event = titleOf('a', 10)
  t.match(await link.publish({ ...event, sig: titleOf('b', 20).sig }), { accepted: false, words: /^invalid:/ })
  t.match(await link.publish({ ...event, content: 'other' }), { accepted: false, words: /^invalid:/ })
  t.same(await link.publish(event), { accepted: true, words: '' }, 'nothing of it was remembered')
})

onBothRelays(t, 'the announcer tells it everything, also what was queued while it was down, and to one that was killed', async (t, server) => {
  const outbox = new Outbox(openDatabase(':memory:'))
  const relay = new Relay({ url: server.url, sign: null, now: Date.now, backoff: { first: 50, most: 100 } })
  const announcer = new Announcer({ relay, outbox, now: Date.now, backoff: { first: 50, most: 100 } })
  t.teardown(() => { announcer.close(); relay.close() })
  relay.start()
  const events = Array.from({ length: 60 }, (_, i) => advertOf(1000 + i * 2))
  const queue = (from: number, to: number): void => {
    for (const event of events.slice(from, to)) outbox.queue(event, [server.url], Date.now())
    announcer.wake()
  }
  const done = (count: number): Promise<boolean> => until(() => outbox.summary()[0]!.done === count)
  queue(0, 20)
  t.ok(await done(20))
  await server.stop('SIGKILL')
  t.ok(await until(() => relay.link === null))
  queue(20, 40)
  await server.start()
  t.ok(await done(40))
  queue(40, 60)
  await server.stop('SIGKILL') // with what it may have said yes to on its way
  await server.start()
  t.ok(await done(60))
  t.match(outbox.summary(), [{ waiting: 0, refused: 0 }])
  t.same(await idsOf(await linkTo(t, server.url), { kinds: [30081] }), sorted(events), 'and it has all of them')
})
