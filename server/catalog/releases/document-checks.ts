// POST /catalog/verify for documents of releases: a trust bundle, a latest pointer, a manifest, or a whole release set, each check by its name, against the
// pinned roots and what is in force here. Nothing is learnt from what is asked about.

import { Checks } from '../../release/checks.ts'
import { ReleaseFault } from '../../release/faults.ts'
import { LATEST_POINTER_NAME, parseLatestPointer } from '../../release/latest-pointer.ts'
import { RELEASE_MANIFEST_NAME, nameOfBytes, parseReleaseManifest } from '../../release/manifest-v2.ts'
import { RELEASE_SET_NAME, parseReleaseSet } from '../../release/release-set.ts'
import { demandThreshold, signedBytes } from '../../release/signatures.ts'
import { channelOf } from '../../release/state.ts'
import { TRUST_BUNDLE_NAME, revocationOf, revokedKeys } from '../../release/trust-bundle.ts'
import { verifyRelease } from '../../release/verify.ts'
import { verifyTrust } from '../../release/verify-trust.ts'
import { sha256Hex } from '../../stores/multihash.ts'
import type { Check } from '../../release/checks.ts'
import type { ReleaseManifest } from '../../release/manifest-v2.ts'
import type { Check as Told } from '../verifying.ts'
import type { ReleaseTrust } from './trust.ts'

const OUTCOMES = { passed: 'pass', failed: 'fail', skipped: 'skip' } as const

function tell ({ name, result, code, reason = '', subject }: Check): Told & { code?: string, subject?: string } {
  return { check: name, outcome: OUTCOMES[result], reason, ...(code === undefined ? {} : { code }), ...(subject === undefined ? {} : { subject }) }
}

/** The checks of a document by what its `schema` says it is; null for none of ours. @param now unix seconds */
export function checkDocument (schema: unknown, bytes: Uint8Array, trust: ReleaseTrust, now: number): Told[] | null {
  switch (schema) {
    case TRUST_BUNDLE_NAME: return checkBundle(bytes, trust, now).list.map(tell)
    case LATEST_POINTER_NAME: return checkPointer(bytes, trust)
    case RELEASE_MANIFEST_NAME: return checkManifest(bytes, trust, now)
    case RELEASE_SET_NAME: return checkSet(bytes, trust, now)
    default: return null
  }
}

function checkBundle (bytes: Uint8Array | null, { roots, state }: ReleaseTrust, now: number): Checks {
  const checks = new Checks()
  verifyTrust({ bundle: bytes, roots, state, now }, checks)
  return checks
}

function checkPointer (bytes: Uint8Array, trust: ReleaseTrust): Told[] {
  let of = { app: '', channel: '' }
  try {
    of = parseLatestPointer(bytes)
  } catch (error) {
    if (!(error instanceof ReleaseFault)) throw error // told as the first of its checks
  }
  return trust.verify(of.app, of.channel, { pointer: bytes, manifest: null }).checks.filter(({ name }) => /^(bundle|pointer)\./.test(name)).map(tell)
}

/** Of any release of a channel, the latest or an earlier one. */
function checkManifest (bytes: Uint8Array, trust: ReleaseTrust, now: number): Told[] {
  let manifest!: ReleaseManifest
  const read = new Checks()
  const isRead = read.run('manifest.document', [], () => { manifest = parseReleaseManifest(bytes) })
  if (!isRead) return read.list.map(tell)
  const inForce = trust.bundleFor(manifest.app) ?? trust.bundles[0] ?? null
  const checks = checkBundle(inForce === null ? null : Buffer.from(inForce.text), trust, now)
  const bundle = inForce?.bundle
  const { app, channel, sequence } = manifest
  const known = channelOf(trust.state, app, channel)
  const needs = ['bundle.document', 'bundle.root', 'bundle.version', 'bundle.issued'] as const
  checks.run('manifest.document', [], () => {})
  checks.run('manifest.channel', needs, () => { if (!bundle!.roles.release.apps.includes(app)) throw new ReleaseFault('APP_NOT_TRUSTED', app) })
  const pointer = trust.pointerOf(app, channel)?.pointer ?? null
  const isLatest = pointer?.manifest.sha256 === nameOfBytes(bytes).sha256
  if (isLatest) checks.run('manifest.pointer', [], () => 'the latest pointer names it')
  else checks.skip('manifest.pointer', pointer === null ? 'no latest pointer of its channel is here' : `the latest pointer names ${pointer.sequence}`)
  checks.run('manifest.signature', needs, () => { demandThreshold(manifest, bundle!.roles.release, revokedKeys(bundle!)) })
  checks.run('manifest.sequence', ['manifest.signature'], () => {
    if (known?.sequence === sequence && known.signed !== sha256Hex(signedBytes(manifest))) throw new ReleaseFault('SEQUENCE_REUSED', String(sequence))
  })
  checks.run('manifest.floor', ['manifest.signature'], () => {
    const floor = known?.rollback_floor ?? 0
    if (sequence < floor) throw new ReleaseFault('BELOW_FLOOR', `${sequence}, and the floor is ${floor}`)
  })
  checks.run('manifest.revoked', ['manifest.signature'], () => {
    const entry = revocationOf(bundle!, manifest)
    if (entry !== null) throw new ReleaseFault('VERSION_REVOKED', entry.reason ?? String(entry.sequence))
  })
  checks.skip('manifest.intermediate', 'what is installed is not told here')
  checks.run('manifest.fresh', ['manifest.signature'], () => { if (manifest.expires_at !== undefined && manifest.expires_at <= now) throw new ReleaseFault('MANIFEST_EXPIRED') })
  return checks.list.map(tell)
}

/** As a node with this state and without anything installed would. Throws what `parseReleaseSet` throws. */
function checkSet (bytes: Uint8Array, { roots, state }: ReleaseTrust, now: number): Told[] {
  return verifyRelease({ ...parseReleaseSet(bytes), roots, state, now, installed: null }).checks.map(tell)
}
