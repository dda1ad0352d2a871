// Reads the manifest blobs that titles name, once they are here: from then on every hash they list is known. A blob that is no manifest is noted
// with its fault and the title stays incomplete.

import { CatalogFault } from './faults.ts'
import { MANIFEST_LIMIT, parseManifest } from './manifest.ts'
import { Rounds } from './rounds.ts'
import { wholeBlob } from './whole-blob.ts'
import type { Blobs } from '../stores/blobs.ts'
import type { ManifestRows } from './rows/manifest-rows.ts'

export interface ManifestReaderParts {
  blobs: Pick<Blobs, 'find' | 'read'>
  rows: ManifestRows
  /** Unix milliseconds. */
  now: () => number
  /** How many that are not here are looked for in one round; where the store is far each look costs a request. */
  step?: number
}

export class ManifestReader {
  readonly #parts: ManifestReaderParts
  readonly #rounds: Rounds
  #running: Promise<number> | null = null

  constructor (parts: ManifestReaderParts) {
    this.#parts = parts
    this.#rounds = new Rounds(parts.step ?? 50)
  }

  /** Looks for some of what is missing; how many were read. One round at a time. Rejects with StoreError. */
  round (): Promise<number> {
    this.#running ??= this.#round().finally(() => { this.#running = null })
    return this.#running
  }

  async #round (): Promise<number> {
    const { rows, now } = this.#parts
    let read = 0
    for (const sha256 of this.#rounds.next((from, limit) => rows.missing(from, Math.floor(now() / 1000), limit))) if (await this.read(sha256)) read++
    return read
  }

  /** Looks for all that is missing, once; how many were read. Rejects with StoreError. */
  all (): Promise<number> {
    return this.#rounds.all(() => this.round())
  }

  /** True when the manifest is read now, or was before. Rejects with StoreError. */
  async read (sha256: string): Promise<boolean> {
    const { blobs, rows } = this.#parts
    const known = rows.get(sha256)
    if (known !== null) return known.fault === null
    const blob = await blobs.find(sha256)
    if (blob === null || blob.blake3 === null) return false
    try {
      if (blob.size > MANIFEST_LIMIT) throw new CatalogFault('MANIFEST_TOO_LARGE', `at most ${MANIFEST_LIMIT} bytes`)
      const bytes = await wholeBlob(blobs, blob)
      if (bytes === null) return false
      rows.put(sha256, blob.blake3, parseManifest(bytes))
      return true
    } catch (error) {
      if (!(error instanceof CatalogFault)) throw error
      rows.putFault(sha256, blob.blake3, error.message)
      return false
    }
  }
}
