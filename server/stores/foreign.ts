// Blobs that somebody else's hash-stream tools wrote into the same store: found by their own records, and inside the CONTAINING
// and PACK trees that their CLI writes by default, where a leaf cannot be asked for by name. So the trees are read once each and
// their leaves remembered in rows (hash-stream.md §1.2). Only used where `foreignBlobs` is on.

import { resolveType, SNIFFED_BYTES, UNTYPED } from './media-type.ts'
import { sha256Multihash, sha256Of } from './multihash.ts'
import { placesIn } from './index-store.ts'
import { readWhole } from './pack-store.ts'
import type { Database, Statement } from '../database.ts'
import type { BlobReader } from './blob-reader.ts'
import type { Blob, Descriptors, Place } from './descriptors.ts'
import type { IndexStore } from './index-store.ts'
import type { IndexRecord } from './record.ts'

/** Between two looks for new records, milliseconds: a miss must not list the store each time. */
const LOOK_EVERY = 2000

export interface ForeignPlace {
  place: Place
  size: number
}

function placeOf (record: IndexRecord): ForeignPlace | null {
  const { location, length } = record
  if (typeof location === 'string' || length === undefined) return null // their free-text paths are not followed
  if (record.type === 3) return { place: { kind: 'inline' }, size: length }
  return { place: { kind: 'part', pack: location, offset: record.offset ?? 0 }, size: length }
}

export class ForeignFinder {
  readonly #index: IndexStore
  readonly #database: Database
  readonly #now: () => number
  readonly #placeRow: Statement<[Buffer], { pack: Buffer, offset: number, length: number }>
  #looked = -Infinity
  #looking: Promise<void> | null = null

  constructor (index: IndexStore, database: Database, now: () => number = Date.now) {
    this.#index = index
    this.#database = database
    this.#now = now
    this.#placeRow = database.prepare('SELECT pack, offset, length FROM alien_places WHERE sha256 = ?')
  }

  /** A blob of theirs becomes a row; null when it is not here. Rejects with StoreError. */
  async learn (sha256: string, reader: BlobReader, rows: Descriptors): Promise<Blob | null> {
    const found = await this.find(sha256)
    if (found === null) return null
    const { place, size } = found
    const blob: Blob = { sha256, blake3: null, size, type: UNTYPED, uploaded: Math.floor(this.#now() / 1000), place, foreign: true, expires: null }
    const reading = await reader.unchecked(blob, 0, Math.min(size, SNIFFED_BYTES))
    if (reading === null) return null
    blob.type = await resolveType(null, await readWhole(reading), null)
    rows.saveForeign(blob, place)
    return blob
  }

  /** Where a blob of theirs lies; null when no record tells. */
  async find (sha256: string): Promise<ForeignPlace | null> {
    const multihash = sha256Multihash(sha256)
    for (const record of await this.#index.get(multihash)) {
      for (const leaf of placesIn(record, multihash)) {
        const found = placeOf(leaf)
        if (found !== null) return found
      }
    }
    await this.#look()
    const row = this.#placeRow.get(Buffer.from(sha256, 'hex'))
    return row === undefined ? null : { place: { kind: 'part', pack: row.pack, offset: row.offset }, size: row.length }
  }

  /** Reads every record of theirs that was not read yet; callers at the same time share one look. */
  async #look (): Promise<void> {
    if (this.#now() - this.#looked < LOOK_EVERY) return
    this.#looking ??= this.#read().finally(() => {
      this.#looking = null
      this.#looked = this.#now()
    })
    await this.#looking
  }

  async #read (): Promise<void> {
    const known = this.#database.prepare<[string]>('SELECT 1 FROM alien_records WHERE key = ?')
    const keep = this.#database.prepare('INSERT OR REPLACE INTO alien_places VALUES (?, ?, ?, ?)')
    const done = this.#database.prepare('INSERT OR IGNORE INTO alien_records VALUES (?)')
    for await (const key of this.#index.foreign()) {
      if (known.get(key) !== undefined) continue
      const record = await this.#index.at(key)
      if (record === null) continue
      this.#database.transaction(() => {
        for (const leaf of placesIn(record)) {
          const sha256 = sha256Of(leaf.multihash)
          const found = placeOf(leaf)
          if (sha256 === null || found?.place.kind !== 'part') continue
          keep.run(Buffer.from(sha256, 'hex'), found.place.pack, found.place.offset, found.size)
        }
        done.run(key)
      })()
    }
  }
}
