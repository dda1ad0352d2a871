// What the operator's commands ask of a running server: `/admin/…`, signed with the node key or one of ADMIN_PUBKEYS (NIP-98, design §4).
// What changes something carries a JSON body, and the token its hash as `payload`.

import { Failure } from './errors.ts'
import { HTTP_KIND } from './auth/token.ts'
import { parseSha256 } from './buds/blob-path.ts'
import { isPayloadOf, parseJsonObject, takeBodiesAsBytes } from './json-body.ts'
import { decideReport, listReports } from './reports.ts'
import { LISTS } from './stores/hash-lists.ts'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Guard, Token } from './auth/guard.ts'
import type { RateLimits } from './auth/rate-limits.ts'
import type { RelayReport } from './catalog/relay-report.ts'
import type { DamagedBlobs } from './stores/damaged.ts'
import type { Decisions } from './stores/decisions.ts'
import type { HashLists } from './stores/hash-lists.ts'
import type { StateStore } from './stores/state.ts'

export interface AdminParts {
  guard: Guard
  rates: RateLimits
  state: StateStore
  lists: HashLists
  /** Who may ask besides those of the settings: the node key, 64 hex digits. */
  keeper: string
  damaged: DamagedBlobs
  decisions: Decisions
  /** Null, or left out: nothing is published or followed. */
  relays?: Pick<RelayReport, 'lines'> | null
  /** Milliseconds. */
  now: () => number
  /** `adminPubkeys`: 64 hex digits each; `idleTimeout`: milliseconds a body may stand still. */
  settings: { readonly current: { readonly adminPubkeys: readonly string[], readonly idleTimeout: number } }
}

/** What one request may name: as many as its body holds with room to spare. */
export const MAX_HASHES = 1000

const LOOK = { verb: 'admin', hash: 'none', hashRequired: false, changes: false, payload: 'none' } as const
const CHANGE = { ...LOOK, changes: true, payload: 'json' } as const

/** The hashes of a body. Throws BODY_INVALID. */
function hashesIn (value: unknown): string[] {
  if (!Array.isArray(value) || value.length === 0 || value.length > MAX_HASHES) throw new Failure('BODY_INVALID', `hashes must be 1 to ${MAX_HASHES}`)
  return [...new Set(value.map((each) => {
    const sha256 = typeof each === 'string' ? parseSha256(each) : null
    if (sha256 === null) throw new Failure('BODY_INVALID', 'each of hashes must be a sha256')
    return sha256
  }))]
}

/** The public keys of a body; none is allowed. Throws BODY_INVALID. */
function keysIn (value: unknown): string[] {
  const keys = Array.isArray(value) && value.length <= MAX_HASHES ? value.map((each) => typeof each === 'string' ? parseSha256(each) : null) : [null]
  if (keys.includes(null)) throw new Failure('BODY_INVALID', `to must be up to ${MAX_HASHES} public keys of 64 hex digits`)
  return [...new Set(keys as string[])]
}

export async function admin (app: FastifyInstance, { guard, rates, state, lists, damaged, keeper, decisions, relays = null, now, settings }: AdminParts): Promise<void> {
  takeBodiesAsBytes(app, settings)
  const tokens = new WeakMap<object, Token>()

  app.addHook('onRequest', async (request: FastifyRequest) => {
    const { headers, raw, method } = request
    const token = guard.identify({ authorization: headers.authorization, method, target: raw.url!, from: rates.addressOf(raw) }, method === 'GET' ? LOOK : CHANGE)
    if (token.kind !== HTTP_KIND) throw new Failure('TOKEN_KIND')
    if (token.pubkey !== keeper && !settings.current.adminPubkeys.includes(token.pubkey)) throw new Failure('KEY_REFUSED')
    tokens.set(request, token)
  })

  function signedBody (request: { body: unknown }): Record<string, unknown> {
    const value = parseJsonObject(request.body)
    if (!isPayloadOf(tokens.get(request)!.payload!, request.body, value)) throw new Failure('TOKEN_PAYLOAD')
    return value
  }

  app.get('/admin/relays', async () => ({ relays: relays?.lines() ?? [] }))

  app.get('/admin/reports', async () => ({ reports: await listReports(state) }))

  app.post('/admin/reports/:id', async (request: FastifyRequest<{ Params: { id: string } }>) => {
    const { verdict } = signedBody(request)
    if (verdict !== 'accepted' && verdict !== 'dismissed') throw new Failure('BODY_INVALID', 'verdict must be accepted or dismissed')
    const id = parseSha256(request.params.id)
    const blocked = id === null ? null : await decideReport(state, lists, id, verdict, now())
    if (blocked === null) throw new Failure('REPORT_UNKNOWN')
    return { blocked }
  })

  app.get('/admin/damaged', async () => ({ notes: await damaged.notes() }))

  for (const list of LISTS) {
    app.get(`/admin/${list}`, async () => ({ lines: await lists.lines(list) }))

    app.post(`/admin/${list}`, async (request) => {
      const body = signedBody(request)
      const { reason = '', delete: deleting = false } = body
      const to = list === 'restricted' ? keysIn(body['to'] ?? []) : []
      if (typeof reason !== 'string' || typeof deleting !== 'boolean') throw new Failure('BODY_INVALID', 'reason is text, delete true or false')
      if (deleting && list !== 'blocked') throw new Failure('BODY_INVALID', 'only what is blocked can be deleted')
      const hashes = hashesIn(body['hashes'])
      let ended = 0
      for (const sha256 of hashes) ended += await decisions.put(list, sha256, reason, deleting, to)
      return { hashes: hashes.length, ended }
    })

    app.delete(`/admin/${list}`, async (request) => {
      const hashes = hashesIn(signedBody(request)['hashes'])
      for (const sha256 of hashes) await decisions.take(list, sha256)
      return { hashes: hashes.length, ended: 0 }
    })
  }
}
