// The pages' own paths: GET /watch/<naddr>, GET /backstage, and the files of web/ below /web/. `GET /` is api/route.ts', which asks here when a browser asked. No
// other path is taken: every one-part path that begins with 64 hex digits is a blob's.

import { Failure, oneLine } from '../errors.ts'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { RateLimits } from '../auth/rate-limits.ts'
import type { Pages } from './pages.ts'

export interface PagesParts {
  pages: Pages
  rates: RateLimits
  /** The title of this name (naddr1…, or kind:pubkey:d), null where none stands here. Throws what has `status` 400 for a name that cannot be read. */
  findTitle: (name: string) => { title: string } | null
}

/** The browser asks each time, and is told that nothing changed: modules of two versions must not meet. */
const CACHE = 'public, no-cache'

export async function pagesRooms (app: FastifyInstance, { pages, rates, findTitle }: PagesParts): Promise<void> {
  const method = ['GET', 'HEAD']

  /** What the title is called, or why it cannot be watched here. */
  function lookUp (name: string): { title: string } | { reason: string } {
    try {
      return findTitle(name) ?? { reason: 'this server\'s catalog has no title of this address' }
    } catch (error) {
      if (error instanceof Error && (error as { status?: unknown }).status === 400) return { reason: error.message }
      throw error
    }
  }

  app.route({
    method,
    url: '/watch/:address',
    handler: async (request: FastifyRequest<{ Params: { address: string } }>, reply) => {
      rates.ask(rates.addressOf(request.raw))
      const found = lookUp(request.params.address)
      if ('title' in found) return pages.send(reply, 'watch', { title: found.title || 'Untitled' })
      return pages.send(reply.code(404).header('x-reason', oneLine(found.reason)), 'missing', { heading: 'No such film here', reason: found.reason })
    }
  })

  // everything it shows and does is asked of the other rooms, with the creator's own signatures
  app.route({ method, url: '/backstage', handler: async (_request, reply) => pages.send(reply, 'backstage') })

  app.route({
    method,
    url: '/web/:folder/:file',
    handler: async (request: FastifyRequest<{ Params: { folder: string, file: string } }>, reply) => {
      const { folder, file } = request.params
      const found = pages.files.get(`${folder}/${file}`)
      // a page without its nonce and policy is none
      if (found === undefined || file.endsWith('.html')) throw new Failure('PATH_UNKNOWN')
      reply.headers({ 'etag': found.etag, 'cache-control': CACHE, 'x-content-type-options': 'nosniff', 'vary': 'accept-encoding' })
      if (request.headers['if-none-match']?.split(',').some((each) => each.trim().replace(/^W\//, '') === found.etag) === true) return reply.code(304).send()
      const zipped = /\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))/.test(request.headers['accept-encoding'] ?? '')
      if (zipped) reply.header('content-encoding', 'gzip')
      return reply.type(found.type).send(zipped ? found.gzipped() : found.bytes)
    }
  })
}
