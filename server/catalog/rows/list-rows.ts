// Collections, and the server and relay lists of keys, as rows. Written by projection.ts alone.

import type { Database, Statement } from '../../database.ts'
import type { SignedEvent } from '../../auth/signature.ts'
import type { Address } from '../address.ts'
import type { Collection } from '../kinds/collection.ts'

export class ListRows {
  readonly #putCollection: Statement<[Buffer, Buffer, string, number, string, string, string]>
  readonly #dropCollection: Statement<[Buffer, string]>
  readonly #putList: Statement<[number, Buffer, Buffer, number, string]>
  readonly #dropList: Statement<[number, Buffer]>

  constructor (database: Database) {
    this.#putCollection = database.prepare('INSERT OR REPLACE INTO collections (event, pubkey, d, created_at, title, status, items) VALUES (?, ?, ?, ?, ?, ?, ?)')
    this.#dropCollection = database.prepare('DELETE FROM collections WHERE pubkey = ? AND d = ?')
    this.#putList = database.prepare('INSERT OR REPLACE INTO lists (kind, pubkey, event, created_at, entries) VALUES (?, ?, ?, ?, ?)')
    this.#dropList = database.prepare('DELETE FROM lists WHERE kind = ? AND pubkey = ?')
  }

  putCollection ({ id, pubkey, created_at: createdAt }: SignedEvent, { d, title, status, titles }: Collection): void {
    this.#putCollection.run(Buffer.from(id, 'hex'), Buffer.from(pubkey, 'hex'), d, createdAt, title, status, JSON.stringify(titles))
  }

  removeCollection ({ pubkey, d }: Address): void {
    this.#dropCollection.run(Buffer.from(pubkey, 'hex'), d)
  }

  /** @param entries in the order of trust */
  putList ({ id, pubkey, kind, created_at: createdAt }: SignedEvent, entries: readonly unknown[]): void {
    this.#putList.run(kind, Buffer.from(pubkey, 'hex'), Buffer.from(id, 'hex'), createdAt, JSON.stringify(entries))
  }

  removeList ({ kind, pubkey }: Address): void {
    this.#dropList.run(kind, Buffer.from(pubkey, 'hex'))
  }
}
