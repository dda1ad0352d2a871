// ★ Which pack holds the bytes of a multihash: hash-stream's index, one folder of DAG-JSON records a multihash. We write one
// record with the fixed name `0`; a reader of ours merges whatever their tools left beside it and walks CONTAINING and PACK
// trees. Proved by test/suites/index-store.suite.ts over every kind of store.

import { StoreError } from '../errors.ts'
import { buildRecord, parseRecord } from './record.ts'
import { keyOf } from './multihash.ts'
import type { Layout } from './layout.ts'
import { RECORDS } from './layout.ts'
import type { Multihash } from './multihash.ts'
import type { Objects } from './objects.ts'
import type { IndexRecord } from './record.ts'

export class IndexStore {
  readonly #objects: Objects
  readonly #layout: Layout

  constructor (objects: Objects, layout: Layout) {
    this.#objects = objects
    this.#layout = layout
  }

  get name (): string {
    return this.#objects.name
  }

  #parse (key: string, bytes: Uint8Array): IndexRecord {
    try {
      return parseRecord(bytes)
    } catch (error) {
      throw new StoreError(this.#objects.name, 'parse', key, error)
    }
  }

  /** Writes our record unless there is one: true when this call made it. */
  add (record: IndexRecord): Promise<boolean> {
    return this.#objects.add(this.#layout.record(record.multihash), buildRecord(record))
  }

  /** Writes our record over an older one: how a blob moves. */
  replace (record: IndexRecord): Promise<void> {
    return this.#objects.put(this.#layout.record(record.multihash), buildRecord(record))
  }

  /** Our own record, without a look at anything beside it; null when there is none. */
  async own (multihash: Multihash): Promise<IndexRecord | null> {
    const key = this.#layout.record(multihash)
    const bytes = await this.#objects.get(key)
    return bytes === null ? null : this.#parse(key, bytes)
  }

  /** Every record about a multihash, ours first, then by name as hash-stream's readers order them. */
  async get (multihash: Multihash): Promise<IndexRecord[]> {
    const keys: string[] = []
    for await (const { key } of this.#objects.list(this.#layout.records(multihash))) keys.push(key)
    const records: IndexRecord[] = []
    for (const key of keys.sort()) {
      const bytes = await this.#objects.get(key)
      if (bytes !== null) records.push(this.#parse(key, bytes))
    }
    return records
  }

  /** Keeps our record's bytes, readable or not, in `quarantine/`. */
  async setAside (multihash: Multihash): Promise<void> {
    const bytes = await this.#objects.get(this.#layout.record(multihash))
    if (bytes !== null) await this.#objects.put(this.#layout.aside(multihash, 'record', Date.now()), bytes)
  }

  /** Removes our record; what their tools wrote stays. True when there was one. */
  remove (multihash: Multihash): Promise<boolean> {
    return this.#objects.remove(this.#layout.record(multihash))
  }

  /** Every multihash that a record of ours is about. */
  async * list (): AsyncIterable<Multihash> {
    for await (const { key } of this.#objects.list(RECORDS)) {
      const found = this.#layout.recordOf(key)
      if (found?.ours === true) yield found.multihash
    }
  }

  /** Keys of the records that are not ours: what hash-stream's own tools wrote. */
  async * foreign (): AsyncIterable<string> {
    for await (const { key } of this.#objects.list(RECORDS)) {
      if (this.#layout.recordOf(key)?.ours !== true) yield key
    }
  }

  /** The record under a key that `foreign` named; null when it is gone or no record. */
  async at (key: string): Promise<IndexRecord | null> {
    const bytes = await this.#objects.get(key)
    if (bytes === null) return null
    try {
      return parseRecord(bytes)
    } catch {
      return null // a stranger's file may be anything
    }
  }
}

/** Every place of `wanted` in a record and all below it: BLOB and INLINE_BLOB records with an offset and a length. */
export function * placesIn (record: IndexRecord, wanted?: Multihash): Iterable<IndexRecord> {
  const leaf = record.type === 0 || record.type === 3
  if (leaf && (wanted === undefined || keyOf(record.multihash) === keyOf(wanted))) yield record
  for (const each of record.subRecords) yield * placesIn(each, wanted)
}
