// Small objects in a Map: the readable reference for the other two, and the store of quick tests.

import type { ObjectEntry, Objects } from '../objects.ts'

export class MemoryObjects implements Objects {
  readonly name = 'memory'
  readonly #objects = new Map<string, { bytes: Uint8Array, modified: number }>()

  async get (key: string): Promise<Uint8Array | null> {
    return this.#objects.get(key)?.bytes ?? null
  }

  async put (key: string, bytes: Uint8Array): Promise<void> {
    this.#objects.set(key, { bytes: Uint8Array.from(bytes), modified: Date.now() })
  }

  async add (key: string, bytes: Uint8Array): Promise<boolean> {
    if (this.#objects.has(key)) return false
    await this.put(key, bytes)
    return true
  }

  async remove (key: string): Promise<boolean> {
    return this.#objects.delete(key)
  }

  async * list (prefix: string, after = ''): AsyncIterable<ObjectEntry> {
    const found = [...this.#objects].filter(([key]) => key.startsWith(prefix) && key > after)
    if (after !== '') found.sort(([a], [b]) => a < b ? -1 : 1)
    for (const [key, { bytes, modified }] of found) yield { key, size: bytes.length, modified }
  }

  async * names (prefix: string): AsyncIterable<string> {
    const below = [...this.#objects.keys()].filter((key) => key.startsWith(prefix))
    yield * new Set(below.map((key) => key.slice(prefix.length).split('/', 1)[0]!))
  }
}
