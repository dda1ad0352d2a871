// What one node notes about hashes in the store, all nodes of a bucket follow: by notes of changes, and by a look at everything after a silence
// longer than the notes are kept. HashLists and DamagedBlobs are made of it. Promise: a hash stays due until the store has answered for it.

import { Changes } from './changes.ts'
import type { StateStore } from './state.ts'

/** Notes of changes are kept for an hour: a node that heard nothing for half of it compares everything. */
const DEAF_MS = 1800_000
const LOOKS_AT_ONCE = 8

export interface FollowedParts {
  state: StateStore
  /** Whether other nodes write to the same store. */
  shared: boolean
  /** Below `state/`, where the notes of changes lie; ends in `/`. */
  notes: string
  /** Milliseconds. */
  now: () => number
  /** Every hash that may have changed, for all that this node can tell. */
  compare: () => AsyncIterable<string>
  /** Takes over what the store has about one hash. */
  refresh: (sha256: string) => Promise<void>
}

export class FollowedHashes {
  readonly #parts: FollowedParts
  readonly #changes: Changes | null
  readonly #due = new Set<string>()
  #heard: number

  constructor (parts: FollowedParts) {
    this.#parts = parts
    this.#changes = parts.shared ? new Changes(parts.state, parts.now, parts.notes) : null
    this.#heard = parts.now()
  }

  /** Tells the other nodes; durable when it resolves. Rejects with StoreError. */
  async note (sha256: string): Promise<void> {
    await this.#changes?.note(sha256)
  }

  /** Takes over what other nodes noted since the last call; the hashes that were looked at. Rejects with StoreError, and goes on next time. */
  async follow (): Promise<string[]> {
    if (this.#changes === null) return []
    const started = this.#parts.now()
    if (started - this.#heard > DEAF_MS) for await (const sha256 of this.#parts.compare()) this.#due.add(sha256)
    for (const sha256 of await this.#changes.look()) this.#due.add(sha256)
    this.#heard = started
    const looked = [...this.#due]
    // some at once: a block must be seen within seconds, also where each question takes its time
    for (let at = 0; at < looked.length; at += LOOKS_AT_ONCE) {
      const results = await Promise.allSettled(looked.slice(at, at + LOOKS_AT_ONCE).map(async (sha256) => {
        await this.#parts.refresh(sha256)
        this.#due.delete(sha256)
      }))
      for (const each of results) if (each.status === 'rejected') throw each.reason
    }
    return looked
  }
}

/** The hashes that have an entry in a folder of `state/`, which ends in `/`. Rejects with StoreError. */
export async function * hashesIn (state: StateStore, folder: string): AsyncIterable<string> {
  for await (const name of state.list(folder)) {
    const sha256 = name.slice(folder.length)
    if (/^[0-9a-f]{64}$/.test(sha256)) yield sha256
  }
}
