// Puts the parts of retention together: rules, rows, notes of reads and the sweep.

import { EndingMarks } from './ending-marks.ts'
import { ReadTimes } from './read-times.ts'
import { Retention } from './retention.ts'
import { RetentionRows } from './retention-rows.ts'
import { RetentionSweep } from './retention-sweep.ts'
import { SharedReads } from './shared-reads.ts'
import type { Database } from '../database.ts'
import type { StoreError } from '../errors.ts'
import type { Blobs } from './blobs.ts'
import type { Descriptors } from './descriptors.ts'
import type { Stores } from './open.ts'
import type { RetentionRule } from './retention-rules.ts'
import type { RetentionSweepParts } from './retention-sweep.ts'

export interface OpenRetentionParts {
  stores: Stores
  descriptors: Descriptors
  database: Database
  rules: readonly RetentionRule[]
  /** Who owns what is pinned: 64 hex digits. */
  keeper: string
  isPinned: (sha256: string) => boolean
  /** Milliseconds. */
  now: () => number
}

export interface Retained {
  retention: Retention
  reads: ReadTimes
  /** What ends the ownerships of these blobs; `onDamage` hears of those it cannot. */
  sweepOver: (blobs: Blobs, onDamage: (error: StoreError) => void, own?: Pick<RetentionSweepParts, 'step' | 'pause'>) => RetentionSweep
}

/** Called before anything is served: whether the last run ended properly is asked, and taken down, here. */
export function openRetention ({ stores, descriptors, database, rules, keeper, isPinned, now }: OpenRetentionParts): Retained {
  const rows = new RetentionRows(database)
  const watching = rules.some(({ keepUnread }) => keepUnread !== undefined)
  const others = stores.shared && watching ? new SharedReads(stores.state, descriptors, now) : null
  const reads = new ReadTimes({ rows, descriptors, others, rules, now })
  const retention = new Retention({ rules, keeper, rows, reads, isPinned, now })
  const isPinnedThere = stores.shared ? async (sha256: string) => await stores.state.get(`pinned/${sha256}`) !== null : null
  const marks = stores.shared ? new EndingMarks(stores.state, now) : null
  return {
    retention,
    reads,
    sweepOver: (blobs, onDamage, own = {}) => new RetentionSweep({ retention, reads, rows, blobs, descriptors, isPinned, isPinnedThere, marks, onDamage, now, ...own })
  }
}
