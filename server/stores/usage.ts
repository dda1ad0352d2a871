// What each owner has here and what lies in the store, as the database counts it with every row (migrations/003-usage.sql): one lookup each.

import type { Database, Statement } from '../database.ts'
import { NO_OWNER } from './owners.ts'

export interface Used {
  blobs: number
  bytes: number
}

/** How many keys own something, and the most blobs and bytes that any has. */
export interface Keys extends Used {
  keys: number
}

const NOTHING: Used = { blobs: 0, bytes: 0 }

function ownerBytes (owner: string): Buffer {
  return owner === NO_OWNER ? Buffer.alloc(0) : Buffer.from(owner, 'hex')
}

export class Usage {
  readonly #of: Statement<[Buffer], Used>
  readonly #all: Statement<[], Used>
  readonly #keys: Statement<[], Keys>
  readonly #owns: Statement<[Buffer, Buffer]>
  readonly #has: Statement<[Buffer]>

  constructor (database: Database) {
    this.#of = database.prepare('SELECT blobs, bytes FROM usage WHERE pubkey = ?')
    this.#all = database.prepare('SELECT blobs, bytes FROM stored')
    this.#keys = database.prepare("SELECT count(*) AS keys, coalesce(max(blobs), 0) AS blobs, coalesce(max(bytes), 0) AS bytes FROM usage WHERE pubkey <> x''")
    this.#owns = database.prepare('SELECT 1 FROM owners WHERE pubkey = ? AND sha256 = ?')
    this.#has = database.prepare('SELECT 1 FROM blobs WHERE sha256 = ? AND alien = 0')
  }

  /** A shared blob counts in full for each owner. */
  of (owner: string): Used {
    return this.#of.get(ownerBytes(owner)) ?? NOTHING
  }

  /** Each blob once. */
  all (): Used {
    return this.#all.get() ?? NOTHING
  }

  /** Looks at every key: for who asks now and then. */
  keys (): Keys {
    return this.#keys.get()!
  }

  owns (owner: string, sha256: string): boolean {
    return this.#owns.get(ownerBytes(owner), Buffer.from(sha256, 'hex')) !== undefined
  }

  /** Is this blob here, and somebody's? */
  has (sha256: string): boolean {
    return this.#has.get(Buffer.from(sha256, 'hex')) !== undefined
  }
}
