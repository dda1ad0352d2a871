// The table of endpoints as an OpenAPI 3.1 document. Pure.

import { ENDPOINT_TABLE, SCHEMAS } from './endpoints.ts'
import type { Endpoint } from './endpoints.ts'

export interface Named {
  url: string
  version: string
}

const REFUSED = 'Refused: X-Reason says why'

const SCHEMES: Readonly<Record<Exclude<Endpoint['token'], 'none'>, readonly string[]>> = {
  upload: ['nostr'], media: ['nostr'], list: ['nostr'], delete: ['nostr'], nip98: ['nip98'], bearer: ['metrics']
}

function operation (endpoint: Endpoint): Record<string, unknown> {
  const { id, group, method, summary, token, parameters = [], body, answers, refusals } = endpoint
  const verb = token === 'upload' || token === 'media' || token === 'list' || token === 'delete' ? { description: `Token: \`t\` is \`${token}\`; NIP-98 is taken too.` } : {}
  const refusal = {
    description: REFUSED,
    headers: { 'X-Reason': { schema: { type: 'string' } } },
    ...(method === 'HEAD' ? {} : { content: { 'application/json': { schema: { $ref: '#/components/schemas/Refusal' } } } })
  }
  const responses = Object.entries(answers).map(([status, { description, content }]) =>
    [status, { description, ...(content === undefined ? {} : { content: { [content[0]]: { schema: content[1] } } }) }] as const)
  return {
    operationId: id,
    tags: [group],
    summary,
    ...verb,
    ...(token === 'none' ? {} : { security: SCHEMES[token].map((name) => ({ [name]: [] })) }),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined ? {} : { requestBody: { required: true, description: body[2], content: { [body[0]]: { schema: body[1] } } } }),
    responses: Object.fromEntries([...responses, ...refusals.map((status) => [String(status), refusal] as const)])
  }
}

export function buildOpenApi ({ url, version }: Named): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {}
  for (const endpoint of ENDPOINT_TABLE) (paths[endpoint.path] ??= {})[endpoint.method.toLowerCase()] = operation(endpoint)
  return {
    openapi: '3.1.0',
    info: {
      title: 'marquee',
      version,
      description: 'A Nostr Blossom blob server. Every path answers OPTIONS (CORS preflight), every answer may be read by a page of any site, and any ' +
        'request may also be refused with 400, 404, 414, 431 or 500.'
    },
    servers: [{ url }],
    tags: ['Blobs', 'Operators', 'About'].map((name) => ({ name })),
    paths,
    components: {
      schemas: SCHEMAS,
      securitySchemes: {
        nostr: { type: 'http', scheme: 'Nostr', description: 'base64 of a signed event: kind 24242 (BUD-11), or kind 27235 (NIP-98)' },
        nip98: { type: 'http', scheme: 'Nostr', description: 'base64 of a signed event of kind 27235 (NIP-98), by an operator\'s key' },
        metrics: { type: 'http', scheme: 'bearer', description: 'METRICS_TOKEN; where none is set, none is needed on the same machine' }
      }
    }
  }
}
