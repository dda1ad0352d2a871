// What a server offers besides blobs, by its own word at /.well-known/marquee.json. A server without one is a plain Blossom server.

import { lookUp } from './json-calls.ts'
import type { CallParts } from './json-calls.ts'

export interface Offers {
  /** It keeps keys of films (PUT /keys/<id>). */
  keys: boolean
  /** It has a catalog (POST /catalog/events). */
  catalog: boolean
  /** It has a page that plays a title (GET /watch/<naddr>). */
  watch: boolean
  /** Bytes of the largest blob; null where it does not say. */
  blobBytes: number | null
}

/** Rejects with NetworkFault, or ServerRefusal where it answers neither yes nor no. */
export async function offersOf (parts: CallParts, origin: string): Promise<Offers> {
  const terms = await lookUp(parts, { method: 'GET', url: `${origin}/.well-known/marquee.json` }) as Record<string, unknown> | null
  const endpoints = Array.isArray(terms?.['endpoints']) ? terms['endpoints'] as Record<string, unknown>[] : []
  const has = (method: string, path: RegExp): boolean => endpoints.some((each) => each['method'] === method && typeof each['path'] === 'string' && path.test(each['path']))
  const bytes = (terms?.['limits'] as Record<string, unknown> | undefined)?.['blobBytes']
  return { keys: has('PUT', /^\/keys\/[{:]/), catalog: has('POST', /^\/catalog\/events$/), watch: has('GET', /^\/watch\/[{:]/), blobBytes: typeof bytes === 'number' ? bytes : null }
}
