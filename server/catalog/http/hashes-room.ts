// GET /catalog/by-hash/<hash> and /catalog/providers: which film or release names this hash, and who says that they have it.

import { formatAddress, formatNpub } from '../address.ts'
import { hashesIn, querySchema, sendJson } from './answering.ts'
import { parseJsonObject } from '../../json-body.ts'
import { Failure } from '../../errors.ts'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { RateLimits } from '../../auth/rate-limits.ts'
import type { HashName } from '../hash-name.ts'
import type { HashViews, Mention } from '../views/hash-views.ts'
import type { Provider, ProviderViews } from '../views/provider-views.ts'

export interface HashesParts {
  hashes: HashViews
  providers: ProviderViews
  /** The server's own key, 64 hex digits. */
  pubkey: string
  rates: RateLimits
  /** Unix milliseconds. */
  now: () => number
}

/** Hashes of one question by GET, and by POST. */
const MOST_IN_QUERY = 64
const MOST_IN_BODY = 1000
const MENTIONS = 200

function mentionOf ({ of, ...rest }: Mention): Record<string, unknown> {
  return 'address' in of ? { ...of, address: formatAddress(of.address), ...rest } : { ...of, ...rest }
}

export async function hashesRoom (app: FastifyInstance, { hashes, providers, pubkey, rates, now }: HashesParts): Promise<void> {
  const method = ['GET', 'HEAD']
  const seconds = (): number => Math.floor(now() / 1000)

  app.route({
    method,
    url: '/catalog/by-hash/:hash',
    handler: async (request: FastifyRequest<{ Params: { hash: string } }>, reply) => {
      const [[text, name]] = hashesIn([request.params.hash], 1) as [[string, HashName]]
      return sendJson(request, reply, { hash: text, mentions: hashes.mentions(name, seconds(), MENTIONS).map(mentionOf) })
    }
  })

  function providerOf ({ pubkey: key, servers, endpointId, inherited, probe, ...rest }: Provider): Record<string, unknown> {
    return {
      pubkey: key, npub: formatNpub(key), servers, endpoint_id: endpointId, inherited_from: inherited, source: key === pubkey ? 'self' : 'relay',
      last_probe: probe, ...rest
    }
  }

  function found (asked: readonly [string, HashName][]): Record<string, unknown> {
    const at = seconds()
    return { providers: Object.fromEntries(asked.map(([text, name]) => [text, providers.of(name, at).map(providerOf)])) }
  }

  app.route({
    method,
    url: '/catalog/providers',
    schema: { querystring: querySchema({ hash: { anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }] } }) },
    handler: async (request: FastifyRequest<{ Querystring: { hash?: string | string[] } }>, reply) => {
      return sendJson(request, reply, found(hashesIn([request.query.hash ?? []].flat(), MOST_IN_QUERY)))
    }
  })

  // a question that is too long for a URL
  app.post('/catalog/providers', { onRequest: async (request) => { rates.ask(rates.addressOf(request.raw)) } }, async (request, reply) => {
    const { hashes: texts } = parseJsonObject(request.body)
    if (!Array.isArray(texts)) throw new Failure('BODY_INVALID', `hashes must be a list of 1 to ${MOST_IN_BODY}`)
    return reply.header('cache-control', 'no-store').send(found(hashesIn(texts, MOST_IN_BODY)))
  })
}
