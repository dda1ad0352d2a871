// Which version of an address is live: newest, ties, withdrawals, time.

import t from 'tap'
import { TombstoneSet } from '../../server/catalog/fold.ts'
import { buildProviderAdvert, buildWithdrawnAdvert } from '../../server/catalog/kinds/provider-advert.ts'
import { liveOf, marksOf, standingOf, touchedBy, versionOf, winnerOf } from '../../server/catalog/versions.ts'
import { B3, CREATOR, NODE, T0, eventOf } from './samples.ts'
import type { SignedEvent } from '../../server/auth/signature.ts'

const ADDRESS = `34235:${CREATOR}:x`
const title = (createdAt: number, content = ''): SignedEvent => eventOf({ kind: 34235, tags: [['d', 'x']], created_at: createdAt, content })
const withdrawal = (createdAt: number, tags: string[][], pubkey = CREATOR): SignedEvent => eventOf({ kind: 5, created_at: createdAt, tags }, pubkey)

function tombstonesOf (...events: SignedEvent[]): TombstoneSet {
  const tombstones = new TombstoneSet()
  for (const event of events) tombstones.add(event)
  return tombstones
}

const live = (events: SignedEvent[], deletions: SignedEvent[] = [], now = T0): string | undefined => liveOf(events.map(versionOf), tombstonesOf(...deletions), now)?.id

t.test('NIP-01: the newest created_at wins, of equal ones the lowest id, in any order of arrival', async (t) => {
  const [old, a, b] = [title(1), title(2, 'a'), title(2, 'b')]
  const lowest = a.id < b.id ? a.id : b.id
  for (const events of [[old, a, b], [b, a, old], [a, b, old]]) t.equal(live(events), lowest)
  t.equal(live([]), undefined)
})

t.test('NIP-09: an a tag takes back every version up to its created_at, inclusive', async (t) => {
  const [one, two] = [title(10), title(20)]
  t.equal(live([one, two], [withdrawal(20, [['a', ADDRESS]])]), undefined)
  t.equal(live([one, two], [withdrawal(19, [['a', ADDRESS]])]), two.id)
  t.equal(live([one, two, title(21, 'again')], [withdrawal(20, [['a', ADDRESS]]), withdrawal(5, [['a', ADDRESS]])]), title(21, 'again').id, 'the latest counts')
})

t.test('an e tag takes back one version, and the one before it stands again', async (t) => {
  const [one, two] = [title(10), title(20)]
  t.equal(live([one, two], [withdrawal(1, [['e', two.id]])]), one.id)
})

t.test('a deletion by another key is passed over', async (t) => {
  const one = title(10)
  t.equal(live([one], [withdrawal(20, [['a', ADDRESS], ['e', one.id]], NODE)]), one.id)
  t.equal(marksOf(withdrawal(20, [['a', ADDRESS]], NODE)), null)
  t.equal(marksOf(one), null)
})

t.test('NIP-09: taking back a withdrawal has no effect', async (t) => {
  const first = withdrawal(20, [['a', ADDRESS]])
  const second = withdrawal(30, [['e', first.id]])
  t.equal(live([title(10)], [first, second]), undefined)
  t.equal(standingOf(versionOf(first), [], tombstonesOf(second)), 'new', 'nor is it refused when it comes later')
})

t.test('time ends the winner and brings no older version back', async (t) => {
  const advert = eventOf(buildProviderAdvert({ blake3: B3, servers: ['https://a.example'] }, T0), NODE)
  const back = eventOf(buildWithdrawnAdvert({ blake3: B3 }, T0 + 10), NODE)
  t.equal(live([advert], [], T0 + 48 * 3600 - 1), advert.id)
  t.equal(live([advert], [], T0 + 48 * 3600), undefined)
  t.equal(live([advert, back], [], T0 + 20), back.id)
  t.equal(live([advert, back], [], T0 + 70), undefined, 'the advert it took back would be good for two days more')
  t.equal(winnerOf([advert, back].map(versionOf), tombstonesOf())?.id, back.id, 'it stays the winner for ever')
})

t.test('an advert without expiration, or with one of a year, is over after 72 hours', async (t) => {
  for (const tags of [[['d', B3]], [['d', B3], ['expiration', String(T0 + 365 * 24 * 3600)]]]) {
    t.equal(versionOf(eventOf({ kind: 30081, tags })).endsAt, T0 + 72 * 3600)
  }
  t.equal(versionOf(title(5)).endsAt, null)
  t.equal(versionOf(eventOf({ kind: 34235, tags: [['d', 'x'], ['expiration', 'never']] })).endsAt, null)
})

t.test('how an event stands to what is kept', async (t) => {
  const [one, two] = [title(10), title(20)].map(versionOf)
  const none = tombstonesOf()
  t.equal(standingOf(two!, [one!], none), 'new')
  t.equal(standingOf(one!, [two!], none), 'older')
  t.equal(standingOf(one!, [one!, two!], none), 'known')
  t.equal(standingOf(two!, [one!], tombstonesOf(withdrawal(20, [['a', ADDRESS]]))), 'deleted')
  t.equal(standingOf(one!, [two!], tombstonesOf(withdrawal(1, [['e', two!.id]]))), 'new', 'older than one that was taken back')
})

t.test('what an event may change is named, for a store that recomputes no more than that', async (t) => {
  t.strictSame(touchedBy(title(1)), { addresses: [ADDRESS], ids: [] })
  t.strictSame(touchedBy(withdrawal(1, [['a', ADDRESS], ['e', B3], ['a', `34235:${NODE}:x`]])), { addresses: [ADDRESS], ids: [B3] })
  const artifact = eventOf({ kind: 3063 })
  t.strictSame(touchedBy(artifact), { addresses: [], ids: [artifact.id] })
})
