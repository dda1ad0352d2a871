// The published schema of the manifest blob, `indeehub.film-manifest/1`: every blob of a film by its hashes. Closed: what it does not name is
// for a later version, so that nothing deep or large can hide in it.

import { DRAFT, HEX64 } from './event-schema.ts'

const SIZE = { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER }
const REF = { sha256: HEX64, blake3: HEX64, size: SIZE }
const TYPE = { type: 'string', pattern: '^[a-z0-9][a-z0-9!#$&^_.+-]*/[a-zA-Z0-9][a-zA-Z0-9!#$&^_.+-]*$', maxLength: 127 }
const blob = { type: 'object', required: ['sha256', 'blake3', 'size'], additionalProperties: false, properties: REF }
const typedBlob = { type: 'object', required: ['sha256', 'blake3', 'size', 'type'], additionalProperties: false, properties: { ...REF, type: TYPE } }

export const FILM_MANIFEST_SCHEMA = {
  $schema: DRAFT,
  $id: '/schemas/film-manifest.json',
  title: 'Film manifest',
  description: 'Every blob of one encode of a film.',
  'x-fault': 'MANIFEST_INVALID',
  type: 'object',
  required: ['schema', 'title_ref', 'duration_ms', 'master', 'renditions', 'aggregate'],
  additionalProperties: false,
  properties: {
    schema: { const: 'indeehub.film-manifest/1' },
    title_ref: { type: 'string', pattern: '^3423[56]:[0-9a-f]{64}:.', maxLength: 1000 },
    duration_ms: { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER },
    master: blob,
    poster: typedBlob,
    trailer: typedBlob,
    aggregate: HEX64,
    renditions: {
      type: 'array',
      minItems: 1,
      maxItems: 100,
      items: {
        type: 'object',
        required: ['name', 'kind', 'type', 'playlist', 'segments'],
        additionalProperties: false,
        properties: {
          // it is a folder in the paths that the aggregate hash is made over
          name: { type: 'string', pattern: '^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$' },
          kind: { enum: ['video', 'audio', 'subs'] },
          type: TYPE,
          codecs: { type: 'string', maxLength: 200 },
          bandwidth: { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER },
          width: { type: 'integer', minimum: 1, maximum: 100000 },
          height: { type: 'integer', minimum: 1, maximum: 100000 },
          lang: { type: 'string', maxLength: 35 },
          playlist: blob,
          init: blob,
          segments: {
            type: 'array',
            items: {
              type: 'object',
              required: ['sha256', 'blake3', 'size', 'duration_ms'],
              additionalProperties: false,
              properties: { ...REF, duration_ms: { type: 'integer', minimum: 0, maximum: 86400000 } }
            }
          }
        }
      }
    }
  }
} as const
