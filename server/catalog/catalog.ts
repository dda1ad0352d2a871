// The catalog put together: its tables and views, the road in, relays told and followed, manifests read, snapshots made. What app.ts mounts and
// marquee.ts starts and closes.

import { readAddress } from './address.ts'
import { Announcer } from './announcer.ts'
import { AuthorRows } from './author-rows.ts'
import { CATALOG_KINDS } from './catalog-event.ts'
import { CatalogStore } from './catalog-store.ts'
import { RelayCursors } from './cursors.ts'
import { Follower } from './follower.ts'
import { ADVERT_MAX_AGE, PROVIDER_ADVERT_KIND } from './kinds/provider-advert.ts'
import { ManifestReader } from './manifest-reader.ts'
import { Outbox } from './outbox.ts'
import { OwnClock } from './own-clock.ts'
import { OwnEvents } from './own-events.ts'
import { Prober } from './prober.ts'
import { Publisher } from './publish.ts'
import { Relay } from './relay.ts'
import { RelayReport } from './relay-report.ts'
import { PointerTimer } from './releases/pointer-timer.ts'
import { releaseTopics } from './releases/topics.ts'
import { Releases } from './releases/releases.ts'
import { ProbeRows } from './rows/probe-rows.ts'
import { ManifestRows } from './rows/manifest-rows.ts'
import { Snapshots } from './snapshot.ts'
import { valueOf } from './tags.ts'
import { CollectionViews } from './views/collection-views.ts'
import { HashViews } from './views/hash-views.ts'
import { ProviderViews } from './views/provider-views.ts'
import { TitleStandings } from './views/title-standing.ts'
import { TitleViews } from './views/title-views.ts'
import type { Database } from '../database.ts'
import type { EventDraft, SignedEvent } from '../auth/signature.ts'
import type { Blobs } from '../stores/blobs.ts'
import type { StateStore } from '../stores/state.ts'
import type { AuthorFacts } from './authors.ts'
import type { Topic } from './follower.ts'
import type { Told } from './outbox.ts'
import type { OwnEventsParts } from './own-events.ts'
import type { ProberParts } from './prober.ts'
import type { RestoredEvents } from './publish.ts'

export interface CatalogParts {
  database: Database
  blobs: Blobs
  state: StateStore
  /** `ws(s)://` URLs to announce to and to follow. */
  relays: readonly string[]
  pubkey: string
  sign: (draft: EventDraft) => SignedEvent
  policy: Omit<AuthorFacts, 'from' | 'ownPubkey' | 'publishedHere' | 'mayRelease' | 'takesTrust'>
  /** Pinned release roots, 64 hex digits each; none: no releases are taken. */
  releaseRoots: readonly string[]
  /** Signs latest pointers anew, 32 bytes; null, or absent: nobody does here. */
  timestampKey?: Uint8Array | null
  /** Did an operator pin this blob? Absent: there are no pins. */
  isPinned?: (sha256: string) => boolean
  /** Keys whose adverts come before others'. */
  trusted: (pubkey: string) => boolean
  /** What the server needs to tell relays of itself and of what it has; null: it does not. */
  own: Pick<OwnEventsParts, 'servers' | 'mayTell' | 'lastScrubbed'> | null
  /** The way to other providers; null: nobody is looked at. */
  probe: Pick<ProberParts, 'ask' | 'isOurs'> | null
  /** Unix milliseconds. */
  now: () => number
  /** Hears, before it is acknowledged, which titles (`kind:pubkey:d`) an event that came over HTTP may have changed. */
  onKept?: (titles: readonly string[]) => Promise<void>
  /** Hears which titles were withdrawn or taken back, whoever brought that. */
  onWithdrawn?: (titles: readonly string[]) => void
  /** Hears of what failed in the background. */
  onFault: (error: unknown, what: string) => void
}

export interface RestoredCatalog extends RestoredEvents {
  /** How many events more the snapshot brought. */
  ofSnapshot: number
}

const MANIFESTS_MS = 5000
const SWEEP_MS = 60_000
const TRUST_MS = 30_000
const POINTERS_MS = 600_000
const SNAPSHOT_MS = 24 * 3600_000

const TOPICS: readonly Topic[] = [
  { name: 'catalog', filter: { kinds: CATALOG_KINDS.filter((kind) => kind !== PROVIDER_ADVERT_KIND) }, reach: null },
  { name: 'adverts', filter: { kinds: [PROVIDER_ADVERT_KIND] }, reach: ADVERT_MAX_AGE }
]

export class Catalog {
  readonly store: CatalogStore
  readonly publisher: Publisher
  readonly outbox: Outbox
  readonly manifests: ManifestRows
  readonly reader: ManifestReader
  readonly snapshots: Snapshots
  readonly titles: TitleViews
  readonly standings: TitleStandings
  readonly collections: CollectionViews
  readonly hashes: HashViews
  readonly providers: ProviderViews
  readonly releases: Releases
  readonly relays: readonly Relay[]
  readonly followers: readonly Follower[]
  readonly own: OwnEvents | null
  readonly report: RelayReport
  readonly #pointers: PointerTimer | null
  readonly #prober: Prober | null
  readonly #announcers: readonly Announcer[]
  readonly #parts: CatalogParts
  readonly #timers: NodeJS.Timeout[] = []

  constructor (parts: CatalogParts) {
    const { database, blobs, state, relays, pubkey, sign, policy, releaseRoots: roots, isPinned = () => false, timestampKey = null, trusted, own, probe, now, onFault } = parts
    this.#parts = parts
    this.store = new CatalogStore(database)
    this.outbox = new Outbox(database)
    this.manifests = new ManifestRows(database)
    this.reader = new ManifestReader({ blobs, rows: this.manifests, now })
    this.titles = new TitleViews(database)
    this.standings = new TitleStandings(database)
    this.collections = new CollectionViews(database)
    this.hashes = new HashViews(database)
    this.providers = new ProviderViews(database, trusted)
    const { log } = this.store
    const newest = (address: string): number | null => {
      const at = readAddress(address)
      return at === null ? log.newest(pubkey, Number(address)) : log.versions(at.kind, at.pubkey, at.d).reduce<number | null>((most, { created_at }) => Math.max(most ?? 0, created_at), null)
    }
    this.releases = new Releases({
      database, blobs, state, roots, now, onFault, keeper: pubkey, isPinned,
      // what they announced before their bundle came was refused
      onNews: () => { for (const follower of this.followers) follower.readMore() }
    })
    const { releases } = this
    this.publisher = new Publisher({
      store: this.store, authors: new AuthorRows(database), state, clock: new OwnClock({ state, newest, now }), signer: { pubkey, sign }, releases, now,
      policy: { ...policy, mayRelease: (pubkey) => releases.mayRelease(pubkey), takesTrust: roots.length > 0 },
      onKept: async (event) => { await parts.onKept?.(this.standings.touchedBy(event)) }
    })
    this.store.onAdded((events) => {
      const titles = events.filter(({ parsed: { type, event } }) => type === 'withdrawal' || (type === 'title' && valueOf(event.tags, 'status') === 'withdrawn'))
        .flatMap(({ parsed: { event } }) => this.standings.touchedBy(event))
      if (titles.length > 0) parts.onWithdrawn?.(titles)
    })
    this.#pointers = timestampKey === null ? null : new PointerTimer({
      trust: releases.trust, publisher: this.publisher, state, seed: timestampKey, now, manifestText: (sha256) => releases.manifestText(sha256),
      announce: (event) => this.announce(event, 0),
      onRefusal: (channel, why) => { onFault(new Error(why), `the latest pointer of ${channel} is not signed anew`) }
    })
    this.snapshots = new Snapshots({ database, store: this.store, publisher: this.publisher, blobs, now })
    const cursors = new RelayCursors(database)
    this.relays = relays.map((url) => new Relay({ url, sign, now }))
    this.#announcers = this.relays.map((relay) => new Announcer({ relay, outbox: this.outbox, now }))
    this.followers = this.relays.map((relay) => new Follower({ relay, publisher: this.publisher, cursors, topics: TOPICS, more: () => releaseTopics(releases.trust.keys, releases.trust.bundles.map(({ version }) => version)), now }))
    const { publisher, outbox } = this
    this.own = own === null ? null : new OwnEvents({ ...own, database, log, publisher, outbox, relays, blobs, now, onFault, onQueued: () => { this.#wake() } })
    this.#prober = probe === null ? null : new Prober({ ...probe, rows: new ProbeRows(database), blobs, pubkey, now, onFault })
    this.report = new RelayReport({ database, urls: relays, relays: this.relays, followers: this.followers, adverts: () => this.own?.adverts ?? 0 })
  }

  /** Restores what an empty database lacks, connects, and keeps up from then on. Rejects with StoreError. */
  async start (): Promise<void> {
    if (this.store.log.last === 0) {
      const { damaged } = await this.restore()
      for (const name of damaged) this.#parts.onFault(new Error(`state/${name} is damaged`), 'an event that was kept here is left out')
    }
    this.releases.catchUp()
    for (const relay of this.relays) relay.start()
    this.own?.start()
    this.#prober?.start()
    // a title that came, and a manifest that was read, are worth an advert
    this.store.onAdded((events) => { if (events.some(({ parsed: { type } }) => type !== 'advert')) this.own?.wake() })
    this.#every(MANIFESTS_MS, 'manifests could not be read', async () => { if (await this.reader.round() > 0) this.own?.wake() })
    this.#every(MANIFESTS_MS, 'release manifests could not be read', async () => { if (await this.releases.round() > 0) this.own?.wake() })
    this.#every(TRUST_MS, 'what other nodes learnt of releases could not be read', async () => { await this.releases.load() })
    if (this.#pointers !== null) this.#every(POINTERS_MS, 'latest pointers could not be signed anew', async () => { await this.#pointers!.round() })
    this.#every(SWEEP_MS, 'the catalog could not be swept', async () => {
      const now = this.#parts.now()
      this.store.sweep(Math.floor(now / 1000))
      this.manifests.sweep(10)
      this.releases.rows.sweep(10)
      this.outbox.sweep(now)
    })
    this.#every(SNAPSHOT_MS, 'no snapshot could be made', async () => { await this.makeSnapshot() })
  }

  /** An empty catalog becomes what the store can give back: the events that lie there, and the newest snapshot. Rejects with StoreError. */
  async restore (onProgress: (events: number) => void = () => {}): Promise<RestoredCatalog> {
    const { events, damaged } = await this.publisher.restore(onProgress)
    return { events, damaged, ofSnapshot: await this.snapshots.restore((taken) => { onProgress(events + taken) }) }
  }

  #every (pause: number, what: string, work: () => Promise<unknown>): void {
    let running = false
    const timer = setInterval(() => {
      if (running) return
      running = true
      work().catch((error: unknown) => { this.#parts.onFault(error, what) }).finally(() => { running = false })
    }, pause)
    timer.unref()
    this.#timers.push(timer)
  }

  #wake (): void {
    for (const announcer of this.#announcers) announcer.wake()
  }

  /** Tells every relay; what each made of it, as far as that is known after `patience` milliseconds. */
  async announce (event: SignedEvent, patience: number): Promise<Told[]> {
    if (this.relays.length === 0) return []
    this.outbox.queue(event, this.relays.map(({ url }) => url), this.#parts.now())
    this.#wake()
    const end = Date.now() + patience
    for (;;) {
      const told = this.outbox.told(event.id)
      // one that waits for a relay that is away will wait longer than anybody who asks
      if (Date.now() >= end || told.every(({ state, attempts }) => state !== 'waiting' || attempts > 0)) return told
      await new Promise((resolve) => { setTimeout(resolve, 20) })
    }
  }

  /** Makes a snapshot and announces it; null when nothing came since the last. Rejects with StoreError or CatalogFault. */
  async makeSnapshot (): Promise<SignedEvent | null> {
    const made = await this.snapshots.make()
    if (made === null) return null
    await this.announce(made.parsed.event, 0)
    return made.parsed.event
  }

  /** Resolves when nothing of it runs any more: before the database is closed. */
  async close (): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer)
    await this.own?.close()
    await this.releases.settled()
    await this.#prober?.close()
    for (const announcer of this.#announcers) announcer.close()
    for (const relay of this.relays) relay.close()
    // what was being told ends with its link, and is noted
    for (const announcer of this.#announcers) await announcer.settled()
    for (const follower of this.followers) follower.close()
  }
}
