// What a blob of a film is, as the live titles and the manifests that name it say: for servers that tell no type, or the general one, of a name without an
// extension. Segments of a bought film are ciphertext: their bytes say nothing.

import { parseMediaType } from '../../stores/media-type.ts'
import type { Database, Statement } from '../../database.ts'

const HLS = 'application/vnd.apple.mpegurl'
/** Of segments the rendition tells; posters, trailers and other media are in the clear, and known by their bytes. */
const BY_ROLE: Readonly<Record<string, string>> = { manifest: 'application/vnd.indeehub.film+json', master: HLS, playlist: HLS, init: 'video/mp4' }
const IN_THE_CLEAR: readonly string[] = ['poster', 'trailer']
/** Of those that name a blob, how many are asked. */
const NAMERS = 20
const LIVE = "t.status = 'published' AND (t.expires_at IS NULL OR t.expires_at > @now)"

interface Named {
  role: string
  /** Of the segments of its rendition. */
  type: string | null
}

export class BlobTypes {
  readonly #named: Statement<[{ hash: Buffer, now: number, limit: number }], Named>

  constructor (database: Database) {
    this.#named = database.prepare(`
      SELECT h.role, NULL AS type FROM title_hashes h JOIN titles t ON t.id = h.title WHERE h.sha256 = @hash AND ${LIVE}
      UNION
      SELECT h.role, json_extract(m.renditions, '$[' || h.rendition || '].type') AS type
      FROM manifest_hashes h JOIN manifests m ON m.id = h.manifest JOIN titles t ON t.manifest = m.sha256 WHERE h.sha256 = @hash AND ${LIVE} LIMIT @limit`)
  }

  /** The media type, where all that say one say the same; else null. @param now unix seconds */
  of (sha256: string, now: number): string | null {
    const types = new Set<string>()
    for (const { role, type: rendition } of this.#named.all({ hash: Buffer.from(sha256, 'hex'), now, limit: NAMERS })) {
      // whoever calls another's poster a manifest must not make it one
      if (IN_THE_CLEAR.includes(role)) return null
      const told = role === 'segment' ? rendition : BY_ROLE[role]
      // a manifest may write it in capitals; what is stored is in the one form by which active-content.ts knows it
      const type = told === null || told === undefined ? null : parseMediaType(told)
      if (type !== null) types.add(type)
    }
    return types.size === 1 ? [...types][0]! : null
  }
}
