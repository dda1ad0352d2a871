// Whether a node may install a release: the chain from the pinned root to the manifest's hashes, checked in the order of reference §2.5, against
// what the node has kept. The Ed25519 chain is the authority: events and peers can bring news, and mislead nobody. Pure: time and state are given.

import { sha256Hex } from '../stores/multihash.ts'
import { Checks } from './checks.ts'
import { checkEvent } from './event-agreement.ts'
import { ReleaseFault } from './faults.ts'
import { parseLatestPointer } from './latest-pointer.ts'
import { artifactsOf, checkArtifact, nameOfBytes, parseReleaseManifest } from './manifest-v2.ts'
import { demandThreshold, signedBytes } from './signatures.ts'
import { channelOf } from './state.ts'
import { revocationOf, revokedKeys } from './trust-bundle.ts'
import { CLOCK_TOLERANCE, verifyTrust } from './verify-trust.ts'
import type { Check } from './checks.ts'
import type { ReleaseFaultCode } from './faults.ts'
import type { LatestPointer } from './latest-pointer.ts'
import type { ReleaseManifest } from './manifest-v2.ts'
import type { ChannelState, ReleaseState } from './state.ts'
import type { TrustBundle } from './trust-bundle.ts'
import type { TrustRequest } from './verify-trust.ts'

/**
 * What for: `update` to the latest; `repair` installs the latest also where it is installed; `rollback` to an earlier one, by hand; `intermediate`: an
 * earlier one on the way to the latest. The manifest of the last two is not the one that the pointer names.
 */
export type Intent = 'update' | 'repair' | 'rollback' | 'intermediate'

/**
 * `install` it; `stay`: all is good and installed already; `stale`: it is too old or not whole, so nothing new is installed, what runs runs on, and the
 * operator is told; `refused`: somebody cheats, or the release is not for this node.
 */
export type Verdict = 'install' | 'stay' | 'stale' | 'refused'

export interface VerifyRequest extends TrustRequest {
  pointer: Uint8Array | null
  manifest: Uint8Array | null
  /** What is asked for. */
  app: string
  channel: string
  /** Parsed JSON of the Nostr copy. */
  events?: readonly unknown[]
  /** Files as they were measured while they arrived. */
  artifacts?: readonly { sha256: string, blake3: string, size: number }[]
  /** The sequence that runs here; null for none. Absent: as the state says. */
  installed?: number | null
  intent?: Intent
}

export interface Verified {
  verdict: Verdict
  checks: Check[]
  /** To be kept durably, whatever the verdict: what is authentic in it can no longer be taken back. */
  newState: ReleaseState
  /** Null unless authentic; they may have expired. */
  bundle: TrustBundle | null
  pointer: LatestPointer | null
  manifest: ReleaseManifest | null
}

const STALE: readonly ReleaseFaultCode[] = ['BUNDLE_MISSING', 'BUNDLE_EXPIRED', 'POINTER_MISSING', 'POINTER_EXPIRED', 'MANIFEST_MISSING', 'MANIFEST_EXPIRED']
const TRUST = ['bundle.document', 'bundle.root', 'bundle.version', 'bundle.issued'] as const
const POINTER = [...TRUST, 'pointer.document', 'pointer.channel', 'pointer.signature', 'pointer.issued', 'pointer.sequence'] as const
const MANIFEST = [...POINTER, 'manifest.hash', 'manifest.document', 'manifest.channel', 'manifest.pointer', 'manifest.signature'] as const

export function verifyRelease (request: VerifyRequest): Verified {
  const checks = new Checks()
  const { bundle, state } = verifyTrust(request, checks)
  const known = channelOf(request.state, request.app, request.channel)
  const installed = request.installed === undefined ? known?.installed ?? null : request.installed
  const pointer = verifyPointer(request, checks, bundle, known)
  const manifest = verifyManifest(request, checks, bundle, pointer)
  judgeRelease(request, checks, { bundle, pointer, manifest, known, installed })
  judgeEvents(request, checks, { bundle, pointer, manifest })
  judgeArtifacts(request, checks, manifest)
  const authentic = checks.passed(...MANIFEST)
  return {
    checks: checks.list,
    verdict: verdictOf(checks, request.intent ?? 'update', manifest, installed),
    newState: authentic && !reused(manifest!, known) ? { ...state, channels: { ...state.channels, [`${request.app}/${request.channel}`]: channelAfter(manifest!, known) } } : state,
    bundle,
    pointer: checks.passed(...POINTER) ? pointer : null,
    manifest: checks.passed('bundle.root', 'bundle.version', 'manifest.document', 'manifest.channel', 'manifest.pointer', 'manifest.signature') ? manifest : null
  }
}

function verifyPointer ({ pointer: bytes, app, channel, now }: VerifyRequest, checks: Checks, bundle: TrustBundle | null, known: ChannelState | null): LatestPointer | null {
  let pointer: LatestPointer | null = null
  checks.run('pointer.document', [], () => {
    if (bytes === null) throw new ReleaseFault('POINTER_MISSING')
    pointer = parseLatestPointer(bytes)
  })
  checks.run('pointer.channel', ['pointer.document'], () => { checkChannel(pointer!, app, channel) })
  checks.run('pointer.signature', [...TRUST, 'pointer.document'], () => { demandThreshold(pointer!, bundle!.roles.timestamp, revokedKeys(bundle!)) })
  checks.run('pointer.issued', [...TRUST, 'pointer.document'], () => {
    if (pointer!.issued_at > now + CLOCK_TOLERANCE) throw new ReleaseFault('POINTER_FUTURE')
    const most = bundle!.roles.timestamp.max_validity_s
    if (pointer!.expires_at - pointer!.issued_at > most) throw new ReleaseFault('POINTER_TOO_LONG', `at most ${most} s`)
  })
  checks.run('pointer.fresh', ['pointer.document'], () => {
    if (pointer!.expires_at <= now) throw new ReleaseFault('POINTER_EXPIRED')
  })
  checks.run('pointer.sequence', ['pointer.document', 'pointer.channel'], () => {
    if (known !== null && pointer!.sequence < known.sequence) throw new ReleaseFault('POINTER_OLDER', `${pointer!.sequence}, after ${known.sequence}`)
  })
  return pointer
}

function checkChannel (document: { app: string, channel: string }, app: string, channel: string): void {
  if (document.app !== app) throw new ReleaseFault('APP_OTHER', document.app)
  if (document.channel !== channel) throw new ReleaseFault('CHANNEL_OTHER', document.channel)
}

function verifyManifest ({ manifest: bytes, app, channel, intent = 'update' }: VerifyRequest, checks: Checks, bundle: TrustBundle | null, pointer: LatestPointer | null): ReleaseManifest | null {
  let manifest: ReleaseManifest | null = null
  const earlier = intent === 'rollback' || intent === 'intermediate'
  checks.run('manifest.hash', POINTER, () => {
    if (bytes === null) throw new ReleaseFault('MANIFEST_MISSING')
    if (earlier) return
    const { sha256, blake3, size } = pointer!.manifest
    if (bytes.length !== size) throw new ReleaseFault('MANIFEST_HASH', `${bytes.length} bytes, not ${size}`)
    const named = nameOfBytes(bytes)
    if (named.sha256 !== sha256) throw new ReleaseFault('MANIFEST_HASH', 'its sha256')
    if (named.blake3 !== blake3) throw new ReleaseFault('MANIFEST_HASH', 'its BLAKE3')
  })
  checks.run('manifest.document', ['manifest.hash'], () => { manifest = parseReleaseManifest(bytes!) })
  checks.run('manifest.channel', ['manifest.document'], () => {
    checkChannel(manifest!, app, channel)
    if (!bundle!.roles.release.apps.includes(app)) throw new ReleaseFault('APP_NOT_TRUSTED', app)
  })
  checks.run('manifest.pointer', ['manifest.document'], () => {
    if (earlier) {
      if (manifest!.sequence >= pointer!.sequence) throw new ReleaseFault('MANIFEST_DISAGREES', 'it is no earlier release than the latest')
      return 'an earlier release than the latest, as asked for'
    }
    if (manifest!.sequence !== pointer!.sequence) throw new ReleaseFault('MANIFEST_DISAGREES', 'sequence')
    if (manifest!.version !== pointer!.version) throw new ReleaseFault('MANIFEST_DISAGREES', 'version')
  })
  checks.run('manifest.signature', ['manifest.document'], () => { demandThreshold(manifest!, bundle!.roles.release, revokedKeys(bundle!)) })
  return manifest
}

interface Found {
  bundle: TrustBundle | null
  pointer: LatestPointer | null
  manifest: ReleaseManifest | null
  known: ChannelState | null
  installed: number | null
}

/** Steps 5 and 6: may this node go from what it has to this release? */
function judgeRelease ({ intent = 'update', now }: VerifyRequest, checks: Checks, { bundle, manifest, known, installed }: Found): void {
  checks.run('manifest.sequence', MANIFEST, () => {
    const { sequence } = manifest!
    if (reused(manifest!, known)) throw new ReleaseFault('SEQUENCE_REUSED', String(sequence))
    if (installed === null || intent === 'rollback' || sequence > installed || (sequence === installed && intent === 'repair')) return
    if (sequence === installed && intent === 'update') return 'it is installed already'
    throw new ReleaseFault('SEQUENCE_NOT_HIGHER', `${sequence}, and ${installed} is installed`)
  })
  checks.run('manifest.floor', MANIFEST, () => {
    // the floor of the highest manifest ever verified, not of the one installed: a reinstalled node keeps it
    const floor = known?.rollback_floor ?? 0
    const onTheWayUp = installed !== null && installed < floor && manifest!.sequence > installed && intent === 'intermediate'
    if (manifest!.sequence < floor && !onTheWayUp) throw new ReleaseFault('BELOW_FLOOR', `${manifest!.sequence}, and the floor is ${floor}`)
  })
  checks.run('manifest.revoked', MANIFEST, () => {
    const entry = revocationOf(bundle!, manifest!)
    if (entry !== null) throw new ReleaseFault('VERSION_REVOKED', entry.reason ?? String(entry.sequence))
  })
  checks.run('manifest.intermediate', MANIFEST, () => {
    const least = manifest!.min_sequence_to_upgrade_from
    if (intent !== 'rollback' && installed !== null && installed < least) throw new ReleaseFault('INTERMEDIATE_REQUIRED', `it can be upgraded to from ${least}, and ${installed} is installed`)
  })
  checks.run('manifest.fresh', MANIFEST, () => {
    if (manifest!.expires_at !== undefined && manifest!.expires_at <= now) throw new ReleaseFault('MANIFEST_EXPIRED')
  })
}

function judgeEvents ({ events = [], bundle: bundleBytes, pointer: pointerBytes, manifest: bytes }: VerifyRequest, checks: Checks, { bundle, pointer, manifest }: Pick<Found, 'bundle' | 'pointer' | 'manifest'>): void {
  if (events.length === 0) return checks.skip('event', 'no event was given')
  const text = (from: Uint8Array | null): string => Buffer.from(from ?? []).toString('utf8')
  const named = bytes === null ? null : nameOfBytes(bytes)
  const artifacts = manifest === null ? [] : artifactsOf(manifest)
  for (const [i, event] of events.entries()) {
    const id = typeof event === 'object' && event !== null && 'id' in event && typeof event.id === 'string' ? event.id.slice(0, 64) : String(i)
    checks.run('event', MANIFEST, () => {
      checkEvent(event, { bundle: bundle!, bundleText: text(bundleBytes), pointer: pointer!, pointerText: text(pointerBytes), manifest: manifest!, artifacts, named: named! })
    }, id)
  }
}

/** Step 8, for files that have arrived. */
function judgeArtifacts ({ artifacts = [] }: VerifyRequest, checks: Checks, manifest: ReleaseManifest | null): void {
  if (artifacts.length === 0) return checks.skip('artifact', 'files are checked when they arrive')
  const files = manifest === null ? [] : artifactsOf(manifest)
  for (const measured of artifacts) {
    checks.run('artifact', MANIFEST, () => {
      const named = files.find(({ sha256, blake3 }) => sha256 === measured.sha256 || blake3 === measured.blake3)
      if (named === undefined) throw new ReleaseFault('ARTIFACT_WRONG', 'the manifest names no such file')
      checkArtifact(named, measured)
    }, measured.sha256)
  }
}

/** Another release of the highest sequence: one of the two is not meant for us. */
function reused (manifest: ReleaseManifest, known: ChannelState | null): boolean {
  return known !== null && known.sequence === manifest.sequence && known.signed !== sha256Hex(signedBytes(manifest))
}

function channelAfter (manifest: ReleaseManifest, known: ChannelState | null): ChannelState {
  if (known !== null && known.sequence > manifest.sequence) return known
  return { sequence: manifest.sequence, signed: sha256Hex(signedBytes(manifest)), rollback_floor: manifest.rollback_floor, installed: known?.installed ?? null }
}

function verdictOf (checks: Checks, intent: Intent, manifest: ReleaseManifest | null, installed: number | null): Verdict {
  // where an event disagrees the manifest wins, and the event is reported
  const codes = checks.faults().filter(({ name }) => name !== 'event').map(({ code }) => code)
  if (codes.some((code) => !STALE.includes(code))) return 'refused'
  if (codes.length > 0) return 'stale'
  return intent === 'update' && manifest?.sequence === installed ? 'stay' : 'install'
}
