// What a client was told of each blob, and so what a server must hold to: an ownership that was acknowledged is there, one whose end was
// acknowledged is gone, and of what got no clear answer either is right. The model of tests that load a server and break it.

import { createHash } from 'node:crypto'
import { seededBlob } from './keys.ts'

export interface LoadBlob {
  name: string
  size: number
  sha256: string
}

const MIB = 1024 * 1024
const NOISE = seededBlob('the noise of loads', MIB).bytes

/** The bytes of a blob, made anew each time: noise with the name in front of each MiB. */
export function bytesOf ({ name, size }: { name: string, size: number }): Buffer {
  const bytes = Buffer.allocUnsafe(size)
  for (let at = 0; at < size; at += MIB) {
    NOISE.copy(bytes, at, 0, Math.min(MIB, size - at))
    bytes.write(`${name} ${at}`, at, Math.min(100, size - at), 'latin1')
  }
  return bytes
}

export function loadBlob (name: string, size: number): LoadBlob {
  return { name, size, sha256: createHash('sha256').update(bytesOf({ name, size })).digest('hex') }
}

/** Of one key's ownership: 'there' and 'gone' were acknowledged. */
export type Fate = 'there' | 'gone' | 'either'

interface Entry {
  blob: LoadBlob
  owners: Map<string, Fate>
  /** Grows with every change of a fate. */
  changes: number
}

export class Ledger {
  readonly entries = new Map<string, Entry>()
  /** Pairs of blob and owner with a change under way: the next one waits for its turn, or its answer could not be judged. */
  readonly #busy = new Set<string>()

  #entry (blob: LoadBlob): Entry {
    let entry = this.entries.get(blob.sha256)
    if (entry === undefined) {
      entry = { blob, owners: new Map(), changes: 0 }
      this.entries.set(blob.sha256, entry)
    }
    return entry
  }

  fate (sha256: string, owner: string): Fate {
    return this.entries.get(sha256)?.owners.get(owner) ?? 'gone'
  }

  /** Runs a change of one ownership: until it has resolved with the fate that was acknowledged, or null for none, either is right. */
  async change (blob: LoadBlob, owner: string, wanted: 'there' | 'gone', work: () => Promise<Fate | null>): Promise<void> {
    const pair = `${blob.sha256} ${owner}`
    if (this.#busy.has(pair)) return
    this.#busy.add(pair)
    const entry = this.#entry(blob)
    const before = entry.owners.get(owner) ?? 'gone'
    const open = before === wanted ? wanted : 'either'
    entry.owners.set(owner, open)
    entry.changes++
    try {
      entry.owners.set(owner, await work() ?? open)
      entry.changes++
    } finally {
      this.#busy.delete(pair)
    }
  }

  /** A body that never came whole: its blob is nobody's by that. */
  abort (blob: LoadBlob): void {
    this.#entry(blob)
  }

  /** 'there' when somebody has it, 'gone' when nobody can have it. */
  fateOf (sha256: string): Fate {
    const fates = [...this.entries.get(sha256)?.owners.values() ?? []]
    return fates.includes('there') ? 'there' : fates.includes('either') ? 'either' : 'gone'
  }

  changes (sha256: string): number {
    return this.entries.get(sha256)?.changes ?? 0
  }

  /** Blobs that `owner` may have. */
  ofOwner (owner: string): { blob: LoadBlob, fate: Fate }[] {
    return [...this.entries.values()].flatMap(({ blob, owners }) => owners.has(owner) ? [{ blob, fate: owners.get(owner)! }] : [])
  }

  counts (): Record<Fate, number> {
    const counts = { there: 0, gone: 0, either: 0 }
    for (const sha256 of this.entries.keys()) counts[this.fateOf(sha256)]++
    return counts
  }
}
