// What an operator's decision does to the blobs that are here already: the lists say what holds from now on (hash-lists.ts), this acts on
// what they name. Owners come and go by the one door (blobs.ts).

import type { Blobs } from './blobs.ts'
import type { Descriptors } from './descriptors.ts'
import type { HashLists, ListName } from './hash-lists.ts'
import type { OwnerStore } from './owners.ts'

export interface DecisionParts {
  lists: HashLists
  blobs: Blobs
  descriptors: Descriptors
  owners: OwnerStore
}

export class Decisions {
  readonly #parts: DecisionParts

  constructor (parts: DecisionParts) {
    this.#parts = parts
  }

  /**
   * Puts a hash on a list. `deleting`: and ends every ownership of its blob, which removes it. How many ownerships were ended. Rejects with
   * StoreError, and may then be asked again.
   */
  async put (list: ListName, sha256: string, reason: string, deleting: boolean): Promise<number> {
    await this.#parts.lists.add(list, sha256, reason)
    return deleting ? this.#disownAll(sha256) : 0
  }

  /** Takes a hash off a list. Rejects with StoreError. */
  async take (list: ListName, sha256: string): Promise<void> {
    await this.#parts.lists.remove(list, sha256)
  }

  /** Foreign blobs have no owners, and stay. */
  async #disownAll (sha256: string): Promise<number> {
    const { blobs, descriptors, owners } = this.#parts
    if (await blobs.find(sha256) === null) return 0
    let ended = 0
    // on a shared store the rows may be behind the store; where small uploads share a sync, the store behind the rows
    for (const owner of new Set([...descriptors.ownersOf(sha256), ...await owners.namesOf(sha256)])) {
      if (await blobs.disown(sha256, owner) === 'disowned') ended++
    }
    return ended
  }
}
