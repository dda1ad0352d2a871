// What we found at other providers ourselves: the last look at each blob of each server, which ProviderViews ranks by. And who is to be looked at.

import type { Database, Statement } from '../../database.ts'

export interface Probe {
  /** Base URL. */
  server: string
  sha256: string
  /** Unix seconds. */
  at: number
  /** Whether it had the bytes that we asked for. */
  ok: boolean
  /** Milliseconds that it took. */
  ms: number
  /** What was wrong; '' for nothing. */
  words: string
}

/** Somebody says that these servers have this blob. */
export interface Claim {
  blake3: string
  pubkey: string
  sha256: string
  /** Bytes; null where the advert does not say. */
  size: number | null
  servers: string[]
}

interface ClaimRow {
  blake3: Buffer
  pubkey: Buffer
  sha256: Buffer
  size: number | null
  servers: string
}

/** Looks kept of one server. */
const KEPT = 20

export class ProbeRows {
  readonly #claims: Statement<[{ blake3: Buffer, pubkey: Buffer, own: Buffer, now: number, limit: number }], ClaimRow>
  readonly #last: Statement<[string], { at: number | null }>
  readonly #prune: Statement<[string, string, number]>
  readonly #drop: Statement<[number, number]>
  readonly #put: (probe: Probe) => void

  constructor (database: Database) {
    this.#claims = database.prepare(`
      SELECT blake3, pubkey, sha256, size, servers FROM adverts
      WHERE (blake3, pubkey) > (@blake3, @pubkey) AND pubkey <> @own AND sha256 IS NOT NULL AND servers <> '[]' AND expires_at > @now
      ORDER BY blake3, pubkey LIMIT @limit`)
    this.#last = database.prepare('SELECT max(at) AS at FROM probes WHERE server = ?')
    const put: Statement<[string, Buffer, number, number, number, string]> = database.prepare('INSERT OR REPLACE INTO probes (server, sha256, at, ok, ms, words) VALUES (?, ?, ?, ?, ?, ?)')
    this.#prune = database.prepare('DELETE FROM probes WHERE server = ? AND sha256 IN (SELECT sha256 FROM probes WHERE server = ? ORDER BY at DESC LIMIT -1 OFFSET ?)')
    this.#drop = database.prepare('DELETE FROM probes WHERE (server, sha256) IN (SELECT server, sha256 FROM probes WHERE at < ? LIMIT ?)')
    this.#put = database.transaction(({ server, sha256, at, ok, ms, words }: Probe) => {
      put.run(server, Buffer.from(sha256, 'hex'), at, ok ? 1 : 0, ms, words)
      this.#prune.run(server, server, KEPT)
    })
  }

  /** Claims of other keys that are live at `now` (unix seconds), in their order after a place, `limit` at most. */
  claims (after: { blake3: string, pubkey: string }, own: string, now: number, limit: number): Claim[] {
    const rows = this.#claims.all({ blake3: Buffer.from(after.blake3, 'hex'), pubkey: Buffer.from(after.pubkey, 'hex'), own: Buffer.from(own, 'hex'), now, limit })
    return rows.map(({ blake3, pubkey, sha256, size, servers }) => ({
      blake3: blake3.toString('hex'), pubkey: pubkey.toString('hex'), sha256: sha256.toString('hex'), size, servers: JSON.parse(servers) as string[]
    }))
  }

  /** When a server was looked at last, unix seconds; null: never. */
  last (server: string): number | null {
    return this.#last.get(server)!.at
  }

  /** Keeps a look, and of its server no more than the last few. */
  put (probe: Probe): void {
    this.#put(probe)
  }

  /** Forgets looks before this (unix seconds), `limit` at a time; how many. */
  sweep (before: number, limit: number): number {
    return this.#drop.run(before, limit).changes
  }
}
