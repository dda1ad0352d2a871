// What a running server does by the clock besides its answers (design §3): the database is synced and kept small, packs that nobody needs go, and what the
// other nodes of a bucket did is followed. Nothing here ends the server: what fails is told in the log and done again at its next time.

import { Checkpointer } from './checkpointer.ts'
import { checkpoint } from './database.ts'
import { keep } from './last-run.ts'
import type { FastifyBaseLogger } from 'fastify'
import type { Database } from './database.ts'
import type { Blobs } from './stores/blobs.ts'
import type { CatchUp } from './stores/catch-up.ts'
import type { Decisions } from './stores/decisions.ts'
import type { Descriptors } from './stores/descriptors.ts'
import type { Sweeper } from './stores/sweeper.ts'

/** Milliseconds. */
const CHECKPOINT_EVERY = 5000
const KEEP_EVERY = 60_000
const FOLLOW_EVERY = 2000
const SWEEP_EVERY = 30 * 60_000

export interface UpkeepParts {
  database: Database
  databasePath: string
  descriptors: Descriptors
  sweeper: Sweeper | null
  /** What is followed where several nodes share a store; null where none can. */
  others: { decisions: Decisions, blobs: Blobs, catchUp: CatchUp | null } | null
  logger: FastifyBaseLogger
}

export interface Upkeep {
  /** Begins nothing more. */
  stop: () => void
  /** The same, and waits for a sync that is under way. */
  close: () => Promise<void>
}

/** Begins all of it. */
export function startUpkeep ({ database, databasePath, descriptors, sweeper, others, logger }: UpkeepParts): Upkeep {
  const checkpointer = new Checkpointer(databasePath)
  const told = (message: string) => (error: unknown) => { logger.error({ err: error }, message) }
  const timers = [
    setInterval(() => {
      if (checkpointer.worthwhile) checkpointer.run().catch(told('the database could not be synced'))
    }, CHECKPOINT_EVERY),
    setInterval(() => {
      keep(descriptors, () => checkpointer.worthwhile ? checkpointer.run() : checkpoint(database, 'TRUNCATE')).catch(told('the database could not be kept up'))
    }, KEEP_EVERY),
    setInterval(() => {
      sweeper?.sweep().then((removed) => {
        if (removed > 0) logger.info({ removed }, 'packs that nobody needs removed')
      }, told('the sweep broke off'))
    }, SWEEP_EVERY)
  ]
  if (others !== null) {
    const { decisions, blobs, catchUp } = others
    const following = (follow: () => Promise<unknown>, pause: number): NodeJS.Timeout => {
      let looking = false
      return setInterval(() => {
        if (looking) return
        looking = true
        follow().catch((error: unknown) => {
          logger.warn({ err: error }, 'changes of other nodes could not be read')
        }).finally(() => { looking = false })
      }, pause)
    }
    // each by itself: a long look at blobs must not keep a block waiting
    timers.push(
      following(() => decisions.follow(), FOLLOW_EVERY / 2), following(() => blobs.followDamage(), FOLLOW_EVERY),
      following(async () => catchUp?.follow(), FOLLOW_EVERY)
    )
  }
  const stop = (): void => { for (const timer of timers) clearInterval(timer) }
  return {
    stop,
    close: async () => {
      stop()
      await checkpointer.close()
    }
  }
}
