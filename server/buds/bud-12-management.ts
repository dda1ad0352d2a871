// BUD-12: GET /list/<pubkey>, newest first, by cursor; DELETE /<sha256>, one owner at a time.

import { Failure } from '../errors.ts'
import { parseBlobPath, parseSha256 } from './blob-path.ts'
import { ENDPOINTS } from './bud-11-authorization.ts'
import { buildDescriptor } from './descriptor.ts'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Guard } from '../auth/guard.ts'
import type { RateLimits } from '../auth/rate-limits.ts'
import type { Blobs } from '../stores/blobs.ts'

export interface ManagementParts {
  blobs: Blobs
  guard: Guard
  rates: RateLimits
  /** `list`: who may list a key's blobs: its owner, everybody, nobody. */
  settings: { readonly current: { readonly list: 'owner' | 'public' | 'off' } }
}

/** A page when the client names no limit, and the largest that it may ask for: more would be cut silently (H-6). */
export const MAX_PAGE = 1000

interface ListParams { limit?: string, cursor?: string, since?: string, until?: string }

function numberParam (name: string, text: string | undefined, least: number, most: number): number | null {
  if (text === undefined) return null
  const value = /^\d{1,15}$/.test(text) ? Number(text) : NaN
  if (!(value >= least && value <= most)) throw new Failure('QUERY_INVALID', `${name} must be a whole number from ${least} to ${most}`)
  return value
}

export async function bud12 (app: FastifyInstance, { blobs, guard, rates, settings }: ManagementParts): Promise<void> {
  type ListRequest = FastifyRequest<{ Params: { pubkey: string }, Querystring: ListParams }>

  app.get('/list/:pubkey', async (request: ListRequest) => {
    const { list } = settings.current
    if (list === 'off') throw new Failure('LIST_OFF')
    const pubkey = parseSha256(request.params.pubkey) // a pubkey is 64 hex digits too, never an npub (12-2)
    if (pubkey === null) throw new Failure('PATH_INVALID', 'the pubkey must be 64 hex digits')
    for (const [name, value] of Object.entries(request.query)) {
      if (typeof value !== 'string') throw new Failure('QUERY_INVALID', `${name} stands more than once`)
    }
    const limit = numberParam('limit', request.query.limit, 1, MAX_PAGE) ?? MAX_PAGE
    const since = numberParam('since', request.query.since, 0, Number.MAX_SAFE_INTEGER) ?? 0
    const until = numberParam('until', request.query.until, 0, Number.MAX_SAFE_INTEGER) ?? Number.MAX_SAFE_INTEGER
    const cursor = request.query.cursor === undefined ? null : parseSha256(request.query.cursor)
    if (cursor === null && request.query.cursor !== undefined) throw new Failure('QUERY_INVALID', 'cursor must be a sha256')
    if (list === 'owner') {
      const { headers, raw } = request
      const token = guard.identify({ authorization: headers.authorization, method: 'GET', target: raw.url!, from: rates.addressOf(raw) }, ENDPOINTS.list)
      if (token.pubkey !== pubkey) throw new Failure('LIST_REFUSED')
    }
    // A19: an ownership that has ended still keeps its place; a cursor that was never in this list is a mistake
    const after = cursor === null ? null : blobs.cursor(pubkey, cursor)
    if (after === null && cursor !== null) throw new Failure('CURSOR_UNKNOWN')
    return blobs.list({ owner: pubkey, limit, since, until, after }).map((blob) => buildDescriptor(blob, guard.names.publicUrl))
  })

  type BlobRequest = FastifyRequest<{ Params: { name: string } }>

  // some clients label an empty body as JSON; nobody reads it
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, body, done) => {
    body.resume()
    done(null)
  })

  app.delete('/:name', async (request: BlobRequest, reply) => {
    const sha256 = parseBlobPath(request.params.name)
    if (sha256 === null) throw new Failure('PATH_UNKNOWN')
    const { headers, raw } = request
    const token = guard.identify({ authorization: headers.authorization, method: 'DELETE', target: raw.url!, from: rates.addressOf(raw) }, ENDPOINTS.delete)
    // 12-11: several x tags MUST NOT delete several blobs: the path alone says which
    guard.cover(token, ENDPOINTS.delete, sha256)
    const outcome = await blobs.disown(sha256, token.pubkey)
    if (outcome === null) throw new Failure('BLOB_UNKNOWN')
    if (outcome === 'not-owner') throw new Failure('NOT_OWNER')
    return reply.code(204).send()
  })
}
