// The latest release of a channel from servers and relays: whoever has news, brings it; whoever withholds or makes up some, misleads nobody. Of all bundles
// the highest that the pinned root vouches for, of all pointers the highest that it vouches for; the whole is then verified as one.

import { TRUST_BUNDLE_NAME, latestPointerName } from '../../server/catalog/kinds/application-data.ts'
import { ARTIFACT_KIND } from '../../server/catalog/kinds/artifact.ts'
import { RELEASE_KIND } from '../../server/catalog/kinds/release.ts'
import { Checks } from '../../server/release/checks.ts'
import { ReleaseFault } from '../../server/release/faults.ts'
import { parseLatestPointer } from '../../server/release/latest-pointer.ts'
import { parseTrustBundle } from '../../server/release/trust-bundle.ts'
import { verifyRelease } from '../../server/release/verify.ts'
import { OLDER_LIMIT, verifyTrust } from '../../server/release/verify-trust.ts'
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
}

interface Documents {
  bundles: Map<string, Buffer>
  pointers: Map<string, Buffer>
  manifests: Map<string, Buffer>
  events: SignedEvent[]
}

export async function findRelease (parts: FindParts): Promise<FoundRelease> {
  const { app, channel, roots, state, now, installed, fetchManifest } = parts
  const found: Documents = { bundles: new Map(), pointers: new Map(), manifests: new Map(), events: [] }
  await Promise.all([...parts.servers.map((server) => askServer(server, parts, found)), askForCarriers(parts, found)])
  const { bundle, older, trusted } = bestBundle(found, parts)
  const verify = (pointer: Buffer | null, manifest: Buffer | null, events: readonly unknown[] = []): Verified =>
    verifyRelease({ bundle, older, pointer, manifest, events, app, channel, roots, state, now, ...(installed === undefined ? {} : { installed }) })
  const pointer = bestPointer(found, verify)
  if (trusted !== null) await askForEvents(parts, trusted, found)
  const origins = originsIn(found.events, trusted)
  const named = pointer === null ? null : verify(pointer, null).pointer?.manifest ?? null
  const manifest = named === null ? null : found.manifests.get(named.sha256) ?? await fetchManifest(named, origins)
  // those of other releases say nothing of this one
  const own = found.events.filter(({ tags }) => named !== null && tags.some(([name, value]) => name === 'manifest' && value === named.sha256))
  return { verified: verify(pointer, manifest, own), bundle, pointer, manifest, origins }
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

async function askForCarriers ({ app, channel, relays, say }: FindParts, found: Documents): Promise<void> {
  if (relays.length === 0) return
  const d = latestPointerName(app, channel)
  const events = await askRelays(relays, { kinds: [30078], '#d': [TRUST_BUNDLE_NAME, d], limit: 500 }, null, (relay, words) => { say(`${relay}: ${words}`) })
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

function bestBundle ({ bundles }: Documents, { roots, state, now }: FindParts): { bundle: Buffer | null, older: Buffer[], trusted: TrustBundle | null } {
  const readable: { bytes: Buffer, version: number }[] = []
  for (const bytes of bundles.values()) {
    const version = orNull(() => parseTrustBundle(bytes).bundle_version)
    if (version !== null) readable.push({ bytes, version })
  }
  readable.sort((a, b) => b.version - a.version)
  for (const { bytes, version } of readable) {
    const older = readable.filter((each) => each.version < version).reverse().slice(-OLDER_LIMIT).map((each) => each.bytes)
    const { bundle: trusted } = verifyTrust({ bundle: bytes, older, roots, state, now }, new Checks())
    if (trusted !== null) return { bundle: bytes, older, trusted }
  }
  // none is good: what is wrong with one of them is told
  return { bundle: readable[0]?.bytes ?? [...bundles.values()][0] ?? null, older: [], trusted: null }
}

function bestPointer ({ pointers }: Documents, verify: (pointer: Buffer, manifest: null) => Verified): Buffer | null {
  let best: { bytes: Buffer, good: boolean, pointer: LatestPointer } | null = null
  for (const bytes of pointers.values()) {
    const pointer = orNull(() => parseLatestPointer(bytes))
    if (pointer === null) continue
    const good = verify(bytes, null).checks.every(({ name, result }) => !name.startsWith('pointer.') || name === 'pointer.fresh' || result === 'passed')
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
