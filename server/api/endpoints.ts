// Every endpoint in one table: what it takes and what it answers. /openapi.json, /docs and the list in /.well-known/marquee.json are made of it;
// test/api/endpoints.test.ts holds it to the routes that are registered and to docs/api.md. Pure.

import { CATALOG_CALLS, CATALOG_LOOKS } from './catalog-endpoints.ts'
import { PAGE_LOOKS } from './page-endpoints.ts'
import { RELEASE_CALLS, RELEASE_LOOKS } from './release-endpoints.ts'
import { KEY_ENDPOINTS } from './keys-endpoints.ts'
import { MEDIA_CALLS } from './media-endpoints.ts'

type Schema = Readonly<Record<string, unknown>>

export interface Parameter {
  name: string
  in: 'path' | 'query' | 'header'
  required?: true
  description: string
  schema: Schema
}

export interface Answer {
  description: string
  /** Media type and schema of the body; without them there is none. */
  content?: readonly [type: string, schema: Schema]
}

export interface Endpoint {
  id: string
  group: 'Blobs' | 'Catalog' | 'Keys' | 'Operators' | 'About'
  method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE'
  /** As OpenAPI writes it; `{sha256}` may be followed by an extension. */
  path: string
  summary: string
  /** The `t` of a kind 24242 token (BUD-11), for which NIP-98 is taken too; `nip98` where it alone is, `bearer` for METRICS_TOKEN. */
  token: 'none' | 'upload' | 'media' | 'list' | 'delete' | 'nip98' | 'bearer'
  parameters?: readonly Parameter[]
  body?: readonly [type: string, schema: Schema, description: string]
  answers: Readonly<Record<number, Answer>>
  /** Statuses of refusals: all have X-Reason, and but for HEAD a body of code and reason. */
  refusals: readonly number[]
}

const ref = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` })
const HEX64: Schema = { type: 'string', pattern: '^[0-9a-fA-F]{64}$' }
const COUNT: Schema = { type: 'integer', minimum: 0 }
const JSON_TYPE = 'application/json'

/** The bodies that several endpoints share. */
export const SCHEMAS: Readonly<Record<string, Schema>> = {
  Descriptor: {
    type: 'object',
    description: 'A blob descriptor (BUD-02); `nip94` (BUD-08) stands in answers to uploads and mirrors',
    required: ['url', 'sha256', 'size', 'type', 'uploaded'],
    properties: {
      url: { type: 'string', format: 'uri' },
      sha256: { type: 'string', pattern: '^[0-9a-f]{64}$' },
      size: { ...COUNT, description: 'Bytes' },
      type: { type: 'string', description: 'Media type' },
      uploaded: { ...COUNT, description: 'Unix seconds' },
      nip94: { type: 'array', items: { type: 'array', items: { type: 'string' } } }
    }
  },
  Refusal: {
    type: 'object',
    required: ['code', 'reason'],
    properties: { code: { type: 'string', description: 'Stable; docs/api.md lists them' }, reason: { type: 'string', description: 'For people; also in X-Reason' } }
  },
  Event: {
    type: 'object',
    description: 'A signed Nostr event (NIP-01)',
    required: ['id', 'pubkey', 'created_at', 'kind', 'tags', 'content', 'sig'],
    properties: {
      id: HEX64, pubkey: HEX64, created_at: COUNT, kind: COUNT, tags: { type: 'array', items: { type: 'array', items: { type: 'string' } } }, content: { type: 'string' },
      sig: { type: 'string', pattern: '^[0-9a-f]{128}$' }
    }
  }
}

const BLOB: Parameter = {
  name: 'sha256', in: 'path', required: true, description: 'sha256 of the bytes, 64 hex digits, with any extension or none',
  schema: { type: 'string', pattern: '^[0-9a-fA-F]{64}(\\.[A-Za-z0-9.]+)?$' }
}
const header = (name: string, description: string, schema: Schema = { type: 'string' }): Parameter => ({ name, in: 'header', description, schema })
const EXPIRATION = header('X-Expiration', 'Unix seconds: the blob need not be kept longer for this key', COUNT)
const query = (name: string, description: string, schema: Schema): Parameter => ({ name, in: 'query', description, schema })
const CONDITIONS = [
  header('If-None-Match', 'RFC 9110 §13'), header('If-Modified-Since', 'RFC 9110 §13'), header('If-Match', 'RFC 9110 §13'), header('If-Unmodified-Since', 'RFC 9110 §13')
]
const STORED: Readonly<Record<number, Answer>> = {
  200: { description: 'The blob was here already, and is this key\'s too', content: [JSON_TYPE, ref('Descriptor')] },
  201: { description: 'The blob is stored', content: [JSON_TYPE, ref('Descriptor')] }
}
const OBJECT: readonly [string, Schema] = [JSON_TYPE, { type: 'object' }]
const ALIVE: Readonly<Record<number, Answer>> = { 200: { description: 'The process answers', content: OBJECT } }
const READY: Readonly<Record<number, Answer>> = {
  200: { description: 'Database and store answer; catchingUp: how far a node is that joined a bucket', content: OBJECT }, 503: { description: 'X-Reason and the body name what does not', content: OBJECT }
}

/** The same without bodies, as HEAD has it. */
function headOf (endpoint: Endpoint): Endpoint {
  const answers = Object.entries(endpoint.answers).map(([status, { description }]) => [status, { description }] as const)
  return { ...endpoint, id: `${endpoint.id}Head`, method: 'HEAD', answers: Object.fromEntries(answers) }
}

function both (endpoint: Endpoint): Endpoint[] {
  return [endpoint, headOf(endpoint)]
}

/** One of the operator's lists of hashes: read, add to, take from. */
function listOf (name: string, what: string): Endpoint[] {
  const hashes = { type: 'array', items: HEX64, minItems: 1, maxItems: 1000 }
  const fields = { hashes, reason: { type: 'string' }, ...(name === 'blocked' ? { delete: { type: 'boolean' } } : {}), ...(name === 'restricted' ? { to: { type: 'array', items: HEX64, maxItems: 1000 } } : {}) }
  const common = { group: 'Operators', path: `/admin/${name}`, token: 'nip98' } as const
  const done = { 200: { description: 'Done', content: OBJECT } }
  const changing = [400, 401, 403, 408, 413, 429, 503]
  return [
    { ...common, id: `${name}List`, method: 'GET', summary: `The ${what}`, answers: { 200: { description: 'Newest first', content: OBJECT } }, refusals: [401, 403, 429, 503] },
    { ...common, id: `${name}Add`, method: 'POST', summary: `Adds to the ${what}`, body: [JSON_TYPE, { type: 'object', required: ['hashes'], properties: fields }, 'Which'], answers: done, refusals: changing },
    { ...common, id: `${name}Remove`, method: 'DELETE', summary: `Takes from the ${what}`, body: [JSON_TYPE, { type: 'object', required: ['hashes'], properties: { hashes } }, 'Which'], answers: done, refusals: changing }
  ]
}

export const ENDPOINT_TABLE: readonly Endpoint[] = [
  {
    id: 'getBlob', group: 'Blobs', method: 'GET', path: '/{sha256}', token: 'none', summary: 'The blob\'s bytes (BUD-01)',
    parameters: [BLOB, header('Range', 'One or up to 50 ranges of bytes'), header('If-Range', 'RFC 9110 §13'), ...CONDITIONS],
    answers: {
      200: { description: 'All of it', content: ['*/*', { type: 'string', format: 'binary' }] },
      206: { description: 'The ranges asked for', content: ['*/*', { type: 'string', format: 'binary' }] },
      304: { description: 'As the client has it' },
      307: { description: 'The bytes lie at Location; only where the operator has the bucket send them' }
    },
    refusals: [400, 401, 403, 404, 412, 416, 503]
  },
  {
    id: 'headBlob', group: 'Blobs', method: 'HEAD', path: '/{sha256}', token: 'none', summary: 'What GET would say (BUD-01)', parameters: [BLOB, ...CONDITIONS],
    answers: { 200: { description: 'Its headers' }, 304: { description: 'As the client has it' } }, refusals: [400, 401, 403, 404, 412, 503]
  },
  {
    id: 'upload', group: 'Blobs', method: 'PUT', path: '/upload', token: 'upload', summary: 'Stores the body as it is (BUD-02)',
    parameters: [header('X-SHA-256', 'The sha256 of the body; other bytes are 409', HEX64), EXPIRATION],
    body: ['*/*', { type: 'string', format: 'binary' }, 'The bytes themselves, no form'], answers: STORED,
    refusals: [400, 401, 403, 408, 409, 413, 415, 429, 503, 507]
  },
  {
    id: 'uploadPreflight', group: 'Blobs', method: 'HEAD', path: '/upload', token: 'upload', summary: 'Would this upload be taken now? (BUD-06)',
    parameters: [
      { ...header('X-SHA-256', 'The sha256 of the bytes', HEX64), required: true }, { ...header('X-Content-Length', 'Bytes', COUNT), required: true },
      header('X-Content-Type', 'Media type'), EXPIRATION
    ],
    answers: { 200: { description: 'It would' } }, refusals: [400, 401, 403, 411, 413, 415, 429, 503, 507]
  },
  ...MEDIA_CALLS,
  {
    id: 'mirror', group: 'Blobs', method: 'PUT', path: '/mirror', token: 'upload', summary: 'Fetches a URL and stores what it has (BUD-04)', parameters: [EXPIRATION],
    body: [JSON_TYPE, { type: 'object', required: ['url'], properties: { url: { type: 'string', description: 'http, https or blossom:' } } }, 'Where the blob lies'],
    answers: STORED, refusals: [400, 401, 403, 408, 409, 413, 415, 429, 502, 503, 507]
  },
  {
    id: 'report', group: 'Blobs', method: 'PUT', path: '/report', token: 'none', summary: 'Keeps a report for the operator (BUD-09)',
    body: [JSON_TYPE, ref('Event'), 'A signed event of kind 1984 with x tags: it is its own proof'],
    answers: { 200: { description: 'Kept', content: OBJECT } }, refusals: [400, 404, 408, 413, 429, 503]
  },
  {
    id: 'list', group: 'Blobs', method: 'GET', path: '/list/{pubkey}', token: 'list', summary: 'The blobs of a key, newest first (BUD-12)',
    parameters: [
      { name: 'pubkey', in: 'path', required: true, description: '64 hex digits', schema: HEX64 },
      query('limit', 'Items at most', { type: 'integer', minimum: 1, maximum: 1000, default: 1000 }), query('cursor', 'sha256 of the last item seen', HEX64),
      query('since', 'Unix seconds, inclusive', COUNT), query('until', 'Unix seconds, inclusive', COUNT)
    ],
    answers: { 200: { description: 'One page', content: [JSON_TYPE, { type: 'array', items: ref('Descriptor') }] } }, refusals: [400, 401, 403, 404, 429]
  },
  {
    id: 'delete', group: 'Blobs', method: 'DELETE', path: '/{sha256}', token: 'delete', summary: 'Ends one ownership, and with the last the blob (BUD-12)', parameters: [BLOB],
    answers: { 204: { description: 'Done' } }, refusals: [401, 403, 404, 429, 503]
  },
  ...CATALOG_LOOKS.flatMap(both),
  ...CATALOG_CALLS,
  ...PAGE_LOOKS.flatMap(both),
  ...RELEASE_LOOKS.flatMap(both),
  ...RELEASE_CALLS,
  ...KEY_ENDPOINTS,
  {
    id: 'adminRelays', group: 'Operators', method: 'GET', path: '/admin/relays', token: 'nip98', summary: 'How each relay stands, and what waits for it',
    answers: { 200: { description: 'Those configured, then those of which something is left', content: OBJECT } }, refusals: [401, 403, 429, 503]
  },
  {
    id: 'adminReports', group: 'Operators', method: 'GET', path: '/admin/reports', token: 'nip98', summary: 'The reports kept',
    answers: { 200: { description: 'All of them', content: OBJECT } }, refusals: [401, 403, 429, 503]
  },
  {
    id: 'adminDecideReport', group: 'Operators', method: 'POST', path: '/admin/reports/{id}', token: 'nip98', summary: 'Decides a report: accepted blocks its blobs',
    parameters: [{ name: 'id', in: 'path', required: true, description: 'The id of the report\'s event', schema: HEX64 }],
    body: [JSON_TYPE, { type: 'object', required: ['verdict'], properties: { verdict: { enum: ['accepted', 'dismissed'] } } }, 'The verdict'],
    answers: { 200: { description: 'What it blocked', content: OBJECT } }, refusals: [400, 401, 403, 404, 408, 413, 429, 503]
  },
  {
    id: 'adminDamaged', group: 'Operators', method: 'GET', path: '/admin/damaged', token: 'nip98', summary: 'The blobs found damaged',
    answers: { 200: { description: 'Oldest first', content: OBJECT } }, refusals: [401, 403, 429, 503]
  },
  ...listOf('blocked', 'blobs that are hidden and not taken'),
  ...listOf('pinned', 'blobs that stay when their last owner leaves'),
  ...listOf('allowed', 'blobs that alone are taken and served with `allowListOnly`'),
  ...listOf('restricted', 'blobs that are served to their owners and the keys `to` alone'),
  {
    id: 'metrics', group: 'Operators', method: 'GET', path: '/metrics', token: 'bearer', summary: 'Metrics in Prometheus\' text format',
    answers: { 200: { description: 'Now', content: ['text/plain', { type: 'string' }] } }, refusals: [401, 403]
  },
  ...both({
    id: 'healthz', group: 'Operators', method: 'GET', path: '/healthz', token: 'none', summary: 'The process answers', answers: ALIVE, refusals: []
  }),
  ...both({
    id: 'readyz', group: 'Operators', method: 'GET', path: '/readyz', token: 'none', summary: 'Database and store answer', answers: READY, refusals: []
  }),
  ...both({
    id: 'about', group: 'About', method: 'GET', path: '/', token: 'none', summary: 'Name, version, the server\'s public key and URL; to a browser the catalog as a page',
    answers: { 200: { description: 'Who this is', content: OBJECT } }, refusals: []
  }),
  ...both({
    id: 'terms', group: 'About', method: 'GET', path: '/.well-known/marquee.json', token: 'none', summary: 'Limits, types and endpoints in force',
    answers: { 200: { description: 'What holds now', content: OBJECT } }, refusals: []
  }),
  ...both({
    id: 'openapi', group: 'About', method: 'GET', path: '/openapi.json', token: 'none', summary: 'This document',
    answers: { 200: { description: 'OpenAPI 3.1', content: OBJECT } }, refusals: []
  }),
  ...both({
    id: 'docs', group: 'About', method: 'GET', path: '/docs', token: 'none', summary: 'This document as a page',
    answers: { 200: { description: 'Without scripts', content: ['text/html', { type: 'string' }] } }, refusals: []
  })
]
