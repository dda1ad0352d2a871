// Blobs in the order of their sha256, some at a time, for whoever looks at all of them without holding them.

import { blobOf } from './descriptors.ts'
import type { Database, Statement } from '../database.ts'
import type { Blob, BlobRow } from './descriptors.ts'

export class ScrubRows {
  readonly #next: Statement<[Buffer, Buffer, number], BlobRow>

  constructor (database: Database) {
    this.#next = database.prepare('SELECT * FROM blobs WHERE sha256 > ? AND sha256 < ? ORDER BY sha256 LIMIT ?')
  }

  /** The blobs after `cursor` (null: from the first) whose sha256 begins with the hex digit `prefix` ('': any). */
  after (cursor: string | null, prefix: string, limit: number): Blob[] {
    const digit = prefix === '' ? 0 : parseInt(prefix, 16)
    const from = cursor !== null ? Buffer.from(cursor, 'hex') : prefix === '' ? Buffer.alloc(0) : Buffer.from([digit << 4])
    const to = prefix === '' || digit === 15 ? Buffer.alloc(33, 0xff) : Buffer.from([(digit + 1) << 4])
    return this.#next.all(from, to, limit).map((row) => blobOf(row, row.sha256.toString('hex')))
  }
}
