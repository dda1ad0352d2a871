// The first part of a verification: is this trust bundle the root's word, the newest one, and still good (reference §2.5 step 1)? With the change of
// the root itself: signed by the old and the new one, the new one being the one that a bundle before had committed to. Pure.

import { sha256Hex } from '../stores/multihash.ts'
import { didKeyOf } from './did-key.ts'
import { ReleaseFault } from './faults.ts'
import { signedBytes, signersOf } from './signatures.ts'
import { trustOf } from './state.ts'
import { parseTrustBundle } from './trust-bundle.ts'
import type { Checks } from './checks.ts'
import type { ReleaseState, TrustState } from './state.ts'
import type { TrustBundle } from './trust-bundle.ts'

/** Seconds that another clock may be ahead of ours. */
export const CLOCK_TOLERANCE = 600

/** Earlier bundles that are walked at most. */
export const OLDER_LIMIT = 16

export interface TrustRequest {
  bundle: Uint8Array | null
  /** Earlier bundles, oldest first, for a node that was not there when the root changed. */
  older?: readonly Uint8Array[]
  /** Pinned roots, 64 hex digits each. */
  roots: readonly string[]
  state: ReleaseState
  /** Unix seconds. */
  now: number
}

export interface Trusted {
  /** Null unless it is the root's, and no older than what was seen. It may have expired. */
  bundle: TrustBundle | null
  state: ReleaseState
}

/** Writes the checks that begin with `bundle.` into `checks`. */
export function verifyTrust ({ bundle: bytes, older = [], roots, state, now }: TrustRequest, checks: Checks): Trusted {
  let bundle!: TrustBundle
  let lineage!: Lineage
  checks.run('bundle.document', [], () => {
    if (bytes === null) throw new ReleaseFault('BUNDLE_MISSING')
    bundle = parseTrustBundle(bytes)
  })
  checks.run('bundle.root', ['bundle.document'], () => {
    lineage = lineageOf(bundle, walked(older, roots, state))
    return lineage.rotated ? 'the root changes, as committed to' : undefined
  })
  checks.run('bundle.version', ['bundle.root'], () => { checkVersion(bundle, lineage.trust) })
  checks.run('bundle.issued', ['bundle.document'], () => {
    if (bundle.issued_at > now + CLOCK_TOLERANCE) throw new ReleaseFault('BUNDLE_FUTURE')
  })
  checks.run('bundle.fresh', ['bundle.document'], () => {
    if (bundle.expires_at <= now) throw new ReleaseFault('BUNDLE_EXPIRED')
  })
  if (!checks.passed('bundle.root', 'bundle.version', 'bundle.issued')) return { bundle: null, state }
  return { bundle, state: { ...state, trust: { ...state.trust, [lineage.pinned]: trustAfter(bundle) } } }
}

interface Lineage {
  pinned: string
  /** What was known before this bundle; null for nothing. */
  trust: TrustState | null
  rotated: boolean
}

type Known = readonly { pinned: string, trust: TrustState | null }[]

/** What is known of each pinned root once the earlier bundles are read as well. Those that prove nothing are passed over. */
function walked (older: readonly Uint8Array[], roots: readonly string[], state: ReleaseState): Known {
  let known: Known = roots.map((pinned) => ({ pinned, trust: trustOf(state, pinned) ?? inherited(state, pinned) }))
  for (const bytes of older.slice(0, OLDER_LIMIT)) {
    try {
      const bundle = parseTrustBundle(bytes)
      const { pinned, trust } = lineageOf(bundle, known)
      checkVersion(bundle, trust)
      known = known.map((each) => each.pinned === pinned ? { pinned, trust: trustAfter(bundle) } : each)
    } catch (error) {
      if (!(error instanceof ReleaseFault)) throw error
    }
  }
  return known
}

/** An operator who pins the root that another one became keeps what is known of it. */
function inherited (state: ReleaseState, pinned: string): TrustState | null {
  return Object.values(state.trust).filter(({ root }) => root === pinned).sort((a, b) => b.version - a.version)[0] ?? null
}

function trustAfter (bundle: TrustBundle): TrustState {
  return { root: bundle.root.ed25519, version: bundle.bundle_version, signed: sha256Hex(signedBytes(bundle)), next_root: bundle.next_root?.ed25519_sha256 ?? null }
}

/** The pinned root that this bundle comes from. The key is pinned, never taken from the document. Throws what is wrong with it for the first of them. */
function lineageOf (bundle: TrustBundle, known: Known): Lineage {
  const signers = signersOf(bundle)
  let first: ReleaseFault | null = null
  for (const { pinned, trust } of known) {
    try {
      return { pinned, trust, rotated: admit(bundle, signers, trust?.root ?? pinned, trust) }
    } catch (error) {
      if (!(error instanceof ReleaseFault)) throw error
      first ??= error
    }
  }
  throw first ?? new ReleaseFault('ROOT_WRONG', 'none is pinned')
}

/** True when the bundle changes the root. */
function admit (bundle: TrustBundle, signers: ReadonlySet<string>, root: string, trust: TrustState | null): boolean {
  const named = bundle.root.ed25519
  if (!signers.has(didKeyOf(root))) throw new ReleaseFault('ROOT_WRONG')
  if (named === root) {
    // else a stolen root would commit to another and change to it
    if (trust !== null && trust.next_root !== null && bundle.next_root?.ed25519_sha256 !== trust.next_root && bundle.bundle_version > trust.version) {
      throw new ReleaseFault('COMMITMENT_CHANGED')
    }
    return false
  }
  // a bundle that changes the root MUST be signed by both, the new one matching the next_root of a bundle before it
  if (!signers.has(didKeyOf(named))) throw new ReleaseFault('ROOT_HALF_SIGNED')
  if (trust === null || trust.next_root === null) throw new ReleaseFault('ROOT_NOT_COMMITTED', 'no bundle before it was seen that commits to one')
  if (sha256Hex(Buffer.from(named, 'hex')) !== trust.next_root) throw new ReleaseFault('ROOT_NOT_COMMITTED')
  return true
}

/** A node MUST keep the highest bundle_version ever seen and refuse lower ones. */
function checkVersion (bundle: TrustBundle, trust: TrustState | null): void {
  if (trust === null || bundle.bundle_version > trust.version) return
  if (bundle.bundle_version < trust.version) throw new ReleaseFault('BUNDLE_OLDER', `${bundle.bundle_version}, after ${trust.version}`)
  if (sha256Hex(signedBytes(bundle)) !== trust.signed) throw new ReleaseFault('BUNDLE_FORKED', String(trust.version))
}
