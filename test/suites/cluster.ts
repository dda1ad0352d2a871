// Nodes of one bucket in memory, each with a database, a clock and a catching up of its own; calls to the store may be told to wait or to fail.

import { openDatabase } from '../../server/database.ts'
import { CatchUp } from '../../server/stores/catch-up.ts'
import { Layout } from '../../server/stores/layout.ts'
import { MemoryObjects } from '../../server/stores/memory/objects.ts'
import { MemoryPackStore } from '../../server/stores/memory/pack-store.ts'
import { composeStores } from '../../server/stores/open.ts'
import { nodeOf } from './node-of.ts'
import type { Database } from '../../server/database.ts'
import type { ObjectEntry, Objects } from '../../server/stores/objects.ts'
import type { Node } from './node-of.ts'

export interface Joined extends Node {
  catchUp: CatchUp
  objects: Watched
  /** What it logged. */
  told: string[]
}

/** Objects whose calls may be told to wait or to fail. */
export class Watched implements Objects {
  readonly name = 'memory'
  readonly #under: Objects
  before: (action: string, key: string) => Promise<void> = async () => {}

  constructor (under: Objects) {
    this.#under = under
  }

  async get (key: string): Promise<Uint8Array | null> {
    await this.before('get', key)
    return this.#under.get(key)
  }

  async put (key: string, bytes: Uint8Array): Promise<void> {
    await this.before('put', key)
    await this.#under.put(key, bytes)
  }

  async add (key: string, bytes: Uint8Array): Promise<boolean> {
    await this.before('add', key)
    return this.#under.add(key, bytes)
  }

  async remove (key: string): Promise<boolean> {
    await this.before('remove', key)
    return this.#under.remove(key)
  }

  async * list (prefix: string, after?: string): AsyncIterable<ObjectEntry> {
    await this.before('list', after ?? prefix)
    yield * this.#under.list(prefix, after)
  }

  names (prefix: string): AsyncIterable<string> {
    return this.#under.names(prefix)
  }
}

export function cluster (): { join: (database?: Database) => Joined } {
  const [packs, objects] = [new MemoryPackStore(), new MemoryObjects()]
  const join = (database: Database = openDatabase(':memory:')): Joined => {
    const watched = new Watched(objects)
    const node = nodeOf(composeStores(packs, watched, new Layout(true), true), { database })
    const told: string[] = []
    const log = (facts: object, text: string): void => { told.push(`${text} ${JSON.stringify(facts)}`) }
    const { stores, descriptors, now } = node
    const catchUp = new CatchUp({ shared: node.blobs.shared!, stores, descriptors, foreignBlobs: false, log: { info: log, warn: log, error: log }, now, pauseMs: 5 })
    return { ...node, objects: watched, catchUp, told }
  }
  return { join }
}
