// Removes packs that nobody needs from a store that several nodes share (design §3). No lock spans the nodes, so it takes two looks with a grace
// period between them, and a mark in the store that says a pack is condemned:
//
//   sweeper    no record, no owner, old   → mark; a grace later: mark still there, still no record and no owner → pack removed
//   uploader   commit found the pack there → a young mark is taken away; an old one means it may go any moment: try again later
//
// An uploader therefore has at least MARGIN between taking a mark away and the earliest removal that could have missed it.

import { StoreError } from '../errors.ts'
import { keyOf, sha256Of } from './multihash.ts'
import type { Descriptors } from './descriptors.ts'
import type { Multihash } from './multihash.ts'
import type { Stores } from './open.ts'

export const GRACE_MS = 3600_000
/** More than any two clocks differ, and any commit lasts from its look at the mark to its record. */
const MARGIN_MS = 600_000

const CONDEMNED = 'condemned/'

export interface SweeperParts {
  stores: Stores
  descriptors: Descriptors
  /** Milliseconds. */
  now: () => number
  graceMs?: number
  marginMs?: number
}

export class Sweeper {
  readonly #stores: Stores
  readonly #rows: Descriptors
  readonly #now: () => number
  readonly #graceMs: number
  readonly #marginMs: number

  constructor ({ stores, descriptors, now, graceMs = GRACE_MS, marginMs = MARGIN_MS }: SweeperParts) {
    this.#stores = stores
    this.#rows = descriptors
    this.#now = now
    this.#graceMs = graceMs
    this.#marginMs = marginMs
  }

  #mark (pack: Multihash): string {
    return `${CONDEMNED}${keyOf(pack)}`
  }

  /** When this pack was condemned, unix milliseconds; null when it was not. */
  async #condemned (pack: Multihash): Promise<number | null> {
    const mark = await this.#stores.state.get(this.#mark(pack)) as { at?: unknown } | null
    return mark === null ? null : Number(mark.at ?? 0)
  }

  /** Called with a pack that a commit found there already: makes sure it stays. Rejects with StoreError when it may be going this moment. */
  async spare (pack: Multihash): Promise<void> {
    const at = await this.#condemned(pack)
    if (at === null) return
    if (this.#now() - at > this.#graceMs - this.#marginMs) {
      throw new StoreError(this.#stores.packs.name, 'commit', keyOf(pack), new Error('an older copy is being removed; try again'))
    }
    await this.#stores.state.remove(this.#mark(pack))
  }

  /** One pass over the packs; the number it removed. */
  async sweep (): Promise<number> {
    let removed = 0
    for await (const { pack, modified } of this.#stores.packs.list()) {
      const sha256 = sha256Of(pack)
      // a row is the cheap answer for nearly all of them
      if (sha256 === null || this.#rows.get(sha256) !== null || this.#now() - modified < this.#graceMs) continue
      if (await this.#needed(pack, sha256)) continue
      const at = await this.#condemned(pack)
      if (at === null) {
        await this.#stores.state.put(this.#mark(pack), { at: this.#now() })
      } else if (this.#now() - at >= this.#graceMs && !await this.#needed(pack, sha256) && await this.#condemned(pack) === at) {
        await this.#stores.packs.remove(pack)
        await this.#stores.state.remove(this.#mark(pack))
        removed++
      }
    }
    return removed
  }

  async #needed (pack: Multihash, sha256: string): Promise<boolean> {
    return await this.#stores.index.own(pack) !== null || (await this.#stores.owners.namesOf(sha256)).length > 0
  }
}
