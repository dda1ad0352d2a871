// Whether a title may still be played, as the log and the tables have it: what was withdrawn, taken back or is over its time has keys no more.

import { addressOf, readAddress } from '../address.ts'
import { SHORT_TITLE_KIND, TITLE_KIND } from '../kinds/title.ts'
import { touchedBy } from '../versions.ts'
import type { Database, Statement } from '../../database.ts'
import type { SignedEvent } from '../../auth/signature.ts'

/** `unknown`: no version of it has come here (it may be published later). `at`: unix seconds, of what says so. */
export type TitleStanding = { standing: 'live' | 'gone', at: number } | { standing: 'unknown' }

type Key = [number, Buffer, string]

export class TitleStandings {
  readonly #row: Statement<Key, { status: string, created_at: number, expires_at: number | null }>
  readonly #newest: Statement<Key, { at: number | null }>
  readonly #until: Statement<Key, { until: number }>
  readonly #event: Statement<[Buffer], { raw: string }>

  constructor (database: Database) {
    this.#row = database.prepare('SELECT status, created_at, expires_at FROM titles WHERE kind = ? AND pubkey = ? AND d = ?')
    this.#newest = database.prepare('SELECT max(created_at) AS at FROM events WHERE kind = ? AND pubkey = ? AND d = ?')
    this.#until = database.prepare('SELECT until FROM deleted_addresses WHERE kind = ? AND pubkey = ? AND d = ?')
    this.#event = database.prepare('SELECT raw FROM events WHERE id = ?')
  }

  /** @param now unix seconds */
  get (address: string, now: number): TitleStanding {
    const read = readAddress(address)
    if (read === null) return { standing: 'unknown' }
    const key: Key = [read.kind, Buffer.from(read.pubkey, 'hex'), read.d]
    const row = this.#row.get(...key)
    if (row !== undefined) {
      const gone = row.status === 'withdrawn' || (row.expires_at !== null && row.expires_at <= now)
      return { standing: gone ? 'gone' : 'live', at: row.created_at }
    }
    // versions and no row: all of them were taken back
    const at = Math.max(this.#newest.get(...key)?.at ?? -1, this.#until.get(...key)?.until ?? -1)
    return at === -1 ? { standing: 'unknown' } : { standing: 'gone', at }
  }

  /** The addresses of titles that an event may have changed. */
  touchedBy (event: SignedEvent): string[] {
    const { addresses, ids } = touchedBy(event)
    const named = ids.map((id) => this.#event.get(Buffer.from(id, 'hex'))).flatMap((row) => row === undefined ? [] : addressOf(JSON.parse(row.raw) as SignedEvent) ?? [])
    return [...new Set([...addresses, ...named])].filter((address) => [TITLE_KIND, SHORT_TITLE_KIND].some((kind) => address.startsWith(`${kind}:`)))
  }
}
