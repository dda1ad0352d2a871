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
