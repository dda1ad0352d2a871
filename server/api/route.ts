// What the server says of itself: GET / (who), /.well-known/marquee.json (what holds), /openapi.json and /docs (what can be asked).

import { buildOpenApi } from './openapi.ts'
import { buildPage, PAGE_POLICY } from './page.ts'
import { buildTerms } from './terms.ts'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Terms } from './terms.ts'

export interface ApiParts {
  /** What GET / says of this server. */
  about: () => { url: string, version: string } & Record<string, unknown>
  settings: { readonly current: Terms }
  /** Bytes. */
  maxHeaderSize: number
  /** Answers who asks for a page; null: it was a program. */
  home: (request: FastifyRequest, reply: FastifyReply) => FastifyReply | null
}

/** Settings change seldom; a client that asks before each upload should ask its cache. */
const CACHED = 'public, max-age=300'

export async function api (app: FastifyInstance, { about, settings, maxHeaderSize, home }: ApiParts): Promise<void> {
  const method = ['GET', 'HEAD']
  app.route({ method, url: '/', handler: async (request, reply) => home(request, reply) ?? reply.header('vary', 'accept').send(about()) })
  app.route({
    method,
    url: '/.well-known/marquee.json',
    handler: async (_request, reply) => reply.header('cache-control', CACHED).send(buildTerms(settings.current, maxHeaderSize, about()))
  })
  app.route({ method, url: '/openapi.json', handler: async (_request, reply) => reply.header('cache-control', CACHED).send(buildOpenApi(about())) })
  app.route({
    method,
    url: '/docs',
    handler: async (_request, reply) => reply.headers({ 'content-security-policy': PAGE_POLICY, 'x-content-type-options': 'nosniff', 'cache-control': CACHED })
      .type('text/html; charset=utf-8').send(buildPage(about()))
  })
}
