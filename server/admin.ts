// What the operator's commands ask of a running server: `/admin/…`, signed with the node key or one of ADMIN_PUBKEYS (NIP-98, design §4).

import { Failure } from './errors.ts'
import { HTTP_KIND } from './auth/token.ts'
import { listReports } from './reports.ts'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Guard } from './auth/guard.ts'
import type { StateStore } from './stores/state.ts'

export interface AdminParts {
  guard: Guard
  state: StateStore
  /** 64 hex digits each; the node key is always among them. */
  admins: readonly string[]
}

const DEMAND = { verb: 'admin', hash: 'none', hashRequired: false, changes: false, payload: 'none' } as const

export async function admin (app: FastifyInstance, { guard, state, admins }: AdminParts): Promise<void> {
  app.addHook('onRequest', async (request: FastifyRequest) => {
    const { headers, raw, method } = request
    const token = guard.identify({ authorization: headers.authorization, method, target: raw.url! }, DEMAND)
    if (token.kind !== HTTP_KIND) throw new Failure('TOKEN_KIND')
    if (!admins.includes(token.pubkey)) throw new Failure('KEY_REFUSED')
  })

  app.get('/admin/reports', async () => ({ reports: await listReports(state) }))
}
