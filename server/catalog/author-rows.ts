// What the accept order asks of the database about an author: did this key publish here, how many adverts has it, how many of a hash are there.

import type { Database, Statement } from '../database.ts'

/** Keys that are kept in mind. */
const MOST_KEPT = 10_000

export class AuthorRows {
  /** Keys that are in the table. */
  readonly #added = new Set<string>()
  /** How many adverts a key has at most: counted once, and one more for each that was asked about since. To count 2,000 at each costs more than its signature. */
  readonly #atMost = new Map<string, number>()
  readonly #add: Statement<[Buffer]>
  readonly #has: Statement<[Buffer, Buffer]>
  readonly #adverts: Statement<[Buffer, Buffer, number], { count: number }>
  readonly #fresher: Statement<[Buffer, Buffer, number, number], { count: number }>

  constructor (database: Database) {
    this.#add = database.prepare('INSERT OR IGNORE INTO authors (pubkey) VALUES (?)')
    this.#has = database.prepare('SELECT 1 FROM authors WHERE pubkey = ? UNION ALL SELECT 1 FROM adverts WHERE pubkey = ? LIMIT 1')
    // counted no further than the cap: what is over it is over it
    this.#adverts = database.prepare('SELECT count(*) AS count FROM (SELECT 1 FROM adverts WHERE pubkey = ? AND blake3 <> ? LIMIT ?)')
    this.#fresher = database.prepare('SELECT count(*) AS count FROM (SELECT 1 FROM adverts WHERE blake3 = ? AND pubkey <> ? AND created_at > ? LIMIT ?)')
  }

  /** An event of this key was taken over HTTP here. */
  add (pubkey: string): void {
    if (this.#added.has(pubkey)) return
    this.#add.run(Buffer.from(pubkey, 'hex'))
    if (this.#added.size >= MOST_KEPT) this.#added.clear()
    this.#added.add(pubkey)
  }

  /** Was one, or is an advert of it kept? */
  publishedHere (pubkey: string): boolean {
    const key = Buffer.from(pubkey, 'hex')
    return this.#has.get(key, key) !== undefined
  }

  /**
   * Adverts besides that of `pubkey` for `blake3`, counted up to `most` each; those that are over and not yet swept count too, so that nobody gets
   * round the cap by adverts of a minute. @param createdAt unix seconds
   */
  advertsBeside (pubkey: string, blake3: string, createdAt: number, most: { ofAuthor: number, ofHash: number }): { ofAuthor: number, fresherOfHash: number } {
    const [key, hash] = [Buffer.from(pubkey, 'hex'), Buffer.from(blake3, 'hex')]
    let ofAuthor = this.#atMost.get(pubkey) ?? Infinity
    if (ofAuthor >= most.ofAuthor) ofAuthor = this.#adverts.get(key, hash, most.ofAuthor)!.count
    if (this.#atMost.size >= MOST_KEPT) this.#atMost.clear()
    this.#atMost.set(pubkey, ofAuthor + 1)
    return {
      ofAuthor,
      fresherOfHash: this.#fresher.get(hash, key, createdAt, most.ofHash)!.count
    }
  }
}
