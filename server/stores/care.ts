// Who looks after bytes at rest: the scrub that finds damage, and the repairer that mends it. Started with the server, stopped before its stores.

import { randomBytes } from 'node:crypto'
import { Repairer } from './repairer.ts'
import { ScrubRows } from './scrub-rows.ts'
import { ScrubShares } from './scrub-shares.ts'
import { Scrubber } from './scrubber.ts'
import type { Database } from '../database.ts'
import type { Blobs } from './blobs.ts'
import type { DamagedBlobs } from './damaged.ts'
import type { Descriptors } from './descriptors.ts'
import type { Stores } from './open.ts'
import type { Mirror } from './repairer.ts'
import type { Tell } from './scrubber.ts'

export interface CareParts {
  stores: Stores
  database: Database
  descriptors: Descriptors
  blobs: Blobs
  damaged: DamagedBlobs
  mirrors: readonly Mirror[]
  /** Bytes a second; null or 0: no scrub. */
  scrubRate: number | null
  /** Milliseconds. */
  scrubEvery: number
  now: () => number
  tell: Tell
}

/** A server that has just started has other things to do. */
const GRACE_MS = 15_000

export class Care {
  readonly damaged: DamagedBlobs
  readonly scrubber: Scrubber
  readonly #repairer: Repairer
  #timer: NodeJS.Timeout | null = null

  constructor ({ stores, database, descriptors, blobs, damaged, mirrors, scrubRate, scrubEvery, now, tell }: CareParts) {
    const common = { stores, descriptors, damaged, quarantine: blobs.quarantine, now, tell }
    this.damaged = damaged
    this.scrubber = new Scrubber({
      ...common, rows: new ScrubRows(database), rate: scrubRate ?? 0, every: scrubEvery,
      shares: new ScrubShares(stores.state, { shared: stores.shared, node: randomBytes(8).toString('hex'), now })
    })
    this.#repairer = new Repairer({ ...common, mirrors })
  }

  start (): void {
    this.#timer = setTimeout(() => { this.scrubber.start() }, GRACE_MS)
    this.#timer.unref()
    this.#repairer.start()
  }

  async stop (): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer)
    await Promise.all([this.scrubber.stop(), this.#repairer.stop()])
  }
}
