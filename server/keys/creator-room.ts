// /keys/access, /keys/titles, /keys/audit: what a creator decides about the keys of a title, and sees of them; nobody else does.

import { Failure } from '../errors.ts'
import { takeBodiesAsBytes } from '../json-body.ts'
import { parseAccess } from './access-lists.ts'
import { CHANGE, LOOK, identify, signedBody } from './asking.ts'
import { MOST_ENTRIES } from './audit-log.ts'
import { parseTitleName } from './title-name.ts'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Demand, Token } from '../auth/guard.ts'
import type { AccessLists } from './access-lists.ts'
import type { AskingParts } from './asking.ts'
import type { AuditLog } from './audit-log.ts'
import type { KeyStore } from './key-store.ts'
import type { TitleName } from './title-name.ts'

export interface CreatorRoomParts extends AskingParts {
  keys: KeyStore
  access: AccessLists
  audit: AuditLog
  /** `idleTimeout`: milliseconds a body may stand still. */
  settings: { readonly current: { readonly idleTimeout: number } }
}

/** Bytes: as many public keys as a list may have, with room to spare. */
export const ACCESS_LIMIT = 1024 * 1024

const PAGE = 100
const AUDIT_QUERY = {
  type: 'object', additionalProperties: false,
  properties: { limit: { type: 'string', pattern: '^\\d{1,9}$' }, before: { type: 'string' } }
}

type TitleRequest = FastifyRequest<{ Params: { title: string } }>

export async function creatorRoom (app: FastifyInstance, parts: CreatorRoomParts): Promise<void> {
  const { keys, access, audit, settings } = parts
  takeBodiesAsBytes(app, settings, ACCESS_LIMIT)
  const asked = new WeakMap<object, { title: TitleName, token: Token }>()

  /** Before the body is read: it may be large. */
  const byCreator = (demand: Demand) => async (request: TitleRequest): Promise<void> => {
    const token = await identify(parts, request, demand)
    const title = parseTitleName(request.params.title)
    if (title.pubkey !== token.pubkey) throw new Failure('NOT_CREATOR')
    asked.set(request, { title, token })
  }
  const titleOf = (request: object): TitleName => asked.get(request)!.title

  app.put('/keys/access/:title', { onRequest: byCreator(CHANGE) }, async (request: TitleRequest, reply) => {
    const { title, token } = asked.get(request)!
    const rules = parseAccess(signedBody(token, request.body))
    // else whoever has a key of Nostr could fill the store with lists
    if (!await keys.has(title)) throw new Failure('TITLE_KEYLESS')
    await access.put(title, rules)
    return reply.send(rules)
  })

  app.get('/keys/access/:title', { onRequest: byCreator(LOOK) }, async (request: TitleRequest, reply) => reply.send(await access.get(titleOf(request))))

  app.get('/keys/titles/:title', { onRequest: byCreator(LOOK) }, async (request: TitleRequest, reply) => reply.send({ keys: await keys.idsOf(titleOf(request)) }))

  app.get<{ Params: { title: string }, Querystring: { limit?: string, before?: string } }>('/keys/audit/:title', {
    schema: { querystring: AUDIT_QUERY }, onRequest: byCreator(LOOK)
  }, async (request, reply) => {
    const { limit = PAGE, before = null } = request.query
    return reply.send(await audit.read(titleOf(request), Math.min(Math.max(1, Number(limit)), MOST_ENTRIES), before))
  })
}
