// GET /catalog/releases, the latest of a channel with all that a node needs to verify it, the trust bundles, the file that nodes of version 1 read, and
// /catalog/releases/follow. A cache that shows its evidence: the signed documents byte for byte, and the events that carry them.

import { v1ManifestOf } from '../../release/v1.ts'
import { ReleaseFault } from '../../release/faults.ts'
import { typeOf } from '../catalog-event.ts'
import { SNAPSHOT_NAME } from '../kinds/application-data.ts'
import { formatNpub } from '../address.ts'
import { parseRelease } from '../kinds/release.ts'
import { valueOf } from '../tags.ts'
import { numberOf, querySchema, sendJson, sendText } from './answering.ts'
import { EventStreams, lastEventId, messageOf } from './event-stream.ts'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { SignedEvent } from '../../auth/signature.ts'
import type { CatalogStore } from '../catalog-store.ts'
import type { Releases } from '../releases/releases.ts'
import type { ReleaseRow } from '../views/release-views.ts'
import type { StreamLimits } from './event-stream.ts'

export interface ReleasesParts {
  releases: Releases
  store: CatalogStore
  /** Unix milliseconds. */
  now: () => number
  followers?: Partial<StreamLimits>
}

const PAGE = 50
const MOST_IN_PAGE = 200
const STREAM_PAGE = 200
const APP = { type: 'string', pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$' }
const CHANNEL = { type: 'string', pattern: '^[a-z0-9][a-z0-9._-]{0,31}$' }

/** What a list says of a release. */
function summaryOf ({ app, channel, version, sequence, verified, created_at, event }: ReleaseRow, revoked: boolean): Record<string, unknown> {
  const { manifest, changelog } = parseRelease(event)
  return { app, channel, version, sequence, manifest, verified, revoked, changelog, author: event.pubkey, npub: formatNpub(event.pubkey), created_at, event }
}

/** As what a follower is told of an event of releases; null for another, or of another application or channel. */
function topicOf (event: SignedEvent, app: string | undefined, channel: string | undefined): string | null {
  const type = typeOf(event)
  if (type === null) return null
  const d = valueOf(event.tags, 'd') ?? ''
  if (d === SNAPSHOT_NAME) return null
  const [, , ofApp, ofChannel] = type === 'carrier' ? d.split('/') : [null, null, valueOf(event.tags, 'i') ?? d, valueOf(event.tags, 'c')]
  const topic = type !== 'carrier' ? type : d.endsWith('/latest') ? 'pointer' : 'trust'
  // the bundle is for all; an application and a file belong to no channel
  if (topic === 'trust') return topic
  if (app !== undefined && ofApp !== app) return null
  return channel !== undefined && ofChannel !== null && ofChannel !== channel ? null : topic
}

export async function releasesRoom (app: FastifyInstance, { releases, store, now, followers }: ReleasesParts): Promise<void> {
  const method = ['GET', 'HEAD']
  const streams = new EventStreams(app, followers)
  const seconds = (): number => Math.floor(now() / 1000)

  interface ListQuery { app?: string, channel?: string, limit?: string, cursor?: string }
  app.route({
    method,
    url: '/catalog/releases',
    schema: { querystring: querySchema({ app: APP, channel: CHANNEL, limit: 'number', cursor: 'text' }) },
    handler: async (request: FastifyRequest<{ Querystring: ListQuery }>, reply) => {
      const { app, channel, limit, cursor } = request.query
      const page = releases.views.list({ app, channel, limit: Math.min(Math.max(1, numberOf(limit, PAGE)), MOST_IN_PAGE), cursor })
      return sendJson(request, reply, { releases: page.releases.map((row) => summaryOf(row, releases.isRevoked(row))), cursor: page.next })
    }
  })

  app.route({
    method,
    url: '/catalog/releases/latest',
    schema: { querystring: { ...querySchema({ app: APP, channel: CHANNEL }), required: ['app', 'channel'] } },
    handler: async (request: FastifyRequest<{ Querystring: { app: string, channel: string } }>, reply) =>
      sendText(request, reply, releases.latest(request.query.app, request.query.channel), 'application/json; charset=utf-8')
  })

  app.route({ method, url: '/catalog/trust', handler: async (request, reply) => sendJson(request, reply, { bundles: releases.bundles(seconds()) }) })

  app.route({
    method,
    url: '/catalog/releases/:app/:channel/:platform/manifest.json',
    handler: async (request: FastifyRequest<{ Params: { app: string, channel: string, platform: string } }>, reply) => {
      const { app, channel, platform } = request.params
      // a node that cannot check for itself is shown nothing that one that can would not install
      const manifest = releases.verified(app, channel)
      const file = v1ManifestOf(manifest, platform)
      if (file === null) throw new ReleaseFault('MANIFEST_MISSING', `nothing of it is for ${platform.slice(0, 64)}`)
      return sendJson(request, reply, file)
    }
  })

  app.get('/catalog/releases/follow', {
    schema: { querystring: querySchema({ app: APP, channel: CHANNEL, since_seq: 'number' }) }
  }, async (request: FastifyRequest<{ Querystring: { app?: string, channel?: string, since_seq?: string } }>, reply) => {
    const { app, channel, since_seq: since } = request.query
    streams.open(reply, lastEventId(request.headers['last-event-id']) ?? (since === undefined ? store.log.last : Number(since)), {
      onMore: (more) => store.onAdded((events) => { if (events.some(({ parsed: { type } }) => type !== 'advert' && type !== 'title')) more() }),
      after: (place) => {
        const messages: string[] = []
        // what this reader has not asked for is passed over, some at a time
        for (let to = place; ;) {
          const page = releases.views.since(to, STREAM_PAGE)
          for (const { seq, raw } of page) {
            const topic = topicOf(JSON.parse(raw) as SignedEvent, app, channel)
            if (topic !== null) messages.push(messageOf(seq, topic, `{"seq":${seq},"event":${raw}}`))
          }
          to = page.at(-1)?.seq ?? to
          if (messages.length > 0 || page.length === 0) return { to, messages }
        }
      }
    })
    return reply
  })
}
