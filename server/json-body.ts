// A small JSON body, kept as the bytes that came: a NIP-98 `payload` is the hash of those, and a signed event must not be edited by a
// parser that coerces. Used by /mirror, /report, /admin, /keys and the catalog.

import { createHash } from 'node:crypto'
import { Failure } from './errors.ts'
import type { FastifyInstance } from 'fastify'

/** Bytes. */
export const JSON_LIMIT = 256 * 1024

/**
 * In this room every body is read as bytes, whatever its Content-Type says: up to `limit` bytes (413 above), and it may stand still for
 * `idleTimeout` milliseconds (408). Fastify's own reader would wait for ever.
 */
export function takeBodiesAsBytes (app: FastifyInstance, settings: { readonly current: { readonly idleTimeout: number } }, limit = JSON_LIMIT): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (request, body, done) => {
    if (Number(request.headers['content-length'] ?? 0) > limit) return done(new Failure('BODY_TOO_LARGE'))
    const chunks: Buffer[] = []
    let size = 0
    let settled = false
    const timer = setTimeout(() => {
      const before = size
      // as in intake.ts: what came while this machine stood still is read first
      setImmediate(() => { if (!settled && size === before) settle(new Failure('BODY_STALLED')) })
    }, settings.current.idleTimeout)

    function settle (failure: Failure | null): void {
      settled = true
      clearTimeout(timer)
      body.off('data', onData).off('end', onEnd).off('error', onBreak).off('close', onBreak)
      body.on('error', () => {}) // it may still break after we have let go of it
      if (failure === null) return done(null, Buffer.concat(chunks))
      body.pause()
      done(failure)
    }

    function onData (chunk: Buffer): void {
      size += chunk.length
      if (size > limit) return settle(new Failure('BODY_TOO_LARGE'))
      chunks.push(chunk)
      timer.refresh()
    }

    function onEnd (): void { settle(null) }

    function onBreak (): void { settle(new Failure('BODY_BROKEN')) }

    body.on('data', onData).on('end', onEnd).on('error', onBreak).on('close', onBreak)
  })
}

/** The JSON object in a body. Throws BODY_INVALID. */
export function parseJsonObject (body: unknown): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.isBuffer(body) ? body : Buffer.alloc(0)))
  } catch {
    throw new Failure('BODY_INVALID', 'it is not JSON')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Failure('BODY_INVALID', 'it is no JSON object')
  return value as Record<string, unknown>
}

/**
 * Is `payload` the sha256 of this body? nostr-tools hashes the compact form of what it parsed, not the bytes, so that is taken too
 * (blossom.md §10.1).
 */
export function isPayloadOf (payload: string, body: unknown, value: unknown): boolean {
  const hashes = (bytes: Uint8Array | string): boolean => createHash('sha256').update(bytes).digest('hex') === payload
  if (hashes(Buffer.isBuffer(body) ? body : Buffer.alloc(0))) return true
  try {
    return hashes(JSON.stringify(value))
  } catch {
    return false // nested deeper than it can be written: the parser has no such bound
  }
}
