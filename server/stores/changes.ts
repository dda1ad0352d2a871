// What one node of a shared store did that the others' rows cannot know: an owner left. Each such change is a small object named by its time;
// the others look for new ones every two seconds and compare just those blobs with the store. Uploads need no note: a miss asks the store.

import { randomBytes } from 'node:crypto'
import type { StateStore } from './state.ts'

/** Clocks of nodes may differ by this much: that far back is looked at again. */
const MARGIN_MS = 60_000
/** A node that was away for longer compares everything at its start. */
const KEPT_MS = 3600_000

export class Changes {
  readonly #state: StateStore
  readonly #now: () => number
  readonly #seen = new Set<string>()
  /** What a look that failed half-way had found: it is told by the next. */
  readonly #found = new Set<string>()
  readonly #folder: string
  #from: number

  /** @param folder below `state/`, where the notes lie */
  constructor (state: StateStore, now: () => number, folder = 'changes/') {
    this.#state = state
    this.#folder = folder
    this.#now = now
    this.#from = now() - MARGIN_MS
  }

  /** Tells the other nodes that something about this blob changed. */
  async note (sha256: string): Promise<void> {
    const name = `${String(this.#now()).padStart(15, '0')}-${sha256}-${randomBytes(4).toString('hex')}`
    this.#seen.add(name) // our own rows know
    await this.#state.put(`${this.#folder}${name}`, {})
  }

  /** The blobs that others noted since the last look; also removes notes that everybody has had time to read. */
  async look (): Promise<string[]> {
    const started = this.#now()
    for await (const name of this.#state.list(this.#folder)) {
      const note = name.slice(this.#folder.length)
      const at = Number(note.slice(0, 15))
      if (started - at > KEPT_MS) {
        await this.#state.remove(name)
        this.#seen.delete(note)
      } else if (at >= this.#from && !this.#seen.has(note)) {
        this.#seen.add(note)
        this.#found.add(note.split('-')[1] ?? '')
      }
    }
    this.#from = started - MARGIN_MS
    for (const note of this.#seen) {
      if (Number(note.slice(0, 15)) < this.#from - MARGIN_MS) this.#seen.delete(note)
    }
    const found = [...this.#found]
    this.#found.clear()
    return found.filter((sha256) => /^[0-9a-f]{64}$/.test(sha256))
  }
}
