// The published schema of a catalog snapshot: the content of the 30078 event named `indeehub/catalog/snapshot`.

import { DRAFT, HEX64 } from './event-schema.ts'

export const SNAPSHOT_SCHEMA = {
  $schema: DRAFT,
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
