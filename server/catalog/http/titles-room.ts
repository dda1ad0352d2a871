// GET /catalog/titles, one of them, its segments; /catalog/collections. Every answer carries the signed event that it is made of: the reader need not
// believe us (design §1.4).

import { CatalogFault } from '../faults.ts'
import { formatAddress, formatNaddr, formatNpub } from '../address.ts'
import { parseTitle } from '../kinds/title.ts'
import { addressIn, keyIn, numberOf, querySchema, sendJson, sendText } from './answering.ts'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { ManifestRows } from '../rows/manifest-rows.ts'
import type { CollectionViews } from '../views/collection-views.ts'
import type { ProviderViews } from '../views/provider-views.ts'
import type { TitleRow, TitleViews } from '../views/title-views.ts'

export interface TitlesParts {
  titles: TitleViews
  collections: CollectionViews
  manifests: ManifestRows
  providers: ProviderViews
  /** Unix milliseconds. */
  now: () => number
}

const PAGE = 50
const MOST_IN_PAGE = 200
const MOST_SEGMENTS = 5000
const HASHSEQ_TYPE = 'application/vnd.iroh.hashseq'
const STATUS = { enum: ['published', 'withdrawn', 'incomplete', 'any'] }

/** What a list says of a title. */
function summaryOf ({ address, title, status, created_at, published_at, duration, manifest, event }: TitleRow): Record<string, unknown> {
  const { servers, topics, synopsis, manifest: named, hashSequence, aggregate, access } = parseTitle(event)
  return {
    address: formatAddress(address), naddr: formatNaddr(address), creator: address.pubkey, npub: formatNpub(address.pubkey), title, synopsis, status, created_at,
    published_at, duration, topics, servers, manifest: manifest === null ? null : named, hashseq: hashSequence, aggregate, gated: access !== null, event
  }
}

function countOf (text: string | undefined, fallback: number, most: number): number {
  return Math.min(Math.max(1, numberOf(text, fallback)), most)
}

export async function titlesRoom (app: FastifyInstance, { titles, collections, manifests, providers, now }: TitlesParts): Promise<void> {
  const method = ['GET', 'HEAD']
  const seconds = (): number => Math.floor(now() / 1000)

  function titleAt (name: string): TitleRow {
    const found = titles.get(addressIn(name), seconds())
    if (found === null) throw new CatalogFault('TITLE_UNKNOWN')
    return found
  }

  interface ListQuery { creator?: string, t?: string, q?: string, status?: TitleRow['status'] | 'any', updated_since?: string, limit?: string, cursor?: string }
  app.route({
    method,
    url: '/catalog/titles',
    schema: { querystring: querySchema({ creator: 'text', t: 'text', q: 'text', status: STATUS, updated_since: 'number', limit: 'number', cursor: 'text' }) },
    handler: async (request: FastifyRequest<{ Querystring: ListQuery }>, reply) => {
      const { creator, t, q, status, updated_since: since, limit, cursor } = request.query
      const page = titles.list({
        creator: keyIn(creator), topic: t, words: q, status, updatedSince: since === undefined ? undefined : Number(since),
        limit: countOf(limit, PAGE, MOST_IN_PAGE), cursor, now: seconds()
      })
      return sendJson(request, reply, { titles: page.titles.map(summaryOf), cursor: page.next })
    }
  })

  type OneRequest = FastifyRequest<{ Params: { address: string } }>
  app.route({
    method,
    url: '/catalog/titles/:address',
    handler: async (request: OneRequest, reply) => {
      const row = titleAt(request.params.address)
      const read = row.manifest === null ? null : manifests.get(row.manifest)
      const coverage = read === null || read.fault !== null ? null : manifests.coverage(read.id)
      const known = row.manifest === null ? [] : providers.of({ algorithm: 'sha256', hex: row.manifest }, seconds())
      return sendJson(request, reply, {
        ...summaryOf(row),
        facts: parseTitle(row.event),
        resolved: read === null || read.fault !== null ? null : { duration_ms: read.duration_ms, aggregate: read.aggregate, renditions: read.renditions },
        health: { manifest: read === null ? 'missing' : read.fault ?? 'read', held: coverage?.held ?? 0, listed: coverage?.listed ?? null, providers: known.length }
      })
    }
  })

  interface SegmentQuery { rendition?: string, from?: string, count?: string }
  app.route({
    method,
    url: '/catalog/titles/:address/segments',
    schema: { querystring: querySchema({ rendition: 'number', from: 'number', count: 'number' }) },
    handler: async (request: FastifyRequest<{ Params: { address: string }, Querystring: SegmentQuery }>, reply) => {
      const row = titleAt(request.params.address)
      const read = row.manifest === null ? null : manifests.get(row.manifest)
      if (read === null || read.fault !== null) throw new CatalogFault('MANIFEST_MISSING')
      const { rendition, from, count } = request.query
      const sequence = request.headers.accept?.includes(HASHSEQ_TYPE) === true
      const listed = manifests.listed(read.id, {
        rendition: rendition === undefined ? null : Number(rendition), segmentsOnly: true, from: numberOf(from, 0), limit: countOf(count, sequence ? MOST_SEGMENTS : 500, MOST_SEGMENTS)
      })
      if (sequence) return sendText(request, reply, Buffer.from(listed.map(({ blake3 }) => blake3).join(''), 'hex'), HASHSEQ_TYPE)
      const next = listed.length === 0 ? null : listed.at(-1)!.position + 1
      return sendJson(request, reply, { manifest: read.sha256, segments: listed, from: next })
    }
  })

  interface CollectionQuery { creator?: string, limit?: string, cursor?: string }
  app.route({
    method,
    url: '/catalog/collections',
    schema: { querystring: querySchema({ creator: 'text', limit: 'number', cursor: 'text' }) },
    handler: async (request: FastifyRequest<{ Querystring: CollectionQuery }>, reply) => {
      const { creator, limit, cursor } = request.query
      const page = collections.list({ creator: keyIn(creator), limit: countOf(limit, PAGE, MOST_IN_PAGE), cursor })
      return sendJson(request, reply, { collections: page.collections, cursor: page.next })
    }
  })
}
