// What was taken back, as rows: marks of kind 5 events, each with the event that made it, in any order the same set (versions.ts reads them).

import { readAddress } from './address.ts'
import type { Database, Statement } from '../database.ts'
import type { Marks, Tombstones } from './versions.ts'

export class TombstoneRows implements Tombstones {
  readonly #hasId: Statement<[Buffer, Buffer]>
  readonly #until: Statement<[number, Buffer, string], { until: number | null }>
  readonly #addId: Statement<[Buffer, Buffer]>
  readonly #addAddress: Statement<[number, Buffer, string, number]>

  constructor (database: Database) {
    this.#hasId = database.prepare('SELECT 1 FROM deleted_ids WHERE id = ? AND pubkey = ?')
    this.#until = database.prepare('SELECT until FROM deleted_addresses WHERE kind = ? AND pubkey = ? AND d = ?')
    this.#addId = database.prepare('INSERT OR IGNORE INTO deleted_ids (id, pubkey) VALUES (?, ?)')
    this.#addAddress = database.prepare(`
      INSERT INTO deleted_addresses (kind, pubkey, d, until) VALUES (?, ?, ?, ?)
      ON CONFLICT (kind, pubkey, d) DO UPDATE SET until = max(until, excluded.until)`)
  }

  hasId (id: string, pubkey: string): boolean {
    return this.#hasId.get(Buffer.from(id, 'hex'), Buffer.from(pubkey, 'hex')) !== undefined
  }

  until (address: string): number | null {
    const { kind, pubkey, d } = readAddress(address)!
    return this.#until.get(kind, Buffer.from(pubkey, 'hex'), d)?.until ?? null
  }

  add ({ ids, pubkey, addresses, until }: Marks): void {
    for (const id of ids) this.#addId.run(Buffer.from(id, 'hex'), Buffer.from(pubkey, 'hex'))
    for (const address of addresses) {
      const { kind, d } = readAddress(address)!
      this.#addAddress.run(kind, Buffer.from(pubkey, 'hex'), d, until)
    }
  }
}
