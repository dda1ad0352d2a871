// The trust bundle, `archipelago.trust-bundle/1`: from the release root to the keys that work every day, as sets with thresholds, and which keys and
// versions are revoked. The root signs bundles and nothing else (reference §2.3). Pure.

import { canonicalText } from './canonical.ts'
import { publicKeyIn } from './did-key.ts'
import { parseDocument } from './document-check.ts'
import { ReleaseFault } from './faults.ts'
import { TRUST_BUNDLE_SCHEMA } from './schemas/trust-bundle.ts'
import type { DocumentKind } from './document-check.ts'
import type { Signature } from './signatures.ts'

export const TRUST_BUNDLE_NAME = 'archipelago.trust-bundle/1'

/** Bytes: it travels in an event. */
export const BUNDLE_LIMIT = 44 * 1024

export interface Role {
  /** How many different keys must sign. */
  threshold: number
  /** `did:key` of each. */
  keys: string[]
  /** Keys of the Nostr events beside the documents, 64 hex digits each. */
  nostr: string[]
}

export interface RevokedVersion {
  app: string
  sequence: number
  /** Of this channel alone; absent: of every channel. */
  channel?: string
  reason?: string
}

/** Members as they stand in the document; times in Unix seconds. */
export interface TrustBundle {
  schema: typeof TRUST_BUNDLE_NAME
  bundle_version: number
  issued_at: number
  expires_at: number
  /** 64 hex digits each. */
  root: { ed25519: string, nostr: string }
  roles: {
    release: Role & { apps: string[] }
    timestamp: Role & { max_validity_s: number }
  }
  revoked_keys: { key: string, since: number, reason: string }[]
  revoked_versions: RevokedVersion[]
  /** sha256 of the 32 bytes of the root that follows. */
  next_root?: { ed25519_sha256: string }
  signatures: Signature[]
}

const KIND: DocumentKind = { name: TRUST_BUNDLE_NAME, schema: TRUST_BUNDLE_SCHEMA, fault: 'BUNDLE_INVALID', limit: BUNDLE_LIMIT }

/** Says nothing of who signed. Throws as `parseDocument`, with BUNDLE_INVALID. */
export function parseTrustBundle (bytes: Uint8Array): TrustBundle {
  const bundle = parseDocument(KIND, bytes) as TrustBundle
  for (const [name, { keys, threshold, nostr }] of Object.entries(bundle.roles)) {
    for (const key of keys) checkKey(key)
    if (new Set(keys).size < keys.length || new Set(nostr).size < nostr.length) throw new ReleaseFault('BUNDLE_INVALID', `${name}: a key twice`)
    if (threshold > keys.length) throw new ReleaseFault('BUNDLE_INVALID', `${name}: a threshold of ${threshold} and ${keys.length} keys`)
  }
  for (const { key } of bundle.revoked_keys) checkKey(key)
  if (bundle.expires_at <= bundle.issued_at) throw new ReleaseFault('BUNDLE_INVALID', 'it expires before it is issued')
  return bundle
}

function checkKey (key: string): void {
  try {
    publicKeyIn(key)
  } catch {
    throw new ReleaseFault('BUNDLE_INVALID', `${key} is no key`)
  }
}

/** The bytes of it. Throws as `parseTrustBundle`. */
export function buildTrustBundle (bundle: TrustBundle): Buffer {
  const bytes = Buffer.from(canonicalText(bundle))
  parseTrustBundle(bytes)
  return bytes
}

export function revokedKeys (bundle: TrustBundle): ReadonlySet<string> {
  return new Set(bundle.revoked_keys.map(({ key }) => key))
}

/** Is this release of an application revoked? The entry that says so, or null. */
export function revocationOf (bundle: TrustBundle, { app, channel, sequence }: { app: string, channel: string, sequence: number }): RevokedVersion | null {
  return bundle.revoked_versions.find((each) => each.app === app && each.sequence === sequence && (each.channel ?? channel) === channel) ?? null
}
