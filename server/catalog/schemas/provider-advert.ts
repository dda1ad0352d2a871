// The published schema of a provider advert: kind 30081 as Archipelago writes it (`d` and content), extended by tags of ours.

import { HEX64, HTTP_URL, WHOLE, eventSchema } from './event-schema.ts'

export const PROVIDER_ADVERT_SCHEMA = eventSchema({
  file: 'provider-advert.json',
  title: 'Provider advert',
  description: 'Its author says that it has a blob, or all that a manifest or hash sequence lists.',
  kinds: [30081],
  content: { type: 'string', minLength: 7, maxLength: 4096 },
  tags: [
    { name: 'd', values: [HEX64], must: true, once: true, says: 'the BLAKE3 of the blob, 64 lowercase hex digits' },
    { name: 'x', values: [HEX64], once: true, says: 'the sha256 of the blob' },
    { name: 'scope', values: [{ enum: ['blob', 'manifest', 'hashseq'] }], once: true, says: 'blob, manifest or hashseq' },
    { name: 'coverage', values: [{ type: 'string', pattern: '^(0|[1-9][0-9]{0,8})/[1-9][0-9]{0,8}$' }], once: true, says: 'held/listed, as 4987/5000' },
    { name: 'server', values: [HTTP_URL], says: 'a Blossom server' },
    { name: 'size', values: [WHOLE], once: true, says: 'bytes' },
    { name: 'expiration', values: [WHOLE], once: true, says: 'unix seconds' }
  ]
})
