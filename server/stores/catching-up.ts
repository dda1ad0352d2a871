// Blobs to look at again, where several nodes share the store: what other nodes changed, and what a fault of the store left half-way here: an owner
// whose records did not follow, records whose owner has left, a change that may have been made although its answer was lost. Who asked was told
// 503; each is tried until the store answers, so that rows and store agree without a new start, and ends as it would after a kill: wholly there where
// an owner is, wholly gone where none is. Where one server owns the store, unsettled.ts leaves this to the next start.

import { UNTYPED } from './media-type.ts'
import { blake3Multihash, sha256Multihash } from './multihash.ts'
import { reconcileSome } from './reconcile.ts'
import type { BlobRemover } from './blob-remover.ts'
import type { Changes } from './changes.ts'
import type { Descriptors } from './descriptors.ts'
import type { Stores } from './open.ts'

/** Only a store that fails again and again between two calls makes more of them; the oldest are then `marquee verify`'s. */
const KEPT = 10_000

export interface CatchingUpParts {
  stores: Stores
  descriptors: Descriptors
  remover: BlobRemover
  changes: Changes
  /** Milliseconds. */
  now: () => number
  /** Does its work when nothing else is done with the blob. */
  inTurn: (sha256: string, work: () => Promise<unknown>) => Promise<unknown>
  /** Brings the rows of one blob into line with the store, in its turn. */
  align: (sha256: string) => Promise<unknown>
}

export class CatchingUp {
  readonly #parts: CatchingUpParts
  readonly #changed = new Set<string>()
  /** BLAKE3 by sha256; null when nobody knows it. */
  readonly #halfDone = new Map<string, string | null>()

  constructor (parts: CatchingUpParts) {
    this.#parts = parts
  }

  /** Called before the first change of a blob in the store. */
  add (sha256: string, blake3: string | null): void {
    this.#halfDone.set(sha256, blake3 ?? this.#halfDone.get(sha256) ?? null)
    if (this.#halfDone.size > KEPT) this.#halfDone.delete(this.#halfDone.keys().next().value!)
  }

  /** Called when all of it was done. */
  remove (sha256: string): void {
    this.#halfDone.delete(sha256)
  }

  /** Looks at all of them; how many other nodes had changed. Rejects with StoreError, and goes on next time. */
  async run (): Promise<number> {
    const { changes, descriptors, stores, inTurn, align } = this.#parts
    for (const sha256 of await changes.look()) this.#changed.add(sha256)
    const [changed, ...others] = await Promise.allSettled([
      eachInTurn(this.#changed, async (sha256) => {
        if (descriptors.get(sha256) !== null) await inTurn(sha256, () => align(sha256))
        this.#changed.delete(sha256)
      }, (sha256) => {
        this.#changed.delete(sha256)
        this.#changed.add(sha256)
      }),
      eachInTurn(this.#halfDone.keys(), (sha256) => inTurn(sha256, () => this.#end(sha256)), (sha256) => {
        const blake3 = this.#halfDone.get(sha256) ?? null
        this.#halfDone.delete(sha256)
        this.#halfDone.set(sha256, blake3)
      }),
      stores.packs.endLate?.()
    ])
    for (const each of [changed, ...others]) if (each.status === 'rejected') throw each.reason
    return changed.status === 'fulfilled' ? changed.value : 0
  }

  async #end (sha256: string): Promise<void> {
    const blake3 = this.#halfDone.get(sha256)
    if (blake3 === undefined) return // done meanwhile
    const { stores, descriptors, remover, changes, now, align } = this.#parts
    await reconcileSome({ stores, descriptors, now: Math.floor(now() / 1000) }, [sha256])
    if ((await stores.owners.namesOf(sha256)).length === 0) {
      const record = await stores.index.own(sha256Multihash(sha256)) ?? (blake3 === null ? null : await stores.index.own(blake3Multihash(blake3)))
      if (record !== null) {
        await remover.clear({
          sha256, blake3, size: record.length ?? 0, type: UNTYPED, uploaded: 0, place: { kind: record.type === 3 ? 'inline' : 'own' }, foreign: false
        })
      }
      await changes.note(sha256)
    }
    await align(sha256)
    this.#halfDone.delete(sha256)
  }
}

/** Does `work` with each; the first that fails is put off, so that one that always fails holds up no other, and its fault is told. How many were done. */
export async function eachInTurn (names: Iterable<string>, work: (name: string) => Promise<unknown>, putOff: (name: string) => void): Promise<number> {
  let done = 0
  for (const name of [...names]) {
    try {
      await work(name)
    } catch (error) {
      putOff(name)
      throw error
    }
    done++
  }
  return done
}
