// Whether an upload would be taken, judged from its headers alone: one road for PUT and HEAD, so that both say the same for the same reason
// (H-2). The order is blossom.md §2.6: syntax 400, size 413, type 415, token 401, policy 403, hash against token 401,
// blocked 403. Who asks too often is told
// by 429: for its address before the token, for its key right after; whether there is room, 413 or 507, is
// asked last.

import { Failure } from '../errors.ts'
import { NO_OWNER } from '../stores/owners.ts'
import { parseMediaType } from '../stores/media-type.ts'
import { parseSha256 } from './blob-path.ts'
import { parseExpiration } from './sunset.ts'
import type { Guard, AskingRequest, Token } from '../auth/guard.ts'
import type { Policy } from '../auth/policy.ts'
import type { HashLists } from '../stores/hash-lists.ts'
import type { RateLimits } from '../auth/rate-limits.ts'
import type { Endpoint } from './bud-11-authorization.ts'
import type { Room } from './room.ts'
import type { UploadQueue } from './upload-queue.ts'

export interface AdmissionParts {
  guard: Guard
  policy: Pick<Policy, 'judge' | 'judgeClaims'>
  lists: HashLists
  rates: RateLimits
  room: Room
  queue: UploadQueue
  /** `anonymousUploads`: uploads without a token are taken. */
  settings: { readonly current: { readonly anonymousUploads: boolean } }
  /** Milliseconds. */
  now: () => number
}

/** What the headers claim, as they came. */
export interface Claims {
  sha256: string | undefined
  length: string | undefined
  type: string | undefined
  expiration: string | undefined
}

export interface Admission {
  /** Null for an upload without a key. */
  token: Token | null
  /** 64 hex digits, or 'none'. */
  owner: string
  /** The sha256 the sender announced: other bytes are 409. */
  promised: string | null
  /** The sha256 that the bytes most likely have. */
  likely: string | null
  /** Bytes. */
  size: number | null
  type: string | null
  /** Unix seconds, as the sender asks for it; null for no end. */
  expires: number | null
}

/** Rejects with the first failure, or StoreError. `preflight` makes length and hash compulsory, as HEAD /upload has them (BUD-06). */
export async function admit (parts: AdmissionParts, request: AskingRequest, claims: Claims, endpoint: Endpoint, preflight: boolean): Promise<Admission> {
  const { guard, policy, lists, rates, settings: { current: { anonymousUploads } } } = parts
  const { from = null } = request
  const size = parseLength(claims.length)
  if (preflight && size === null) throw new Failure('LENGTH_MISSING')
  const promised = claims.sha256 === undefined ? null : parseSha256(claims.sha256.trim())
  if (claims.sha256 !== undefined && promised === null) throw new Failure('HASH_INVALID')
  if (preflight && promised === null) throw new Failure('HASH_MISSING')
  const type = claims.type === undefined || claims.type.trim() === '' ? null : parseMediaType(claims.type)
  if (type === null && claims.type !== undefined && claims.type.trim() !== '') throw new Failure('TYPE_INVALID')
  const expires = parseExpiration(claims.expiration, parts.now())

  policy.judgeClaims({ pubkey: null, type, size })
  if (preflight) rates.foresee(from, null)
  const anonymous = request.authorization === undefined && anonymousUploads
  if (anonymous && preflight) rates.ask(from)
  else if (anonymous) rates.change(from)
  const token = anonymous ? null : guard.identify(request, endpoint)
  if (preflight && token !== null) rates.foresee(from, token.pubkey)
  policy.judge({ pubkey: token?.pubkey ?? null, type, size })
  if (token !== null && promised !== null) guard.cover(token, endpoint, promised)
  const only = token?.payload ?? (token?.hashes.length === 1 ? token.hashes[0]! : null)
  const likely = promised ?? (only === null ? null : parseSha256(only))
  if (likely !== null) lists.judge(likely)
  const admission: Admission = { token, owner: token?.pubkey ?? NO_OWNER, promised, likely, size, type, expires }
  await parts.room.judge(admission)
  if (preflight) parts.queue.judge()
  return admission
}

function parseLength (header: string | undefined): number | null {
  if (header === undefined) return null
  // however many digits it has: what is too large is 413, not 400
  if (!/^\d+$/.test(header.trim())) throw new Failure('LENGTH_INVALID')
  return Number(header)
}

/** One value of a header that should come once. */
export function single (header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header.join(', ') : header
}
