// The film keys' rows of the table of endpoints (endpoints.ts). Pure.

import type { Answer, Endpoint, Parameter } from './endpoints.ts'

type Schema = Readonly<Record<string, unknown>>

const JSON_TYPE = 'application/json'
const TEXT: Schema = { type: 'string' }
const HEX64: Schema = { type: 'string', pattern: '^[0-9a-f]{64}$' }
const KEY_ID: Schema = { type: 'string', pattern: '^[0-9a-f]{16}$' }
const COUNT: Schema = { type: 'integer', minimum: 0 }
const ID: Parameter = { name: 'id', in: 'path', required: true, description: '16 lower-case hex digits, as the playlist has it', schema: KEY_ID }
const TITLE: Parameter = { name: 'title', in: 'path', required: true, description: 'naddr1…, or kind:pubkey:d', schema: TEXT }
const ACCESS: Schema = { type: 'object', required: ['who'], properties: { who: { enum: ['open', 'signed-in', 'list'] }, pubkeys: { type: 'array', items: HEX64, maxItems: 10_000 } } }
const json = (description: string, schema: Schema = { type: 'object' }): Answer => ({ description, content: [JSON_TYPE, schema] })

export const KEY_ENDPOINTS: readonly Endpoint[] = [
  {
    id: 'putKey', group: 'Keys', method: 'PUT', path: '/keys/{id}', token: 'nip98', summary: 'Hands in a key of a film; the id belongs to the title that takes it first', parameters: [ID],
    body: [JSON_TYPE, { type: 'object', required: ['title', 'key'], properties: { title: TEXT, key: { type: 'string', pattern: '^[0-9a-fA-F]{32}$' } } }, 'Signed by the creator of the title, which need not be published yet'],
    answers: { 200: json('The same key was here already'), 201: json('It is kept') }, refusals: [400, 401, 403, 408, 409, 413, 429, 503]
  },
  {
    id: 'getKey', group: 'Keys', method: 'GET', path: '/keys/{id}', token: 'nip98', summary: 'The 16 bytes of a key, to whom the creator lets have it; an open title\'s to anybody',
    parameters: [ID, { name: 'token', in: 'query', description: 'A session\'s, where the player can send no Authorization: Bearer', schema: TEXT }],
    answers: { 200: { description: 'The key', content: ['application/octet-stream', { type: 'string', format: 'binary' }] } }, refusals: [400, 401, 403, 404, 410, 429, 503]
  },
  {
    id: 'openSession', group: 'Keys', method: 'POST', path: '/keys/session', token: 'nip98', summary: 'A token for the keys of one title, for players that cannot sign each request: good for five minutes, while the creator lets its key have them',
    body: [JSON_TYPE, { type: 'object', required: ['title'], properties: { title: TEXT } }, 'Which title'],
    answers: { 200: json('The token, and when it is over', { type: 'object', required: ['token', 'expires'], properties: { token: TEXT, expires: COUNT } }) },
    refusals: [400, 401, 403, 404, 408, 410, 413, 429, 503]
  },
  {
    id: 'putAccess', group: 'Keys', method: 'PUT', path: '/keys/access/{title}', token: 'nip98', summary: 'Who may have the keys of a title, in place of what held before; holds at once', parameters: [TITLE],
    body: [JSON_TYPE, ACCESS, 'Signed by the creator'], answers: { 200: json('What holds now', ACCESS) }, refusals: [400, 401, 403, 404, 408, 413, 429, 503]
  },
  {
    id: 'getAccess', group: 'Keys', method: 'GET', path: '/keys/access/{title}', token: 'nip98', summary: 'The same, to the creator', parameters: [TITLE],
    answers: { 200: json('What holds now', ACCESS) }, refusals: [400, 401, 403, 429, 503]
  },
  {
    id: 'titleKeys', group: 'Keys', method: 'GET', path: '/keys/titles/{title}', token: 'nip98', summary: 'The ids of the keys that are here for a title, to its creator', parameters: [TITLE],
    answers: { 200: json('The ids', { type: 'object', required: ['keys'], properties: { keys: { type: 'array', items: KEY_ID } } }) }, refusals: [400, 401, 403, 429, 503]
  },
  {
    id: 'keyAudit', group: 'Keys', method: 'GET', path: '/keys/audit/{title}', token: 'nip98', summary: 'Who asked for the keys of a title, and what they were told, to its creator',
    parameters: [
      TITLE, { name: 'limit', in: 'query', description: 'Entries at most', schema: { type: 'integer', minimum: 1, maximum: 1000, default: 100 } },
      { name: 'before', in: 'query', description: '`next` of the page before', schema: TEXT }
    ],
    answers: { 200: json('Newest first, of all nodes; next is null on the last page') }, refusals: [400, 401, 403, 429, 503]
  }
]
