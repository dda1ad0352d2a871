// NIP-98 events that were used at the key room, for every node of the deployment and over a restart: `state/key-uses/<created_at>-<id>`, made by a
// create that fails where there is one. Each goes when it can no longer be used anyway.

import { Failure } from '../errors.ts'
import { WINDOW_SECONDS } from '../auth/nip98.ts'
import type { StateStore } from '../stores/state.ts'

const FOLDER = 'key-uses/'
const DIGITS = 12
/** Seconds after which an event is over at every node: clocks differ. */
const KEPT = 3 * WINDOW_SECONDS
const CLEAR_MS = 60_000
const CLEARED_AT_ONCE = 5000

export class UsedEvents {
  readonly #state: StateStore
  readonly #now: () => number
  #clearAt: number
  #clearing: Promise<void> | null = null

  constructor (state: StateStore, now: () => number) {
    this.#state = state
    this.#now = now
    this.#clearAt = now()
  }

  /** Notes that an event is used: durable when it resolves. Rejects with TOKEN_REPLAYED when it was before, or with StoreError. */
  async spend ({ id, createdAt }: { id: string, createdAt: number }): Promise<void> {
    const now = this.#now()
    if (now >= this.#clearAt) this.#clear(now)
    if (!await this.#state.add(`${FOLDER}${String(createdAt).padStart(DIGITS, '0')}-${id}`, { v: 1 })) throw new Failure('TOKEN_REPLAYED')
  }

  /** In the background; what fails is removed another time. */
  #clear (now: number): void {
    this.#clearAt = now + CLEAR_MS * (1 + Math.random()) // not all nodes at once
    this.#clearing ??= (async () => {
      const over: string[] = []
      for await (const name of this.#state.list(FOLDER, FOLDER)) {
        if (Number(name.slice(FOLDER.length, FOLDER.length + DIGITS)) > now / 1000 - KEPT || over.length === CLEARED_AT_ONCE) break
        over.push(name)
      }
      for (const name of over) await this.#state.remove(name)
    })().catch(() => {}).finally(() => { this.#clearing = null })
  }
}
