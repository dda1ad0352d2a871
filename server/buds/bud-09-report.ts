// BUD-09: PUT /report, a signed kind 1984 event whose body is its own proof. Kept in the store under `state/reports/` before it is
// acknowledged, for the operator: `marquee reports` lists them.

import { Failure } from '../errors.ts'
import { isEvent, isSigned } from '../auth/signature.ts'
import { tagValues } from '../auth/token.ts'
import { parseSha256 } from './blob-path.ts'
import { parseJsonObject, takeBodiesAsBytes } from '../json-body.ts'
import type { FastifyInstance } from 'fastify'
import type { RateLimits } from '../auth/rate-limits.ts'
import type { SignedEvent } from '../auth/signature.ts'
import type { Blobs } from '../stores/blobs.ts'
import type { HashLists } from '../stores/hash-lists.ts'
import type { StateStore } from '../stores/state.ts'

export const REPORT_KIND = 1984
export const REPORTS = 'reports/'
export const MAX_HASHES = 100

export interface KeptReport {
  event: SignedEvent
  /** Unix seconds when it came. */
  received: number
  /** Those of its hashes that are here. */
  blobs: string[]
  /** What the operator made of it; absent while it waits. */
  decided?: { verdict: 'accepted' | 'dismissed', at: number }
}

export interface ReportParts {
  blobs: Blobs
  rates: RateLimits
  state: StateStore
  lists: HashLists
  /** Milliseconds. */
  now: () => number
  /** `idleTimeout`: milliseconds a body may stand still. */
  settings: { readonly current: { readonly idleTimeout: number } }
}

export async function bud09 (app: FastifyInstance, { blobs, rates, state, lists, now, settings }: ReportParts): Promise<void> {
  takeBodiesAsBytes(app, settings)

  app.put('/report', { onRequest: async (request) => { rates.change(rates.addressOf(request.raw)) } }, async (request, reply) => {
    const event: unknown = parseJsonObject(request.body)
    // 09-1: the body MUST be a signed NIP-56 event with one or more x tags
    if (!isEvent(event) || event.kind !== REPORT_KIND) throw new Failure('REPORT_INVALID')
    const hashes = [...new Set(tagValues(event, 'x').map(parseSha256))]
    if (hashes.length === 0 || hashes.length > MAX_HASHES || hashes.includes(null)) throw new Failure('REPORT_INVALID', 'x tags')
    const from = rates.addressOf(request.raw)
    rates.trust(from)
    if (!isSigned(event)) {
      rates.fail(from)
      throw new Failure('REPORT_INVALID', 'the signature does not hold')
    }
    const here: string[] = []
    for (const sha256 of hashes) {
      if (sha256 !== null && !lists.hides(sha256) && await blobs.find(sha256) !== null) here.push(sha256)
    }
    if (here.length === 0) throw new Failure('BLOB_UNKNOWN') // A16
    // what nobody signed is not kept: it may be anything, nested deeper than it can be written
    const { id, pubkey, created_at, kind, tags, content, sig } = event
    const report: KeptReport = { event: { id, pubkey, created_at, kind, tags, content, sig }, received: Math.floor(now() / 1000), blobs: here }
    // sent once more, what was decided stays decided
    const before = await state.get(`${REPORTS}${event.id}`) as KeptReport | null
    if (before?.decided === undefined) await state.put(`${REPORTS}${event.id}`, report)
    return reply.code(200).send({ status: 'kept', blobs: here })
  })
}
