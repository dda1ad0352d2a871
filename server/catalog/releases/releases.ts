// Releases put together: trust and the latest pointers in force, manifests that are here, what was announced. What the catalog's rooms ask, and what the
// one road into the catalog asks of release events (publish.ts).

import { ReleaseFault } from '../../release/faults.ts'
import { buildReleaseSet } from '../../release/release-set.ts'
import { revocationOf } from '../../release/trust-bundle.ts'
import { parseCatalogEvent } from '../catalog-event.ts'
import { ReleaseDocumentRows } from '../rows/release-document-rows.ts'
import { ReleaseViews } from '../views/release-views.ts'
import { ReleasePins } from './pins.ts'
import { ManifestReading } from './manifest-reading.ts'
import { ReleaseTrust } from './trust.ts'
import { TrustStore } from './trust-store.ts'
import type { Database } from '../../database.ts'
import type { SignedEvent } from '../../auth/signature.ts'
import type { ReleaseManifest } from '../../release/manifest-v2.ts'
import type { Blobs } from '../../stores/blobs.ts'
import type { StateStore } from '../../stores/state.ts'
import type { CatalogEvent } from '../catalog-event.ts'
import type { ReleaseRow } from '../views/release-views.ts'

export interface ReleasesParts {
  database: Database
  blobs: Pick<Blobs, 'find' | 'read' | 'adopt' | 'disown'>
  state: Pick<StateStore, 'get' | 'put' | 'list'>
  /** Pinned roots, 64 hex digits each; none: no releases are taken. */
  roots: readonly string[]
  /** The node key, 64 hex digits: it owns what live releases are made of. */
  keeper: string
  /** An operator pinned this blob. */
  isPinned: (sha256: string) => boolean
  /** Unix milliseconds. */
  now: () => number
  /** Another bundle or pointer is in force: what its keys announced before is to be read from relays. */
  onNews: () => void
  /** Hears of what failed in the background. */
  onFault: (error: unknown, what: string) => void
}

/** Carriers that are looked through for what a kill of the server left out. */
const MOST_CARRIERS = 1000

export class Releases {
  readonly trust: ReleaseTrust
  readonly views: ReleaseViews
  readonly manifests: ManifestReading
  readonly rows: ReleaseDocumentRows
  readonly pins: ReleasePins
  readonly #parts: ReleasesParts
  #learning: Promise<void> = Promise.resolve()

  constructor (parts: ReleasesParts) {
    const { database, blobs, state, roots, now } = parts
    this.#parts = parts
    this.rows = new ReleaseDocumentRows(database)
    this.views = new ReleaseViews(database)
    this.pins = new ReleasePins(parts)
    this.trust = new ReleaseTrust({ store: new TrustStore(state), roots, now, onNews: () => { this.#inForce() } })
    this.manifests = new ManifestReading({ blobs, rows: this.rows, trust: this.trust })
  }

  /** What is kept comes into force. Rejects with StoreError. */
  async load (): Promise<void> {
    if (this.#parts.roots.length === 0) this.rows.replace([], [])
    await this.trust.load()
  }

  #inForce (): void {
    this.rows.replace(this.trust.keys, this.trust.documents())
    this.#parts.onNews()
    this.#later('release manifests could not be judged', async () => {
      await this.manifests.judgeAgain()
      await this.pins.round()
    })
  }

  /** Work in the background, one after the other. */
  #later (what: string, work: () => Promise<unknown>): void {
    this.#learning = this.#learning.then(work).then(() => {}, (error: unknown) => {
      // a newer one was quicker
      if (!(error instanceof ReleaseFault)) this.#parts.onFault(error, what)
    })
  }

  /** Reads manifests that have come, and keeps what they list; how many were read. Rejects with StoreError. */
  async round (): Promise<number> {
    const read = await this.manifests.round()
    await this.pins.round()
    return read
  }

  /** Resolves when what came is in force, and what was read is judged by it. */
  async settled (): Promise<void> {
    for (let running: Promise<void> | null = null; running !== this.#learning;) {
      running = this.#learning
      await running
    }
  }

  /** What relays brought and a kill kept from coming into force: the carriers that stand are looked at once more. */
  catchUp (): void {
    if (this.#parts.roots.length === 0) return
    const found = this.views.carriers(MOST_CARRIERS).map((event) => parseCatalogEvent(event))
    const isTrust = (each: CatalogEvent): number => each.type === 'carrier' && each.facts.role === 'trust' ? 0 : 1
    for (const each of found.sort((a, b) => isTrust(a) - isTrust(b))) this.learnLater(each)
    this.#later('release manifests could not be read', () => this.round())
  }

  mayRelease (pubkey: string): boolean {
    return this.trust.mayRelease(pubkey)
  }

  /** Throws ReleaseFault or AUTHOR_REFUSED. */
  judge (parsed: CatalogEvent): void {
    this.trust.judge(parsed)
  }

  /** Rejects with ReleaseFault or StoreError. */
  async learn (parsed: CatalogEvent): Promise<void> {
    await this.trust.learn(parsed)
    if (parsed.type === 'carrier' && parsed.facts.role === 'latest') await this.#readNow()
  }

  async #readNow (): Promise<void> {
    for (const { pointer } of this.trust.pointers) await this.manifests.read(pointer.manifest.sha256)
  }

  /** The same in the background: what a relay brought is kept already. */
  learnLater (parsed: CatalogEvent): void {
    if (parsed.type !== 'carrier' || parsed.facts.role === 'snapshot' || this.#parts.roots.length === 0) return
    this.#later('a trust bundle or latest pointer could not be kept', () => this.learn(parsed))
  }

  isRevoked ({ app, channel, sequence }: Pick<ReleaseRow, 'app' | 'channel' | 'sequence'>): boolean {
    const inForce = this.trust.bundleFor(app)
    return inForce !== null && sequence !== null && revocationOf(inForce.bundle, { app, channel, sequence }) !== null
  }

  /** All that a node needs to verify the latest release of a channel: a release set. Throws BUNDLE_MISSING or POINTER_MISSING. */
  latest (app: string, channel: string): Buffer {
    const bundle = this.trust.bundleFor(app)
    if (bundle === null) throw new ReleaseFault('BUNDLE_MISSING')
    const inForce = this.trust.pointerOf(app, channel)
    if (inForce === null) throw new ReleaseFault('POINTER_MISSING')
    const { pointer, text } = inForce
    const manifest = this.manifestText(pointer.manifest.sha256)
    const carried = (event: SignedEvent): boolean => event.content === text || event.content === bundle.text
    const carriers = [...this.views.trusts(), ...this.views.pointers(app, channel)].filter(carried)
    return buildReleaseSet({
      app, channel, bundle: Buffer.from(bundle.text), older: this.trust.olderThan(bundle).map((each) => Buffer.from(each)), pointer: Buffer.from(text),
      manifest: manifest === null ? null : Buffer.from(manifest), events: [...carriers, ...this.views.announcing(app, pointer.manifest.sha256)]
    })
  }

  /** Of a manifest that was read; null: it is not here, or none. */
  manifestText (sha256: string): string | null {
    const read = this.rows.get(sha256)
    return read === null || read.fault !== null ? null : read.raw
  }

  /** The manifest of the latest release, as far as a new node would install it now. Throws the first fault for which it would not. */
  verified (app: string, channel: string): ReleaseManifest {
    const inForce = this.trust.pointerOf(app, channel)
    const text = inForce === null ? null : this.manifestText(inForce.pointer.manifest.sha256)
    const { checks, manifest } = this.trust.verify(app, channel, {
      pointer: inForce === null ? null : Buffer.from(inForce.text), manifest: text === null ? null : Buffer.from(text)
    })
    const failed = checks.find(({ result }) => result === 'failed')
    if (failed?.code !== undefined) throw new ReleaseFault(failed.code)
    return manifest!
  }

  /** The trust bundles in force, with the event that carries each where it is here. @param now unix seconds */
  bundles (now: number): Record<string, unknown>[] {
    const carriers = this.views.trusts()
    return this.trust.bundles.map((each) => ({
      root: each.pinned, bundle_version: each.version, expires_at: each.bundle.expires_at, expired: each.bundle.expires_at <= now, bundle: each.text,
      older: this.trust.olderThan(each), event: carriers.find(({ content }) => content === each.text) ?? null
    }))
  }
}
