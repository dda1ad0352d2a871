// /catalog/mirrors: a key has a title, or one blob, fetched from whoever has it, and owns what comes. Its job is seen and ended by that key alone, and by
// the operator's. NIP-98 throughout.

import { Failure } from '../../errors.ts'
import { HTTP_KIND } from '../../auth/token.ts'
import { isPayloadOf, parseJsonObject } from '../../json-body.ts'
import { parseHashName } from '../hash-name.ts'
import { addressIn } from './answering.ts'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Demand, Guard, Token } from '../../auth/guard.ts'
import type { Policy } from '../../auth/policy.ts'
import type { RateLimits } from '../../auth/rate-limits.ts'
import type { Address } from '../address.ts'
import type { HashName } from '../hash-name.ts'
import type { Job } from '../mirrors/job-rows.ts'
import type { Mirrors } from '../mirrors/mirrors.ts'

export interface MirrorRoomParts {
  mirrors: Mirrors
  guard: Guard
  policy: Policy
  rates: RateLimits
  /** The node key, which sees all jobs, 64 hex digits; so do those of the settings. */
  keeper: string
  settings: { readonly current: { readonly adminPubkeys: readonly string[] } }
}

const LOOK = { verb: 'upload', hash: 'none', hashRequired: false, changes: false, payload: 'none' } as const
const CANCEL = { ...LOOK, changes: true } as const
const CREATE = { ...LOOK, changes: true, payload: 'json' } as const

export async function mirrorRoom (app: FastifyInstance, { mirrors, guard, policy, rates, keeper, settings }: MirrorRoomParts): Promise<void> {
  type JobRequest = FastifyRequest<{ Params: { id: string } }>
  const tokens = new WeakMap<object, Token>()

  function identify (request: FastifyRequest, demand: Demand): Token {
    const { headers, raw, method } = request
    const token = guard.identify({ authorization: headers.authorization, method, target: raw.url!, from: rates.addressOf(raw) }, demand)
    if (token.kind !== HTTP_KIND) throw new Failure('TOKEN_KIND')
    return token
  }

  function ownJob (request: JobRequest, demand: Demand): Job {
    const { pubkey } = identify(request, demand)
    const job = mirrors.get(request.params.id)
    if (job === null) throw new Failure('MIRROR_UNKNOWN')
    if (job.pubkey !== pubkey && pubkey !== keeper && !settings.current.adminPubkeys.includes(pubkey)) throw new Failure('KEY_REFUSED')
    return job
  }

  app.post('/catalog/mirrors', {
    onRequest: async (request) => {
      const token = identify(request, CREATE)
      policy.judge({ pubkey: token.pubkey, type: null, size: null })
      tokens.set(request, token)
    }
  }, async (request, reply) => {
    const { pubkey, payload } = tokens.get(request)!
    const value = parseJsonObject(request.body)
    if (!isPayloadOf(payload!, request.body, value)) throw new Failure('TOKEN_PAYLOAD')
    const job = mirrors.create(pubkey, askedIn(value))
    return reply.code(202).headers({ 'cache-control': 'no-store', location: `/catalog/mirrors/${job.id}` }).send(toldOf(job))
  })

  app.get('/catalog/mirrors/:id', async (request: JobRequest, reply) => reply.header('cache-control', 'no-store').send(toldOf(ownJob(request, LOOK))))

  app.delete('/catalog/mirrors/:id', async (request: JobRequest, reply) => {
    const { id } = ownJob(request, CANCEL)
    return reply.header('cache-control', 'no-store').send(toldOf(mirrors.cancel(id)!))
  })
}

/** Throws BODY_INVALID, HASH_UNREADABLE or ADDRESS_UNREADABLE. */
function askedIn ({ hash, title, deep, ...rest }: Record<string, unknown>): { title: Address } | { hash: HashName } {
  if (Object.keys(rest).length > 0) throw new Failure('BODY_INVALID', 'only hash, or title and deep')
  if (typeof hash === 'string' && title === undefined && deep === undefined) return { hash: parseHashName(hash) }
  if (typeof title !== 'string' || hash !== undefined) throw new Failure('BODY_INVALID', 'either hash or title, as text')
  if (deep !== true) throw new Failure('BODY_INVALID', 'a title comes with all that it lists: deep must be true')
  return { title: addressIn(title) }
}

function toldOf ({ id, wanted, state, have, ofAll, bytes, faultCount, faults, providers, createdAt, updatedAt }: Job): Record<string, unknown> {
  const { title, sha256, blake3 } = wanted
  return {
    id,
    state,
    wanted: title === null ? { sha256, ...(blake3 === null ? {} : { blake3 }) } : { title, deep: true },
    coverage: { have, of_all: ofAll },
    bytes,
    faults: { count: faultCount, last: faults },
    providers,
    created_at: createdAt,
    updated_at: updatedAt
  }
}
