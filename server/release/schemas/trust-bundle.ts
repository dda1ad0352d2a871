// The published schema of the trust bundle, `archipelago.trust-bundle/1`: closed. What no schema can say is checked in trust-bundle.ts.

import { APP, CHANNEL, DID_KEY, DRAFT, HEX64, SEQUENCE, SIGNATURES, TIME } from './words.ts'

const ROLE = {
  threshold: { type: 'integer', minimum: 1, maximum: 16 },
  keys: { type: 'array', minItems: 1, maxItems: 64, items: DID_KEY },
  nostr: { type: 'array', maxItems: 64, items: HEX64 }
}
const APPS = { type: 'array', minItems: 1, maxItems: 64, items: APP }

export const TRUST_BUNDLE_SCHEMA = {
  $schema: DRAFT,
  $id: '/schemas/trust-bundle.json',
  title: 'Trust bundle',
  description: 'Which keys may sign releases and latest pointers, and which no longer may; signed by the release root.',
  type: 'object',
  required: ['schema', 'bundle_version', 'issued_at', 'expires_at', 'root', 'roles', 'revoked_keys', 'revoked_versions', 'signatures'],
  additionalProperties: false,
  properties: {
    schema: { const: 'archipelago.trust-bundle/1' },
    bundle_version: SEQUENCE,
    issued_at: TIME,
    expires_at: TIME,
    root: { type: 'object', required: ['ed25519', 'nostr'], additionalProperties: false, properties: { ed25519: HEX64, nostr: HEX64 } },
    roles: {
      type: 'object',
      required: ['release', 'timestamp'],
      additionalProperties: false,
      properties: {
        release: { type: 'object', required: ['threshold', 'keys', 'nostr', 'apps'], additionalProperties: false, properties: { ...ROLE, apps: APPS } },
        timestamp: {
          type: 'object',
          required: ['threshold', 'keys', 'nostr', 'max_validity_s'],
          additionalProperties: false,
          properties: { ...ROLE, max_validity_s: { type: 'integer', minimum: 60, maximum: 31 * 86400 } }
        }
      }
    },
    revoked_keys: {
      type: 'array',
      maxItems: 200,
      items: { type: 'object', required: ['key', 'since', 'reason'], additionalProperties: false, properties: { key: DID_KEY, since: TIME, reason: { type: 'string', maxLength: 500 } } }
    },
    revoked_versions: {
      type: 'array',
      maxItems: 500,
      items: {
        type: 'object',
        required: ['app', 'sequence'],
        additionalProperties: false,
        properties: { app: APP, sequence: SEQUENCE, channel: CHANNEL, reason: { type: 'string', maxLength: 500 } }
      }
    },
    next_root: { type: 'object', required: ['ed25519_sha256'], additionalProperties: false, properties: { ed25519_sha256: HEX64 } },
    signatures: SIGNATURES
  }
} as const
