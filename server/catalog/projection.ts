// What stands at an address, written into the tables that are asked: titles, collections, adverts, lists, releases. The tables are a fold: the same
// events give the same rows (but for local numbers), in whatever order they came. Who is live is decided in versions.ts; time, by who reads.

import { CatalogFault } from './faults.ts'
import { parseCatalogEvent } from './catalog-event.ts'
import { AdvertRows } from './rows/advert-rows.ts'
import { ListRows } from './rows/list-rows.ts'
import { ReleaseRows } from './rows/release-rows.ts'
import { TitleRows } from './rows/title-rows.ts'
import { expirationOf } from './versions.ts'
import { valueOf } from './tags.ts'
import { typeOf } from './catalog-event.ts'
import type { Database } from '../database.ts'
import type { SignedEvent } from '../auth/signature.ts'
import type { Address } from './address.ts'
import type { CatalogEvent } from './catalog-event.ts'

/** Every table of the fold, in the order of their emptying. */
const TABLES = [
  'title_words', 'title_hashes', 'title_tags', 'titles', 'collections', 'adverts', 'lists', 'releases', 'artifacts', 'deleted_ids', 'deleted_addresses'
]

export class Projection {
  readonly #database: Database
  readonly #titles: TitleRows
  readonly #lists: ListRows
  readonly #releases: ReleaseRows
  readonly adverts: AdvertRows

  constructor (database: Database) {
    this.#database = database
    this.#titles = new TitleRows(database)
    this.#lists = new ListRows(database)
    this.#releases = new ReleaseRows(database)
    this.adverts = new AdvertRows(database)
  }

  /** The rows of an event that stands; an event that an earlier program took and this one cannot read has none. */
  show (event: SignedEvent, parsed: CatalogEvent | null = readOrNull(event)): void {
    if (parsed === null) return
    const d = valueOf(event.tags, 'd') ?? ''
    switch (parsed.type) {
      case 'title': this.#titles.put(event, parsed.facts, expirationOf(event)); break
      case 'collection': this.#lists.putCollection(event, parsed.facts); break
      case 'advert': this.adverts.put(event, parsed.facts); break
      case 'servers': this.#lists.putList(event, parsed.facts.servers); break
      case 'relays': this.#lists.putList(event, parsed.facts.relays); break
      case 'application': this.#releases.put(event, d, { app: parsed.facts.app, channel: '', version: '', sequence: null, manifest: null }); break
      case 'release': {
        const { app, channel, version, sequence, manifest } = parsed.facts
        this.#releases.put(event, d, { app, channel, version, sequence, manifest: manifest?.sha256 ?? null })
        break
      }
      case 'carrier': {
        const { app, channel } = parsed.facts.role === 'latest' ? parsed.facts : { app: '', channel: '' }
        this.#releases.put(event, d, { app, channel, version: '', sequence: null, manifest: null })
        break
      }
      case 'artifact': this.#releases.putArtifact(event, parsed.facts); break
      case 'withdrawal': break // its tombstones are all that it says
    }
  }

  /** Nothing stands at this address. */
  clear (address: Address): void {
    const type = typeOf({ kind: address.kind, tags: [['d', address.d]] })
    switch (type) {
      case 'title': this.#titles.remove(address); break
      case 'collection': this.#lists.removeCollection(address); break
      case 'advert': this.adverts.remove(address); break
      case 'servers': case 'relays': this.#lists.removeList(address); break
      case 'application': case 'release': case 'carrier': this.#releases.remove(address); break
      default: break
    }
  }

  /** A regular event was taken back. */
  clearRegular (id: string): void {
    this.#releases.removeArtifact(id)
  }

  /** Empties every table of the fold. */
  empty (): void {
    for (const table of TABLES) this.#database.exec(table === 'title_words' ? "INSERT INTO title_words (title_words) VALUES ('delete-all')" : `DELETE FROM ${table}`)
  }
}

function readOrNull (event: SignedEvent): CatalogEvent | null {
  try {
    return parseCatalogEvent(event)
  } catch (error) {
    if (error instanceof CatalogFault) return null
    throw error
  }
}
