// What this server may say that it has: blobs that are here and that a live title or a release names, and nothing else, whoever else may know of them.
// Manifests and hash sequences stand for what they list; single blobs are told of where no list does (nostr-and-releases.md §1.3).

import { createHash } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import type { Database, Statement } from '../database.ts'
import type { ProviderAdvert } from './kinds/provider-advert.ts'

export interface Target {
  sha256: string
  /** As hashed when it came, whatever the title says of it. */
  blake3: string
  /** Bytes. */
  size: number
  scope: ProviderAdvert['scope']
  /** The id of the manifest that says what the list holds; null for a single blob. */
  manifest: number | null
}

interface TargetRow {
  sha256: Buffer
  blake3: Buffer
  size: number
  role: string
  manifest: number | null
}

/** Titles of one look: others get their turn after it. */
const TITLES = 500
/** Hash sequences that were compared with their manifests. */
const COMPARED = 10_000

const LIVE = "t.status = 'published' AND (t.expires_at IS NULL OR t.expires_at > @now)"
/** Of a key that a trust bundle in force names. */
const TRUSTED = 'pubkey IN (SELECT pubkey FROM release_keys)'
const PLAYS = "h.role IN ('init', 'segment')"

export class AdvertTargets {
  /** False for a blob that is blocked, restricted, or known to be damaged. */
  readonly mayTell: (sha256: string) => boolean
  readonly #last: Statement<[], { id: number | null }>
  readonly #ofTitles: Statement<[{ over: number, to: number, now: number }], TargetRow>
  readonly #ofReleases: Statement<[{ limit: number }], TargetRow>
  readonly #listing: Statement<[{ sha256: Buffer, now: number }], { sha256: Buffer }>
  readonly #sequence: Statement<[number], { blake3: Buffer }>
  readonly #held: Readonly<Record<'manifest' | 'hashseq', Statement<[number], { sha256: Buffer, here: number }>>>
  readonly #compared = new Map<string, boolean>()

  constructor (database: Database, mayTell: (sha256: string) => boolean) {
    this.mayTell = mayTell
    this.#last = database.prepare('SELECT max(id) AS id FROM titles')
    // an aggregate hash has no blob; what the title says of a BLAKE3 is not asked
    this.#ofTitles = database.prepare(`
      SELECT b.sha256, b.blake3, b.size, h.role, m.id AS manifest
      FROM titles t JOIN title_hashes h ON h.title = t.id JOIN blobs b ON b.sha256 = h.sha256 LEFT JOIN manifests m ON m.sha256 = t.manifest AND m.fault IS NULL
      WHERE t.id > @over AND t.id <= @to AND ${LIVE} AND h.role <> 'aggregate' AND b.blake3 IS NOT NULL ORDER BY t.id DESC`)
    this.#ofReleases = database.prepare(`
      SELECT b.sha256, b.blake3, b.size, 'release' AS role, NULL AS manifest FROM blobs b
      WHERE b.blake3 IS NOT NULL AND b.sha256 IN (SELECT sha256 FROM artifacts WHERE ${TRUSTED} UNION SELECT manifest FROM releases WHERE manifest IS NOT NULL AND ${TRUSTED}) LIMIT @limit`)
    this.#listing = database.prepare(`
      SELECT m.sha256 FROM manifest_hashes h JOIN manifests m ON m.id = h.manifest JOIN blobs b ON b.sha256 = m.sha256
      WHERE h.sha256 = @sha256 AND EXISTS (SELECT 1 FROM titles t WHERE t.manifest = m.sha256 AND ${LIVE}) LIMIT 20`)
    this.#sequence = database.prepare(`SELECT h.blake3 FROM manifest_hashes h WHERE h.manifest = ? AND ${PLAYS} ORDER BY h.position`)
    const held = (which: string): Statement<[number], { sha256: Buffer, here: number }> => database.prepare(`
      SELECT DISTINCT h.sha256, b.sha256 IS NOT NULL AS here FROM manifest_hashes h LEFT JOIN blobs b ON b.sha256 = h.sha256 WHERE h.manifest = ? AND ${which}`)
    this.#held = { manifest: held('TRUE'), hashseq: held(PLAYS) }
  }

  /** By BLAKE3: lists first, those of the newest titles before others, `most` in all. @param now unix seconds */
  async wanted (now: number, most: number): Promise<Map<string, Target>> {
    const [lists, singles] = [new Map<string, Target>(), new Map<string, Target>()]
    for (let to = this.#last.get()!.id ?? 0; to > 0 && lists.size < most; to -= TITLES) {
      for (const row of this.#ofTitles.all({ over: to - TITLES, to, now })) this.#add(row, now, lists, singles)
      await setImmediate()
    }
    for (const row of this.#ofReleases.all({ limit: most })) this.#add(row, now, lists, singles)
    const wanted = new Map([...lists].slice(0, most))
    for (const [blake3, target] of singles) if (wanted.size < most && !wanted.has(blake3)) wanted.set(blake3, target)
    return wanted
  }

  #add (row: TargetRow, now: number, lists: Map<string, Target>, singles: Map<string, Target>): void {
    const [sha256, blake3] = [row.sha256.toString('hex'), row.blake3.toString('hex')]
    if (!this.mayTell(sha256)) return
    const { role, size, manifest } = row
    if (role === 'manifest') {
      // not read yet, or no manifest: what does it list?
      if (manifest !== null) lists.set(blake3, { sha256, blake3, size, scope: 'manifest', manifest })
    } else if (role === 'hashseq' && manifest !== null && this.#isSequence(sha256, manifest)) {
      if (!lists.has(blake3)) lists.set(blake3, { sha256, blake3, size, scope: 'hashseq', manifest })
    } else if (!this.#listing.all({ sha256: row.sha256, now }).some((list) => this.mayTell(list.sha256.toString('hex')))) {
      singles.set(blake3, { sha256, blake3, size, scope: 'blob', manifest: null })
    }
  }

  /** Is this blob what plays of the manifest? What is not is no list whose coverage could be told. */
  #isSequence (sha256: string, manifest: number): boolean {
    const key = `${sha256}${manifest}`
    let is = this.#compared.get(key)
    if (is === undefined) {
      const hash = createHash('sha256')
      for (const { blake3 } of this.#sequence.iterate(manifest)) hash.update(blake3)
      is = hash.digest('hex') === sha256
      if (this.#compared.size >= COMPARED) this.#compared.clear()
      this.#compared.set(key, is)
    }
    return is
  }

  /** How many different blobs a list has, and how many of them are here for everybody; null for a single blob. */
  coverage ({ scope, manifest }: Target): ProviderAdvert['coverage'] {
    if (scope === 'blob' || manifest === null) return null
    let [held, listed] = [0, 0]
    for (const { sha256, here } of this.#held[scope].iterate(manifest)) {
      listed++
      if (here === 1 && this.mayTell(sha256.toString('hex'))) held++
    }
    return { held, listed }
  }
}
