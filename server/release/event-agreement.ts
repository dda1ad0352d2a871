// The Nostr copy of a release: is an event signed by a key that the bundle lists for it, and does it say what the signed documents say (reference
// §2.5 step 7)? It is discovery: where it disagrees the documents win and the event is reported, and it alone installs nothing. Pure.

import { isEvent, isSigned } from '../auth/signature.ts'
import { ReleaseFault } from './faults.ts'
import type { SignedEvent } from '../auth/signature.ts'
import type { LatestPointer } from './latest-pointer.ts'
import type { ReleaseArtifact, ReleaseManifest } from './manifest-v2.ts'
import type { TrustBundle } from './trust-bundle.ts'

/** Documents that have been verified, and the bytes they came in. */
export interface Documents {
  bundle: TrustBundle
  bundleText: string
  pointer: LatestPointer
  pointerText: string
  manifest: ReleaseManifest
  /** Every file that it names. */
  artifacts: readonly ReleaseArtifact[]
  /** The names of the manifest's file. */
  named: { sha256: string, blake3: string, size: number }
}

/** Throws EVENT_INVALID, EVENT_KEY_NOT_LISTED or EVENT_DISAGREES. */
export function checkEvent (value: unknown, documents: Documents): void {
  if (!isEvent(value)) throw new ReleaseFault('EVENT_INVALID', 'its shape')
  if (!isSigned(value)) throw new ReleaseFault('EVENT_INVALID', 'its id or signature')
  const { root, roles: { release, timestamp } } = documents.bundle
  switch (value.kind) {
    case 32267: return checkApplication(listed(value, release.nostr), documents)
    case 30063: return checkRelease(listed(value, release.nostr), documents)
    case 3063: return checkArtifactEvent(listed(value, release.nostr), documents)
    case 30078: {
      const { app, channel } = documents.manifest
      const d = only(value, 'd')
      // a carrier is no more than that: while the root is offline, those who publish may carry its word
      if (d === 'archipelago/release/trust/v1') return same('content', listed(value, [root.nostr, ...release.nostr, ...timestamp.nostr]).content, documents.bundleText)
      if (d === `archipelago/release/${app}/${channel}/latest`) return same('content', listed(value, [...timestamp.nostr, ...release.nostr]).content, documents.pointerText)
      throw new ReleaseFault('EVENT_DISAGREES', 'd')
    }
    default: throw new ReleaseFault('EVENT_INVALID', `kind ${value.kind}`)
  }
}

function listed (event: SignedEvent, keys: readonly string[]): SignedEvent {
  if (!keys.includes(event.pubkey)) throw new ReleaseFault('EVENT_KEY_NOT_LISTED', event.pubkey)
  return event
}

function checkApplication (event: SignedEvent, { manifest }: Documents): void {
  same('d', only(event, 'd'), manifest.app)
}

function checkRelease (event: SignedEvent, { manifest, named }: Documents): void {
  const { app, version, channel, sequence } = manifest
  same('d', only(event, 'd'), `${app}@${version}`)
  same('i', only(event, 'i'), app)
  same('version', only(event, 'version'), version)
  same('c', only(event, 'c'), channel)
  same('sequence', only(event, 'sequence'), String(sequence))
  same('manifest', tags(event, 'manifest').map((tag) => tag.slice(1, 4).join(' ')).join(), `${named.sha256} ${named.blake3} ${named.size}`)
}

function checkArtifactEvent (event: SignedEvent, { manifest, artifacts }: Documents): void {
  same('i', only(event, 'i'), manifest.app)
  same('version', only(event, 'version'), manifest.version)
  const component = tags(event, 'component')[0]?.[1] ?? null
  const platforms = tags(event, 'f').map((tag) => tag[1])
  const x = only(event, 'x')
  const files = artifacts.filter(({ sha256 }) => sha256 === x)
  if (files.length === 0) throw new ReleaseFault('EVENT_DISAGREES', 'x')
  same('blake3', only(event, 'blake3'), files[0]!.blake3)
  same('size', only(event, 'size'), String(files[0]!.size_bytes))
  const named = files.filter(({ name }) => component === null || name === component)
  if (named.length === 0) throw new ReleaseFault('EVENT_DISAGREES', 'component')
  if (!named.some(({ platform }) => platform === null || platforms.includes(platform))) throw new ReleaseFault('EVENT_DISAGREES', 'f')
}

function tags (event: SignedEvent, name: string): string[][] {
  return event.tags.filter((tag) => tag[0] === name)
}

/** The value of a tag that stands once; null without one. */
function only (event: SignedEvent, name: string): string | null {
  const found = tags(event, name)
  if (found.length > 1) throw new ReleaseFault('EVENT_DISAGREES', `${name} twice`)
  return found[0]?.[1] ?? null
}

function same (name: string, said: string | null, meant: string): void {
  if (said !== meant) throw new ReleaseFault('EVENT_DISAGREES', name)
}
