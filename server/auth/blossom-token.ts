// Kind 24242 (BUD-11): what such a token must say, cheap checks first, the signature last. Pure.

import { Failure } from '../errors.ts'
import { oneTag, tagValues } from './token.ts'
import type { OurNames } from './our-names.ts'
import type { SignedEvent } from './signature.ts'

/** H-11: a client's clock may be this many seconds fast. There is no maximum age: `expiration` alone bounds a token's life. */
const SKEW_SECONDS = 60

export interface BlossomDemand {
  verb: string
  names: OurNames
  /** Unix seconds. */
  now: number
  requireServer: boolean
}

/**
 * Checks everything but `x` tags and signature. Throws a Failure of status 401. Returns the hashes of its `x` tags, lower case.
 */
export function checkBlossomToken (event: SignedEvent, { verb, names, now, requireServer }: BlossomDemand): string[] {
  // 11-10: created_at MUST lie in the past
  if (event.created_at > now + SKEW_SECONDS) throw new Failure('TOKEN_FUTURE')
  // 11-11: an expiration MUST exist and lie in the future; H-10: text that is no number must not count as "never"
  const expiration = oneTag(event, 'expiration', 'TOKEN_EXPIRATION')
  if (expiration === null || !/^\d{1,12}$/.test(expiration)) throw new Failure('TOKEN_EXPIRATION')
  if (Number(expiration) <= now) throw new Failure('TOKEN_EXPIRED')
  // 11-12: `t` MUST be the verb of the endpoint
  if (oneTag(event, 't', 'TOKEN_VERB') !== verb) throw new Failure('TOKEN_VERB', `"${verb}" is needed`)
  // 11-13: with `server` tags, our own domain MUST be among them; without, a token is good everywhere
  const servers = tagValues(event, 'server').filter((value) => value.trim() !== '')
  if (servers.length > 0 && !servers.some((value) => names.isServerTag(value))) throw new Failure('TOKEN_SERVER')
  if (servers.length === 0 && requireServer) throw new Failure('TOKEN_SERVER', 'this server wants a server tag here')
  return tagValues(event, 'x').map((value) => value.toLowerCase())
}
