// Our key's own lists: where its blobs are (10063) and where it reads and writes (10002). Signed when they say something else than what stands, and
// anew every year, since relays let go of what is old.

import { RELAY_LIST_KIND, buildRelayList } from './kinds/relay-list.ts'
import { SERVER_LIST_KIND, buildServerList } from './kinds/server-list.ts'
import type { Database, Statement } from '../database.ts'
import type { EventDraft } from '../auth/signature.ts'
import type { EventLog } from './event-log.ts'
import type { Outbox } from './outbox.ts'
import type { Publisher } from './publish.ts'

export interface OwnListsParts {
  database: Database
  log: Pick<EventLog, 'event'>
  publisher: Pick<Publisher, 'publishOwn' | 'pubkey'>
  outbox: Outbox
  /** URLs of the relays that are told, and that the list names. */
  relays: readonly string[]
  /** Something was put into the outbox. */
  onQueued: () => void
  /** Where our blobs are had: the origin of the public URL. */
  servers: () => readonly string[]
  /** Unix milliseconds. */
  now: () => number
}

/** Seconds. */
const YEAR = 365 * 24 * 3600

export class OwnLists {
  readonly #parts: OwnListsParts
  readonly #get: Statement<[number, Buffer], { event: Buffer, created_at: number, entries: string }>

  constructor (parts: OwnListsParts) {
    this.#parts = parts
    this.#get = parts.database.prepare('SELECT event, created_at, entries FROM lists WHERE kind = ? AND pubkey = ?')
  }

  /** Publishes what differs or is old; to be called at the start and once a day. How many were signed. Rejects with StoreError or CatalogFault. */
  async refresh (): Promise<number> {
    const { relays, servers } = this.#parts
    const origins = [...new Set(servers())]
    let signed = await this.#keep(SERVER_LIST_KIND, origins, (at) => buildServerList({ servers: origins }, at))
    if (relays.length > 0) {
      const listed = [...new Set(relays.map((url) => new URL(url).href))].map((url) => ({ url, read: true, write: true }))
      signed += await this.#keep(RELAY_LIST_KIND, listed, (at) => buildRelayList({ relays: listed }, at))
    }
    return signed
  }

  async #keep (kind: number, entries: readonly unknown[], build: (createdAt: number) => EventDraft): Promise<number> {
    const { log, publisher, outbox, relays, onQueued, now } = this.#parts
    const row = this.#get.get(kind, Buffer.from(publisher.pubkey, 'hex'))
    const stands = row !== undefined && row.entries === JSON.stringify(entries) && row.created_at > Math.floor(now() / 1000) - YEAR
    const event = stands ? log.event(row.event.toString('hex')) : (await publisher.publishOwn(build)).parsed.event
    if (event === null) return 0
    if (row !== undefined && !stands) outbox.drop(row.event.toString('hex'))
    // a relay that is new here has not heard of it; what was done is remembered for a week, and saying it again does no harm
    const told = new Set(outbox.told(event.id).map(({ relay }) => relay))
    outbox.queue(event, relays.filter((relay) => !told.has(relay)), now())
    onQueued()
    return stands ? 0 : 1
  }
}
