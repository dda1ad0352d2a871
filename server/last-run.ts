// What a start finds of the life before it: how that ended, and what it left to clear and to compare; and what this life notes down for the next. Of a
// shared store the comparing is left to stores/catch-up.ts.

import { removeLeftovers, removeLeftoversOf } from './stores/leftovers.ts'
import { reconcile, reconcileSome } from './stores/reconcile.ts'
import type { FastifyBaseLogger } from 'fastify'
import type { LastRun } from './stores/catch-up.ts'
import type { Descriptors } from './stores/descriptors.ts'
import type { Stores } from './stores/open.ts'
import type { Reconciled } from './stores/reconcile.ts'

/** A database whose last server ended properly carries this mark. */
export const CLEAN = 'clean'
/** The kernel that this database's server runs on, and the files it has: after a kill it still holds every byte (stores/same-kernel.ts). */
const KERNEL = 'kernel'
/** Rows up to this moment (unix milliseconds) are known to be on the disk. */
const SYNCED = 'synced'
/** Clocks of store and server may differ by this much. */
const MARGIN_MS = 10 * 60_000
const DEPARTED_SECONDS = 30 * 24 * 3600

/**
 * Called before anything is served. Clears what an earlier life left, and compares rows and store: what was under way then, and everything where more may be amiss. Of a shared
 * store that is left to catch-up.ts.
 */
export async function settle (stores: Stores, descriptors: Descriptors, { foreignBlobs }: { foreignBlobs: boolean }, logger: FastifyBaseLogger, kernel: string | null): Promise<LastRun> {
  const { unsettled } = descriptors
  const replayed = stores.journal?.recover((blobs) => { unsettled.addAll(blobs) }).length ?? 0
  if (replayed > 0) logger.info({ replayed }, 'small uploads of an earlier run made files')
  const swept = await stores.packs.sweep()
  if (swept > 0) logger.info({ swept }, 'drafts of an earlier run removed')
  if (!foreignBlobs) descriptors.forgetForeign()
  const sides = { stores, descriptors, now: Math.floor(Date.now() / 1000) }
  const sound = descriptors.mark(CLEAN) !== null || (kernel !== null && descriptors.mark(KERNEL) === kernel && !foreignBlobs)
  const since = Math.max(0, Number(descriptors.mark(SYNCED) ?? 0) - MARGIN_MS)
  if (stores.shared) {
    descriptors.setMark(KERNEL, kernel)
    descriptors.setMark(CLEAN, null)
    return { sound, since }
  }
  const tidy = !foreignBlobs
  const noted = unsettled.all()
  const some = await reconcileSome(sides, noted.map(({ sha256 }) => sha256))
  tell(logger, some, tidy ? await removeLeftoversOf(stores, descriptors, noted) : 0)
  if (!sound) {
    // a database that never ran has neither mark
    if (descriptors.mark(SYNCED) !== null) logger.info('the last run did not end cleanly, nor on this kernel: rows and store are compared in full')
    const all = await reconcile({ ...sides, since })
    tell(logger, all, tidy ? await removeLeftovers(stores, descriptors) : 0)
  }
  unsettled.clear()
  descriptors.setMark(KERNEL, kernel)
  descriptors.setMark(CLEAN, null)
  return { sound, since }
}

function tell (logger: FastifyBaseLogger, { learned, forgotten, restored, lost }: Reconciled, removed: number): void {
  if (learned + forgotten + restored > 0) logger.warn({ learned, forgotten, restored }, 'compared rows and store')
  if (removed > 0) logger.info({ removed }, 'leftovers of an unclean end removed')
  for (const each of lost) logger.error({ owner: each }, 'an owner without a blob: see `marquee verify`')
}

/** Syncs the rows and notes up to when; forgets cursors that nobody holds any more. Rejects with what the database said. */
export async function keep (descriptors: Descriptors, sync: () => boolean | Promise<boolean>): Promise<void> {
  const now = Date.now()
  descriptors.forgetDeparted(Math.floor(now / 1000) - DEPARTED_SECONDS)
  if (await sync()) descriptors.setMark(SYNCED, String(now))
}
