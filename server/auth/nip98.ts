// Kind 27235 (NIP-98): bound to one URL and method for a minute. It stands for the verb of the endpoint it names; where the URL does not
// name the blob, `payload` must (design §4). Pure.

import { Failure } from '../errors.ts'
import { oneTag } from './token.ts'
import type { OurNames } from './our-names.ts'
import type { SignedEvent } from './signature.ts'

/** 98-2: "a reasonable window": seconds to both sides. */
export const WINDOW_SECONDS = 60

export interface HttpDemand {
  method: string
  /** The request's target as it came, query included. */
  target: string
  names: OurNames
  /** Unix seconds. */
  now: number
}

/** Checks everything but payload and signature. Throws a Failure of status 401. Returns the payload's hash, null without one. */
export function checkHttpToken (event: SignedEvent, { method, target, names, now }: HttpDemand): string | null {
  if (Math.abs(now - event.created_at) > WINDOW_SECONDS) throw new Failure('TOKEN_STALE')
  // 98-3: `u` MUST be the absolute URL exactly, query included; behind a proxy Node sees another host, so ours are configured
  const url = oneTag(event, 'u', 'TOKEN_URL')
  if (url === null || !names.origins.some((origin) => `${origin}${target}` === url)) throw new Failure('TOKEN_URL')
  // 98-4: `method` MUST be the request's; HEAD is not GET
  if (oneTag(event, 'method', 'TOKEN_METHOD')?.toUpperCase() !== method) throw new Failure('TOKEN_METHOD')
  const payload = oneTag(event, 'payload', 'TOKEN_PAYLOAD')
  if (payload !== null && !/^[0-9a-f]{64}$/i.test(payload)) throw new Failure('TOKEN_PAYLOAD', 'it is no sha256')
  return payload?.toLowerCase() ?? null
}
