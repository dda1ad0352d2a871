// Packs in a Map: the readable reference for the other two.

import { StoreError } from '../../errors.ts'
import { keyOf, parseKey } from '../multihash.ts'
import { PackTooShort } from '../pack-store.ts'
import type { Multihash } from '../multihash.ts'
import type { PackDraft, PackEntry, PackReading, PackStore } from '../pack-store.ts'

const PIECE = 64 * 1024

export class MemoryPackStore implements PackStore {
  readonly name = 'memory'
  readonly #packs = new Map<string, { bytes: Buffer, modified: number }>()
  readonly #aside = new Map<string, { bytes: Buffer, modified: number }>()

  async draft (): Promise<PackDraft> {
    let parts: Uint8Array[] = []
    let open = true
    return {
      write: async (chunks) => {
        if (!open) throw new StoreError(this.name, 'write', 'draft', new Error('the draft is closed'))
        for (const chunk of chunks) parts.push(Uint8Array.from(chunk))
      },
      commit: async (pack, over = false) => {
        if (!open) throw new StoreError(this.name, 'commit', keyOf(pack), new Error('the draft is closed'))
        open = false
        if (!over && this.#packs.has(keyOf(pack))) return 'existed'
        this.#packs.set(keyOf(pack), { bytes: Buffer.concat(parts), modified: Date.now() })
        return 'created'
      },
      discard: async () => {
        open = false
        parts = []
      }
    }
  }

  async stat (pack: Multihash): Promise<PackEntry | null> {
    const found = this.#packs.get(keyOf(pack))
    return found === undefined ? null : { pack, size: found.bytes.length, modified: found.modified }
  }

  async read (pack: Multihash, offset: number, length: number): Promise<PackReading | null> {
    const found = this.#packs.get(keyOf(pack))
    if (found === undefined) return null
    let at = offset
    const end = offset + length
    return {
      next: async () => {
        if (at >= end) return null
        const bytes = found.bytes.subarray(at, Math.min(at + PIECE, end))
        if (bytes.length === 0) throw new StoreError(this.name, 'read', keyOf(pack), new PackTooShort())
        at += bytes.length
        return { bytes, release: () => {} }
      },
      close: async () => { at = end }
    }
  }

  async remove (pack: Multihash): Promise<boolean> {
    return this.#packs.delete(keyOf(pack))
  }

  async setAside (pack: Multihash): Promise<boolean> {
    const found = this.#packs.get(keyOf(pack))
    if (found === undefined) return false
    this.#aside.set(keyOf(pack), found)
    return this.#packs.delete(keyOf(pack))
  }

  async dropAside (pack: Multihash): Promise<void> {
    this.#aside.delete(keyOf(pack))
  }

  async * list (): AsyncIterable<PackEntry> {
    for (const [key, { bytes, modified }] of [...this.#packs]) {
      const pack = parseKey(key)
      if (pack !== null) yield { pack, size: bytes.length, modified }
    }
  }

  async sweep (): Promise<number> {
    return 0
  }
}
