// The latest release of a channel from servers and relays: whoever has news, brings it; whoever withholds or makes up some, misleads nobody. Of all bundles
// the highest that the pinned root vouches for, of all pointers the highest that it vouches for; the whole is then verified as one.

import { TRUST_BUNDLE_NAME, latestPointerName } from '../../server/catalog/kinds/application-data.ts'
import { ARTIFACT_KIND } from '../../server/catalog/kinds/artifact.ts'
import { RELEASE_KIND } from '../../server/catalog/kinds/release.ts'
import { Checks } from '../../server/release/checks.ts'
import { ReleaseFault } from '../../server/release/faults.ts'
import { parseLatestPointer } from '../../server/release/latest-pointer.ts'
import { demandThreshold } from '../../server/release/signatures.ts'
import { trustOf } from '../../server/release/state.ts'
import { parseTrustBundle, revokedKeys } from '../../server/release/trust-bundle.ts'
import { verifyRelease } from '../../server/release/verify.ts'
import { verifyTrust } from '../../server/release/verify-trust.ts'
import { sha256Hex } from '../../server/stores/multihash.ts'
import { askRelays } from '../http/relays.ts'
import { readSet } from './set-reading.ts'
import type { SignedEvent } from '../../server/auth/signature.ts'
import type { LatestPointer } from '../../server/release/latest-pointer.ts'
import type { ReleaseState } from '../../server/release/state.ts'
import type { TrustBundle } from '../../server/release/trust-bundle.ts'
import type { Verified } from '../../server/release/verify.ts'

export interface FindParts {
  app: string
  channel: string
  /** Origins. */
  servers: readonly string[]
  /** `ws(s)://` URLs. */
  relays: readonly string[]
  /** 64 hex digits each. */
  roots: readonly string[]
  state: ReleaseState
  /** What runs here; null for nothing. Absent: as the state says. */
  installed?: number | null
  /** Unix seconds. */
  now: number
  say: (line: string) => void
  /** The manifest's bytes from wherever they are, where no server had them; null: nobody has. */
  fetchManifest: (named: LatestPointer['manifest'], origins: readonly string[]) => Promise<Buffer | null>
}

export interface FoundRelease {
  verified: Verified
  bundle: Buffer | null
  pointer: Buffer | null
  manifest: Buffer | null
  /** Origins that the events of listed keys name. */
  origins: string[]
  /** Releases that keys of the bundle announced on relays. */
  events: SignedEvent[]
}

interface Documents {
  bundles: Map<string, Buffer>
  pointers: Map<string, Buffer>
  manifests: Map<string, Buffer>
  events: SignedEvent[]
}

export async function findRelease (parts: FindParts): Promise<FoundRelease> {
  const { app, channel, roots, now, installed, fetchManifest } = parts
  const found: Documents = { bundles: new Map(), pointers: new Map(), manifests: new Map(), events: [] }
  await Promise.all([...parts.servers.map((server) => askServer(server, parts, found)), askForCarriers(parts, found)])
  let best = bestBundle(found, parts)
  if (best.trusted !== null && parts.relays.length > 0) {
    // what those bring whom it lists is not crowded out by what anybody writes
    await askForCarriers(parts, found, keysOf(best.trusted))
    best = bestBundle(found, parts)
  }
  const { bundle, trusted } = best
  const verify = (pointer: Buffer | null, manifest: Buffer | null, events: readonly unknown[] = []): Verified =>
    verifyRelease({ bundle, pointer, manifest, events, app, channel, roots, state: best.state, now, ...(installed === undefined ? {} : { installed }) })
  const pointer = bestPointer(found, trusted, verify)
  if (trusted !== null) await askForEvents(parts, trusted, found)
  const origins = originsIn(found.events, trusted)
  const named = pointer === null ? null : verify(pointer, null).pointer?.manifest ?? null
  const manifest = named === null ? null : found.manifests.get(named.sha256) ?? await fetchManifest(named, origins)
  // those of other releases say nothing of this one
  const own = found.events.filter(({ tags }) => named !== null && tags.some(([name, value]) => name === 'manifest' && value === named.sha256))
  return { verified: verify(pointer, manifest, own), bundle, pointer, manifest, origins, events: found.events.filter(({ kind }) => kind === RELEASE_KIND) }
}

/** What a server answers may be anything: it is no more than what it brings. */
async function askServer (server: string, { app, channel, say }: FindParts, found: Documents): Promise<void> {
  try {
    const set = await readSet(`${server}/catalog/releases/latest?app=${encodeURIComponent(app)}&channel=${encodeURIComponent(channel)}`)
    for (const each of [set.bundle, ...set.older]) if (each !== null) found.bundles.set(sha256Hex(each), Buffer.from(each))
    if (set.pointer !== null) found.pointers.set(sha256Hex(set.pointer), Buffer.from(set.pointer))
    if (set.manifest !== null) found.manifests.set(sha256Hex(set.manifest), Buffer.from(set.manifest))
  } catch (error) {
    say(`${server} has no release to tell: ${error instanceof Error ? error.message : String(error)}`)
  }
}

function keysOf ({ root, roles: { release, timestamp } }: TrustBundle): string[] {
  return [...new Set([root.nostr, ...release.nostr, ...timestamp.nostr])]
}

/** @param authors 64 hex digits each; absent: whoever wrote them */
async function askForCarriers ({ app, channel, relays, say }: FindParts, found: Documents, authors?: string[]): Promise<void> {
  if (relays.length === 0) return
  const d = latestPointerName(app, channel)
  const events = await askRelays(relays, { kinds: [30078], '#d': [TRUST_BUNDLE_NAME, d], limit: 500, ...(authors === undefined ? {} : { authors }) }, null, (relay, words) => { say(`${relay}: ${words}`) })
  for (const { tags, content } of events) {
    const bytes = Buffer.from(content)
    const place = tags.some(([name, value]) => name === 'd' && value === d) ? found.pointers : found.bundles
    place.set(sha256Hex(bytes), bytes)
  }
}

/** Releases and files that keys of the bundle announced: they say where things are. */
async function askForEvents ({ app, relays, say }: FindParts, bundle: TrustBundle, found: Documents): Promise<void> {
  const authors = bundle.roles.release.nostr
  if (relays.length === 0 || authors.length === 0) return
  const filter = { kinds: [RELEASE_KIND, ARTIFACT_KIND], authors, '#i': [app], limit: 500 }
  found.events.push(...await askRelays(relays, filter, null, (relay, words) => { say(`${relay}: ${words}`) }))
}

interface BestBundle {
  bundle: Buffer | null
  /** Null: none is the word of a pinned root. */
  trusted: TrustBundle | null
  /** With all that is authentic in what was found. */
  state: ReleaseState
}

/**
 * The newest of the first pinned root that vouches for the application. All are walked from the oldest on, so that those that prove nothing stand in
 * nobody's way, however many of them somebody makes up.
 */
function bestBundle ({ bundles }: Documents, { app, roots, state, now }: FindParts): BestBundle {
  const readable: { bytes: Buffer, version: number }[] = []
  for (const bytes of bundles.values()) {
    const version = orNull(() => parseTrustBundle(bytes).bundle_version)
    if (version !== null) readable.push({ bytes, version })
  }
  readable.sort((a, b) => a.version - b.version)
  let learnt = state
  const newest = new Map<string, { bundle: Buffer, trusted: TrustBundle }>()
  for (const { bytes } of readable) {
    const { bundle: trusted, state: after } = verifyTrust({ bundle: bytes, roots, state: learnt, now }, new Checks())
    if (trusted === null) continue
    for (const root of roots) if (trustOf(after, root) !== trustOf(learnt, root)) newest.set(root, { bundle: bytes, trusted })
    learnt = after
  }
  const found = roots.flatMap((root) => newest.get(root) ?? [])
  const best = found.find(({ trusted }) => trusted.roles.release.apps.includes(app)) ?? found[0]
  if (best !== undefined) return { ...best, state: learnt }
  // none is good: what is wrong with one of them is told
  return { bundle: readable.at(-1)?.bytes ?? [...bundles.values()][0] ?? null, trusted: null, state }
}

function bestPointer ({ pointers }: Documents, trusted: TrustBundle | null, verify: (pointer: Buffer, manifest: null) => Verified): Buffer | null {
  let best: { bytes: Buffer, good: boolean, pointer: LatestPointer } | null = null
  for (const bytes of pointers.values()) {
    const pointer = orNull(() => parseLatestPointer(bytes))
    if (pointer === null) continue
    // the one check first that a stranger cannot pass: anybody can make up any number of them
    const isSigned = trusted !== null && orNull(() => { demandThreshold(pointer, trusted.roles.timestamp, revokedKeys(trusted)); return true }) === true
    const good = isSigned && verify(bytes, null).checks.every(({ name, result }) => !name.startsWith('pointer.') || name === 'pointer.fresh' || result === 'passed')
    const newer = best === null || (good && !best.good) || (good === best.good && (pointer.sequence > best.pointer.sequence ||
      (pointer.sequence === best.pointer.sequence && pointer.issued_at > best.pointer.issued_at)))
    if (newer) best = { bytes, good, pointer }
  }
  return best?.bytes ?? [...pointers.values()][0] ?? null
}

function originsIn (events: readonly SignedEvent[], trusted: TrustBundle | null): string[] {
  const listed = events.filter(({ pubkey }) => trusted?.roles.release.nostr.includes(pubkey))
  const urls = listed.flatMap(({ tags }) => tags.flatMap(([name, value = '']) => name === 'url' && URL.canParse(value) ? [new URL(value)] : []))
  return [...new Set(urls.filter(({ protocol }) => /^https?:$/.test(protocol)).map(({ origin }) => origin))]
}

function orNull<T> (read: () => T): T | null {
  try {
    return read()
  } catch (error) {
    if (error instanceof ReleaseFault) return null
    throw error
  }
}
