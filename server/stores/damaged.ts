// Blobs whose bytes were found damaged: one note each in the store (`state/damaged/<sha256>`), so that it outlives the database, and a set in
// memory, so that asking costs one look. Until they are repaired they are answered 503 BLOB_DAMAGED. Nodes of one bucket follow each other.

import { Failure } from '../errors.ts'
import { Changes } from './changes.ts'
import type { StateStore } from './state.ts'

/** Who came upon it. */
export type Finder = 'read' | 'scrub' | 'verify'

export interface DamageNote {
  sha256: string
  /** Unix seconds. */
  at: number
  /** In words. */
  what: string
  by: Finder
}

export interface DamagedSettings {
  /** Whether other nodes write to the same store. */
  shared: boolean
  /** Milliseconds. */
  now?: () => number
  /** Hears what this node found and repaired. */
  onNews?: (news: { kind: 'damaged' | 'repaired', sha256: string, what: string }) => void
}

const FOLDER = 'damaged/'
/** Seconds after which a client may ask again: a repair takes as long as a mirror needs. */
const RETRY_SECONDS = '60'
/** Notes of changes are kept for an hour: a node that heard nothing for half of it compares the list in full. */
const DEAF_MS = 1800_000

export function damagedFailure (cause?: unknown): Failure {
  return new Failure('BLOB_DAMAGED', undefined, { cause, headers: { 'retry-after': RETRY_SECONDS } })
}

export class DamagedBlobs {
  readonly #state: StateStore
  readonly #now: () => number
  readonly #changes: Changes | null
  readonly #onNews: NonNullable<DamagedSettings['onNews']>
  readonly #set = new Set<string>()
  readonly #due = new Set<string>()
  #heard: number
  /** By this node, since it started. */
  found = 0
  repaired = 0

  constructor (state: StateStore, { shared, now = Date.now, onNews = () => {} }: DamagedSettings) {
    this.#state = state
    this.#now = now
    this.#onNews = onNews
    this.#changes = shared ? new Changes(state, now, 'damage-changes/') : null
    this.#heard = now()
  }

  /** Reads the notes from the store; called once, before anybody asks. Rejects with StoreError. */
  async load (): Promise<void> {
    for await (const sha256 of this.#stored()) this.#set.add(sha256)
  }

  async * #stored (): AsyncIterable<string> {
    for await (const name of this.#state.list(FOLDER)) {
      const sha256 = name.slice(FOLDER.length)
      if (/^[0-9a-f]{64}$/.test(sha256)) yield sha256
    }
  }

  get size (): number {
    return this.#set.size
  }

  has (sha256: string): boolean {
    return this.#set.has(sha256)
  }

  all (): string[] {
    return [...this.#set]
  }

  /** In force here at once, durable when it resolves, on other nodes within seconds. Rejects with StoreError: in force all the same. */
  async add (sha256: string, what: string, by: Finder): Promise<void> {
    if (this.#set.has(sha256)) return
    this.#set.add(sha256)
    this.found++
    this.#onNews({ kind: 'damaged', sha256, what: `${what} (${by})` })
    await this.#state.put(`${FOLDER}${sha256}`, { v: 1, at: Math.floor(this.#now() / 1000), what, by })
    await this.#changes?.note(sha256)
  }

  /** The blob is whole again, or nobody's any more. Rejects with StoreError: then it stays. */
  async remove (sha256: string, repairedBy: string | null): Promise<void> {
    await this.#state.remove(`${FOLDER}${sha256}`)
    if (!this.#set.delete(sha256)) return
    if (repairedBy !== null) {
      this.repaired++
      this.#onNews({ kind: 'repaired', sha256, what: repairedBy })
    }
    await this.#changes?.note(sha256)
  }

  /** Every note, oldest first. Rejects with StoreError. */
  async notes (): Promise<DamageNote[]> {
    const notes: DamageNote[] = []
    for await (const sha256 of this.#stored()) {
      const note = await this.#state.get(`${FOLDER}${sha256}`) as Partial<DamageNote> | null
      if (note !== null) notes.push({ sha256, at: note.at ?? 0, what: note.what ?? '', by: note.by ?? 'read' })
    }
    return notes.sort((a, b) => a.at - b.at || (a.sha256 < b.sha256 ? -1 : 1))
  }

  /** Takes over what other nodes noted since the last call; the hashes that changed. Rejects with StoreError, and goes on next time. */
  async follow (): Promise<string[]> {
    if (this.#changes === null) return []
    const started = this.#now()
    if (started - this.#heard > DEAF_MS) await this.#compare()
    for (const sha256 of await this.#changes.look()) this.#due.add(sha256)
    this.#heard = started
    const changed: string[] = []
    for (const sha256 of [...this.#due]) {
      const noted = await this.#state.get(`${FOLDER}${sha256}`) !== null
      if (noted !== this.#set.has(sha256)) changed.push(sha256)
      this.#set[noted ? 'add' : 'delete'](sha256)
      this.#due.delete(sha256)
    }
    return changed
  }

  async #compare (): Promise<void> {
    const gone = new Set(this.#set)
    for await (const sha256 of this.#stored()) if (!gone.delete(sha256)) this.#due.add(sha256)
    for (const sha256 of gone) this.#due.add(sha256)
  }
}
