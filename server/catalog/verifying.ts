// POST /catalog/verify: what can be checked of an event or a manifest, one check after the other, each passed, failed or skipped with its reason. Pure.

import { isEvent } from '../auth/signature.ts'
import { TAKEN_BUDGET, judgeBudget } from './budget.ts'
import { parseCatalogEvent, typeOf } from './catalog-event.ts'
import { eventId } from './event-id.ts'
import { CatalogFault } from './faults.ts'
import { parseManifest } from './manifest.ts'
import { FUTURE_TOLERANCE } from './accept.ts'
import type { SignedEvent } from '../auth/signature.ts'

export interface Check {
  check: string
  outcome: 'pass' | 'fail' | 'skip'
  /** Why it failed or was skipped; '' when it passed. */
  reason: string
}

type Step = readonly [check: string, holds: () => string | null]

/** Runs each step; from the first that fails on, the rest is skipped. A step says what is wrong, or null. */
export function runChecks (steps: readonly Step[]): Check[] {
  let failed: string | null = null
  return steps.map(([check, holds]) => {
    if (failed !== null) return { check, outcome: 'skip', reason: `${failed} failed` }
    let reason: string | null
    try {
      reason = holds()
    } catch (error) {
      if (!(error instanceof CatalogFault)) throw error
      reason = error.message
    }
    if (reason === null) return { check, outcome: 'pass', reason: '' }
    failed = check
    return { check, outcome: 'fail', reason }
  })
}

export interface EventFacts {
  /** Unix seconds. */
  now: number
  verify: (event: SignedEvent) => boolean
  /** How the event stands to what is kept here. */
  standing: (event: SignedEvent) => string
}

/** The checks of an event, in the order in which it would be taken. */
export function checkEvent (value: unknown, { now, verify, standing }: EventFacts): Check[] {
  const event = value as SignedEvent
  return runChecks([
    ['shape', () => isEvent(value) ? null : 'this is no signed Nostr event'],
    ['budget', () => { judgeBudget(event, TAKEN_BUDGET); return null }],
    ['kind', () => typeOf(event) === null ? `kind ${event.kind} is not kept here` : null],
    ['id', () => eventId(event.pubkey, event) === event.id ? null : 'the id is not that of the event'],
    ['time', () => event.created_at > now + FUTURE_TOLERANCE ? 'the event is from the future' : null],
    ['signature', () => verify(event) ? null : 'the event is not signed by its key'],
    ['schema', () => { parseCatalogEvent(event); return null }],
    ['standing', () => {
      const found = standing(event)
      return found === 'deleted' ? 'it was withdrawn by its author' : found === 'older' ? 'a newer version is here' : null
    }]
  ])
}

/** The checks of a manifest blob. */
export function checkManifest (bytes: Uint8Array): Check[] {
  return runChecks([['manifest', () => { parseManifest(bytes); return null }]])
}
