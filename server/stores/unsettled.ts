// Notes of what is under way: a blob stands here from before its first change in the store until its rows agree with it. After a kill the next
// start compares these alone, where a look at every folder of a million blobs takes a minute and a half (same-kernel.ts says when that is
// enough). What fails half-way leaves its note to the next start. Of small uploads that share a sync the journal's entries are the notes.

import type { Database, Statement } from '../database.ts'

export interface NotedBlob {
  sha256: string
  /** 64 hex digits; null when nobody knows it. */
  blake3: string | null
}

function bytesOf (hex: string | null): Buffer | null {
  return hex === null ? null : Buffer.from(hex, 'hex')
}

export class Unsettled {
  readonly #database: Database
  readonly #add: Statement<[Buffer | null, Buffer | null]>
  readonly #remove: Statement<[Buffer]>

  constructor (database: Database) {
    this.#database = database
    this.#add = database.prepare('INSERT INTO unsettled VALUES (?, ?) ON CONFLICT (sha256) DO NOTHING')
    this.#remove = database.prepare('DELETE FROM unsettled WHERE sha256 = ?')
  }

  /** Notes a blob. False when it stands here already: that note is of something that failed, and not for the caller to strike out. */
  add (sha256: string, blake3: string | null): boolean {
    return this.#add.run(bytesOf(sha256), bytesOf(blake3)).changes === 1
  }

  /** Notes them all in one transaction. */
  addAll (blobs: readonly NotedBlob[]): void {
    const upsert = this.#database.prepare('INSERT INTO unsettled VALUES (?, ?) ON CONFLICT (sha256) DO UPDATE SET blake3 = coalesce(blake3, excluded.blake3)')
    this.#database.transaction(() => {
      for (const { sha256, blake3 } of blobs) upsert.run(bytesOf(sha256), bytesOf(blake3))
    })()
  }

  /** Strikes a note out: part of a transaction that is open. */
  remove (sha256: string): void {
    this.#remove.run(Buffer.from(sha256, 'hex'))
  }

  all (): NotedBlob[] {
    const rows = this.#database.prepare<[], { sha256: Buffer, blake3: Buffer | null }>('SELECT * FROM unsettled').all()
    return rows.map(({ sha256, blake3 }) => ({ sha256: sha256.toString('hex'), blake3: blake3?.toString('hex') ?? null }))
  }

  /** Strikes out all of them: rows and store were compared. */
  clear (): void {
    this.#database.prepare('DELETE FROM unsettled').run()
  }
}
