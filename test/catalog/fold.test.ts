// The catalog is a fold: any permutation of a history, with duplicates, gives the same bytes (nostr-and-releases.md §3.3).

import t from 'tap'
import { ADVERT_CAPS, judgeEvent } from '../../server/catalog/accept.ts'
import { CatalogFault } from '../../server/catalog/faults.ts'
import { standingOf, versionOf } from '../../server/catalog/versions.ts'
import { CATALOG_KINDS } from '../../server/catalog/catalog-event.ts'
import { TombstoneSet, foldCatalog } from '../../server/catalog/fold.ts'
import { buildCollection, buildWithdrawnCollection } from '../../server/catalog/kinds/collection.ts'
import { buildProviderAdvert, buildWithdrawnAdvert } from '../../server/catalog/kinds/provider-advert.ts'
import { buildRelease } from '../../server/catalog/kinds/release.ts'
import { buildServerList } from '../../server/catalog/kinds/server-list.ts'
import { buildTitle, buildWithdrawnTitle } from '../../server/catalog/kinds/title.ts'
import { addressOf, compareVersions } from '../../server/catalog/address.ts'
import { seeded } from '../support/judging.ts'
import { B3, CREATOR, NODE, OTHER, SAMPLES, SHA, T0, eventOf } from './samples.ts'
import type { EventDraft, SignedEvent } from '../../server/auth/signature.ts'
import type { AcceptFacts } from '../../server/catalog/accept.ts'
import type { Seeded } from '../support/judging.ts'

const HISTORIES = 300
const LENGTH = 40
const MANIFEST = { sha256: SHA, blake3: B3, size: 5 }
const KEYS = [CREATOR, NODE]

/** Few keys, names and seconds, so that versions, ties and deletions meet. */
function history ({ below, pick }: Seeded): SignedEvent[] {
  const events: SignedEvent[] = []
  for (let i = 0; i < LENGTH; i++) {
    const pubkey = pick(KEYS)
    const d = pick(['a', 'b'])
    const at = T0 + below(6)
    const note = String(below(3))
    const drafts: (() => EventDraft)[] = [
      () => buildTitle({ d, title: 'Film', manifest: MANIFEST, synopsis: note }, at),
      () => buildTitle({ d, title: 'Film', manifest: MANIFEST, synopsis: note }, at),
      () => buildWithdrawnTitle({ kind: 34235, d, title: '' }, note, at),
      () => buildCollection({ d, title: note, titles: [`34235:${pubkey}:a`] }, at),
      () => buildWithdrawnCollection({ d, title: note }, null, at),
      () => buildProviderAdvert({ blake3: pick([B3, OTHER]), servers: [`https://${note}.example`] }, at, pick([2, 60, 9999])),
      () => buildWithdrawnAdvert({ blake3: pick([B3, OTHER]) }, at),
      () => buildServerList({ servers: [`https://${note}.example`] }, at),
      () => buildRelease({ app: 'app', version: d, channel: 'stable', artifacts: [SHA], changelog: note }, at),
      () => ({ ...SAMPLES.at(-1)!.good['full']!, created_at: at }),
      () => ({ kind: 5, created_at: at, content: '', tags: [['e', events.length === 0 ? SHA : pick(events).id]] }),
      () => ({ kind: 5, created_at: at, content: '', tags: [['e', events.length === 0 ? SHA : pick(events).id], ['e', OTHER]] }),
      () => ({ kind: 5, created_at: at, content: '', tags: [['a', `${pick([34235, 30005])}:${pubkey}:${d}`]] })
    ]
    events.push(eventOf(pick(drafts)(), pubkey))
  }
  return events
}

function shuffled<T> ({ below }: Seeded, items: readonly T[]): T[] {
  const all = [...items]
  for (let i = all.length - 1; i > 0; i--) {
    const j = below(i + 1)
    ;[all[i], all[j]] = [all[j]!, all[i]!]
  }
  return all
}

/** What most catalogs do: keep the newest alone, delete it when it is taken back. */
function newestOnly (events: readonly SignedEvent[]): string {
  const heads = new Map<string, SignedEvent>()
  const gone = new Set<string>()
  for (const event of events) {
    if (event.kind === 5) {
      for (const [name, value] of event.tags) {
        if (name === 'e') gone.add(`${value} ${event.pubkey}`)
        for (const [address, head] of heads) {
          if (head.pubkey === event.pubkey && (name === 'e' ? head.id === value : address === value && head.created_at <= event.created_at)) heads.delete(address)
        }
      }
      continue
    }
    const address = addressOf(event)
    const head = address === null ? undefined : heads.get(address)
    if (address === null || gone.has(`${event.id} ${event.pubkey}`)) continue
    if (head === undefined || compareVersions(event, head) < 0) heads.set(address, event)
  }
  return JSON.stringify([...heads].sort().map(([address, { id }]) => [address, id]))
}

/** The ids of live titles, told the long way: every version against every deletion and every other version. */
function titlesTheLongWay (events: readonly SignedEvent[]): string[] {
  const deleted = (event: SignedEvent): boolean => events.some(({ kind, pubkey, created_at: at, tags }) => kind === 5 && pubkey === event.pubkey && tags.some(([name, value]) =>
    (name === 'e' && value === event.id) || (name === 'a' && value === addressOf(event) && event.created_at <= at)))
  const standing = events.filter((event) => event.kind === 34235 && !deleted(event))
  const best = standing.filter((event) => standing.every((other) => addressOf(other) !== addressOf(event) ||
    other.created_at < event.created_at || (other.created_at === event.created_at && other.id >= event.id)))
  return [...new Set(best.filter(({ tags }) => tags.some(([name, value]) => name === 'status' && value === 'published')).map(({ id }) => id))].sort()
}

t.test(`any permutation with duplicates of ${HISTORIES} random histories gives byte-identical projections`, async (t) => {
  const random = seeded(t)
  let naive = 0
  const seen = new Set<string>()
  for (let i = 0; i < HISTORIES; i++) {
    const events = history(random)
    for (const now of [T0 + 3, T0 + 64]) {
      const projections = foldCatalog(events, now)
      for (const [name, rows] of Object.entries(projections)) if ((rows as unknown[]).length > 0) seen.add(name)
      const bytes = JSON.stringify(projections)
      for (let j = 0; j < 4; j++) {
        const twice = shuffled(random, [...events, ...events.filter(() => random.below(3) === 0)])
        if (JSON.stringify(foldCatalog(twice, now)) !== bytes) return t.fail(`history ${i}, time ${now}`)
      }
      const titles = projections.titles.map(({ event }) => event.id).sort()
      if (JSON.stringify(titles) !== JSON.stringify(titlesTheLongWay(events))) return t.fail(`history ${i}: ${titles.length} titles`)
    }
    const permuted = Array.from({ length: 6 }, () => newestOnly(shuffled(random, events)))
    if (new Set(permuted).size > 1) naive++
  }
  t.ok(naive > 0, `who keeps the newest alone ends differently in ${naive} of ${HISTORIES}: the trap is in these histories`)
  for (const name of ['titles', 'collections', 'adverts', 'servers', 'releases', 'artifacts', 'withdrawn', 'deletedIds', 'deletedAddresses']) t.ok(seen.has(name), `${name} occur`)
})

/** A server: what passes goes into its log. */
function logOf (events: readonly SignedEvent[], now: number): SignedEvent[] {
  const log: SignedEvent[] = []
  const tombstones = new TombstoneSet()
  const facts: AcceptFacts = {
    now,
    verify: () => true,
    mayAuthor: () => true,
    standing: (event) => standingOf(versionOf(event), log.filter((each) => (addressOf(each) ?? each.id) === (addressOf(event) ?? event.id)).map(versionOf), tombstones),
    refuseOlder: false,
    advertsBeside: () => ({ ofAuthor: 0, fresherOfHash: 0 }),
    caps: ADVERT_CAPS
  }
  for (const event of events) {
    try {
      log.push(judgeEvent(event, facts).event)
      tombstones.add(event)
    } catch (error) {
      if (!(error instanceof CatalogFault) || !['EVENT_KNOWN', 'EVENT_DELETED'].includes(error.code)) throw error
    }
  }
  return log
}

t.test('servers that hear the same events in different orders and at different times end with the same catalog', async (t) => {
  const random = seeded(t)
  let refused = 0
  for (let i = 0; i < 100; i++) {
    const events = history(random)
    const whole = JSON.stringify(foldCatalog(events, T0 + 30))
    for (let j = 0; j < 3; j++) {
      const log = logOf(shuffled(random, [...events, ...events.slice(0, 10)]), T0 + random.below(30))
      refused += events.length + 10 - log.length
      if (JSON.stringify(foldCatalog(log, T0 + 30)) !== whole) return t.fail(`history ${i}`)
    }
  }
  t.ok(refused > 100 * 3 * 10, `${refused} that were known or withdrawn stayed out of the logs`)
})

t.test('two good signatures under one id: which came first does not show', async (t) => {
  const one = SAMPLES[0]!.good['full']!
  const two = { ...one, sig: '0'.repeat(128) }
  t.equal(JSON.stringify(foldCatalog([one, two], T0)), JSON.stringify(foldCatalog([two, one], T0)))
})

t.test('each kind stands in its own list, by its address or id', async (t) => {
  const events = SAMPLES.map(({ good }) => Object.values(good)[0]!).filter(({ kind }) => kind !== 5)
  const { titles, collections, adverts, servers, relays, carriers, applications, releases, artifacts, unreadable } = foldCatalog(events, T0)
  for (const rows of [titles, collections, adverts, servers, relays, carriers, applications, releases, artifacts]) t.equal(rows.length, 1)
  t.strictSame(unreadable, [])
  t.equal(adverts[0]!.key, `30081:${CREATOR}:${B3}`)
  t.equal(artifacts[0]!.key, artifacts[0]!.event.id)
  t.equal(events.length + 2, CATALOG_KINDS.length, 'one sample a kind, 34236 and 5 aside')
})

t.test('time is an argument: an advert is there until it ends, and one that nobody can be reached by is not', async (t) => {
  const advert = eventOf(buildProviderAdvert({ blake3: B3, servers: ['https://a.example'] }, T0), NODE)
  const back = eventOf(buildWithdrawnAdvert({ blake3: B3 }, T0 + 1), NODE)
  t.equal(foldCatalog([advert], T0 + 48 * 3600 - 1).adverts.length, 1)
  t.equal(foldCatalog([advert], T0 + 48 * 3600).adverts.length, 0)
  for (const now of [T0 + 2, T0 + 3600]) t.equal(foldCatalog([advert, back], now).adverts.length, 0)
})

t.test('what another version of the program accepted and this one cannot read is listed, and nothing else suffers', async (t) => {
  const [code, event] = SAMPLES[0]!.bad['no x of the manifest']!
  const { unreadable, collections } = foldCatalog([event, SAMPLES[1]!.good['full']!], T0)
  t.strictSame(unreadable, [{ key: `34235:${CREATOR}:01JD`, id: event.id, code }])
  t.equal(collections.length, 1)
})
