// What nodes of one bucket tell each other of reads: batches of names as small objects, `state/reads/<time>-<node>-<random>`, removed after half a
// day, and one `state/reads/node-<id>` per node that says until when it has told everything. A node that stops without a word was killed and may have
// served reads it told nobody of: then everything counts as read at that time. So does it for a node that was away longer than batches are kept.

import { randomBytes } from 'node:crypto'
import type { Descriptors } from './descriptors.ts'
import type { StateStore } from './state.ts'

const FOLDER = 'reads/'
const NODE = 'node-'
/** How long batches and the last words of nodes lie there. */
const KEPT_MS = 12 * 3600_000
/** A node tells every five minutes and is heard five minutes later; clocks differ by less than ten. */
const MARGIN_MS = 20 * 60_000
/** Names of one batch: 43 bytes each. */
const BATCH = 5000
/** Names that wait for the store; more are not told apart. */
const WAITING = 100_000

const HEARD = 'reads-heard'
const ID = 'reads-node'

type Reads = readonly (readonly [sha256: string, at: number])[]

/** At rest: without `blobs` it is about every blob. */
interface Batch {
  v: 1
  /** Unix seconds: read at the latest then. */
  at: number
  /** The 32-byte names one after another, in base64. */
  blobs?: string
}

export class SharedReads {
  readonly margin = MARGIN_MS / 1000
  readonly #state: StateStore
  readonly #descriptors: Descriptors
  readonly #now: () => number
  readonly #id: string
  readonly #waiting = new Map<string, number>()
  #all: number | null = null
  readonly #seen = new Set<string>()
  #heard: number
  #countAll: (at: number) => void = () => {}

  constructor (state: StateStore, descriptors: Descriptors, now: () => number) {
    this.#state = state
    this.#descriptors = descriptors
    this.#now = now
    this.#id = descriptors.mark(ID) ?? randomBytes(6).toString('hex')
    descriptors.setMark(ID, this.#id)
    this.#heard = Number(descriptors.mark(HEARD) ?? 0)
  }

  /** Hears of moments (unix seconds) up to which every blob counts as read. */
  since (countAll: (at: number) => void): void {
    this.#countAll = countAll
  }

  /** These are to be told. */
  add (reads: Reads): void {
    if (this.#waiting.size + reads.length > WAITING) {
      this.#waiting.clear()
      return this.addAll(Math.max(...reads.map(([, at]) => at)))
    }
    for (const [sha256, at] of reads) this.#waiting.set(sha256, at)
  }

  /** That every blob counts as read is to be told. */
  addAll (at: number): void {
    this.#all = Math.max(this.#all ?? 0, at)
  }

  /** Durable for the others when it resolves. Rejects with StoreError; what was not told is told the next time. */
  async publish (): Promise<void> {
    const started = this.#now()
    const all = this.#all
    if (all !== null) {
      await this.#put({ v: 1, at: all })
      if (this.#all === all) this.#all = null
    }
    while (this.#waiting.size > 0) {
      const some = [...this.#waiting].slice(0, BATCH)
      const at = some.reduce((latest, [, each]) => Math.max(latest, each), 0)
      await this.#put({ v: 1, at, blobs: Buffer.from(some.map(([sha256]) => sha256).join(''), 'hex').toString('base64') })
      for (const [sha256, each] of some) if (this.#waiting.get(sha256) === each) this.#waiting.delete(sha256)
    }
    await this.#state.put(`${FOLDER}${NODE}${this.#id}`, { v: 1, at: Math.floor(started / 1000) })
  }

  async #put (batch: Batch): Promise<void> {
    const name = `${String(this.#now()).padStart(15, '0')}-${this.#id}-${randomBytes(4).toString('hex')}`
    await this.#state.put(`${FOLDER}${name}`, batch)
    this.#seen.add(name)
  }

  /** Gives `take` what others told since the last call, and removes what everybody has had time to read. Rejects with StoreError. */
  async follow (take: (reads: Reads) => void): Promise<void> {
    const started = this.#now()
    // what lay there meanwhile may be gone
    if (started - this.#heard > KEPT_MS - MARGIN_MS) this.#countAll(Math.floor(started / 1000))
    for await (const path of this.#state.list(FOLDER)) {
      const name = path.slice(FOLDER.length)
      if (name.startsWith(NODE)) await this.#look(path, started)
      else if (started - Number(name.slice(0, 15)) > KEPT_MS) {
        await this.#state.remove(path)
        this.#seen.delete(name)
      } else if (!this.#seen.has(name)) await this.#read(path, name, take)
    }
    this.#heard = started
    this.#descriptors.setMark(HEARD, String(started))
  }

  async #read (path: string, name: string, take: (reads: Reads) => void): Promise<void> {
    const batch = await this.#state.get(path) as Batch | null
    if (batch?.blobs === undefined) {
      if (batch !== null) this.#countAll(batch.at)
    } else {
      const names = Buffer.from(batch.blobs, 'base64').toString('hex').match(/.{64}/g) ?? []
      for (let first = 0; first < names.length; first += 500) {
        take(names.slice(first, first + 500).map((sha256) => [sha256, batch.at] as const))
        await new Promise(setImmediate)
      }
    }
    this.#seen.add(name)
  }

  /** Is a node silent that did not say goodbye? What it served since its last word nobody knows. */
  async #look (path: string, now: number): Promise<void> {
    const word = path.endsWith(`${NODE}${this.#id}`) ? null : await this.#state.get(path) as Batch | null
    if (word === null || now - word.at * 1000 <= MARGIN_MS) return
    this.#countAll(word.at + this.margin)
    if (now - word.at * 1000 > KEPT_MS) await this.#state.remove(path)
  }

  /** Tells the rest, and says goodbye. Rejects with StoreError: the others then take it for killed. */
  async leave (): Promise<void> {
    await this.publish()
    await this.#state.remove(`${FOLDER}${NODE}${this.#id}`)
  }
}
