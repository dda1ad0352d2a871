// What the schemas of release documents share. Pure.

export const DRAFT = 'https://json-schema.org/draft/2020-12/schema'

const most = Number.MAX_SAFE_INTEGER

export const HEX64 = { type: 'string', pattern: '^[0-9a-f]{64}$' } as const
/** As `org.archipelago.node`; it is a part of paths and names. */
export const APP = { type: 'string', pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$' } as const
/** As `stable`. */
export const CHANNEL = { type: 'string', pattern: '^[a-z0-9][a-z0-9._-]{0,31}$' } as const
export const VERSION = { type: 'string', pattern: '^[A-Za-z0-9][A-Za-z0-9.+_-]{0,63}$' } as const
/** Unix seconds. */
export const TIME = { type: 'integer', minimum: 0, maximum: most } as const
export const SIZE = { type: 'integer', minimum: 0, maximum: most } as const
export const SEQUENCE = { type: 'integer', minimum: 1, maximum: most } as const
/** A sequence, or 0 for none. */
export const FLOOR = { type: 'integer', minimum: 0, maximum: most } as const
export const DID_KEY = { type: 'string', pattern: '^did:key:z6Mk[1-9A-HJ-NP-Za-km-z]{44}$' } as const
export const MEDIA_TYPE = { type: 'string', maxLength: 127, pattern: '^[a-z0-9][a-z0-9!#$&^_.+-]*/[a-zA-Z0-9][a-zA-Z0-9!#$&^_.+-]*$' } as const

export const SIGNATURES = {
  type: 'array',
  maxItems: 16,
  items: {
    type: 'object',
    required: ['alg', 'key', 'sig'],
    additionalProperties: false,
    properties: { alg: { const: 'ed25519' }, key: DID_KEY, sig: { type: 'string', pattern: '^[0-9a-f]{128}$' } }
  }
} as const
