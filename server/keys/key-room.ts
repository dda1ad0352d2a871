// /keys/:id and /keys/session: film keys are handed in by their creator, and given to whom the creator lets have them. A key is 16 bytes, is never kept
// by a cache, and is no blob. Players that cannot sign each request ask with a session's token instead.

import { Failure } from '../errors.ts'
import { CHANGE, LOOK, OPEN_SESSION, identify, signedBody } from './asking.ts'
import { isKeyId } from './key-store.ts'
import { KEY_BYTES } from './sealing.ts'
import { parseTitleName } from './title-name.ts'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Token } from '../auth/guard.ts'
import type { Policy } from '../auth/policy.ts'
import type { AskingParts } from './asking.ts'
import type { Deciding } from './deciding.ts'
import type { KeyStore, KeptKey } from './key-store.ts'
import type { Session, Sessions } from './sessions.ts'
import type { TitleName } from './title-name.ts'

export interface KeyRoomParts extends AskingParts {
  policy: Policy
  keys: KeyStore
  sessions: Sessions
  deciding: Deciding
  /** Milliseconds. */
  now: () => number
}

interface KeyRoute { Params: { id: string }, Querystring: { token?: unknown } }
/** It takes a person to hand it in again. */
const RETRY_SECONDS = '3600'

type KeyRequest = FastifyRequest<KeyRoute>

function idIn ({ params: { id } }: KeyRequest): string {
  if (!isKeyId(id)) throw new Failure('KEY_ID')
  return id
}

/** Throws BODY_INVALID or TITLE_NAME. */
function handedIn ({ title, key, ...rest }: Record<string, unknown>): { title: TitleName, key: Buffer } {
  if (Object.keys(rest).length > 0) throw new Failure('BODY_INVALID', 'only title and key')
  if (typeof key !== 'string' || !/^[0-9a-f]{32}$/i.test(key)) throw new Failure('BODY_INVALID', `key must be ${2 * KEY_BYTES} hex digits`)
  return { title: parseTitleName(title), key: Buffer.from(key, 'hex') }
}

/** Throws KEY_SEALED_ELSEWHERE or KEY_DAMAGED. */
function bytesOf ({ key }: KeptKey): Buffer {
  if (Buffer.isBuffer(key)) return key
  throw new Failure(key === 'elsewhere' ? 'KEY_SEALED_ELSEWHERE' : 'KEY_DAMAGED', undefined, { headers: { 'retry-after': RETRY_SECONDS } })
}

export async function keyRoom (app: FastifyInstance, parts: KeyRoomParts): Promise<void> {
  const { rates, policy, keys, sessions, deciding, now } = parts
  const tokens = new WeakMap<object, Token>()
  const seconds = (): number => Math.floor(now() / 1000)

  app.put<KeyRoute>('/keys/:id', {
    onRequest: async (request) => {
      const token = await identify(parts, request, CHANGE)
      // who may upload here may have keys kept here
      policy.judge({ pubkey: token.pubkey, type: null, size: null })
      tokens.set(request, token)
    }
  }, async (request, reply) => {
    const id = idIn(request)
    const token = tokens.get(request)!
    const { title, key } = handedIn(signedBody(token, request.body))
    const fresh = await keys.take(id, title, key, token.pubkey)
    return reply.code(fresh ? 201 : 200).send({ id, title: title.address })
  })

  /** The session of a request: in `Authorization: Bearer`, or in `?token=` where a player can set no header. Null: it has none. Throws KEY_SESSION. */
  function sessionIn ({ headers: { authorization }, query: { token } }: KeyRequest): Session | null {
    const text = authorization === undefined ? token : /^bearer +(\S+) *$/i.exec(authorization)?.[1]
    if (text === undefined) return null
    if (typeof text !== 'string') throw new Failure('KEY_SESSION')
    return sessions.read(text, seconds())
  }

  app.get<KeyRoute>('/keys/:id', {
    onRequest: async ({ raw }) => { rates.filmKey(rates.addressOf(raw)) }
  }, async (request, reply) => {
    const from = rates.addressOf(request.raw)
    const id = idIn(request)
    const kept = await keys.get(id)
    if (kept === null) throw new Failure('KEY_UNKNOWN')
    const key = bytesOf(kept)
    const title = parseTitleName(kept.title)
    const ask = async (): Promise<string> => {
      const session = sessionIn(request)
      if (session !== null && session.title !== title.hash) throw new Failure('KEY_OTHER_TITLE')
      const { pubkey } = session ?? await identify(parts, request, LOOK)
      rates.filmKeyBy(pubkey, from)
      return pubkey
    }
    await deciding.decide(title, ask, { key: id, action: 'key' })
    return reply.type('application/octet-stream').header('x-content-type-options', 'nosniff').send(key)
  })

  app.post('/keys/session', {
    onRequest: async (request) => {
      const from = rates.addressOf(request.raw)
      rates.filmKey(from)
      const token = await identify(parts, request, OPEN_SESSION)
      rates.filmKeyBy(token.pubkey, from)
      tokens.set(request, token)
    }
  }, async (request, reply) => {
    const token = tokens.get(request)!
    const { title: name, ...rest } = signedBody(token, request.body)
    if (Object.keys(rest).length > 0) throw new Failure('BODY_INVALID', 'only title')
    const title = parseTitleName(name)
    if (!await keys.has(title)) throw new Failure('TITLE_KEYLESS')
    await deciding.decide(title, async () => token.pubkey, { key: null, action: 'session' })
    return reply.send(sessions.open(title, token.pubkey, seconds()))
  })
}
