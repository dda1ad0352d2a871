// State that is nobody's blob but must survive the database: reports, later blocked hashes, access lists and sealed keys. It lies
// in the store under `state/`, written before it is acknowledged; nodes of one bucket see each other's (design §3).

import { StoreError } from '../errors.ts'
import { STATE } from './layout.ts'
import type { Layout } from './layout.ts'
import type { Objects } from './objects.ts'

export class StateStore {
  readonly #objects: Objects
  readonly #layout: Layout

  constructor (objects: Objects, layout: Layout) {
    this.#objects = objects
    this.#layout = layout
  }

  /** Durable when it resolves. `name` is a path of our own making, such as `reports/<id>`. */
  put (name: string, value: unknown): Promise<void> {
    return this.#objects.put(this.#layout.state(name), Buffer.from(JSON.stringify(value)))
  }

  /** Writes only if there is none: true when this call made it. */
  add (name: string, value: unknown): Promise<boolean> {
    return this.#objects.add(this.#layout.state(name), Buffer.from(JSON.stringify(value)))
  }

  async get (name: string): Promise<unknown> {
    const key = this.#layout.state(name)
    const bytes = await this.#objects.get(key)
    if (bytes === null) return null
    try {
      return JSON.parse(Buffer.from(bytes).toString('utf8'))
    } catch (error) {
      throw new StoreError(this.#objects.name, 'parse', key, error)
    }
  }

  remove (name: string): Promise<boolean> {
    return this.#objects.remove(this.#layout.state(name))
  }

  /** Names below `folder` (which ends in `/`), such as `reports/`; with `after` those that come after it, in the order of their bytes. */
  async * list (folder: string, after?: string): AsyncIterable<string> {
    const from = after === undefined ? undefined : this.#layout.state(after)
    for await (const { key } of this.#objects.list(this.#layout.state(folder), from)) yield key.slice(STATE.length)
  }
}
