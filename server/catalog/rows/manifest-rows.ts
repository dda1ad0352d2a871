// Manifest blobs that were read, as rows: every hash that each of them lists. A fold over bytes: the same manifest gives the same rows whenever it is
// read, so the order of arrival of event and blob does not matter.

import { namedHashes } from '../manifest.ts'
import type { Database, Statement } from '../../database.ts'
import type { FilmManifest } from '../manifest.ts'

export interface ListedHash {
  /** From 0, over the whole manifest. */
  position: number
  sha256: string
  blake3: string
  role: string
  rendition: number | null
  /** Of a segment, from 0. */
  number: number | null
  /** Bytes. */
  size: number
  duration_ms: number | null
}

interface HashRow extends Omit<ListedHash, 'sha256' | 'blake3'> {
  sha256: Buffer
  blake3: Buffer
}

export interface ReadManifest {
  id: number
  sha256: string
  blake3: string
  duration_ms: number
  aggregate: string
  /** Each without its segments. */
  renditions: Record<string, unknown>[]
  /** Why it cannot be used; null: it is good. */
  fault: string | null
}

interface ManifestRow extends Omit<ReadManifest, 'sha256' | 'blake3' | 'aggregate' | 'renditions'> {
  sha256: Buffer
  blake3: Buffer
  aggregate: Buffer
  renditions: string
}

/** Which of a manifest's hashes are wanted. */
export interface ListedQuery {
  /** Null: all. */
  rendition: number | null
  /** Of segments alone. */
  segmentsOnly: boolean
  /** The first place that is wanted. */
  from: number
  limit: number
}

const EMPTY = Buffer.alloc(0)

export class ManifestRows {
  readonly #put: Statement<[Buffer, Buffer, number, Buffer, string, string | null], { id: number }>
  readonly #add: Statement<[number, number, Buffer, Buffer, string, number | null, number | null, number, number | null]>
  readonly #get: Statement<[Buffer], ManifestRow>
  readonly #listed: Statement<[{ manifest: number, rendition: number | null, segments: number, from: number, limit: number }], HashRow>
  readonly #count: Statement<[number], { blobs: number }>
  readonly #here: Statement<[number], { blobs: number }>
  readonly #missing: Statement<[Buffer, number, number], { manifest: Buffer }>
  readonly #unused: Statement<[number], { id: number }>
  readonly #dropHashes: Statement<[number]>
  readonly #drop: Statement<[number]>
  readonly #putAll: (sha256: string, blake3: string, manifest: FilmManifest) => void

  constructor (database: Database) {
    this.#put = database.prepare(`
      INSERT INTO manifests (sha256, blake3, duration_ms, aggregate, renditions, fault) VALUES (?, ?, ?, ?, ?, ?)
      ON CONFLICT (sha256) DO NOTHING RETURNING id`)
    this.#add = database.prepare('INSERT INTO manifest_hashes (manifest, position, sha256, blake3, role, rendition, number, size, duration_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)')
    this.#get = database.prepare('SELECT * FROM manifests WHERE sha256 = ?')
    this.#listed = database.prepare(`
      SELECT position, sha256, blake3, role, rendition, number, size, duration_ms FROM manifest_hashes
      WHERE manifest = @manifest AND position >= @from AND (@rendition IS NULL OR rendition = @rendition) AND (@segments = 0 OR role = 'segment')
      ORDER BY position LIMIT @limit`)
    this.#count = database.prepare('SELECT count(DISTINCT sha256) AS blobs FROM manifest_hashes WHERE manifest = ?')
    this.#here = database.prepare('SELECT count(DISTINCT h.sha256) AS blobs FROM manifest_hashes h JOIN blobs b ON b.sha256 = h.sha256 WHERE h.manifest = ?')
    this.#missing = database.prepare(`
      SELECT DISTINCT t.manifest FROM titles t WHERE t.manifest > ? AND t.status = 'published' AND (t.expires_at IS NULL OR t.expires_at > ?)
        AND NOT EXISTS (SELECT 1 FROM manifests m WHERE m.sha256 = t.manifest) ORDER BY t.manifest LIMIT ?`)
    this.#unused = database.prepare('SELECT m.id FROM manifests m WHERE NOT EXISTS (SELECT 1 FROM titles t WHERE t.manifest = m.sha256) LIMIT ?')
    this.#dropHashes = database.prepare('DELETE FROM manifest_hashes WHERE manifest = ?')
    this.#drop = database.prepare('DELETE FROM manifests WHERE id = ?')
    this.#putAll = database.transaction((sha256: string, blake3: string, manifest: FilmManifest) => { this.#putOne(sha256, blake3, manifest) })
  }

  /** Does nothing when it was read before. */
  put (sha256: string, blake3: string, manifest: FilmManifest): void {
    this.#putAll(sha256, blake3, manifest)
  }

  #putOne (sha256: string, blake3: string, manifest: FilmManifest): void {
    const { duration_ms: duration, aggregate, renditions } = manifest
    const bare = renditions.map(({ segments, ...rest }) => ({ ...rest, segments: segments.length }))
    const made = this.#put.get(Buffer.from(sha256, 'hex'), Buffer.from(blake3, 'hex'), duration, Buffer.from(aggregate, 'hex'), JSON.stringify(bare), null)
    if (made === undefined) return
    let position = 0
    for (const { sha256, blake3, role, rendition, seq, size } of namedHashes(manifest)) {
      const long = rendition === null || seq === null ? null : renditions[rendition]!.segments[seq]!.duration_ms
      this.#add.run(made.id, position++, Buffer.from(sha256, 'hex'), Buffer.from(blake3, 'hex'), role, rendition, seq, size, long)
    }
  }

  /** A blob that a title names as its manifest, and that is none: it is not read again. */
  putFault (sha256: string, blake3: string, fault: string): void {
    this.#put.run(Buffer.from(sha256, 'hex'), Buffer.from(blake3, 'hex'), 0, EMPTY, '[]', fault)
  }

  get (sha256: string): ReadManifest | null {
    const row = this.#get.get(Buffer.from(sha256, 'hex'))
    if (row === undefined) return null
    return {
      ...row, sha256, blake3: row.blake3.toString('hex'), aggregate: row.aggregate.toString('hex'), renditions: JSON.parse(row.renditions) as Record<string, unknown>[]
    }
  }

  /** What a manifest lists, in its order. @param id of a ReadManifest */
  listed (id: number, { rendition, segmentsOnly, from, limit }: ListedQuery): ListedHash[] {
    const rows = this.#listed.all({ manifest: id, rendition, segments: segmentsOnly ? 1 : 0, from, limit })
    return rows.map((row) => ({ ...row, sha256: row.sha256.toString('hex'), blake3: row.blake3.toString('hex') }))
  }

  /** How many different blobs it lists, and how many of them are here. */
  coverage (id: number): { held: number, listed: number } {
    return { held: this.#here.get(id)!.blobs, listed: this.#count.get(id)!.blobs }
  }

  /** Manifests that published titles name and that were not read, after `from` in the order of their sha256. @param now unix seconds */
  missing (from: string, now: number, limit: number): string[] {
    return this.#missing.all(Buffer.from(from, 'hex'), now, limit).map(({ manifest }) => manifest.toString('hex'))
  }

  /** Forgets manifests that no title names any more, `limit` at a time; how many. */
  sweep (limit: number): number {
    const unused = this.#unused.all(limit)
    for (const { id } of unused) {
      this.#dropHashes.run(id)
      this.#drop.run(id)
    }
    return unused.length
  }
}
