// ★ Which keys may release, and which release is the latest: what trust bundles under the pinned roots and latest pointers say, checked by server/release/.
// Durable in the store before it counts, and only ever higher: neither a relay nor a rebuild nor a lost database takes a bundle, a sequence or a floor
// back. Bundles and pointers come in carriers (30078), by HTTP or from relays, in any order.

import { sha256Hex } from '../../stores/multihash.ts'
import { Locks } from '../../stores/locks.ts'
import { Checks } from '../../release/checks.ts'
import { RELEASE_FAULTS, ReleaseFault } from '../../release/faults.ts'
import { parseLatestPointer } from '../../release/latest-pointer.ts'
import { emptyState, mergeStates, stateText } from '../../release/state.ts'
import { parseTrustBundle } from '../../release/trust-bundle.ts'
import { verifyRelease } from '../../release/verify.ts'
import { OLDER_LIMIT, verifyTrust } from '../../release/verify-trust.ts'
import { CatalogFault } from '../faults.ts'
import type { Check } from '../../release/checks.ts'
import type { LatestPointer } from '../../release/latest-pointer.ts'
import type { ReleaseState } from '../../release/state.ts'
import type { TrustBundle } from '../../release/trust-bundle.ts'
import type { Verified } from '../../release/verify.ts'
import type { CatalogEvent } from '../catalog-event.ts'
import type { KeptBundle, TrustStore } from './trust-store.ts'

export interface TrustParts {
  store: TrustStore
  /** Pinned roots, 64 hex digits each; none: no releases are taken. */
  roots: readonly string[]
  /** Unix milliseconds. */
  now: () => number
  /** Something new is in force. */
  onNews: () => void
}

export interface BundleInForce extends KeptBundle {
  bundle: TrustBundle
}

export interface PointerInForce {
  pointer: LatestPointer
  text: string
}

const bytesOf = (text: string): Buffer => Buffer.from(text)

/** Throws the first fault of these checks whose names begin so. */
function demand (checks: readonly Check[], prefix: string): void {
  const failed = checks.find(({ name, result }) => name.startsWith(prefix) && result === 'failed')
  if (failed?.code === undefined) return
  const detail = failed.reason?.slice(RELEASE_FAULTS[failed.code][1].length + ': '.length) ?? ''
  throw new ReleaseFault(failed.code, detail === '' ? undefined : detail)
}

export class ReleaseTrust {
  readonly #parts: TrustParts
  readonly #locks = new Locks()
  #state: ReleaseState = emptyState()
  #kept: KeptBundle[] = []
  /** By pinned root: the newest. */
  #bundles = new Map<string, BundleInForce>()
  /** By `app/channel`. */
  #pointers = new Map<string, PointerInForce>()
  #keys: ReadonlySet<string> = new Set()
  readonly #older = new WeakMap<BundleInForce, string[]>()

  constructor (parts: TrustParts) {
    this.#parts = parts
  }

  get state (): ReleaseState {
    return this.#state
  }

  get roots (): readonly string[] {
    return this.#parts.roots
  }

  /** In the order in which their roots are pinned: where several vouch for an application, the first does. */
  get bundles (): readonly BundleInForce[] {
    return this.#parts.roots.flatMap((root) => this.#bundles.get(root) ?? [])
  }

  get pointers (): readonly PointerInForce[] {
    return [...this.#pointers.values()]
  }

  /** Nostr keys of every bundle in force, sorted. */
  get keys (): readonly string[] {
    return [...this.#keys].sort()
  }

  get #seconds (): number {
    return Math.floor(this.#parts.now() / 1000)
  }

  /** May this Nostr key announce releases? */
  mayRelease (pubkey: string): boolean {
    return this.#keys.has(pubkey)
  }

  /** The bundle whose release keys are for this application; null for none. */
  bundleFor (app: string): BundleInForce | null {
    return this.bundles.find(({ bundle }) => bundle.roles.release.apps.includes(app)) ?? null
  }

  pointerOf (app: string, channel: string): PointerInForce | null {
    return this.#pointers.get(`${app}/${channel}`) ?? null
  }

  /** Bundles by which a node walks from the pinned root to the present one, oldest first: around each change of the root. */
  olderThan (inForce: BundleInForce): string[] {
    const found = this.#older.get(inForce) ?? this.#walk(inForce)
    this.#older.set(inForce, found)
    return found
  }

  #walk ({ pinned, version }: BundleInForce): string[] {
    const line = this.#kept.filter((each) => each.pinned === pinned && each.version < version)
    const roots = [...line, this.#bundles.get(pinned)!].map(({ text }) => parseTrustBundle(bytesOf(text)).root.ed25519)
    return line.filter((_, i) => roots[i] !== roots[i + 1] || (i > 0 && roots[i] !== roots[i - 1])).slice(-OLDER_LIMIT).map(({ text }) => text)
  }

  /** What is kept comes into force: at the start, and now and then for what other nodes of the bucket learnt. Rejects with StoreError. */
  async load (): Promise<void> {
    const { store, roots } = this.#parts
    if (roots.length === 0) return
    await this.#locks.run('trust', async () => {
      const before = stateText(this.#state)
      const kept = await store.state()
      // of two nodes that kept something at once one may have written over what the other learnt: nothing is ever forgotten, so it is kept again
      this.#state = mergeStates(kept, this.#state)
      if (stateText(this.#state) !== stateText(kept)) this.#state = await store.learn(this.#state)
      const others = this.#kept.length === 0 || stateText(this.#state) !== before
      if (others) await this.#loadBundles()
      if (await this.#loadPointers() || others) {
        this.#list()
        this.#parts.onNews()
      }
    })
  }

  async #loadBundles (): Promise<void> {
    const { store, roots } = this.#parts
    this.#kept = await store.bundles()
    this.#bundles = new Map()
    for (const kept of this.#kept) {
      // a root that is no longer pinned vouches for nothing
      if (roots.includes(kept.pinned) && this.#state.trust[kept.pinned]?.version === kept.version) this.#bundles.set(kept.pinned, { ...kept, bundle: parseTrustBundle(bytesOf(kept.text)) })
    }
  }

  /** True when one is newer than what is in force: another node of the bucket took it. */
  async #loadPointers (): Promise<boolean> {
    let news = false
    for (const { app, channel, text } of await this.#parts.store.pointers()) {
      const pointer = parseLatestPointer(bytesOf(text))
      if (!this.#follows(pointer, this.pointerOf(app, channel))) continue
      this.#pointers.set(`${app}/${channel}`, { pointer, text })
      news = true
    }
    return news
  }

  #list (): void {
    this.#keys = new Set(this.bundles.flatMap(({ bundle: { root, roles } }) => keysOf(root, roles)))
  }

  /** Verifies what is given against what is in force; the time is now. */
  verify (app: string, channel: string, given: { pointer: Uint8Array | null, manifest: Uint8Array | null, events?: readonly unknown[] }): Verified {
    const inForce = this.bundleFor(app) ?? this.bundles[0] ?? null
    const bundle = inForce === null ? null : bytesOf(inForce.text)
    return verifyRelease({ bundle, ...given, roots: this.#parts.roots, state: this.#state, app, channel, now: this.#seconds, installed: null })
  }

  /** May this event be taken, as a carrier of what it carries? Others pass. Throws ReleaseFault or AUTHOR_REFUSED. */
  judge (parsed: CatalogEvent): void {
    if (parsed.type !== 'carrier') return
    const { facts: carrier, event: { pubkey } } = parsed
    if (carrier.role === 'trust') {
      const bundle = this.#judgeBundle(carrier.content).bundle
      // anybody could carry a good bundle any number of times
      if (!keysOf(bundle.root, bundle.roles).includes(pubkey)) throw new CatalogFault('AUTHOR_REFUSED', 'the trust bundle does not list it')
    } else if (carrier.role === 'latest') {
      this.#judgePointer(carrier.app, carrier.channel, carrier.content)
    }
  }

  #judgeBundle (text: string): { bundle: TrustBundle, state: ReleaseState, pinned: string } {
    const checks = new Checks()
    const { bundle, state } = verifyTrust({ bundle: bytesOf(text), roots: this.#parts.roots, state: this.#state, now: this.#seconds }, checks)
    demand(checks.list, 'bundle.')
    const pinned = this.#parts.roots.find((root) => state.trust[root]?.version === bundle!.bundle_version && state.trust[root].root === bundle!.root.ed25519)!
    return { bundle: bundle!, state, pinned }
  }

  #judgePointer (app: string, channel: string, text: string): LatestPointer {
    const { checks, pointer } = this.verify(app, channel, { pointer: bytesOf(text), manifest: null })
    const untrusted = checks.find(({ name, result }) => result === 'failed' && name.startsWith('bundle.') && name !== 'bundle.fresh')
    if (untrusted !== undefined) demand([untrusted], 'bundle.')
    demand(checks, 'pointer.')
    if (this.bundleFor(app) === null) throw new ReleaseFault('APP_NOT_TRUSTED', app)
    return pointer!
  }

  /** Takes what `judge` let pass into force; durable when it resolves. Rejects with ReleaseFault (a newer was quicker) or StoreError. */
  async learn (parsed: CatalogEvent): Promise<void> {
    if (parsed.type !== 'carrier' || parsed.facts.role === 'snapshot') return
    const carrier = parsed.facts
    await this.#locks.run('trust', async () => {
      if (carrier.role === 'trust') await this.#learnBundle(carrier.content)
      else if (carrier.role === 'latest') await this.#learnPointer(carrier.app, carrier.channel, carrier.content)
    })
  }

  async #learnBundle (text: string): Promise<void> {
    const { store, onNews } = this.#parts
    const { bundle, state, pinned } = this.#judgeBundle(text)
    const version = bundle.bundle_version
    if (this.#bundles.get(pinned)?.version === version) return
    const kept = { pinned, version, text }
    // the bundle first: a state that names one which is not there would leave nothing in force
    await store.putBundle(kept)
    this.#state = await store.learn(state)
    this.#kept = [...this.#kept.filter((each) => each.pinned !== pinned || each.version !== version), kept].sort((a, b) => a.version - b.version)
    this.#bundles.set(pinned, { ...kept, bundle })
    this.#list()
    onNews()
  }

  async #learnPointer (app: string, channel: string, text: string): Promise<void> {
    const pointer = this.#judgePointer(app, channel, text)
    if (!this.#follows(pointer, this.pointerOf(app, channel))) return
    await this.#parts.store.putPointer({ app, channel, text })
    this.#pointers.set(`${app}/${channel}`, { pointer, text })
    this.#parts.onNews()
  }

  /** Does it take the place of this one? A newer one does, and any good one that of a pointer whose keys count no more: a thief's may have the highest sequence. */
  #follows (pointer: LatestPointer, inForce: PointerInForce | null): boolean {
    if (inForce === null || isNewer(pointer, inForce.pointer)) return true
    const { checks } = this.verify(pointer.app, pointer.channel, { pointer: bytesOf(inForce.text), manifest: null })
    return checks.some(({ name, result }) => name === 'pointer.signature' && result === 'failed')
  }

  /** The manifest of a channel's pointer is here: what it raises is kept. Rejects with StoreError. */
  async settle (app: string, channel: string, manifest: Uint8Array): Promise<void> {
    await this.#locks.run('trust', async () => {
      const inForce = this.pointerOf(app, channel)
      if (inForce === null) return
      const { newState } = this.verify(app, channel, { pointer: bytesOf(inForce.text), manifest })
      if (stateText(newState) !== stateText(this.#state)) this.#state = await this.#parts.store.learn(newState)
    })
  }

  /** Sha256 of the documents in force, as blobs. */
  documents (): string[] {
    return [...this.#kept, ...this.#pointers.values()].map(({ text }) => sha256Hex(bytesOf(text)))
  }
}

function keysOf (root: TrustBundle['root'], roles: TrustBundle['roles']): string[] {
  return [root.nostr, ...roles.release.nostr, ...roles.timestamp.nostr]
}

function isNewer (pointer: LatestPointer, than: LatestPointer): boolean {
  return pointer.sequence > than.sequence || (pointer.sequence === than.sequence && pointer.issued_at > than.issued_at)
}
