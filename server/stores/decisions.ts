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
  /** Who owns what is pinned, so that it stays when everybody else leaves: the node key, 64 hex digits. */
  keeper: string
}

export class Decisions {
  readonly #parts: DecisionParts

  constructor (parts: DecisionParts) {
    this.#parts = parts
  }

  /**
   * Puts a hash on a list. `deleting`: and ends every ownership of its blob, which removes it. `to`: who may read what is restricted. How many
   * ownerships were ended. Rejects with StoreError, and may then be asked again.
   */
  async put (list: ListName, sha256: string, reason: string, deleting: boolean, to: readonly string[] = []): Promise<number> {
    const { lists } = this.#parts
    await lists.add(list, sha256, reason, to)
    if (deleting && lists.has('pinned', sha256)) await lists.remove('pinned', sha256)
    await this.keep(sha256)
    return deleting ? this.#disownAll(sha256) : 0
  }

  /** Called when a blob has come: if it is pinned, the keeper owns it from now on. Rejects with StoreError. */
  async keep (sha256: string): Promise<void> {
    const { lists, blobs, keeper } = this.#parts
    if (lists.has('pinned', sha256)) await blobs.adopt(sha256, keeper, null)
  }

  /** Takes a hash off a list; what is no longer pinned goes when nobody else owns it. Rejects with StoreError. */
  async take (list: ListName, sha256: string): Promise<void> {
    const { lists, blobs, keeper } = this.#parts
    await lists.remove(list, sha256)
    if (list === 'pinned') await blobs.disown(sha256, keeper)
  }

  /** Takes over what other nodes decided; a blob that came here before we heard of its pin is kept from now on. Rejects with StoreError. */
  async follow (): Promise<void> {
    for (const sha256 of await this.#parts.lists.follow()) await this.keep(sha256)
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
