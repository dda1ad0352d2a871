// What the server signs of itself, put together: adverts of what it has (advertiser.ts) and the lists of its key (own-lists.ts), begun and ended as one.

import { Advertiser } from './advertiser.ts'
import { AdvertTargets } from './advert-targets.ts'
import { OwnLists } from './own-lists.ts'
import { Possession } from './possession.ts'
import { OwnAdvertRows } from './rows/own-advert-rows.ts'
import type { AdvertiserParts } from './advertiser.ts'
import type { OwnListsParts } from './own-lists.ts'
import type { PossessionParts } from './possession.ts'

export interface OwnEventsParts extends Omit<AdvertiserParts, 'rows' | 'targets' | 'possession'>, Pick<OwnListsParts, 'database' | 'log'>, Pick<PossessionParts, 'blobs' | 'lastScrubbed'> {
  /** False for a blob that is blocked, restricted, or known to be damaged. */
  mayTell: (sha256: string) => boolean
}

const DAY_MS = 24 * 3600_000

export class OwnEvents {
  readonly #parts: OwnEventsParts
  readonly #advertiser: Advertiser
  readonly #lists: OwnLists
  #timer: NodeJS.Timeout | null = null
  #refreshing: Promise<void> = Promise.resolve()

  constructor (parts: OwnEventsParts) {
    const { database, publisher, mayTell } = parts
    this.#parts = parts
    this.#lists = new OwnLists(parts)
    this.#advertiser = new Advertiser({ ...parts, rows: new OwnAdvertRows(database, publisher.pubkey), targets: new AdvertTargets(database, mayTell), possession: new Possession(parts) })
  }

  /** How many of our adverts stand. */
  get adverts (): number {
    return this.#advertiser.live
  }

  /** To be called when the public URL is known. */
  start (): void {
    const refresh = (): void => {
      this.#refreshing = this.#refreshing.then(async () => { await this.#lists.refresh() }).catch((error: unknown) => {
        this.#parts.onFault(error, 'the lists of our key could not be made')
      })
    }
    refresh()
    this.#timer = setInterval(refresh, DAY_MS)
    this.#timer.unref()
    this.#advertiser.start()
  }

  /** Something was deleted, blocked or found damaged. */
  wake (): void {
    this.#advertiser.wake()
  }

  /** Resolves when nothing of it runs any more: before the database is closed. */
  async close (): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer)
    await this.#advertiser.close()
    await this.#refreshing
  }
}
