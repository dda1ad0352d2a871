// From whatever was thrown to one answer: status, `X-Reason` (one line of printable ASCII) and a JSON body with a stable code. The only
// place that turns faults into HTTP.

import { FAILURES, Failure, StoreError, oneLine } from './errors.ts'
import type { FastifyReply, FastifyRequest } from 'fastify'

/** How long a client should wait before it asks a store again that did not answer, seconds. */
const RETRY_SECONDS = '5'

function codeOf (error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code
  return typeof code === 'string' ? code : ''
}

/** Fastify's own refusals, by its code. */
const FRAMEWORK: Readonly<Record<string, keyof typeof FAILURES>> = {
  FST_ERR_BAD_URL: 'PATH_INVALID',
  FST_ERR_CTP_BODY_TOO_LARGE: 'BODY_TOO_LARGE',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'BODY_INVALID',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'LENGTH_WRONG',
  FST_ERR_CTP_INVALID_JSON_BODY: 'BODY_INVALID',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'TYPE_INVALID',
  FST_ERR_MAX_PARAM_LENGTH: 'PATH_TOO_LONG',
  FST_ERR_NOT_FOUND: 'PATH_UNKNOWN',
  FST_ERR_VALIDATION: 'REQUEST_INVALID'
}

/** Any error as the failure a client may see; ours to log are StoreError and whatever nobody expected. */
export function failureOf (error: unknown): Failure {
  if (error instanceof Failure) return error
  if (error instanceof StoreError) {
    const full = ['ENOSPC', 'EDQUOT', 'XMinioStorageFull'].includes(codeOf(error.cause))
    return full
      ? new Failure('DISK_FULL', undefined, { cause: error })
      : new Failure('STORE_FAILED', undefined, { cause: error, headers: { 'retry-after': RETRY_SECONDS } })
  }
  if (/^SQLITE_(CORRUPT|NOTADB|IOERR|FULL|CANTOPEN)/.test(codeOf(error))) {
    const damaged = /CORRUPT|NOTADB/.test(codeOf(error))
    const cause = damaged ? new Error('the database is damaged: stop this server and run `marquee rebuild`', { cause: error }) : error
    return new Failure('DATABASE_FAILED', undefined, { cause, headers: { 'retry-after': RETRY_SECONDS } })
  }
  const known = FRAMEWORK[codeOf(error)]
  if (known !== undefined) {
    const detail = known === 'REQUEST_INVALID' && error instanceof Error ? error.message : undefined
    return new Failure(known, detail, { cause: error })
  }
  const status = (error as { statusCode?: unknown } | null)?.statusCode
  if (typeof status === 'number' && status >= 400 && status < 500) return new Failure('REQUEST_INVALID', undefined, { cause: error })
  return new Failure('INTERNAL', undefined, { cause: error })
}

/** What a client is told of a fault: a Failure, or what a room has in its place. */
export type Told = Pick<Failure, 'status' | 'message' | 'headers'> & { code: string }

/** The headers of a refusal. */
export function refusalHeaders (failure: Told): Record<string, string> {
  return {
    'x-reason': oneLine(failure.message),
    'cache-control': 'no-store', // a blob may appear a second later; no cache may say otherwise
    ...(failure.status === 401 ? { 'www-authenticate': 'Nostr' } : {}),
    ...failure.headers
  }
}

export function refusalBody (failure: Told): string {
  return JSON.stringify({ code: failure.code, reason: failure.message })
}

/** Answers a failed request and says so in the log, whole where it is our fault. */
export async function refuse (error: unknown, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const failure = failureOf(error)
  if (failure.status >= 500) request.log.error({ err: failure.cause ?? failure, code: failure.code }, failure.message)
  else request.log.debug({ code: failure.code, reason: failure.message }, 'refused')
  lingerOver(request, reply)
  await reply.code(failure.status).headers(refusalHeaders(failure)).type('application/json; charset=utf-8').send(refusalBody(failure))
}

/** How long a connection stays open after a refusal, so that the sender can read it. */
export const LINGER_MS = 2000

/**
 * A refusal may go out while the body still comes in. Closing at once would reset the connection, and the sender might never read why;
 * so it is left open a moment, what comes is dropped, and then it is cut.
 */
function lingerOver (request: FastifyRequest, reply: FastifyReply): void {
  const { raw } = request
  if (raw.complete || (raw.headers['content-length'] === undefined && raw.headers['transfer-encoding'] === undefined)) return
  reply.raw.once('finish', () => {
    raw.resume()
    const timer = setTimeout(() => { raw.socket.destroy() }, LINGER_MS)
    raw.once('end', () => { clearTimeout(timer) }).once('close', () => { clearTimeout(timer) })
  })
}
