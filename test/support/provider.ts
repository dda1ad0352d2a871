// A server that has blobs and tells of them, without its HTTP: real stores in folders, the catalog, and a clock that only the test moves.

import { flipBit } from './flip.ts'
import { openDatabase } from '../../server/database.ts'
import { Advertiser } from '../../server/catalog/advertiser.ts'
import { AdvertTargets } from '../../server/catalog/advert-targets.ts'
import { AuthorRows } from '../../server/catalog/author-rows.ts'
import { CatalogStore } from '../../server/catalog/catalog-store.ts'
import { parseCatalogEvent } from '../../server/catalog/catalog-event.ts'
import { readAddress } from '../../server/catalog/address.ts'
import { buildArtifact } from '../../server/catalog/kinds/artifact.ts'
import { buildTitle } from '../../server/catalog/kinds/title.ts'
import { ManifestReader } from '../../server/catalog/manifest-reader.ts'
import { buildHashSequence, buildManifest } from '../../server/catalog/manifest.ts'
import { Outbox } from '../../server/catalog/outbox.ts'
import { OwnClock } from '../../server/catalog/own-clock.ts'
import { Possession } from '../../server/catalog/possession.ts'
import { Publisher } from '../../server/catalog/publish.ts'
import { ManifestRows } from '../../server/catalog/rows/manifest-rows.ts'
import { ReleaseDocumentRows } from '../../server/catalog/rows/release-document-rows.ts'
import { OwnAdvertRows } from '../../server/catalog/rows/own-advert-rows.ts'
import { openFsStores, openMemoryStores } from '../../server/stores/open.ts'
import { sha256Multihash } from '../../server/stores/multihash.ts'
import { ALICE, nodeOf } from '../suites/node-of.ts'
import { hashNamed, unsigned } from './catalog-histories.ts'
import { Signer, seededBlob } from './keys.ts'
import type { Node } from '../suites/node-of.ts'
import type { EventDraft, SignedEvent } from '../../server/auth/signature.ts'
import type { TitleFacts } from '../../server/catalog/kinds/title.ts'
import type { BlobRef } from '../../server/catalog/manifest.ts'
import type { Blob } from '../../server/stores/descriptors.ts'

export const CREATOR = hashNamed('creator')

export interface ProviderOptions {
  key?: Signer
  relays?: readonly string[]
  random?: () => number
  lastScrubbed?: (sha256: string) => number | null
}

export interface Film {
  manifest: Blob
  sequence: Blob
  /** Those that are here. */
  segments: Blob[]
  title: SignedEvent
}

export class Provider {
  readonly node: Node
  readonly root: string
  readonly key: Signer
  readonly store: CatalogStore
  readonly publisher: Publisher
  readonly outbox: Outbox
  readonly reader: ManifestReader
  readonly rows: OwnAdvertRows
  readonly targets: AdvertTargets
  readonly possession: Possession
  advertiser: Advertiser
  /** What is blocked, restricted or damaged. */
  readonly hidden = new Set<string>()
  readonly faults: string[] = []
  /** Events of our own, in the order of their making. */
  readonly signed: SignedEvent[] = []
  servers = ['https://blobs.example']
  readonly #options: ProviderOptions
  readonly #restore: Map<string, unknown>

  private constructor (root: string, node: Node, options: ProviderOptions, state = new Map<string, unknown>()) {
    const { key = new Signer(), lastScrubbed = () => null } = options
    this.root = root
    this.node = node
    this.key = key
    this.#options = options
    this.#restore = state
    const { database, blobs, now } = node
    this.store = new CatalogStore(database)
    // a trust bundle lists the creator
    new ReleaseDocumentRows(database).replace([CREATOR], [])
    const places = {
      get: async (name: string) => state.get(name) ?? null, put: async (name: string, value: unknown) => { state.set(name, value) },
      remove: async (name: string) => state.delete(name), list: async function * () {}
    }
    const newest = (address: string): number | null => {
      const at = readAddress(address)
      const versions = at === null ? [] : this.store.log.versions(at.kind, at.pubkey, at.d)
      return versions.length === 0 ? null : Math.max(...versions.map(({ created_at }) => created_at))
    }
    this.publisher = new Publisher({
      store: this.store, authors: new AuthorRows(database), state: places, now, clock: new OwnClock({ state: places, newest, now }),
      signer: { pubkey: key.pubkey, sign: (draft) => { const event = key.sign(draft); this.signed.push(event); return event } },
      policy: { titlePubkeys: new Set([CREATOR]), mayUpload: () => true, mayRelease: () => true, maySnapshot: () => false }
    })
    this.outbox = new Outbox(database)
    this.reader = new ManifestReader({ blobs, rows: new ManifestRows(database), now })
    this.rows = new OwnAdvertRows(database, key.pubkey)
    this.targets = new AdvertTargets(database, (sha256) => !this.hidden.has(sha256))
    this.possession = new Possession({ blobs, lastScrubbed, now, sleep: async (ms) => { node.pass(ms) } })
    this.advertiser = this.newAdvertiser()
  }

  static async open (root: string, options: ProviderOptions = {}): Promise<Provider> {
    return new Provider(root, nodeOf(await openFsStores(root), { database: openDatabase(':memory:') }), options)
  }

  /** The same server after a restart: the same tables and key, and nothing else. */
  restarted (): Provider {
    const again = new Provider(this.root, this.node, { ...this.#options, key: this.key }, this.#restore)
    for (const sha256 of this.hidden) again.hidden.add(sha256)
    return again
  }

  newAdvertiser (): Advertiser {
    const { publisher, rows, targets, outbox, node } = this
    return new Advertiser({
      publisher, rows, targets, outbox, possession: { check: (sha256) => this.possession.check(sha256) }, relays: this.#options.relays ?? ['wss://relay.example/'], onQueued: () => {},
      servers: () => this.servers, onFault: (error) => { this.faults.push(String(error)) }, now: node.now, random: this.#options.random ?? (() => 0.5),
      sleep: async (ms) => { node.pass(ms) }
    })
  }

  get seconds (): number {
    return Math.floor(this.node.now() / 1000)
  }

  /** So many seconds go by, then a round; what was signed in it. */
  async round (seconds = 0): Promise<SignedEvent[]> {
    this.node.pass(seconds * 1000)
    const before = this.signed.length
    await this.advertiser.round()
    return this.signed.slice(before)
  }

  async put (bytes: Uint8Array): Promise<Blob> {
    return (await this.node.put(bytes)).blob
  }

  async remove (sha256: string): Promise<void> {
    await this.node.blobs.disown(sha256, ALICE)
  }

  /** Another bit in a blob of its own pack. */
  damage (sha256: string): void {
    flipBit(`${this.root}/${this.node.stores.layout.pack(sha256Multihash(sha256))}`)
  }

  add (pubkey: string, draft: EventDraft): SignedEvent {
    const event = unsigned(pubkey, draft)
    this.store.add(parseCatalogEvent(event))
    return event
  }

  title (facts: TitleFacts): SignedEvent {
    return this.add(CREATOR, buildTitle(facts, this.seconds))
  }

  artifact ({ sha256, blake3, size }: Blob, version = '1.0.0'): SignedEvent {
    return this.add(CREATOR, buildArtifact({ app: 'org.example', version, sha256, blake3, size, type: 'application/octet-stream', platforms: ['linux-x86_64'] }, this.seconds))
  }

  /** A film of so many segments, of which the first `held` are here, with its title; more of them come with `later`. */
  async film (name: string, segments: number, held = segments, facts: Partial<TitleFacts> = {}): Promise<Film & { later: (index: number) => Promise<Blob> }> {
    // each is put once somewhere to learn its BLAKE3
    const elsewhere = nodeOf(openMemoryStores())
    const bytesOf = (part: string): Buffer => seededBlob(`${name} ${part}`, 200).bytes
    const refOf = async (part: string): Promise<BlobRef> => {
      const { blob: { sha256, blake3, size } } = await elsewhere.put(bytesOf(part))
      return { sha256, blake3: blake3!, size }
    }
    const refs: (BlobRef & { duration_ms: number })[] = []
    for (let i = 0; i < segments; i++) refs.push({ ...await refOf(String(i)), duration_ms: 6000 })
    const { manifest: film, bytes } = buildManifest({
      title_ref: `34235:${CREATOR}:${name}`, duration_ms: segments * 6000, master: await refOf('master'), poster: { ...await refOf('poster'), type: 'image/jpeg' },
      renditions: [{ name: '720p', kind: 'video', type: 'video/mp2t', playlist: await refOf('playlist'), segments: refs }]
    })
    const [manifest, sequence] = [await this.put(bytes), await this.put(buildHashSequence(film))]
    const here: Blob[] = []
    for (let i = 0; i < held; i++) here.push(await this.put(bytesOf(String(i))))
    for (const part of ['master', 'poster', 'playlist']) await this.put(bytesOf(part))
    const title = this.title({
      d: name, title: name, manifest: { sha256: manifest.sha256, blake3: manifest.blake3!, size: manifest.size },
      hashSequence: { sha256: sequence.sha256, blake3: sequence.blake3!, count: segments }, aggregate: film.aggregate, master: film.master.sha256, ...facts
    })
    await this.reader.round()
    return { manifest, sequence, segments: here, title, later: (index) => this.put(bytesOf(String(index))) }
  }
}
