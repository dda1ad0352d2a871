// The rows of blobs and their owners: the fast path of every read, one lookup. A fold over what the store holds; nothing here is
// the truth. SQLite is synchronous, so every method is.

import { isDeepStrictEqual } from 'node:util'
import type { Database, Statement } from '../database.ts'
import { UNTYPED } from './media-type.ts'
import { NO_OWNER } from './owners.ts'
import { Unsettled } from './unsettled.ts'
import type { Ownership } from './owners.ts'

/** Where a blob's bytes lie: in a pack of its own, inside its index record, or at an offset of another pack. */
export type Place = { kind: 'own' } | { kind: 'inline' } | { kind: 'part', pack: Uint8Array, offset: number }

export interface Blob {
  sha256: string
  /** 64 hex digits; null for a foreign blob, whose bytes we have not read. */
  blake3: string | null
  /** Bytes. */
  size: number
  type: string
  /** Unix seconds, of its earliest owner. */
  uploaded: number
  place: Place
  /** Written by somebody else's hash-stream tools: served, nobody's. */
  foreign: boolean
  /** Unix seconds: the latest end that its owners asked for; null: one of them asked for none. */
  expires: number | null
}

export interface BlobRow {
  sha256: Buffer
  blake3: Buffer | null
  size: number
  type: string
  uploaded: number
  place: number
  pack: Buffer | null
  offset: number
  alien: number
  expires: number | null
}

/** One line of an owner's list, with the time when that owner came. */
export interface OwnedBlob {
  sha256: string
  size: number
  type: string
  uploaded: number
}

type RowBlob = Pick<Blob, 'sha256' | 'blake3' | 'size' | 'type' | 'uploaded'> & { expires?: number | null }
type BlobColumns = [Buffer, Buffer | null, number, string, number, number, Uint8Array | null, number, number, number | null]

interface SavedRow {
  ownership: Ownership
  place: Place
  /** The row is the last of what a note of this blob speaks of. */
  settled: boolean
}

export interface ListQuery {
  owner: string
  limit: number
  /** Unix seconds, inclusive. */
  since: number
  until: number
  /** The last item of the page before: what comes after it is wanted. */
  after: { uploaded: number, sha256: string } | null
}

function ownerBytes (owner: string): Buffer {
  return owner === NO_OWNER ? Buffer.alloc(0) : Buffer.from(owner, 'hex')
}

function ownerName (bytes: Buffer): string {
  return bytes.length === 0 ? NO_OWNER : bytes.toString('hex')
}

export function blobOf (row: BlobRow, sha256: string): Blob {
  const place: Place = row.place === 0
    ? { kind: 'own' }
    : row.place === 1 ? { kind: 'inline' } : { kind: 'part', pack: row.pack as Buffer, offset: row.offset }
  return {
    sha256, blake3: row.blake3?.toString('hex') ?? null, size: row.size, type: row.type,
    uploaded: row.uploaded, place, foreign: row.alien === 1, expires: row.expires
  }
}

const LISTED = 'SELECT o.sha256, b.size, b.type, o.uploaded FROM owners o JOIN blobs b ON b.sha256 = o.sha256 WHERE o.pubkey = ?'

export class Descriptors {
  /** Blobs whose rows may differ from the store. */
  readonly unsettled: Unsettled
  readonly #database: Database
  readonly #get: Statement<[Buffer], BlobRow>
  readonly #putBlob: Statement<BlobColumns>
  readonly #addBlob: Statement<BlobColumns>
  readonly #putOwner: Statement<[Buffer, Buffer, number, string, number | null]>
  readonly #owner: Statement<[Buffer, Buffer], { uploaded: number, type: string, expires: number | null }>
  readonly #ownersOf: Statement<[Buffer], { pubkey: Buffer }>
  readonly #returned: Statement<[Buffer, Buffer]>
  readonly #has: Statement<[Buffer]>
  readonly #blake3: Statement<[Buffer]>
  readonly #settle: Statement<[{ sha256: Buffer, untyped: string }]>
  readonly #departedAt: Statement<[Buffer, Buffer], { uploaded: number }>
  readonly #sameSecond: Statement<[Buffer, number, Buffer, number], BlobRow>
  readonly #earlier: Statement<[Buffer, number, number, number], BlobRow>

  /** Without any there is nothing to strike out when an owner comes. */
  #someDeparted: boolean
  readonly #saveAll: (rows: readonly SavedRow[]) => void
  #together: (SavedRow & { resolve: () => void, reject: (error: unknown) => void })[] = []

  constructor (database: Database) {
    this.#database = database
    this.unsettled = new Unsettled(database)
    this.#saveAll = database.transaction((rows: readonly SavedRow[]) => { for (const row of rows) this.#saveRow(row) })
    this.#get = database.prepare('SELECT * FROM blobs WHERE sha256 = ?')
    this.#putBlob = database.prepare(`
      INSERT INTO blobs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
      ON CONFLICT (sha256) DO UPDATE SET blake3 = excluded.blake3, size = excluded.size, type = excluded.type, uploaded = excluded.uploaded,
        place = excluded.place, pack = excluded.pack, offset = excluded.offset, alien = excluded.alien, expires = excluded.expires`)
    this.#addBlob = database.prepare('INSERT INTO blobs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (sha256) DO NOTHING')
    this.#someDeparted = database.prepare('SELECT 1 FROM departed LIMIT 1').get() !== undefined
    this.#putOwner = database.prepare(`
      INSERT INTO owners VALUES (?, ?, ?, ?, ?)
      ON CONFLICT (pubkey, sha256) DO UPDATE SET uploaded = excluded.uploaded, type = excluded.type, expires = excluded.expires`)
    this.#owner = database.prepare('SELECT uploaded, type, expires FROM owners WHERE pubkey = ? AND sha256 = ?')
    this.#ownersOf = database.prepare('SELECT pubkey FROM owners WHERE sha256 = ?')
    this.#returned = database.prepare('DELETE FROM departed WHERE pubkey = ? AND sha256 = ?')
    this.#has = database.prepare('SELECT 1 FROM blobs WHERE sha256 = ?')
    this.#blake3 = database.prepare('SELECT 1 FROM blobs WHERE blake3 = ? LIMIT 1')
    this.#settle = database.prepare(`
      UPDATE blobs SET
        uploaded = (SELECT min(uploaded) FROM owners WHERE sha256 = @sha256),
        type = coalesce((SELECT type FROM owners WHERE sha256 = @sha256 AND type <> @untyped ORDER BY uploaded, pubkey LIMIT 1), @untyped),
        expires = (SELECT CASE WHEN count(*) = count(expires) THEN max(expires) END FROM owners WHERE sha256 = @sha256)
      WHERE sha256 = @sha256`)
    this.#departedAt = database.prepare('SELECT uploaded FROM departed WHERE pubkey = ? AND sha256 = ?')
    this.#sameSecond = database.prepare(`${LISTED} AND o.uploaded = ? AND o.sha256 > ? ORDER BY o.sha256 LIMIT ?`)
    this.#earlier = database.prepare(`${LISTED} AND o.uploaded BETWEEN ? AND ? ORDER BY o.uploaded DESC, o.sha256 LIMIT ?`)
  }

  get (sha256: string): Blob | null {
    const row = this.#get.get(Buffer.from(sha256, 'hex'))
    return row === undefined ? null : blobOf(row, sha256)
  }

  /** Writes the blob (unless it is here) and its owner in one transaction, and strikes out its note where that is `settled` by it. */
  save (ownership: Ownership, place: Place, settled = false): void {
    this.#saveAll([{ ownership, place, settled }])
  }

  /**
   * The same with everything else that is saved in this turn of the event loop, in one transaction: uploads that shared a sync come
   * together, and a transaction of its own costs a row three times what the row does. Rejects with what the database says.
   */
  saveTogether (ownership: Ownership, place: Place, settled = false): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#together.push({ ownership, place, settled, resolve, reject })
      if (this.#together.length === 1) setImmediate(() => { this.#flush() })
    })
  }

  #flush (): void {
    const rows = this.#together
    this.#together = []
    try {
      this.#saveAll(rows)
      for (const { resolve } of rows) resolve()
    } catch (error) {
      for (const { reject } of rows) reject(error)
    }
  }

  #saveRow ({ ownership, place, settled }: SavedRow): void {
    const sha256 = Buffer.from(ownership.sha256, 'hex')
    const pubkey = ownerBytes(ownership.owner)
    const fresh = this.#addBlob.run(...this.#columns(ownership, place, false)).changes === 1
    const alien = !fresh && this.#get.get(sha256)?.alien === 1
    if (alien) this.#put(ownership, place, false)
    this.#putOwner.run(pubkey, sha256, ownership.uploaded, ownership.type, ownership.expires ?? null)
    if (this.#someDeparted) this.#returned.run(pubkey, sha256)
    if (!fresh && !alien) this.#settle.run({ sha256, untyped: UNTYPED })
    if (settled) this.unsettled.remove(ownership.sha256)
  }

  #put (blob: RowBlob, place: Place, foreign: boolean): void {
    this.#putBlob.run(...this.#columns(blob, place, foreign))
  }

  #columns (blob: RowBlob, place: Place, foreign: boolean): BlobColumns {
    const kind = { own: 0, inline: 1, part: 2 }[place.kind]
    return [
      Buffer.from(blob.sha256, 'hex'), blob.blake3 === null ? null : Buffer.from(blob.blake3, 'hex'), blob.size, blob.type, blob.uploaded,
      kind, place.kind === 'part' ? place.pack : null, place.kind === 'part' ? place.offset : 0, foreign ? 1 : 0, blob.expires ?? null
    ]
  }

  /** Remembers a blob of somebody else's tools: nobody's. */
  saveForeign (blob: { sha256: string, size: number, type: string, uploaded: number }, place: Place): void {
    this.#put({ ...blob, blake3: null }, place, true)
  }

  /** Says where a blob lies now, where the store knows better than the row. */
  move (sha256: string, place: Place): void {
    const blob = this.get(sha256)
    if (blob !== null && !isDeepStrictEqual(blob.place, place)) this.#put(blob, place, blob.foreign)
  }

  /** This owner's ownership of a blob, null when it has none. */
  ownership (sha256: string, owner: string): { uploaded: number, type: string, expires: number | null } | null {
    return this.#owner.get(ownerBytes(owner), Buffer.from(sha256, 'hex')) ?? null
  }

  has (sha256: string): boolean {
    return this.#has.get(Buffer.from(sha256, 'hex')) !== undefined
  }

  /** Is some blob here of this BLAKE3? */
  hasBlake3 (blake3: string): boolean {
    return this.#blake3.get(Buffer.from(blake3, 'hex')) !== undefined
  }

  /** Does some blob lie in this pack, other than as the pack itself? */
  usesPack (pack: Uint8Array): boolean {
    return this.#database.prepare('SELECT 1 FROM blobs WHERE pack = ? LIMIT 1').get(pack) !== undefined
  }

  ownersOf (sha256: string): string[] {
    return this.#ownersOf.all(Buffer.from(sha256, 'hex')).map(({ pubkey }) => ownerName(pubkey))
  }

  /** Ends one ownership, and the blob with the last one; its place in the owner's list is kept for cursors. */
  removeOwner (sha256: string, owner: string, now: number): void {
    this.#someDeparted = true
    this.#database.transaction(() => {
      const [pubkey, blob] = [ownerBytes(owner), Buffer.from(sha256, 'hex')]
      this.#database.prepare(`
        INSERT OR REPLACE INTO departed SELECT pubkey, sha256, uploaded, ? FROM owners WHERE pubkey = ? AND sha256 = ?`).run(now, pubkey, blob)
      this.#database.prepare('DELETE FROM owners WHERE pubkey = ? AND sha256 = ?').run(pubkey, blob)
      if (this.#ownersOf.get(blob) === undefined) this.#database.prepare('DELETE FROM blobs WHERE sha256 = ?').run(blob)
      else this.#settle.run({ sha256: blob, untyped: UNTYPED })
    })()
  }

  /** Removes a blob and all its owners from the rows: the store does not have it. */
  forget (sha256: string, now: number): void {
    for (const owner of this.ownersOf(sha256)) this.removeOwner(sha256, owner, now)
    this.#database.prepare('DELETE FROM blobs WHERE sha256 = ?').run(Buffer.from(sha256, 'hex'))
  }

  /** When an owner came to a blob that it owns or once owned: where a cursor stands. Null when it never did. */
  cursor (owner: string, sha256: string): { uploaded: number, sha256: string } | null {
    const uploaded = this.ownership(sha256, owner)?.uploaded ??
      this.#departedAt.get(ownerBytes(owner), Buffer.from(sha256, 'hex'))?.uploaded
    return uploaded === undefined ? null : { uploaded, sha256 }
  }

  /** A page of an owner's blobs: newest first, equal seconds by sha256. */
  list ({ owner, limit, since, until, after }: ListQuery): OwnedBlob[] {
    const pubkey = ownerBytes(owner)
    const rows: BlobRow[] = []
    let newest = until
    if (after !== null && after.uploaded <= until) {
      if (after.uploaded >= since) rows.push(...this.#sameSecond.all(pubkey, after.uploaded, Buffer.from(after.sha256, 'hex'), limit))
      newest = after.uploaded - 1
    }
    if (rows.length < limit) rows.push(...this.#earlier.all(pubkey, since, newest, limit - rows.length))
    return rows.map(({ sha256, size, type, uploaded }) => ({ sha256: sha256.toString('hex'), size, type, uploaded }))
  }

  * all (): Iterable<Blob> {
    for (const row of this.#database.prepare<[], BlobRow>('SELECT * FROM blobs').iterate()) yield blobOf(row, row.sha256.toString('hex'))
  }

  /** The blob of every ownership, or of those whose sha256 begins with the byte `first`; no row may be changed on the way. */
  * owned (first: number | null = null): Iterable<string> {
    const rows = first === null
      ? this.#database.prepare<[], { sha256: Buffer }>('SELECT sha256 FROM owners').iterate()
      : this.#database.prepare<[Buffer, Buffer], { sha256: Buffer }>('SELECT sha256 FROM owners WHERE sha256 BETWEEN ? AND ?').iterate(Buffer.of(first), Buffer.alloc(33, 255).fill(first, 0, 1))
    for (const { sha256 } of rows) yield sha256.toString('hex')
  }

  counts (): { blobs: number, owners: number, bytes: number } {
    const { blobs, bytes } = this.#database.prepare<[], { blobs: number, bytes: number }>('SELECT count(*) AS blobs, coalesce(sum(size), 0) AS bytes FROM blobs').get()!
    const { owners } = this.#database.prepare<[], { owners: number }>('SELECT count(*) AS owners FROM owners').get()!
    return { blobs, owners, bytes }
  }

  mark (name: string): string | null {
    return this.#database.prepare<[string], { value: string }>('SELECT value FROM marks WHERE name = ?').get(name)?.value ?? null
  }

  setMark (name: string, value: string | null): void {
    if (value === null) this.#database.prepare('DELETE FROM marks WHERE name = ?').run(name)
    else this.#database.prepare('INSERT OR REPLACE INTO marks VALUES (?, ?)').run(name, value)
  }

  /** Forgets ended ownerships older than `before` (unix seconds): no cursor lives that long. */
  forgetDeparted (before: number): void {
    this.#database.prepare('DELETE FROM departed WHERE at < ?').run(before)
  }

  /** Forgets blobs of somebody else's tools: they are not served where `foreignBlobs` is off. */
  forgetForeign (): void {
    this.#database.exec('DELETE FROM blobs WHERE alien = 1; DELETE FROM alien_places; DELETE FROM alien_records')
  }

  /** One small question to the database: throws when it does not answer. */
  prove (): void {
    this.#database.prepare('SELECT 1').get()
  }
}
