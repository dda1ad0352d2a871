// Keeps what live releases are made of: files and manifests that enough release keys signed and a listed key announced, and the documents in force. The
// node key owns them as it owns what an operator pinned, so they stay when their last owner leaves; what is no longer live is let go of.

import type { Database, Statement } from '../../database.ts'
import type { Blobs } from '../../stores/blobs.ts'

export interface ReleasePinsParts {
  database: Database
  blobs: Pick<Blobs, 'adopt' | 'disown'>
  /** The node key, 64 hex digits. */
  keeper: string
  /** An operator pinned it: it stays the keeper's. */
  isPinned: (sha256: string) => boolean
}

/** Blobs of one round; the rest has its turn in the next. */
const STEP = 500

const LIVE = `SELECT m.sha256 FROM release_manifests m WHERE m.trusted = 1
  AND EXISTS (SELECT 1 FROM releases r WHERE r.manifest = m.sha256 AND r.pubkey IN (SELECT pubkey FROM release_keys))`
const WANTED = `SELECT sha256 FROM release_documents UNION ${LIVE} UNION SELECT b.sha256 FROM release_blobs b WHERE b.manifest IN (${LIVE})`

export class ReleasePins {
  readonly #parts: ReleasePinsParts
  readonly #coming: Statement<[Buffer, number], { sha256: Buffer }>
  readonly #going: Statement<[number], { sha256: Buffer }>
  readonly #add: Statement<[Buffer]>
  readonly #drop: Statement<[Buffer]>

  constructor (parts: ReleasePinsParts) {
    const { database } = parts
    this.#parts = parts
    this.#coming = database.prepare(`
      SELECT b.sha256 FROM blobs b WHERE b.sha256 IN (${WANTED}) AND NOT EXISTS (SELECT 1 FROM owners o WHERE o.pubkey = ? AND o.sha256 = b.sha256) LIMIT ?`)
    this.#going = database.prepare(`SELECT sha256 FROM release_pins WHERE sha256 NOT IN (${WANTED}) LIMIT ?`)
    this.#add = database.prepare('INSERT OR IGNORE INTO release_pins (sha256) VALUES (?)')
    this.#drop = database.prepare('DELETE FROM release_pins WHERE sha256 = ?')
  }

  /** Rejects with StoreError. */
  async round (): Promise<void> {
    const { blobs, keeper, isPinned } = this.#parts
    for (const { sha256 } of this.#coming.all(Buffer.from(keeper, 'hex'), STEP)) {
      // the note first: one too many is harmless, an ownership without a note would stay for ever
      this.#add.run(sha256)
      await blobs.adopt(sha256.toString('hex'), keeper, null)
    }
    for (const { sha256 } of this.#going.all(STEP)) {
      const name = sha256.toString('hex')
      if (!isPinned(name)) await blobs.disown(name, keeper)
      this.#drop.run(sha256)
    }
  }
}
