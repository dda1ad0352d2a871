// How the catalog's rooms answer: JSON with an ETag, whose 304 saves the reader the rest, and each fault of the catalog and of releases with its status, reason and code.

import { hash } from 'node:crypto'
import { Failure } from '../../errors.ts'
import { refusalBody, refusalHeaders, refuse } from '../../refusal.ts'
import { ReleaseFault } from '../../release/faults.ts'
import { CatalogFault } from '../faults.ts'
import { parseHashName } from '../hash-name.ts'
import { parseAddressName, parseKeyName } from '../address.ts'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Address } from '../address.ts'
import type { HashName } from '../hash-name.ts'

/** What the catalog says may change with every event: caches ask, and are told that it did not. */
const CACHE = 'public, no-cache'

/** Faults of the catalog are answered as every other refusal is. */
export function tellCatalogFaults (app: FastifyInstance): void {
  app.setErrorHandler(async (error: unknown, request, reply) => {
    if (!(error instanceof CatalogFault || error instanceof ReleaseFault)) return refuse(error, request, reply)
    const told = { code: error.code, status: error.status, message: error.message, headers: {} }
    request.log.debug({ code: error.code, reason: error.message }, 'refused')
    await reply.code(error.status).headers(refusalHeaders(told)).type('application/json; charset=utf-8').send(refusalBody(told))
  })
}

/** Sends a value as JSON, or 304 to who has it. */
export function sendJson (request: FastifyRequest, reply: FastifyReply, value: unknown): FastifyReply {
  return sendText(request, reply, JSON.stringify(value), 'application/json; charset=utf-8')
}

export function sendText (request: FastifyRequest, reply: FastifyReply, body: string | Buffer, type: string): FastifyReply {
  // weak: the same value in other words would do
  const etag = `W/"${hash('sha256', body, 'base64url').slice(0, 27)}"`
  reply.headers({ etag, 'cache-control': CACHE, vary: 'accept' })
  const asked = request.headers['if-none-match']
  if (asked !== undefined && (asked.trim() === '*' || asked.split(',').some((each) => each.trim().replace(/^W\//, '') === etag.slice(2)))) return reply.code(304).send()
  return reply.type(type).send(body)
}

/** A number of a query whose schema let it pass as digits. */
export function numberOf (text: string | undefined, fallback: number): number {
  return text === undefined ? fallback : Number(text)
}

/** An address in a path or a query. Throws ADDRESS_UNREADABLE. */
export function addressIn (text: string): Address {
  return parseAddressName(text)
}

/** A key in a query. Throws KEY_UNREADABLE. */
export function keyIn (text: string | undefined): string | undefined {
  return text === undefined ? undefined : parseKeyName(text)
}

/** The hashes that a question names, in any spelling, each once; `most` of them. Throws QUERY_INVALID or HASH_UNREADABLE. */
export function hashesIn (texts: readonly unknown[], most: number): [text: string, name: HashName][] {
  if (texts.length === 0 || texts.length > most) throw new Failure('QUERY_INVALID', `1 to ${most} hashes`)
  return [...new Set(texts)].map((text) => {
    if (typeof text !== 'string') throw new CatalogFault('HASH_UNREADABLE')
    return [text, parseHashName(text)]
  })
}

const DIGITS = { type: 'string', pattern: '^\\d{1,10}$' }
const TEXT = { type: 'string', minLength: 1, maxLength: 1024 }

/** The schema of a query: what it may say, and nothing besides. Numbers are digits: nothing is coerced. */
export function querySchema (names: Readonly<Record<string, 'number' | 'text' | object>>): object {
  const properties = Object.fromEntries(Object.entries(names).map(([name, what]) => [name, what === 'number' ? DIGITS : what === 'text' ? TEXT : what]))
  return { type: 'object', additionalProperties: false, properties }
}
