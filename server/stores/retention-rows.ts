// The rows that retention looks at: ownerships in the order of a scan, those whose owners asked for an end, and when blobs were read. Every
// question is answered from an index and for a bounded number of rows.

import { NO_OWNER } from './owners.ts'
import type { Database, Statement } from '../database.ts'
import type { Kept } from './retention-rules.ts'

/** One ownership, and its blob. */
export interface KeptBlob extends Kept {
  sha256: string
}

interface KeptRow {
  pubkey: Buffer
  sha256: Buffer
  type: string
  size: number
  uploaded: number
  expires: number | null
}

function keptOf ({ pubkey, sha256, type, size, uploaded, expires }: KeptRow): KeptBlob {
  return { owner: pubkey.length === 0 ? NO_OWNER : pubkey.toString('hex'), sha256: sha256.toString('hex'), type, size, uploaded, expires }
}

function ownerBytes (owner: string): Buffer {
  return owner === NO_OWNER ? Buffer.alloc(0) : Buffer.from(owner, 'hex')
}

const KEPT = 'SELECT o.pubkey, o.sha256, o.type, b.size, o.uploaded, o.expires FROM owners o CROSS JOIN blobs b ON b.sha256 = o.sha256'

export class RetentionRows {
  readonly #of: Statement<[Buffer], KeptRow>
  readonly #one: Statement<[Buffer, Buffer], KeptRow>
  readonly #after: Statement<[Buffer, Buffer, number], KeptRow>
  readonly #asked: Statement<[number, Buffer, Buffer, number, number], KeptRow>
  readonly #read: Statement<[Buffer], { at: number }>
  readonly #saveReads: (reads: Iterable<readonly [string, number]>) => void
  readonly #forgetReads: Statement<[number, number]>

  constructor (database: Database) {
    this.#of = database.prepare(`${KEPT} WHERE o.sha256 = ?`)
    this.#one = database.prepare(`${KEPT} WHERE o.pubkey = ? AND o.sha256 = ?`)
    this.#after = database.prepare(`${KEPT} WHERE (o.pubkey, o.sha256) > (?, ?) ORDER BY o.pubkey, o.sha256 LIMIT ?`)
    this.#asked = database.prepare(`${KEPT} WHERE (o.expires, o.pubkey, o.sha256) > (?, ?, ?) AND o.expires <= ? ORDER BY o.expires, o.pubkey, o.sha256 LIMIT ?`)
    this.#read = database.prepare('SELECT at FROM reads WHERE sha256 = ?')
    const save = database.prepare<[Buffer, number]>('INSERT INTO reads VALUES (?, ?) ON CONFLICT (sha256) DO UPDATE SET at = max(at, excluded.at)')
    this.#saveReads = database.transaction((reads: Iterable<readonly [string, number]>) => { for (const [sha256, at] of reads) save.run(Buffer.from(sha256, 'hex'), at) })
    this.#forgetReads = database.prepare('DELETE FROM reads WHERE sha256 IN (SELECT sha256 FROM reads WHERE at < ? ORDER BY at LIMIT ?)')
  }

  /** Every ownership of a blob. */
  of (sha256: string): KeptBlob[] {
    return this.#of.all(Buffer.from(sha256, 'hex')).map(keptOf)
  }

  one (sha256: string, owner: string): KeptBlob | null {
    const row = this.#one.get(ownerBytes(owner), Buffer.from(sha256, 'hex'))
    return row === undefined ? null : keptOf(row)
  }

  /** The next ownerships of a scan through all of them; null: from the first. */
  after (last: { owner: string, sha256: string } | null, limit: number): KeptBlob[] {
    const [pubkey, sha256] = last === null ? [Buffer.alloc(0), Buffer.alloc(0)] : [ownerBytes(last.owner), Buffer.from(last.sha256, 'hex')]
    return this.#after.all(pubkey, sha256, limit).map(keptOf)
  }

  /** The next ownerships whose owners asked for an end that came by `now`, earliest first; null: from the first. */
  asked (last: KeptBlob | null, now: number, limit: number): KeptBlob[] {
    const [at, pubkey, sha256] = last === null ? [0, Buffer.alloc(0), Buffer.alloc(0)] : [last.expires ?? 0, ownerBytes(last.owner), Buffer.from(last.sha256, 'hex')]
    return this.#asked.all(at, pubkey, sha256, now, limit).map(keptOf)
  }

  /** Until when a blob may have been read, unix seconds; 0 where nobody noted a read. */
  readAt (sha256: string): number {
    return this.#read.get(Buffer.from(sha256, 'hex'))?.at ?? 0
  }

  /** One transaction. */
  saveReads (reads: Iterable<readonly [sha256: string, at: number]>): void {
    this.#saveReads(reads)
  }

  /** Forgets reads before that moment, so many at most; how many there were. */
  forgetReads (before: number, limit: number): number {
    return this.#forgetReads.run(before, limit).changes
  }
}
