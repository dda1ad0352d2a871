// When our own events say they were made: for each address later than the last time, also after a restart, a rebuild, or the loss of the database
// (half of the relays keep the first of two versions of one second). One mark in the store runs ahead of all that was signed.

import { Locks } from '../stores/locks.ts'
import { nextCreatedAt } from './address.ts'
import type { StateStore } from '../stores/state.ts'

/** Seconds by which the mark runs ahead, so that it is written once in that time. */
const AHEAD = 60

const NAME = 'signed-until'

export interface OwnClockParts {
  state: Pick<StateStore, 'get' | 'put'>
  /** The newest created_at at an address in the log; null for none. */
  newest: (address: string) => number | null
  /** Unix milliseconds. */
  now: () => number
}

export class OwnClock {
  readonly #parts: OwnClockParts
  readonly #locks = new Locks()
  readonly #last = new Map<string, number>()
  /** Nothing was signed for a later second than this one; null until it was read. */
  #until: number | null = null
  /** The mark of an earlier life: whatever is signed in this one is later. */
  #before = 0

  constructor (parts: OwnClockParts) {
    this.#parts = parts
  }

  /** Unix seconds for the next version of `address` (of a regular event: its kind). Rejects with StoreError, and nothing may be signed then. */
  next (address: string): Promise<number> {
    return this.#locks.run('signed', async () => {
      const { state, newest, now } = this.#parts
      if (this.#until === null) {
        const mark = await state.get(NAME) as { until?: number } | null
        this.#before = this.#until = mark?.until ?? 0
      }
      const last = Math.max(this.#last.get(address) ?? 0, newest(address) ?? 0, this.#before)
      const at = nextCreatedAt(last, Math.floor(now() / 1000))
      if (at > this.#until) {
        await state.put(NAME, { v: 1, until: at + AHEAD })
        this.#until = at + AHEAD
      }
      this.#last.set(address, at)
      return at
    })
  }
}
