// How somebody signs a request of the key room: NIP-98 alone, each event good once at all nodes together, on GET too; a body's sha256 stands in
// `payload`.

import { Failure } from '../errors.ts'
import { HTTP_KIND } from '../auth/token.ts'
import { isPayloadOf, parseJsonObject } from '../json-body.ts'
import type { FastifyRequest } from 'fastify'
import type { Demand, Guard, Token } from '../auth/guard.ts'
import type { RateLimits } from '../auth/rate-limits.ts'
import type { UsedEvents } from './used-events.ts'

export interface AskingParts {
  guard: Guard
  rates: RateLimits
  uses: UsedEvents
}

export const LOOK = { verb: 'key', hash: 'none', hashRequired: false, changes: false, payload: 'none', once: true } as const
export const OPEN_SESSION = { ...LOOK, payload: 'json' } as const
export const CHANGE = { ...OPEN_SESSION, changes: true } as const

/** Rejects with 401, 429 or StoreError. */
export async function identify ({ guard, rates, uses }: AskingParts, { headers, raw, method }: FastifyRequest, demand: Demand): Promise<Token> {
  const token = guard.identify({ authorization: headers.authorization, method, target: raw.url!, from: rates.addressOf(raw) }, demand)
  if (token.kind !== HTTP_KIND) throw new Failure('TOKEN_KIND')
  await uses.spend(token)
  return token
}

/** The JSON object of a body that the token signs. Throws BODY_INVALID or TOKEN_PAYLOAD. */
export function signedBody (token: Token, body: unknown): Record<string, unknown> {
  const value = parseJsonObject(body)
  if (!isPayloadOf(token.payload!, body, value)) throw new Failure('TOKEN_PAYLOAD')
  return value
}
