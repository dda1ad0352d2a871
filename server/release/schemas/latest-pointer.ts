// The published schema of the latest pointer, `archipelago.release-latest/1`: closed.

import { APP, CHANNEL, DRAFT, HEX64, SEQUENCE, SIGNATURES, TIME, VERSION } from './words.ts'

/** No manifest is larger, so that nobody is sent to download one that is: manifest-v2.ts. */
const MANIFEST_SIZE = { type: 'integer', minimum: 1, maximum: 1024 * 1024 } as const

export const LATEST_POINTER_SCHEMA = {
  $schema: DRAFT,
  $id: '/schemas/latest-pointer.json',
  title: 'Latest pointer',
  description: 'Which release of an application is the latest on a channel; signed anew every day, so that withheld news shows.',
  type: 'object',
  required: ['schema', 'app', 'channel', 'sequence', 'version', 'manifest', 'issued_at', 'expires_at', 'signatures'],
  additionalProperties: false,
  properties: {
    schema: { const: 'archipelago.release-latest/1' },
    app: APP,
    channel: CHANNEL,
    sequence: SEQUENCE,
    version: VERSION,
    manifest: { type: 'object', required: ['sha256', 'blake3', 'size'], additionalProperties: false, properties: { sha256: HEX64, blake3: HEX64, size: MANIFEST_SIZE } },
    issued_at: TIME,
    expires_at: TIME,
    signatures: SIGNATURES
  }
} as const
