// Keeps a node whose sweep ends an ownership and another where its owner renews it apart: no lock spans the nodes of a bucket, and an object is removed
// whatever it says by then. A mark in the store, `state/ending/<sha256>-<owner>`, stands while one node is at it:
//
//   sweep    mark made, by one node alone → owner object read once more → removed, and the blob with the last → mark removed
//   renewal  owner object written → no mark there → owner object still there, or written again
//
// Whichever came first, a renewal that was acknowledged is there in the end.

import { StoreError } from '../errors.ts'
import type { OwnerStore, Ownership } from './owners.ts'
import type { StateStore } from './state.ts'

/** A mark this old is of a node that was killed: more than any removal lasts, and any two clocks differ. */
const STALE_MS = 600_000
const LOOK_MS = 50
const LOOKS = 100

function nameOf (sha256: string, owner: string): string {
  return `ending/${sha256}-${owner}`
}

export class EndingMarks {
  readonly #state: StateStore
  readonly #now: () => number

  constructor (state: StateStore, now: () => number) {
    this.#state = state
    this.#now = now
  }

  /** Runs `end` while no other node is at this ownership; null, and it is not run, when one is. Rejects with StoreError. */
  async alone<T> (sha256: string, owner: string, end: () => Promise<T>): Promise<T | null> {
    const name = nameOf(sha256, owner)
    if (!await this.#state.add(name, { at: this.#now() })) {
      if (await this.#stands(name)) return null
      await this.#state.remove(name)
      return null // the next sweep finds it free
    }
    try {
      return await end()
    } finally {
      await this.#state.remove(name)
    }
  }

  /** Called when an owner object was written over an older one: it is there when this resolves. Rejects with StoreError where that cannot be told. */
  async outlast (ownership: Ownership, owners: OwnerStore): Promise<void> {
    const { sha256, owner } = ownership
    for (let look = 0; await this.#stands(nameOf(sha256, owner)); look++) {
      if (look === LOOKS) throw new StoreError('state', 'renew', sha256, new Error('another node is ending it; try again'))
      await new Promise((resolve) => { setTimeout(resolve, LOOK_MS) })
    }
    if (await owners.get(sha256, owner) === null) await owners.put(ownership)
  }

  async #stands (name: string): Promise<boolean> {
    const mark = await this.#state.get(name) as { at?: number } | null
    return mark !== null && this.#now() - (mark.at ?? 0) < STALE_MS
  }
}
