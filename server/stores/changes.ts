// What one node of a shared store did that the others' rows cannot know: owners that came and left, hashes that were listed. Those who tell at the
// same time share one small object, named by its time; the others read new ones every two seconds and look at just what they name. A note that
// is durable outlives the node that wrote it.

import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { StoreError } from '../errors.ts'
import type { StateStore } from './state.ts'

/** Clocks of nodes may differ by this much: that far back is looked at again. */
const MARGIN_MS = 60_000
/** A node that was away for longer compares everything. */
export const KEPT_MS = 3600_000
const CLEAR_MS = 60_000
const CLEARED_AT_ONCE = 2000
const READ_AT_ONCE = 8
/** The longest pause between two notes. */
const PAUSE_MS = 25
/** Milliseconds since 1970 with leading zeros: the order of names is that of time. */
const DIGITS = 15

class Note {
  readonly texts = new Set<string>()
  readonly written: Promise<void>
  resolve: () => void = () => {}
  reject: (error: unknown) => void = () => {}

  constructor () {
    this.written = new Promise((resolve, reject) => { Object.assign(this, { resolve, reject }) })
  }
}

function timeOf (note: string): number {
  return Number(note.slice(0, DIGITS))
}

export class Changes {
  readonly #state: StateStore
  readonly #now: () => number
  readonly #seen = new Set<string>()
  readonly #folder: string
  #from: number
  #next: Note | null = null
  #writing = false
  #clearAt: number
  #clearing: Promise<void> | null = null

  /** @param folder below `state/`, where the notes lie */
  constructor (state: StateStore, now: () => number, folder = 'changes/') {
    this.#state = state
    this.#folder = folder
    this.#now = now
    this.#from = now() - MARGIN_MS
    this.#clearAt = now() + Math.random() * CLEAR_MS
  }

  /** The next look begins with what was noted at `time` (unix milliseconds). */
  lookFrom (time: number): void {
    this.#from = time - MARGIN_MS
  }

  /** Tells the other nodes a text: a sha256, or what else the readers of this folder agreed on. Durable when it resolves. Rejects with StoreError. */
  note (text: string): Promise<void> {
    const note = this.#next ??= new Note()
    note.texts.add(text)
    if (!this.#writing) void this.#write()
    return note.written
  }

  /**
   * One note at a time; whoever comes meanwhile shares the next. After each there is a pause of half its length: an upload takes three writes
   * one after another, so that even who comes right after a note began has not waited when its own are done.
   */
  async #write (): Promise<void> {
    this.#writing = true
    for (let note = this.#next; note !== null; note = this.#next) {
      this.#next = null
      const started = performance.now()
      const name = `${String(this.#now()).padStart(DIGITS, '0')}-${randomBytes(8).toString('hex')}`
      this.#seen.add(name) // our own rows know
      try {
        await this.#state.put(`${this.#folder}${name}`, { v: 1, changes: [...note.texts] })
        note.resolve()
      } catch (error) {
        note.reject(error)
      }
      const pause = Math.min(PAUSE_MS, (performance.now() - started) / 2)
      if (pause >= 1) await sleep(pause)
    }
    this.#writing = false
  }

  /** What others told since the last look. Rejects with StoreError, and tells the same next time. */
  async look (): Promise<string[]> {
    const started = this.#now()
    if (started > this.#clearAt) this.#clear(started)
    const fresh: string[] = []
    for await (const name of this.#state.list(this.#folder, `${this.#folder}${String(Math.max(0, this.#from)).padStart(DIGITS, '0')}`)) {
      const note = name.slice(this.#folder.length)
      if (timeOf(note) >= this.#from && !this.#seen.has(note)) fresh.push(note)
    }
    const found = new Set<string>()
    for (let at = 0; at < fresh.length; at += READ_AT_ONCE) {
      for (const texts of await Promise.all(fresh.slice(at, at + READ_AT_ONCE).map((note) => this.#read(note)))) {
        for (const text of texts) found.add(text)
      }
    }
    for (const note of fresh) this.#seen.add(note)
    this.#from = started - MARGIN_MS
    for (const note of this.#seen) {
      if (timeOf(note) < this.#from - MARGIN_MS) this.#seen.delete(note)
    }
    return [...found]
  }

  async #read (note: string): Promise<string[]> {
    // of earlier versions: a sha256 in the name, and nothing inside
    const named = /^\d+-([0-9a-f]{64})-/.exec(note)?.[1]
    if (named !== undefined) return [named]
    try {
      const body = await this.#state.get(`${this.#folder}${note}`) as { changes?: unknown } | null
      return Array.isArray(body?.changes) ? body.changes.filter((text) => typeof text === 'string') : []
    } catch (error) {
      // one damaged note must not hide those that come after it
      if (error instanceof StoreError && error.action === 'parse') return []
      throw error
    }
  }

  /** Removes notes that everybody has had time to read, in the background; what fails is removed another time. */
  #clear (now: number): void {
    this.#clearAt = now + CLEAR_MS * (1 + Math.random()) // not all nodes at once
    this.#clearing ??= (async () => {
      const old: string[] = []
      for await (const name of this.#state.list(this.#folder, this.#folder)) {
        if (now - timeOf(name.slice(this.#folder.length)) <= KEPT_MS || old.length === CLEARED_AT_ONCE) break
        old.push(name)
      }
      for (const name of old) await this.#state.remove(name)
    })().catch(() => {}).finally(() => { this.#clearing = null })
  }
}
