// Provider adverts as rows, one for each hash and provider. Written by projection.ts alone; an advert over its time is passed over by whoever
// reads, and swept.

import { isReachable } from '../kinds/provider-advert.ts'
import type { Database, Statement } from '../../database.ts'
import type { SignedEvent } from '../../auth/signature.ts'
import type { Address } from '../address.ts'
import type { ProviderAdvert } from '../kinds/provider-advert.ts'

interface AdvertColumns {
  blake3: Buffer
  pubkey: Buffer
  event: Buffer
  sha256: Buffer | null
  created_at: number
  expires_at: number
  scope: string
  have: number | null
  of_all: number | null
  size: number | null
  endpoint: string | null
  servers: string
}

export class AdvertRows {
  readonly #put: Statement<[AdvertColumns]>
  readonly #remove: Statement<[Buffer, Buffer]>
  readonly #sweep: Statement<[number, number]>

  constructor (database: Database) {
    this.#put = database.prepare(`
      INSERT OR REPLACE INTO adverts (blake3, pubkey, event, sha256, created_at, expires_at, scope, have, of_all, size, endpoint, servers)
      VALUES (@blake3, @pubkey, @event, @sha256, @created_at, @expires_at, @scope, @have, @of_all, @size, @endpoint, @servers)`)
    this.#remove = database.prepare('DELETE FROM adverts WHERE blake3 = ? AND pubkey = ?')
    this.#sweep = database.prepare('DELETE FROM adverts WHERE (blake3, pubkey) IN (SELECT blake3, pubkey FROM adverts WHERE expires_at <= ? LIMIT ?)')
  }

  put (event: SignedEvent, advert: ProviderAdvert): void {
    // an advert that names no way to its provider takes back what it said before
    if (!isReachable(advert)) {
      this.remove({ kind: event.kind, pubkey: event.pubkey, d: advert.blake3 })
      return
    }
    this.#put.run({
      blake3: Buffer.from(advert.blake3, 'hex'),
      pubkey: Buffer.from(event.pubkey, 'hex'),
      event: Buffer.from(event.id, 'hex'),
      sha256: advert.sha256 === null ? null : Buffer.from(advert.sha256, 'hex'),
      created_at: event.created_at,
      expires_at: advert.endsAt,
      scope: advert.scope,
      have: advert.coverage?.held ?? null,
      of_all: advert.coverage?.listed ?? null,
      size: advert.size,
      endpoint: advert.endpointId,
      servers: JSON.stringify(advert.servers)
    })
  }

  remove ({ pubkey, d }: Address): void {
    if (/^[0-9a-f]{64}$/.test(d)) this.#remove.run(Buffer.from(d, 'hex'), Buffer.from(pubkey, 'hex'))
  }

  /** Removes adverts that were over at `now` (unix seconds), `limit` at a time; how many there were. */
  sweep (now: number, limit: number): number {
    return this.#sweep.run(now, limit).changes
  }
}
