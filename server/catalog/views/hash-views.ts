// Which titles and releases name a hash, and as what: by sha256 or BLAKE3, through events and through the manifests that were read.

import type { Database, Statement } from '../../database.ts'
import type { HashName } from '../hash-name.ts'
import type { Address } from '../address.ts'

export interface Mention {
  /** The title's or release's address; of an artifact its event's id. */
  of: { type: 'title', address: Address, title: string } | { type: 'release', address: Address, version: string } | { type: 'artifact', event: string, app: string, version: string }
  /** As manifest, hashseq, aggregate, master, media, playlist, init, segment, poster, trailer, artifact. */
  role: string
  /** Both names of the blob, where both are known. */
  sha256: string | null
  blake3: string | null
  /** Index into the manifest's renditions; null where it belongs to none. */
  rendition: number | null
  /** Of a segment, from 0. */
  number: number | null
  /** Bytes. */
  size: number | null
}

interface MentionRow {
  sha256: Buffer | null
  blake3: Buffer | null
  role: string
  rendition: number | null
  number: number | null
  size: number | null
  kind: number
  pubkey: Buffer
  d: string
  title: string
  version: string
  event: Buffer
}

const TITLE = 't.kind, t.pubkey, t.d, t.title, \'\' AS version, t.event'
const LIVE = "t.status = 'published' AND (t.expires_at IS NULL OR t.expires_at > ?)"
const BY = { sha256: 'sha256', blake3: 'blake3' } as const

function listed (column: 'sha256' | 'blake3'): string {
  return `SELECT h.sha256, h.blake3, h.role, h.rendition, h.number, h.size, ${TITLE}
    FROM manifest_hashes h JOIN manifests m ON m.id = h.manifest JOIN titles t ON t.manifest = m.sha256 WHERE h.${column} = ? AND ${LIVE} LIMIT ?`
}

function named (column: 'sha256' | 'blake3'): string {
  return `SELECT h.sha256, h.blake3, h.role, NULL AS rendition, NULL AS number, NULL AS size, ${TITLE}
    FROM title_hashes h JOIN titles t ON t.id = h.title WHERE h.${column} = ? AND ${LIVE} LIMIT ?`
}

function artifacts (column: 'sha256' | 'blake3'): string {
  return `SELECT sha256, blake3, 'artifact' AS role, NULL AS rendition, NULL AS number, size, 3063 AS kind, pubkey, app AS d, '' AS title, version, event
    FROM artifacts WHERE ${column} = ? AND ${TRUSTED} LIMIT ?`
}

/** Of a key that a trust bundle in force names: what others say of releases is not live. */
const TRUSTED = 'pubkey IN (SELECT pubkey FROM release_keys)'

const RELEASED = `SELECT manifest AS sha256, NULL AS blake3, 'manifest' AS role, NULL AS rendition, NULL AS number, NULL AS size, kind, pubkey, d, '' AS title, version, event
  FROM releases WHERE manifest = ? AND ${TRUSTED} LIMIT ?`

/** What a manifest lists that a release names and the keys of a bundle signed; and documents in force. */
const PINNED = `SELECT 1 FROM release_documents WHERE sha256 = @hash UNION ALL
  SELECT 1 FROM release_blobs b JOIN release_manifests m ON m.sha256 = b.manifest JOIN releases r ON r.manifest = m.sha256
  WHERE b.sha256 = @hash AND m.trusted = 1 AND r.${TRUSTED} LIMIT 1`

export class HashViews {
  readonly #titles: Readonly<Record<'sha256' | 'blake3', readonly Statement<[Buffer, number, number], MentionRow>[]>>
  readonly #artifacts: Readonly<Record<'sha256' | 'blake3', Statement<[Buffer, number], MentionRow>>>
  readonly #releases: Statement<[Buffer, number], MentionRow>
  readonly #pinned: Statement<[{ hash: Buffer }]>

  constructor (database: Database) {
    this.#titles = {
      sha256: [database.prepare(named(BY.sha256)), database.prepare(listed(BY.sha256))],
      blake3: [database.prepare(named(BY.blake3)), database.prepare(listed(BY.blake3))]
    }
    this.#artifacts = { sha256: database.prepare(artifacts(BY.sha256)), blake3: database.prepare(artifacts(BY.blake3)) }
    this.#releases = database.prepare(RELEASED)
    this.#pinned = database.prepare(PINNED)
  }

  /** What names this hash at `now` (unix seconds), `limit` at most of each sort. */
  mentions ({ algorithm, hex }: HashName, now: number, limit: number): Mention[] {
    const hash = Buffer.from(hex, 'hex')
    const found: Mention[] = []
    for (const column of algorithm === null ? ['sha256', 'blake3'] as const : [algorithm]) {
      for (const statement of this.#titles[column]) {
        for (const row of statement.all(hash, now, limit)) found.push(mentionOf(row, { type: 'title', address: addressIn(row), title: row.title }))
      }
      for (const row of this.#artifacts[column].all(hash, limit)) {
        found.push(mentionOf(row, { type: 'artifact', event: row.event.toString('hex'), app: row.d, version: row.version }))
      }
      if (column === 'blake3') continue
      for (const row of this.#releases.all(hash, limit)) found.push(mentionOf(row, { type: 'release', address: addressIn(row), version: row.version }))
    }
    return found
  }

  /** Does a live title or release name this blob, or is it a document of releases in force? Such blobs are pinned. @param now unix seconds */
  names (sha256: string, now: number): boolean {
    return this.#pinned.get({ hash: Buffer.from(sha256, 'hex') }) !== undefined || this.mentions({ algorithm: 'sha256', hex: sha256 }, now, 1).length > 0
  }
}

function addressIn ({ kind, pubkey, d }: MentionRow): Address {
  return { kind, pubkey: pubkey.toString('hex'), d }
}

function mentionOf ({ sha256, blake3, role, rendition, number, size }: MentionRow, of: Mention['of']): Mention {
  return { of, role, sha256: sha256?.toString('hex') ?? null, blake3: blake3?.toString('hex') ?? null, rendition, number, size }
}
