// The catalog's rows of the table of endpoints (endpoints.ts). Pure.

import type { Answer, Endpoint, Parameter } from './endpoints.ts'

type Schema = Readonly<Record<string, unknown>>

const JSON_TYPE = 'application/json'
const EVENT: Schema = { $ref: '#/components/schemas/Event' }
const COUNT: Schema = { type: 'integer', minimum: 0 }
const TEXT: Schema = { type: 'string' }
const HEX64: Schema = { type: 'string', pattern: '^[0-9a-f]{64}$' }
const query = (name: string, description: string, schema: Schema): Parameter => ({ name, in: 'query', description, schema })
const path = (name: string, description: string, schema: Schema = TEXT): Parameter => ({ name, in: 'path', required: true, description, schema })
const json = (description: string, schema: Schema = { type: 'object' }): Answer => ({ description, content: [JSON_TYPE, schema] })
const SAME: Answer = { description: 'As the client has it' }
const PAGE = [query('limit', 'Items at most', { type: 'integer', minimum: 1, maximum: 200, default: 50 }), query('cursor', 'Of the page before', TEXT)]
const TITLE = path('address', 'naddr1…, or kind:pubkey:d')
const HASH: Schema = { type: 'string', description: '64 hex digits, sha256:…, blake3:…, or a CID of raw bytes' }

function look (id: string, url: string, summary: string, answer: Answer, more: Partial<Endpoint> & { refusals: readonly number[] }): Endpoint {
  return { id, group: 'Catalog', method: 'GET', path: url, token: 'none', summary, answers: { 200: answer, 304: SAME }, ...more }
}

/** Each of them answers HEAD as well. */
export const CATALOG_LOOKS: readonly Endpoint[] = [
  look('titles', '/catalog/titles', 'Film titles, newest version first', json('One page, each with its signed event'), {
    parameters: [
      query('creator', 'Hex or npub', TEXT), query('t', 'A topic', TEXT), query('q', 'Words in title, synopsis and topics; the last may be a beginning', TEXT),
      query('status', 'published by default', { enum: ['published', 'withdrawn', 'incomplete', 'any'] }), query('updated_since', 'Unix seconds', COUNT), ...PAGE
    ],
    refusals: [400, 429]
  }),
  look('title', '/catalog/titles/{address}', 'One title: its event, its manifest, how much of it is here', json('The title'), { parameters: [TITLE], refusals: [400, 404, 429] }),
  look('segments', '/catalog/titles/{address}/segments', 'Its segments in play order; as application/vnd.iroh.hashseq their BLAKE3 hashes alone', json('Some of them'), {
    parameters: [TITLE, query('rendition', 'From 0', COUNT), query('from', 'Position of the first', COUNT), query('count', 'At most', { type: 'integer', minimum: 1, maximum: 5000 })],
    refusals: [400, 404, 429]
  }),
  look('collections', '/catalog/collections', 'Collections of titles, newest version first', json('One page, each with its signed event'), {
    parameters: [query('creator', 'Hex or npub', TEXT), ...PAGE], refusals: [400, 429]
  }),
  look('byHash', '/catalog/by-hash/{hash}', 'Which titles and releases name this hash, and as what', json('Its mentions'), { parameters: [path('hash', 'Any spelling', HASH)], refusals: [400, 429] }),
  look('providers', '/catalog/providers', 'Who says that they have a blob, the best first', json('A list for each hash asked for, each with its signed event'), {
    parameters: [query('hash', '1 to 64 of them', { type: 'array', items: HASH, minItems: 1, maxItems: 64 })], refusals: [400, 429]
  }),
  look('events', '/catalog/events', 'Accepted events in the order of their arrival: NDJSON, or server-sent events to who accepts text/event-stream', {
    description: 'A page; X-Last-Seq says where the next begins', content: ['application/x-ndjson', TEXT]
  }, {
    parameters: [query('since_seq', 'What came after', COUNT), query('limit', 'Lines at most', { type: 'integer', minimum: 1, maximum: 5000, default: 500 }), { name: 'Last-Event-ID', in: 'header', description: 'Of server-sent events: go on after', schema: COUNT }],
    refusals: [400, 429, 503]
  }),
  look('event', '/catalog/events/{id}', 'One accepted event', json('With its place in the feed'), { parameters: [path('id', 'Of the event', HEX64)], refusals: [404, 429] }),
  look('snapshot', '/catalog/snapshot', 'The newest snapshot: which blob has every event that stands', json('Its hashes, and the signed event that names it'), { refusals: [404, 429] }),
  look('schemas', '/schemas', 'The JSON schemas of events and manifests', json('Their URLs'), { refusals: [429] }),
  look('schema', '/schemas/{file}', 'One of them', { description: 'A JSON Schema', content: ['application/schema+json', { type: 'object' }] }, { parameters: [path('file', 'As film-manifest-1.json')], refusals: [404, 429] })
]

export const CATALOG_CALLS: readonly Endpoint[] = [
  {
    id: 'publish', group: 'Catalog', method: 'POST', path: '/catalog/events', token: 'none', summary: 'Publishes a signed event: here, and to the relays',
    parameters: [query('allow-missing', 'A title whose blobs are not all here is taken too, and stays incomplete until they are', { enum: ['', '1', 'true'] })],
    body: [JSON_TYPE, EVENT, 'It is its own proof; a NIP-98 token may come with it'],
    answers: { 200: json('It was here already'), 201: json('It is kept; what is missing, and what each relay made of it') },
    refusals: [400, 401, 403, 408, 409, 413, 429, 503]
  },
  {
    id: 'providersOfMany', group: 'Catalog', method: 'POST', path: '/catalog/providers', token: 'none', summary: 'The same for up to 1,000 hashes',
    body: [JSON_TYPE, { type: 'object', required: ['hashes'], properties: { hashes: { type: 'array', items: HASH, minItems: 1, maxItems: 1000 } } }, 'Which'],
    answers: { 200: json('A list for each') }, refusals: [400, 408, 413, 429]
  },
  {
    id: 'startMirror', group: 'Catalog', method: 'POST', path: '/catalog/mirrors', token: 'nip98', summary: 'Fetches what is missing of a title, or one blob, from whichever provider has it; the caller owns what comes',
    body: [JSON_TYPE, { type: 'object', properties: { hash: HASH, title: TEXT, deep: { const: true } } }, 'Either hash, or title (naddr1…, or kind:pubkey:d) and deep'],
    answers: { 202: json('The job: its id, and how far it is') }, refusals: [400, 401, 403, 404, 408, 413, 429, 503]
  },
  {
    id: 'mirrorJob', group: 'Catalog', method: 'GET', path: '/catalog/mirrors/{id}', token: 'nip98', summary: 'How far a mirror job is; to its key, and to operators', parameters: [path('id', 'Of the job')],
    answers: { 200: json('State, coverage, bytes, the last faults') }, refusals: [401, 403, 404, 429]
  },
  {
    id: 'cancelMirror', group: 'Catalog', method: 'DELETE', path: '/catalog/mirrors/{id}', token: 'nip98', summary: 'Ends a mirror job; what came stays', parameters: [path('id', 'Of the job')],
    answers: { 200: json('The job as it ended') }, refusals: [401, 403, 404, 429]
  },
  {
    id: 'verify', group: 'Catalog', method: 'POST', path: '/catalog/verify', token: 'none', summary: 'Checks an event, a film manifest, a document of releases, or what a URL has; keeps nothing',
    body: [JSON_TYPE, { type: 'object' }, 'The event or document itself, or {hash, url}'],
    answers: { 200: json('Each check: passed, failed or skipped, and why') }, refusals: [400, 408, 413, 429]
  }
]
