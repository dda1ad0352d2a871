// Blobs whose bytes were found damaged: one note each in the store (`state/damaged/<sha256>`), so that it outlives the database, and a set in
// memory, so that asking costs one look. Until they are repaired they are answered 503 BLOB_DAMAGED. Nodes of one bucket follow each other.

import { Failure } from '../errors.ts'
import { FollowedHashes, hashesIn } from './followed-hashes.ts'
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

export function damagedFailure (cause?: unknown): Failure {
  return new Failure('BLOB_DAMAGED', undefined, { cause, headers: { 'retry-after': RETRY_SECONDS } })
}

export class DamagedBlobs {
  readonly #state: StateStore
  readonly #now: () => number
  readonly #followed: FollowedHashes
  readonly #onNews: NonNullable<DamagedSettings['onNews']>
  readonly #set = new Set<string>()
  /** What `follow` came upon. */
  #changed: string[] = []
  /** By this node, since it started. */
  found = 0
  repaired = 0

  constructor (state: StateStore, { shared, now = Date.now, onNews = () => {} }: DamagedSettings) {
    this.#state = state
    this.#now = now
    this.#onNews = onNews
    this.#followed = new FollowedHashes({ state, shared, notes: 'damage-changes/', now, compare: () => this.#unlike(), refresh: (sha256) => this.#refresh(sha256) })
  }

  /** Reads the notes from the store; called once, before anybody asks. Rejects with StoreError. */
  async load (): Promise<void> {
    for await (const sha256 of hashesIn(this.#state, FOLDER)) this.#set.add(sha256)
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
    await this.#followed.note(sha256)
  }

  /** The blob is whole again, or nobody's any more. Rejects with StoreError: then it stays. */
  async remove (sha256: string, repairedBy: string | null): Promise<void> {
    await this.#state.remove(`${FOLDER}${sha256}`)
    if (!this.#set.delete(sha256)) return
    if (repairedBy !== null) {
      this.repaired++
      this.#onNews({ kind: 'repaired', sha256, what: repairedBy })
    }
    await this.#followed.note(sha256)
  }

  /** Every note, oldest first. Rejects with StoreError. */
  async notes (): Promise<DamageNote[]> {
    const notes: DamageNote[] = []
    for await (const sha256 of hashesIn(this.#state, FOLDER)) {
      const note = await this.#state.get(`${FOLDER}${sha256}`) as Partial<DamageNote> | null
      if (note !== null) notes.push({ sha256, at: note.at ?? 0, what: note.what ?? '', by: note.by ?? 'read' })
    }
    return notes.sort((a, b) => a.at - b.at || (a.sha256 < b.sha256 ? -1 : 1))
  }

  /** Takes over what other nodes noted since the last call; the hashes that changed. Rejects with StoreError, and goes on next time. */
  async follow (): Promise<string[]> {
    await this.#followed.follow()
    return this.#changed.splice(0)
  }

  async #refresh (sha256: string): Promise<void> {
    const noted = await this.#state.get(`${FOLDER}${sha256}`) !== null
    if (noted === this.#set.has(sha256)) return
    this.#set[noted ? 'add' : 'delete'](sha256)
    this.#changed.push(sha256)
  }

  /** What only one of store and memory has. */
  async * #unlike (): AsyncIterable<string> {
    const gone = new Set(this.#set)
    for await (const sha256 of hashesIn(this.#state, FOLDER)) if (!gone.delete(sha256)) yield sha256
    yield * gone
  }
}
