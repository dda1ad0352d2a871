// Our own adverts as the tables have them: what stands, what was replaced by "no way to it" and is still to be taken back by kind 5, and what no relay
// was told of. All that the advertiser knows after a restart.

import { PROVIDER_ADVERT_KIND } from '../kinds/provider-advert.ts'
import { WITHDRAWAL_KIND } from '../kinds/withdrawal.ts'
import type { Database, Statement } from '../../database.ts'
import type { SignedEvent } from '../../auth/signature.ts'
import type { ProviderAdvert } from '../kinds/provider-advert.ts'

export interface StandingAdvert extends Pick<ProviderAdvert, 'blake3' | 'sha256' | 'scope' | 'coverage' | 'servers' | 'size'> {
  /** The id of the event. */
  event: string
  /** Unix seconds. */
  created_at: number
}

/** Versions of one address that no kind 5 has taken back. */
export interface Unburied {
  blake3: string
  /** The newest first. */
  ids: string[]
  /** Unix seconds, of the newest. */
  created_at: number
}

interface AdvertRow {
  blake3: Buffer
  event: Buffer
  sha256: Buffer | null
  created_at: number
  scope: ProviderAdvert['scope']
  have: number | null
  of_all: number | null
  size: number | null
  servers: string
}

/** Ids that one kind 5 names of an address: relays keep the newest version, and some the one before. */
const VERSIONS = 3

export class OwnAdvertRows {
  readonly #key: Buffer
  readonly #standing: Statement<[Buffer, number], AdvertRow>
  readonly #count: Statement<[Buffer, number], { count: number }>
  readonly #unburied: Statement<[{ kind: number, key: Buffer, since: number }], { id: Buffer, d: string, created_at: number }>
  readonly #untold: Statement<[{ advert: number, withdrawal: number, key: Buffer, since: number, relay: string }], { raw: string }>

  /** @param pubkey the server's own, 64 hex digits */
  constructor (database: Database, pubkey: string) {
    this.#key = Buffer.from(pubkey, 'hex')
    this.#standing = database.prepare('SELECT blake3, event, sha256, created_at, scope, have, of_all, size, servers FROM adverts WHERE pubkey = ? AND expires_at > ? ORDER BY created_at')
    this.#count = database.prepare('SELECT count(*) AS count FROM adverts WHERE pubkey = ? AND expires_at > ?')
    this.#unburied = database.prepare(`
      SELECT e.id, e.d, e.created_at FROM events e
      WHERE e.kind = @kind AND e.pubkey = @key AND e.created_at >= @since
        AND NOT EXISTS (SELECT 1 FROM adverts a WHERE a.blake3 = unhex(e.d) AND a.pubkey = e.pubkey)
        AND NOT EXISTS (SELECT 1 FROM deleted_addresses x WHERE x.kind = e.kind AND x.pubkey = e.pubkey AND x.d = e.d AND x.until >= e.created_at)
      ORDER BY e.d, e.created_at DESC`)
    this.#untold = database.prepare(`
      SELECT e.raw FROM events e
      WHERE e.kind IN (@advert, @withdrawal) AND e.pubkey = @key AND e.created_at >= @since
        AND (e.kind = @withdrawal OR EXISTS (SELECT 1 FROM adverts a WHERE a.blake3 = unhex(e.d) AND a.pubkey = e.pubkey AND a.event = e.id))
        AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.event = e.id AND o.relay = @relay)`)
  }

  /** The oldest first, by BLAKE3. @param now unix seconds */
  standing (now: number): Map<string, StandingAdvert> {
    return new Map(this.#standing.all(this.#key, now).map(({ blake3, event, sha256, created_at, scope, have, of_all: all, size, servers }) => [blake3.toString('hex'), {
      blake3: blake3.toString('hex'), event: event.toString('hex'), sha256: sha256?.toString('hex') ?? null, created_at, scope,
      coverage: have === null || all === null ? null : { held: have, listed: all }, size, servers: JSON.parse(servers) as string[]
    }]))
  }

  /** How many stand at `now`, unix seconds. */
  count (now: number): number {
    return this.#count.get(this.#key, now)!.count
  }

  /** What was replaced by an advert without any way to us, and not taken back yet. @param since unix seconds */
  unburied (since: number): Unburied[] {
    const found = new Map<string, Unburied>()
    for (const { id, d, created_at } of this.#unburied.all({ kind: PROVIDER_ADVERT_KIND, key: this.#key, since })) {
      const before = found.get(d)
      if (before === undefined) found.set(d, { blake3: d, ids: [id.toString('hex')], created_at })
      else if (before.ids.length < VERSIONS) before.ids.push(id.toString('hex'))
    }
    return [...found.values()]
  }

  /** Adverts that stand and withdrawals, made since then (unix seconds), that the outbox has nothing of for this relay: it is new, or we were killed. */
  untold (relay: string, since: number): SignedEvent[] {
    const rows = this.#untold.all({ advert: PROVIDER_ADVERT_KIND, withdrawal: WITHDRAWAL_KIND, key: this.#key, since, relay })
    return rows.map(({ raw }) => JSON.parse(raw) as SignedEvent)
  }
}
