// Who owns a blob, in the store itself: `owners/<C>/<pubkey hex>` holds JSON, written before the 201, so that blobs, owners, types
// and times can all be rebuilt from the store alone (design §3). `none` stands for an upload without a key.

import { StoreError } from '../errors.ts'
import { sha256Multihash, sha256Of } from './multihash.ts'
import { OWNERS } from './layout.ts'
import type { Layout } from './layout.ts'
import type { Objects } from './objects.ts'

export const NO_OWNER = 'none'

export interface Ownership {
  sha256: string
  /** 64 hex digits, or 'none'. */
  owner: string
  /** The media type this owner's upload was given. */
  type: string
  /** Unix seconds when this owner came. */
  uploaded: number
  /** 64 hex digits. */
  blake3: string
  /** Bytes. */
  size: number
  /** Unix seconds; absent: no end asked for. */
  expires?: number
}

/** The owner object's bytes at rest. */
export function buildOwner (ownership: Ownership): Buffer {
  const { type, uploaded, blake3, size, expires } = ownership
  return Buffer.from(JSON.stringify({ v: 1, type, uploaded, blake3, size, ...(expires === undefined ? {} : { expires }) }))
}

/** Reads an owner object. Throws Error when it is none. */
export function parseOwner (sha256: string, owner: string, bytes: Uint8Array): Ownership {
  const value = JSON.parse(Buffer.from(bytes).toString('utf8')) as Record<string, unknown>
  const { v, type, uploaded, blake3, size, expires } = value
  if (v !== 1) throw new Error(`owner object of version ${String(v)}`)
  const numbers = Number.isSafeInteger(uploaded) && Number.isSafeInteger(size) && (expires === undefined || Number.isSafeInteger(expires))
  if (typeof type !== 'string' || typeof blake3 !== 'string' || !/^[0-9a-f]{64}$/.test(blake3) || !numbers) throw new Error('owner object is damaged')
  return {
    sha256, owner, type, uploaded: uploaded as number, blake3, size: size as number,
    ...(expires === undefined ? {} : { expires: expires as number })
  }
}

export class OwnerStore {
  readonly #objects: Objects
  readonly #layout: Layout

  constructor (objects: Objects, layout: Layout) {
    this.#objects = objects
    this.#layout = layout
  }

  #key (sha256: string, owner: string): string {
    return this.#layout.owner(sha256Multihash(sha256), owner)
  }

  /** Writes or renews an ownership; durable when it resolves. */
  put (ownership: Ownership): Promise<void> {
    return this.#objects.put(this.#key(ownership.sha256, ownership.owner), buildOwner(ownership))
  }

  async get (sha256: string, owner: string): Promise<Ownership | null> {
    const key = this.#key(sha256, owner)
    const bytes = await this.#objects.get(key)
    if (bytes === null) return null
    try {
      return parseOwner(sha256, owner, bytes)
    } catch (error) {
      throw new StoreError(this.#objects.name, 'parse', key, error)
    }
  }

  /** True when there was one. */
  remove (sha256: string, owner: string): Promise<boolean> {
    return this.#objects.remove(this.#key(sha256, owner))
  }

  /** The names of those who own a blob now. */
  async namesOf (sha256: string): Promise<string[]> {
    const names: string[] = []
    for await (const { key } of this.#objects.list(this.#layout.owners(sha256Multihash(sha256)))) {
      const found = this.#layout.ownerOf(key)
      if (found !== null) names.push(found.owner)
    }
    return names
  }

  /** Every ownership of a blob. */
  async of (sha256: string): Promise<Ownership[]> {
    const found = await Promise.all((await this.namesOf(sha256)).map((owner) => this.get(sha256, owner)))
    return found.filter((each) => each !== null)
  }

  /** The same of the blobs whose sha256 begins with the byte `first`, in an order of its own. */
  async * shard (first: number, since: number): AsyncIterable<{ sha256: string, owner: string, fresh: boolean }> {
    // 36 bytes make a key, 4 of them before the digest: its first byte ends where the eighth letter ends (5 bits each, and `b` before them all)
    const start = this.#layout.owners(sha256Multihash(`${first.toString(16).padStart(2, '0')}${'00'.repeat(31)}`)).slice(0, OWNERS.length + 9)
    for await (const { key, modified } of this.#objects.list(OWNERS, start)) {
      if (!key.startsWith(start)) break
      const found = this.#layout.ownerOf(key)
      const sha256 = found === null ? null : sha256Of(found.blob)
      if (found !== null && sha256 !== null) yield { sha256, owner: found.owner, fresh: modified >= since }
    }
  }

  /** Names of every owner object written at or after `since` (unix milliseconds), or of all. */
  async * list (since = 0): AsyncIterable<{ sha256: string, owner: string, fresh: boolean }> {
    for await (const { key, modified } of this.#objects.list(OWNERS)) {
      const found = this.#layout.ownerOf(key)
      const sha256 = found === null ? null : sha256Of(found.blob)
      if (found !== null && sha256 !== null) yield { sha256, owner: found.owner, fresh: modified >= since }
    }
  }
}
