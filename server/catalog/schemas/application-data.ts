// The published schema of what we carry in kind 30078 (NIP-78): the catalog's snapshot, and releases' trust bundle and latest pointer.

import { HEX64, WHOLE, eventSchema } from './event-schema.ts'

export const APPLICATION_DATA_SCHEMA = eventSchema({
  file: 'application-data.json',
  title: 'Carrier of signed data',
  description: 'The name says what the content is: a catalog snapshot, a trust bundle or a latest pointer.',
  kinds: [30078],
  content: { type: 'string', minLength: 2 },
  tags: [
    {
      name: 'd',
      values: [{ type: 'string', pattern: '^(indeehub/catalog/snapshot|archipelago/release/trust/v1|archipelago/release/[^/]+/[^/]+/latest)$' }],
      must: true,
      once: true,
      says: 'indeehub/catalog/snapshot, archipelago/release/trust/v1 or archipelago/release/<app>/<channel>/latest'
    },
    { name: 'x', values: [HEX64], says: 'the sha256 of a blob that the content names' },
    { name: 'size', values: [WHOLE], says: 'bytes' }
  ]
})

/** The content of `indeehub/catalog/snapshot`. */
export const SNAPSHOT_SCHEMA = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  $id: '/schemas/catalog-snapshot.json',
  title: 'Catalog snapshot',
  description: 'Names a blob of NDJSON, one live event a line, and the sequence it reaches to.',
  'x-fault': 'CONTENT_INVALID',
  type: 'object',
  required: ['schema', 'seq', 'events', 'sha256', 'blake3', 'size'],
  additionalProperties: false,
  properties: {
    schema: { const: 'indeehub.catalog-snapshot/1' },
    seq: { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER },
    events: { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER },
    sha256: HEX64,
    blake3: HEX64,
    size: { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER }
  }
} as const
