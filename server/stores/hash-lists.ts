// What the operator decided about hashes, whether their blobs are here or not: one object each in the store (`state/blocked/<sha256>`), so
// that it outlives the database, and a set in memory, so that asking costs one look. Nodes of one bucket follow each other by notes.

import { Failure } from '../errors.ts'
import { Changes } from './changes.ts'
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

const LOOKS_AT_ONCE = 8

/** Notes are kept for an hour: a node that heard nothing for half of it compares the lists in full. */
const DEAF_MS = 1800_000

export interface ListSettings {
  /** Whether other nodes write to the same store. */
  shared: boolean
  /** Only what is on the list `allowed` is stored and served. */
  allowListOnly?: boolean
  /** Milliseconds. */
  now?: () => number
}

export class HashLists {
  readonly #state: StateStore
  readonly #now: () => number
  readonly #changes: Changes | null
  readonly #locks = new Locks()
  readonly #sets: Readonly<Record<ListName, Set<string>>> = {
    blocked: new Set(), pinned: new Set(), allowed: new Set(), restricted: new Set()
  }

  /** Of each hash on the list `restricted`: who may read besides the owners. */
  readonly #readers = new Map<string, ReadonlySet<string>>()
  /** Hashes whose entries in the store are to be looked at; they stay until the store has answered. */
  readonly #due = new Set<string>()
  #heard: number

  #allowListOnly: boolean

  constructor (state: StateStore, { shared, allowListOnly = false, now = Date.now }: ListSettings) {
    this.#state = state
    this.#allowListOnly = allowListOnly
    this.#now = now
    this.#changes = shared ? new Changes(state, now, 'list-changes/') : null
    this.#heard = now()
  }

  /** Whether the list `allowed` holds, from now on. */
  reload ({ allowListOnly }: { allowListOnly: boolean }): void {
    this.#allowListOnly = allowListOnly
  }

  /** Reads every list from the store; called once, before anybody asks. Rejects with StoreError. */
  async load (): Promise<void> {
    for (const list of LISTS) {
      for await (const sha256 of this.#stored(list)) await this.#learn(list, sha256)
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
    this.#sets[list].add(sha256)
    if (list === 'restricted') this.#readers.set(sha256, new Set(readers))
  }

  #drop (list: ListName, sha256: string): void {
    this.#sets[list].delete(sha256)
    if (list === 'restricted') this.#readers.delete(sha256)
  }

  async * #stored (list: ListName): AsyncIterable<string> {
    for await (const name of this.#state.list(`${list}/`)) {
      const sha256 = name.slice(list.length + 1)
      if (/^[0-9a-f]{64}$/.test(sha256)) yield sha256
    }
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
      await this.#changes?.note(sha256)
    })
  }

  /** As `add`. */
  remove (list: ListName, sha256: string): Promise<void> {
    return this.#locks.run(sha256, async () => {
      await this.#state.remove(`${list}/${sha256}`)
      this.#drop(list, sha256)
      await this.#changes?.note(sha256)
    })
  }

  /** The whole list, newest first. Rejects with StoreError. */
  async lines (list: ListName): Promise<ListLine[]> {
    const lines: ListLine[] = []
    for await (const sha256 of this.#stored(list)) {
      const entry = await this.#state.get(`${list}/${sha256}`) as { at?: number, reason?: string } | null
      if (entry === null) continue
      lines.push({ sha256, at: entry.at ?? 0, reason: entry.reason ?? '', ...(list === 'restricted' ? { to: readersIn(entry) } : {}) })
    }
    return lines.sort((a, b) => b.at - a.at || (a.sha256 < b.sha256 ? -1 : 1))
  }

  /** Takes over what other nodes decided since the last call; the hashes that were looked at. Rejects with StoreError, and goes on next time. */
  async follow (): Promise<string[]> {
    if (this.#changes === null) return []
    const started = this.#now()
    if (started - this.#heard > DEAF_MS) await this.#compare()
    for (const sha256 of await this.#changes.look()) this.#due.add(sha256)
    this.#heard = started
    const looked = [...this.#due]
    // some at once: a block must be seen within seconds, also where each question takes its time
    for (let at = 0; at < looked.length; at += LOOKS_AT_ONCE) {
      const results = await Promise.allSettled(looked.slice(at, at + LOOKS_AT_ONCE).map(async (sha256) => {
        await this.#locks.run(sha256, () => this.#refresh(sha256))
        this.#due.delete(sha256)
      }))
      for (const each of results) if (each.status === 'rejected') throw each.reason
    }
    return looked
  }

  async #refresh (sha256: string): Promise<void> {
    await Promise.all(LISTS.map((list) => this.#refreshIn(list, sha256)))
  }

  async #compare (): Promise<void> {
    for (const list of LISTS) {
      const gone = new Set(this.#sets[list])
      for await (const sha256 of this.#stored(list)) {
        // who may read may have changed too
        if (!gone.delete(sha256) || list === 'restricted') this.#due.add(sha256)
      }
      for (const sha256 of gone) this.#due.add(sha256)
    }
  }
}

/** Who an entry of the list `restricted` names; nobody where it says nothing that we understand, so that a damaged one opens no door. */
function readersIn (entry: unknown): string[] {
  const { to } = entry as { to?: unknown }
  return Array.isArray(to) ? to.filter((each): each is string => typeof each === 'string') : []
}
