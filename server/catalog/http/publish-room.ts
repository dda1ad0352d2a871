// POST /catalog/events: a signed event comes into the catalog. The event is its own proof; a NIP-98 token may come with it and must then hold. The answer
// says what each relay made of it, in its words.

import { Failure } from '../../errors.ts'
import { HTTP_KIND } from '../../auth/token.ts'
import { isPayloadOf, parseJsonObject } from '../../json-body.ts'
import { isEvent } from '../../auth/signature.ts'
import { CatalogFault } from '../faults.ts'
import { missingBlobs } from '../title-blobs.ts'
import { querySchema } from './answering.ts'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Guard } from '../../auth/guard.ts'
import type { RateLimits } from '../../auth/rate-limits.ts'
import type { SignedEvent } from '../../auth/signature.ts'
import type { CatalogEvent } from '../catalog-event.ts'
import type { CatalogStore } from '../catalog-store.ts'
import type { Told } from '../outbox.ts'
import type { Publisher } from '../publish.ts'
import type { TitleBlobsParts } from '../title-blobs.ts'

export interface PublishParts extends TitleBlobsParts {
  guard: Guard
  rates: RateLimits
  store: CatalogStore
  publisher: Publisher
  /** Tells relays of an event; what each made of it, as far as that is known after `patience` milliseconds. */
  announce: (event: SignedEvent, patience: number) => Promise<Told[]>
  /** What relays made of an event that was announced before. */
  told: (id: string) => Told[]
}

const PUBLISH = { verb: 'publish', hash: 'none', hashRequired: false, changes: true, payload: 'json' } as const
const PATIENCE_MS = 3000

export async function publishRoom (app: FastifyInstance, parts: PublishParts): Promise<void> {
  const { guard, rates, store, publisher, announce, told } = parts

  /** Throws 401 for a token that does not hold; none is fine. */
  function checkToken (request: FastifyRequest): string | null {
    const { headers, raw, method } = request
    const from = rates.addressOf(raw)
    if (headers.authorization === undefined) {
      rates.change(from)
      return null
    }
    const token = guard.identify({ authorization: headers.authorization, method, target: raw.url!, from }, PUBLISH)
    if (token.kind !== HTTP_KIND) throw new Failure('TOKEN_KIND')
    return token.payload
  }

  async function missingOf (parsed: CatalogEvent): Promise<string[]> {
    return parsed.type === 'title' && parsed.facts.status === 'published' ? missingBlobs(parsed.facts, parts) : []
  }

  const payloads = new WeakMap<FastifyRequest, string>()

  app.post<{ Querystring: { 'allow-missing'?: string } }>('/catalog/events', {
    schema: { querystring: querySchema({ 'allow-missing': { type: 'string', enum: ['', '1', 'true'] } }) },
    onRequest: async (request) => {
      const payload = checkToken(request)
      if (payload !== null) payloads.set(request, payload)
    }
  }, async (request, reply) => {
    const value = parseJsonObject(request.body)
    const payload = payloads.get(request)
    if (payload !== undefined && !isPayloadOf(payload, request.body, value)) throw new Failure('TOKEN_PAYLOAD')
    const from = rates.addressOf(request.raw)
    rates.trust(from)
    let parsed: CatalogEvent
    try {
      parsed = publisher.judge(value)
    } catch (error) {
      if (!(error instanceof CatalogFault)) throw error
      if (error.code === 'SIGNATURE_WRONG') rates.fail(from)
      // sent once more because its answer was lost: it is here, and that is what was asked for
      const known = error.code === 'EVENT_KNOWN' && isEvent(value) ? store.log.get(value.id) : null
      if (known === null) throw error
      return reply.code(200).send({ id: (value as unknown as SignedEvent).id, seq: known.seq, missing: [], relays: told((value as unknown as SignedEvent).id) })
    }
    const missing = await missingOf(parsed)
    if (missing.length > 0 && request.query['allow-missing'] === undefined) {
      const fault = new CatalogFault('BLOBS_MISSING', `${missing.length} of those it names; ?allow-missing publishes it all the same`)
      return reply.code(fault.status).headers({ 'x-reason': fault.message, 'cache-control': 'no-store' }).send({ code: fault.code, reason: fault.message, missing })
    }
    const { seq } = await publisher.keep(parsed)
    const relays = await announce(parsed.event, PATIENCE_MS)
    return reply.code(201).send({ id: parsed.event.id, seq, missing, relays })
  })
}
