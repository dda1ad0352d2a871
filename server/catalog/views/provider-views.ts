// Who says that they have a blob: adverts of the blob itself, and of a manifest or hash sequence that lists it (nostr-and-releases.md §1.3). An
// advert is a claim: those that our own probes found true come first, then keys that we trust, then the freshest.

import type { Database, Statement } from '../../database.ts'
import type { SignedEvent } from '../../auth/signature.ts'
import type { HashName } from '../hash-name.ts'

export interface Provider {
  pubkey: string
  /** Base URLs of Blossom servers, in the provider's order. */
  servers: string[]
  /** Iroh's; null for HTTP only. */
  endpointId: string | null
  scope: 'blob' | 'manifest' | 'hashseq'
  /** Null: the blob itself, or all of the collection. */
  coverage: { held: number, listed: number } | null
  /** The advert is of this manifest (sha256), which lists the hash; null when it is of the hash itself. */
  inherited: string | null
  /** Unix seconds. */
  created_at: number
  expires_at: number
  /** What our last look at one of its servers found; null: none was taken. */
  probe: { ok: boolean, ms: number, at: number } | null
  event: SignedEvent
}

interface AdvertRow {
  pubkey: Buffer
  servers: string
  endpoint: string | null
  scope: Provider['scope']
  have: number | null
  of_all: number | null
  created_at: number
  expires_at: number
  raw: string
}

interface ListingRow {
  sha256: Buffer
  blake3: Buffer
  hashseq_sha256: Buffer | null
  hashseq_blake3: Buffer | null
}

const ADVERT = `SELECT a.pubkey, a.servers, a.endpoint, a.scope, a.have, a.of_all, a.created_at, a.expires_at, e.raw
  FROM adverts a JOIN events e ON e.id = a.event`
/** More than a reader would ever try; caps at the door keep it so for each hash (accept.ts). */
const MOST = 50
/** How many manifests that list one hash are looked at. */
const MANIFESTS = 20

export class ProviderViews {
  readonly #byBlake3: Statement<[Buffer, number, number], AdvertRow>
  readonly #bySha256: Statement<[Buffer, number, number], AdvertRow>
  readonly #listings: Readonly<Record<'sha256' | 'blake3', Statement<[Buffer, number], ListingRow>>>
  readonly #probe: Statement<[string], { ok: number, ms: number, at: number }>
  readonly #trusted: (pubkey: string) => boolean

  /** @param trusted keys whose claims come before others' */
  constructor (database: Database, trusted: (pubkey: string) => boolean) {
    this.#trusted = trusted
    this.#byBlake3 = database.prepare(`${ADVERT} WHERE a.blake3 = ? AND a.expires_at > ? ORDER BY a.created_at DESC LIMIT ?`)
    this.#bySha256 = database.prepare(`${ADVERT} WHERE a.sha256 = ? AND a.expires_at > ? ORDER BY a.created_at DESC LIMIT ?`)
    const listing = (column: 'sha256' | 'blake3'): string => `
      SELECT DISTINCT m.sha256, m.blake3, s.sha256 AS hashseq_sha256, s.blake3 AS hashseq_blake3
      FROM manifest_hashes h JOIN manifests m ON m.id = h.manifest
        LEFT JOIN titles t ON t.manifest = m.sha256 LEFT JOIN title_hashes s ON s.title = t.id AND s.role = 'hashseq'
      WHERE h.${column} = ? LIMIT ?`
    this.#listings = { sha256: database.prepare(listing('sha256')), blake3: database.prepare(listing('blake3')) }
    this.#probe = database.prepare('SELECT ok, ms, at FROM probes WHERE server = ? ORDER BY at DESC LIMIT 1')
  }

  /** The best first. @param now unix seconds */
  of ({ algorithm, hex }: HashName, now: number): Provider[] {
    const hash = Buffer.from(hex, 'hex')
    const found = new Map<string, Provider>()
    const add = (rows: AdvertRow[], inherited: string | null): void => {
      for (const row of rows) {
        // an advert of a list says nothing of a blob that is not on it, and one of the blob more than one of a list
        const key = row.pubkey.toString('hex')
        if (!found.has(key)) found.set(key, this.#providerOf(row, key, inherited))
      }
    }
    const columns = algorithm === null ? ['sha256', 'blake3'] as const : [algorithm]
    if (columns.includes('blake3')) add(this.#byBlake3.all(hash, now, MOST), null)
    if (columns.includes('sha256')) add(this.#bySha256.all(hash, now, MOST), null)
    for (const column of columns) {
      for (const { sha256, blake3, hashseq_sha256: sequence, hashseq_blake3: sequenceBlake3 } of this.#listings[column].all(hash, MANIFESTS)) {
        const of = sha256.toString('hex')
        const lists = (rows: AdvertRow[]): AdvertRow[] => rows.filter(({ scope }) => scope !== 'blob')
        add(lists(this.#byBlake3.all(blake3, now, MOST)), of)
        add(lists(this.#bySha256.all(sha256, now, MOST)), of)
        if (sequence !== null) add(lists(this.#bySha256.all(sequence, now, MOST)), of)
        if (sequenceBlake3 !== null) add(lists(this.#byBlake3.all(sequenceBlake3, now, MOST)), of)
      }
    }
    return [...found.values()].sort((a, b) => this.#rank(b) - this.#rank(a) || b.created_at - a.created_at || (a.pubkey < b.pubkey ? -1 : 1))
  }

  #providerOf ({ servers, endpoint, scope, have, of_all: all, created_at, expires_at, raw }: AdvertRow, pubkey: string, inherited: string | null): Provider {
    const urls = JSON.parse(servers) as string[]
    let probe: Provider['probe'] = null
    for (const url of urls) {
      const looked = this.#probe.get(url)
      if (looked !== undefined && (probe === null || looked.at > probe.at)) probe = { ok: looked.ok === 1, ms: looked.ms, at: looked.at }
    }
    return {
      pubkey, servers: urls, endpointId: endpoint, scope, coverage: have === null || all === null ? null : { held: have, listed: all }, inherited,
      created_at, expires_at, probe, event: JSON.parse(raw) as SignedEvent
    }
  }

  /** Probed and good, not probed, probed and bad; within each, trusted before others. */
  #rank ({ probe, pubkey }: Provider): number {
    return (probe === null ? 2 : probe.ok ? 4 : 0) + (this.#trusted(pubkey) ? 1 : 0)
  }
}
