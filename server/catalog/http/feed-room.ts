// GET /catalog/events: every accepted event in the order of its arrival here, for servers that follow this one: NDJSON a page at a time, or server-sent
// events without end. One event by its id. The newest snapshot. The published schemas.

import { CatalogFault } from '../faults.ts'
import { SCHEMAS } from '../schemas/published.ts'
import { Failure } from '../../errors.ts'
import { parseSnapshot } from '../kinds/snapshot.ts'
import { numberOf, querySchema, sendJson, sendText } from './answering.ts'
import { EventStreams, lastEventId, messageOf } from './event-stream.ts'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { CatalogStore } from '../catalog-store.ts'
import type { LoggedEvent } from '../event-log.ts'
import type { Snapshots } from '../snapshot.ts'

export interface FeedParts {
  store: CatalogStore
  snapshots: Snapshots
}

const PAGE = 500
const MOST_IN_PAGE = 5000

interface FeedQuery { since_seq?: string, limit?: string }

export async function feedRoom (app: FastifyInstance, { store, snapshots }: FeedParts): Promise<void> {
  const method = ['GET', 'HEAD']
  const streams = new EventStreams(app)

  const lineOf = ({ seq, raw }: LoggedEvent): string => `{"seq":${seq},"event":${raw}}`

  app.route({
    method,
    url: '/catalog/events',
    schema: { querystring: querySchema({ since_seq: 'number', limit: 'number' }) },
    handler: async (request: FastifyRequest<{ Querystring: FeedQuery }>, reply) => {
      const { since_seq: since, limit } = request.query
      if (request.headers.accept?.includes('text/event-stream') !== true || request.method === 'HEAD') {
        const page = store.log.since(numberOf(since, 0), Math.min(Math.max(1, numberOf(limit, PAGE)), MOST_IN_PAGE))
        reply.header('x-last-seq', String(page.at(-1)?.seq ?? numberOf(since, 0)))
        return sendText(request, reply, page.map((each) => `${lineOf(each)}\n`).join(''), 'application/x-ndjson')
      }
      const from = lastEventId(request.headers['last-event-id']) ?? (since === undefined ? store.log.last : Number(since))
      streams.open(reply, from, {
        onMore: (more) => store.onAdded(more),
        after: (place) => {
          const page = store.log.since(place, PAGE)
          return { to: page.at(-1)?.seq ?? place, messages: page.map((each) => messageOf(each.seq, 'event', lineOf(each))) }
        }
      })
      return reply
    }
  })

  app.route({
    method,
    url: '/catalog/events/:id',
    handler: async (request: FastifyRequest<{ Params: { id: string } }>, reply) => {
      const { id } = request.params
      const found = /^[0-9a-f]{64}$/.test(id) ? store.log.get(id) : null
      if (found === null) throw new CatalogFault('EVENT_UNKNOWN')
      return sendText(request, reply, lineOf(found), 'application/json; charset=utf-8')
    }
  })

  app.route({
    method,
    url: '/catalog/snapshot',
    handler: async (request, reply) => {
      const event = snapshots.current()
      if (event === null) throw new CatalogFault('EVENT_UNKNOWN', 'no snapshot was made yet')
      return sendJson(request, reply, { ...parseSnapshot(event), event })
    }
  })

  app.route({ method, url: '/schemas', handler: async (request, reply) => sendJson(request, reply, { schemas: Object.keys(SCHEMAS).map((name) => `/schemas/${name}`) }) })
  app.route({
    method,
    url: '/schemas/:file',
    handler: async (request: FastifyRequest<{ Params: { file: string } }>, reply) => {
      const schema = Object.hasOwn(SCHEMAS, request.params.file) ? SCHEMAS[request.params.file] : undefined
      if (schema === undefined) throw new Failure('PATH_UNKNOWN')
      return sendText(request, reply, JSON.stringify(schema), 'application/schema+json')
    }
  })
}
