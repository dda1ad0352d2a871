// Film keys as they lie in the store: `state/keys/<id>`, sealed, and beside them `state/key-names/<creator>/<sha256 of the title's address>/<id>`, by
// which a creator's are found and counted. An id is of the title that took it first, at whichever node of the deployment; all of it is read from
// the store each time, so what one node wrote the others serve at once.

import { timingSafeEqual } from 'node:crypto'
import { Failure } from '../errors.ts'
import { Locks } from '../stores/locks.ts'
import type { StateStore } from '../stores/state.ts'
import type { Opened, Seal, Sealed } from './sealing.ts'
import type { TitleName } from './title-name.ts'

export interface KeptKey {
  id: string
  /** The title's address. */
  title: string
  key: Opened
}

export interface KeyLimits {
  readonly maxTitleKeys: number
  readonly maxCreatorKeys: number
}

export interface KeyStoreParts {
  state: StateStore
  seal: Seal
  /** Looked at for each key. */
  settings: { readonly current: KeyLimits }
  /** Milliseconds. */
  now: () => number
}

/** How long a creator's keys need not be counted anew, and for how many creators that is remembered. */
const COUNTED_MS = 60_000
const COUNTED = 1000

export class KeyStore {
  readonly #parts: KeyStoreParts
  readonly #locks = new Locks()
  readonly #counts = new Map<string, { keys: number, at: number }>()

  constructor (parts: KeyStoreParts) {
    this.#parts = parts
  }

  /** Null when nobody has taken this id. Rejects with StoreError. */
  async get (id: string): Promise<KeptKey | null> {
    const found = await this.#parts.state.get(`keys/${id}`) as Partial<Sealed & { title: string }> | null
    if (found === null) return null
    const { title, sealed, by } = found
    if (typeof title !== 'string' || typeof sealed !== 'string' || typeof by !== 'string') return { id, title: '', key: 'damaged' }
    return { id, title, key: this.#parts.seal.open(id, title, { sealed, by }) }
  }

  /**
   * Keeps a key of a title: durable when it resolves, with true when it is new. `signer` is who hands it in, 64 hex digits. One that this node key
   * cannot open is replaced: its creator hands it in again. Rejects with KEY_TAKEN, NOT_CREATOR, KEYS_FULL or StoreError.
   */
  take (id: string, title: TitleName, key: Buffer, signer: string): Promise<boolean> {
    return this.#locks.run(id, async () => {
      const { state, seal } = this.#parts
      const before = await this.get(id)
      if (before !== null) return this.#takeAgain(before, title, key, signer)
      if (title.pubkey !== signer) throw new Failure('NOT_CREATOR')
      await this.#makeRoom(title)
      // its name first: a crash in between leaves a name without a key, which is not told, and never a key without its name
      await state.put(nameOf(title, id), { v: 1 })
      if (await state.add(`keys/${id}`, { v: 1, title: title.address, ...seal.close(id, title.address, key) })) {
        this.#count(title.pubkey, 1)
        return true
      }
      // another node was quicker
      const first = await this.get(id)
      if (first !== null && first.title !== title.address) await state.remove(nameOf(title, id))
      if (first === null) throw new Failure('KEY_TAKEN')
      return this.#takeAgain(first, title, key, signer)
    })
  }

  async #takeAgain (before: KeptKey, title: TitleName, key: Buffer, signer: string): Promise<boolean> {
    const { state, seal } = this.#parts
    const { id } = before
    // the id belongs to the first that took it; who else comes is told so, whatever they say
    if (before.title !== title.address || title.pubkey !== signer) throw new Failure('KEY_TAKEN')
    const lost = !Buffer.isBuffer(before.key)
    if (Buffer.isBuffer(before.key) && !timingSafeEqual(before.key, key)) throw new Failure('KEY_TAKEN', 'with another key')
    await state.put(nameOf(title, id), { v: 1 })
    if (lost) await state.put(`keys/${id}`, { v: 1, title: title.address, ...seal.close(id, title.address, key) })
    return lost
  }

  /** The ids of the keys that are here for a title, in order. Rejects with StoreError. */
  async idsOf (title: TitleName): Promise<string[]> {
    const ids: string[] = []
    for await (const id of this.#names(title)) {
      if ((await this.get(id))?.title === title.address) ids.push(id)
    }
    return ids.sort()
  }

  /** Is there a key for this title? Rejects with StoreError. */
  async has (title: TitleName): Promise<boolean> {
    for await (const id of this.#names(title)) {
      if ((await this.get(id))?.title === title.address) return true
    }
    return false
  }

  async * #names (title: TitleName): AsyncIterable<string> {
    const folder = nameOf(title, '')
    for await (const name of this.#parts.state.list(folder)) {
      if (isKeyId(name.slice(folder.length))) yield name.slice(folder.length)
    }
  }

  /** Throws KEYS_FULL. */
  async #makeRoom (title: TitleName): Promise<void> {
    const { maxTitleKeys, maxCreatorKeys } = this.#parts.settings.current
    let ofTitle = 0
    for await (const _ of this.#names(title)) {
      if (++ofTitle >= maxTitleKeys) throw new Failure('KEYS_FULL', `${maxTitleKeys} of one title`)
    }
    if (await this.#countOf(title.pubkey) >= maxCreatorKeys) throw new Failure('KEYS_FULL', `${maxCreatorKeys} of one creator`)
  }

  async #countOf (pubkey: string): Promise<number> {
    const { state, now } = this.#parts
    const known = this.#counts.get(pubkey)
    if (known !== undefined && now() - known.at < COUNTED_MS) return known.keys
    let keys = 0
    for await (const _ of state.list(`key-names/${pubkey}/`)) keys++
    this.#counts.delete(pubkey)
    this.#counts.set(pubkey, { keys, at: now() })
    if (this.#counts.size > COUNTED) this.#counts.delete(this.#counts.keys().next().value!)
    return keys
  }

  #count (pubkey: string, more: number): void {
    const known = this.#counts.get(pubkey)
    if (known !== undefined) known.keys += more
  }
}

export function isKeyId (text: string): boolean {
  return /^[0-9a-f]{16}$/.test(text)
}

function nameOf ({ pubkey, hash }: TitleName, id: string): string {
  return `key-names/${pubkey}/${hash}/${id}`
}
