// What the operator decided about hashes, whether their blobs are here or not: one object each in the store (`state/blocked/<sha256>`), so
// that it outlives the database, and a set in memory, so that asking costs one look. Nodes of one bucket follow each other by notes.

import { Failure } from '../errors.ts'
import { FollowedHashes, hashesIn } from './followed-hashes.ts'
import { Locks } from './locks.ts'
import type { StateStore } from './state.ts'

export const LISTS = ['blocked', 'pinned', 'allowed', 'restricted'] as const
export type ListName = typeof LISTS[number]

/** One line of a list, as the operator reads it. */
export interface ListLine {
  sha256: string
  /** Unix seconds. */
  at: number
  /** In the operator's words; '' for none. */
  reason: string
  /** Of the list `restricted`: who may read besides the owners, 64 hex digits each. */
  to?: readonly string[]
}

export interface ListSettings {
  /** Whether other nodes write to the same store. */
  shared: boolean
  /** Only what is on the list `allowed` is stored and served. */
  allowListOnly?: boolean
  /** A list is no longer what it was, by us or by another node. */
  onChange?: () => void
  /** Milliseconds. */
  now?: () => number
}

export class HashLists {
  readonly #state: StateStore
  readonly #now: () => number
  readonly #onChange: () => void
  readonly #followed: FollowedHashes
  readonly #locks = new Locks()
  readonly #sets: Readonly<Record<ListName, Set<string>>> = {
    blocked: new Set(), pinned: new Set(), allowed: new Set(), restricted: new Set()
  }

  /** Of each hash on the list `restricted`: who may read besides the owners. */
  readonly #readers = new Map<string, ReadonlySet<string>>()
  #allowListOnly: boolean

  constructor (state: StateStore, { shared, allowListOnly = false, onChange = () => {}, now = Date.now }: ListSettings) {
    this.#state = state
    this.#onChange = onChange
    this.#allowListOnly = allowListOnly
    this.#now = now
    this.#followed = new FollowedHashes({
      state, shared, notes: 'list-changes/', now, compare: () => this.#unlike(), refresh: (sha256) => this.#locks.run(sha256, () => this.#refresh(sha256))
    })
  }

  /** Whether the list `allowed` holds, from now on. */
  reload ({ allowListOnly }: { allowListOnly: boolean }): void {
    this.#allowListOnly = allowListOnly
    this.#onChange()
  }

  /** Reads every list from the store; called once, before anybody asks. Rejects with StoreError. */
  async load (): Promise<void> {
    for (const list of LISTS) {
      for await (const sha256 of hashesIn(this.#state, `${list}/`)) await this.#learn(list, sha256)
    }
  }

  /** Takes over what the store has; the name alone decides but for the list `restricted`. */
  async #learn (list: ListName, sha256: string): Promise<void> {
    if (list === 'restricted') return this.#refreshIn(list, sha256)
    this.#sets[list].add(sha256)
  }

  async #refreshIn (list: ListName, sha256: string): Promise<void> {
    const entry = await this.#state.get(`${list}/${sha256}`)
    if (entry === null) this.#drop(list, sha256)
    else this.#hold(list, sha256, readersIn(entry))
  }

  #hold (list: ListName, sha256: string, readers: readonly string[]): void {
    const isNew = !this.#sets[list].has(sha256)
    this.#sets[list].add(sha256)
    if (list === 'restricted') this.#readers.set(sha256, new Set(readers))
    if (isNew) this.#onChange()
  }

  #drop (list: ListName, sha256: string): void {
    const was = this.#sets[list].delete(sha256)
    if (list === 'restricted') this.#readers.delete(sha256)
    if (was) this.#onChange()
  }

  has (list: ListName, sha256: string): boolean {
    return this.#sets[list].has(sha256)
  }

  /** Whether a read is told that the blob is not here. */
  hides (sha256: string): boolean {
    return this.#sets.blocked.has(sha256) || (this.#allowListOnly && !this.#sets.allowed.has(sha256))
  }

  /** Who may read a restricted blob besides its owners; null for a blob that everybody may read. */
  readersOf (sha256: string): ReadonlySet<string> | null {
    return this.#readers.get(sha256) ?? null
  }

  /** Throws HASH_BLOCKED or HASH_NOT_ALLOWED when this hash may not be stored. */
  judge (sha256: string): void {
    if (this.#sets.blocked.has(sha256)) throw new Failure('HASH_BLOCKED')
    if (this.#allowListOnly && !this.#sets.allowed.has(sha256)) throw new Failure('HASH_NOT_ALLOWED')
  }

  /**
   * Durable, and in force here, when it resolves; on other nodes within seconds. `to`: of the list `restricted`, in place of those named before.
   * Rejects with StoreError, and may then be asked again.
   */
  add (list: ListName, sha256: string, reason = '', to: readonly string[] = []): Promise<void> {
    return this.#locks.run(sha256, async () => {
      await this.#state.put(`${list}/${sha256}`, { v: 1, at: Math.floor(this.#now() / 1000), reason, ...(list === 'restricted' ? { to } : {}) })
      this.#hold(list, sha256, to)
      await this.#followed.note(sha256)
    })
  }

  /** As `add`. */
  remove (list: ListName, sha256: string): Promise<void> {
    return this.#locks.run(sha256, async () => {
      await this.#state.remove(`${list}/${sha256}`)
      this.#drop(list, sha256)
      await this.#followed.note(sha256)
    })
  }

  /** The whole list, newest first. Rejects with StoreError. */
  async lines (list: ListName): Promise<ListLine[]> {
    const lines: ListLine[] = []
    for await (const sha256 of hashesIn(this.#state, `${list}/`)) {
      const entry = await this.#state.get(`${list}/${sha256}`) as { at?: number, reason?: string } | null
      if (entry === null) continue
      lines.push({ sha256, at: entry.at ?? 0, reason: entry.reason ?? '', ...(list === 'restricted' ? { to: readersIn(entry) } : {}) })
    }
    return lines.sort((a, b) => b.at - a.at || (a.sha256 < b.sha256 ? -1 : 1))
  }

  /** Takes over what other nodes decided since the last call; the hashes that were looked at. Rejects with StoreError, and goes on next time. */
  follow (): Promise<string[]> {
    return this.#followed.follow()
  }

  async #refresh (sha256: string): Promise<void> {
    await Promise.all(LISTS.map((list) => this.#refreshIn(list, sha256)))
  }

  /** What only one of store and memory has, and every restricted blob: who may read it may have changed too. */
  async * #unlike (): AsyncIterable<string> {
    for (const list of LISTS) {
      const gone = new Set(this.#sets[list])
      for await (const sha256 of hashesIn(this.#state, `${list}/`)) if (!gone.delete(sha256) || list === 'restricted') yield sha256
      yield * gone
    }
  }
}

/** Who an entry of the list `restricted` names; nobody where it says nothing that we understand, so that a damaged one opens no door. */
function readersIn (entry: unknown): string[] {
  const { to } = entry as { to?: unknown }
  return Array.isArray(to) ? to.filter((each): each is string => typeof each === 'string') : []
}
