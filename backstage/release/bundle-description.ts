// What a publisher writes of a trust bundle, by hand: the roles and what is revoked. Keys may be written as people have them (did:key or hex, npub or
// hex), and what is usual may be left out.

import { decode } from 'nostr-tools/nip19'
import { parseLoose } from '../../server/release/canonical.ts'
import { didKeyOf, publicKeyIn } from '../../server/release/did-key.ts'
import { checkAgainst } from '../../server/release/document-check.ts'
import { ReleaseFault } from '../../server/release/faults.ts'
import { BUNDLE_LIMIT } from '../../server/release/trust-bundle.ts'
import { readLimited } from './files.ts'
import type { TrustBundle } from '../../server/release/trust-bundle.ts'

export type BundleDescription = Pick<TrustBundle, 'roles' | 'revoked_keys' | 'revoked_versions'>

const WEEK = 7 * 86400

const texts = { type: 'array', items: { type: 'string' } }
const closed = (required: string[], properties: object): object => ({ type: 'object', required, additionalProperties: false, properties })
const role = { threshold: { type: 'integer' }, keys: texts, nostr: texts }

const DESCRIPTION_SCHEMA = closed(['roles'], {
  roles: closed(['release', 'timestamp'], {
    release: closed(['keys', 'apps'], { ...role, apps: texts }),
    timestamp: closed(['keys'], { ...role, max_validity_s: { type: 'integer' } })
  }),
  revoked_keys: { type: 'array', items: closed(['key'], { key: { type: 'string' }, since: { type: 'integer' }, reason: { type: 'string' } }) },
  revoked_versions: { type: 'array', items: { type: 'object' } }
}) as Record<string, unknown>

interface Written {
  roles: {
    release: { threshold?: number, keys: string[], nostr?: string[], apps: string[] }
    timestamp: { threshold?: number, keys: string[], nostr?: string[], max_validity_s?: number }
  }
  revoked_keys?: { key: string, since?: number, reason?: string }[]
  revoked_versions?: TrustBundle['revoked_versions']
}

/** `now` in Unix seconds: since when a key is revoked where that is left out. Rejects with BUNDLE_INVALID or KEY_INVALID. */
export async function readDescription (path: string, now: number): Promise<BundleDescription> {
  const value = parseLoose(await readLimited(path, BUNDLE_LIMIT), BUNDLE_LIMIT)
  checkAgainst({ schema: DESCRIPTION_SCHEMA, fault: 'BUNDLE_INVALID' }, value)
  const { roles: { release, timestamp }, revoked_keys = [], revoked_versions = [] } = value as Written
  return {
    roles: {
      release: { ...roleOf(release), apps: release.apps },
      timestamp: { ...roleOf(timestamp), max_validity_s: timestamp.max_validity_s ?? WEEK }
    },
    revoked_keys: revoked_keys.map(({ key, since = now, reason = '' }) => ({ key: didIn(key), since, reason })),
    revoked_versions
  }
}

function roleOf ({ threshold = 1, keys, nostr = [] }: { threshold?: number, keys: string[], nostr?: string[] }): { threshold: number, keys: string[], nostr: string[] } {
  return { threshold, keys: keys.map(didIn), nostr: nostr.map(pubkeyIn) }
}

/** `did:key` or 64 hex digits. Throws KEY_INVALID. */
export function didIn (text: string): string {
  return text.startsWith('did:') ? didKeyOf(publicKeyIn(text)) : didKeyOf(text.toLowerCase())
}

/** An npub or 64 hex digits. Throws KEY_INVALID. */
function pubkeyIn (text: string): string {
  if (/^[0-9a-f]{64}$/i.test(text)) return text.toLowerCase()
  try {
    const decoded = decode(text)
    if (decoded.type === 'npub') return decoded.data
  } catch {
    // told below
  }
  throw new ReleaseFault('KEY_INVALID', `${text.slice(0, 80)} is no npub`)
}
