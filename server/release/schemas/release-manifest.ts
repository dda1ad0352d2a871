// The published schema of the release manifest, `archipelago.release-manifest/2`: closed. The members that nodes of version 1 read keep their names
// and types (reference §2.4).

import { APP, CHANNEL, DRAFT, FLOOR, HEX64, MEDIA_TYPE, SEQUENCE, SIGNATURES, SIZE, TIME, VERSION } from './words.ts'

const FILE = { sha256: HEX64, blake3: HEX64, size_bytes: SIZE, m: MEDIA_TYPE }
const PLATFORM = { type: 'string', pattern: '^[a-z0-9][a-z0-9_-]{0,63}$' }
const NAME = { type: 'string', pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$' }
const HTTP = { type: 'string', maxLength: 1000, pattern: '^https?://[^\\s/?#@]+(/\\S*)?$' }

export const RELEASE_MANIFEST_SCHEMA = {
  $schema: DRAFT,
  $id: '/schemas/release-manifest.json',
  title: 'Release manifest',
  description: 'One release of an application on a channel: its files by their hashes, and from where a node may upgrade to it.',
  type: 'object',
  required: [
    'schema', 'app', 'channel', 'version', 'sequence', 'min_sequence_to_upgrade_from', 'rollback_floor', 'release_date', 'changelog', 'components', 'signatures'
  ],
  additionalProperties: false,
  properties: {
    schema: { const: 'archipelago.release-manifest/2' },
    app: APP,
    channel: CHANNEL,
    version: VERSION,
    sequence: SEQUENCE,
    min_sequence_to_upgrade_from: FLOOR,
    rollback_floor: FLOOR,
    release_date: { type: 'string', pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9:.]{5,15}(Z|[+-][0-9:]{4,6})?)?$' },
    changelog: { type: 'array', maxItems: 200, items: { type: 'string', maxLength: 2000 } },
    expires_at: TIME,
    // where a file is found besides its own URLs: <server>/<sha256>
    servers: { type: 'array', maxItems: 16, items: { type: 'string', maxLength: 300, pattern: '^https?://[^\\s/?#@]+$' } },
    components: {
      type: 'array',
      maxItems: 256,
      items: {
        type: 'object',
        required: ['name', 'current_version', 'new_version', 'platform', 'download_url', 'sha256', 'blake3', 'size_bytes', 'm'],
        additionalProperties: false,
        properties: {
          ...FILE,
          name: NAME,
          current_version: { type: 'string', maxLength: 64 },
          new_version: VERSION,
          platform: PLATFORM,
          download_url: HTTP,
          urls: { type: 'array', maxItems: 16, items: { type: 'string', maxLength: 1000, pattern: '^(https?://|blossom:)\\S+$' } },
          post_apply_probe: { type: 'string', maxLength: 200 }
        }
      }
    },
    images: {
      type: 'array',
      maxItems: 32,
      items: {
        type: 'object',
        required: ['name', 'artifacts'],
        additionalProperties: false,
        properties: {
          name: NAME,
          artifacts: {
            type: 'array',
            minItems: 1,
            maxItems: 512,
            items: {
              type: 'object',
              required: ['role', 'sha256', 'blake3', 'size_bytes', 'm'],
              additionalProperties: false,
              properties: { ...FILE, role: { enum: ['index', 'manifest', 'config', 'layer'] } }
            }
          }
        }
      }
    },
    signatures: SIGNATURES
  }
} as const
