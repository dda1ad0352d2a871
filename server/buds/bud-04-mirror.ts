// BUD-04: PUT /mirror. What is here already, or lies under a name of ours, is answered without the network; anything else is fetched
// through the address guard and goes through the same door as an upload (blob-fetcher.ts). Each place a `blossom:` URI names is tried in turn.

import { Failure } from '../errors.ts'
import { HTTP_KIND } from '../auth/token.ts'
import { single } from './admission.ts'
import { parseSha256 } from './blob-path.ts'
import { lastHashIn } from './bud-03-server-list.ts'
import { parseBlossomUri, serverUrls } from './bud-10-uri.ts'
import { ENDPOINTS } from './bud-11-authorization.ts'
import { buildTaggedDescriptor } from './descriptor.ts'
import { isPayloadOf, parseJsonObject, takeBodiesAsBytes } from '../json-body.ts'
import { parseExpiration, sunsetOf } from './sunset.ts'
import type { FastifyInstance } from 'fastify'
import type { FailureCode } from '../errors.ts'
import type { Guard, Token } from '../auth/guard.ts'
import type { Policy } from '../auth/policy.ts'
import type { RateLimits } from '../auth/rate-limits.ts'
import type { Decisions } from '../stores/decisions.ts'
import type { Retention } from '../stores/retention.ts'
import type { Received } from '../stores/receiving.ts'
import type { BlobFetcher } from './blob-fetcher.ts'
import type { UploadQueue } from './upload-queue.ts'

export interface MirrorParts {
  fetcher: BlobFetcher
  guard: Guard
  policy: Policy
  decisions: Decisions
  rates: RateLimits
  queue: UploadQueue
  retention: Retention
  /** Milliseconds. */
  now: () => number
  /** `idleTimeout`: milliseconds a body may stand still. */
  settings: { readonly current: { readonly idleTimeout: number } }
}

const MAX_SOURCES = 20
const ONE_PLACES_FAULT: readonly FailureCode[] = ['ORIGIN_FAILED', 'ORIGIN_FORBIDDEN', 'URL_INVALID', 'HASH_MISMATCH', 'TOO_LARGE', 'TYPE_REFUSED']

interface Wanted {
  urls: URL[]
  /** The hash the URL names, null when it names none. */
  sha256: string | null
  /** A `blossom:` URI is the name of a blob: no other will do. In a plain URL the hash is a guess. */
  exact: boolean
}

/** Bytes of one mirror that have come so far, and when its owner wants the blob to end (unix seconds; null: no end). */
interface Progress { bytes: number, expires: number | null }

/** The places the body's `url` names. Throws URL_INVALID or BODY_INVALID. */
function parseWanted (value: unknown): Wanted {
  if (typeof value !== 'string') throw new Failure('BODY_INVALID', 'url is missing')
  if (/^blossom:/i.test(value)) {
    const uri = parseBlossomUri(value)
    const urls = uri.servers.flatMap(serverUrls).map((server) => new URL(`/${uri.sha256}.${uri.extension}`, server))
    if (urls.length === 0) throw new Failure('URL_INVALID', 'the blossom URI names no server')
    return { urls: urls.slice(0, MAX_SOURCES), sha256: uri.sha256, exact: true }
  }
  let url: URL
  try {
    url = new URL(value)
  } catch {
    throw new Failure('URL_INVALID')
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw new Failure('URL_INVALID')
  // the path alone: a presigned URL's query ends in 64 hex digits too
  return { urls: [url], sha256: lastHashIn(url.pathname), exact: false }
}

export async function bud04 (app: FastifyInstance, parts: MirrorParts): Promise<void> {
  const { fetcher, guard, policy, decisions, rates, queue, retention } = parts
  takeBodiesAsBytes(app, parts.settings)
  const tokens = new WeakMap<object, Token>()
  const ends = new WeakMap<object, number | null>()

  app.put('/mirror', {
    onRequest: async (request) => {
      const { headers, raw } = request
      ends.set(request, parseExpiration(single(headers['x-expiration']), parts.now()))
      const token = guard.identify({ authorization: headers.authorization, method: 'PUT', target: raw.url!, from: rates.addressOf(raw) }, ENDPOINTS.mirror)
      policy.judge({ pubkey: token.pubkey, type: null, size: null })
      tokens.set(request, token)
    }
  }, async (request, reply) => {
    const token = tokens.get(request)!
    const expires = ends.get(request) ?? null
    const value = parseJsonObject(request.body)
    if (token.payload !== null && !isPayloadOf(token.payload, request.body, value)) throw new Failure('TOKEN_PAYLOAD')
    const wanted = parseWanted(value['url'])

    // the SDK registers an owner by mirroring our own URL; a blob that is here needs no second fetch (H-5)
    const hinted = wanted.sha256 ?? parseSha256(single(request.headers['x-sha-256']) ?? '')
    if (hinted !== null && covers(token, hinted)) {
      const owned = await fetcher.own(hinted, token.pubkey, { expires })
      if (owned !== null) return reply.code(200).headers(sunsetOf(retention, owned)).send(buildTaggedDescriptor(owned, guard.names.publicUrl))
    }
    // A3, and nobody need be asked for it
    if (wanted.exact && !covers(token, wanted.sha256!)) throw new Failure('HASH_MISMATCH', 'the token does not cover it')
    const progress: Progress = { bytes: 0, expires }
    const ticket = queue.enter(rates.addressOf(request.raw) ?? token.pubkey, () => progress.bytes)
    reply.raw.once('close', ticket.leave)
    await ticket.turn
    reply.raw.off('close', ticket.leave)
    // the fetch goes on when the client has left, so that its next try finds the blob
    const { blob, created } = await fetchFirst(wanted, token, progress).finally(ticket.leave)
    await decisions.keep(blob.sha256)
    return reply.code(created ? 201 : 200).headers(sunsetOf(retention, blob)).send(buildTaggedDescriptor(blob, guard.names.publicUrl))
  })

  function covers (token: Token, sha256: string): boolean {
    return token.kind === HTTP_KIND || token.hashes.includes(sha256)
  }

  async function fetchFirst (wanted: Wanted, token: Token, progress: Progress): Promise<Received> {
    let failure: unknown = new Failure('ORIGIN_FAILED')
    for (const url of wanted.urls) {
      try {
        return await fetchOne(url, wanted, token, progress)
      } catch (error) {
        failure = error
        // only what lies with this one place is worth another: a size or a type may be this place's lie too
        if (!(error instanceof Failure && ONE_PLACES_FAULT.includes(error.code))) throw error
      }
    }
    throw failure
  }

  function fetchOne (url: URL, wanted: Wanted, token: Token, progress: Progress): Promise<Received> {
    // by NIP-98 the URL is what was signed for: if it names a hash, that is what must arrive
    const promised = wanted.exact || token.kind === HTTP_KIND ? wanted.sha256 : null
    return fetcher.fetch(url, {
      owner: token.pubkey,
      promised,
      expires: progress.expires,
      // a plain URL only hints at a hash: where the token covers several, any of them may arrive
      likely: promised ?? (token.hashes.length === 1 ? parseSha256(token.hashes[0]!) : null),
      acceptHash: (sha256) => {
        if (!acceptable(token, wanted, sha256)) throw new Failure('HASH_MISMATCH')
      },
      onBytes: (bytes) => { progress.bytes += bytes }
    })
  }

  /** A3: the hash that arrived must be in the authorized set, else 409. */
  function acceptable (token: Token, wanted: Wanted, sha256: string): boolean {
    return token.kind === HTTP_KIND ? wanted.sha256 === null || wanted.sha256 === sha256 : token.hashes.includes(sha256)
  }
}
