// BUD-05's rows of the table of endpoints (endpoints.ts). Pure.

import type { Answer, Endpoint, Parameter } from './endpoints.ts'

const HEX64 = { type: 'string', pattern: '^[0-9a-fA-F]{64}$' }
const COUNT = { type: 'integer', minimum: 0 }
const header = (name: string, description: string, schema: Readonly<Record<string, unknown>>): Parameter => ({ name, in: 'header', description, schema })
const EXPIRATION = header('X-Expiration', 'Unix seconds: the blob need not be kept longer for this key', COUNT)
const descriptor = (description: string): Answer => ({ description, content: ['application/json', { $ref: '#/components/schemas/Descriptor' }] })

export const MEDIA_CALLS: readonly Endpoint[] = [
  {
    id: 'media', group: 'Blobs', method: 'PUT', path: '/media', token: 'media', summary: 'Makes a picture or a video fit to be shown, and stores that (BUD-05)',
    parameters: [header('X-SHA-256', 'The sha256 of the body; other bytes are 409', HEX64), EXPIRATION],
    body: ['*/*', { type: 'string', format: 'binary' }, 'JPEG, PNG, WebP, AVIF, GIF; MP4, QuickTime, WebM, Matroska: the bytes themselves'],
    answers: { 200: descriptor('What it became was here already, and is this key\'s too'), 201: descriptor('What it became is stored') },
    refusals: [400, 401, 403, 404, 408, 409, 413, 415, 422, 429, 503, 507]
  },
  {
    id: 'mediaPreflight', group: 'Blobs', method: 'HEAD', path: '/media', token: 'media', summary: 'Would this picture or video be taken now? (BUD-05)',
    parameters: [
      { ...header('X-SHA-256', 'The sha256 of the bytes', HEX64), required: true }, { ...header('X-Content-Length', 'Bytes', COUNT), required: true },
      header('X-Content-Type', 'Media type', { type: 'string' }), EXPIRATION
    ],
    answers: { 200: { description: 'It would' } }, refusals: [400, 401, 403, 404, 411, 413, 415, 429, 503, 507]
  }
]
