// Releases as they are asked for: what keys of the trust bundles in force announced, by application and channel, newest version first, a page at a time;
// and of one channel the events by which its latest pointer is found and read.

import { formatCursor, parseCursor } from '../cursor.ts'
import { APPLICATION_DATA_KIND, TRUST_BUNDLE_NAME } from '../kinds/application-data.ts'
import { APPLICATION_KIND } from '../kinds/application.ts'
import { ARTIFACT_KIND } from '../kinds/artifact.ts'
import { RELEASE_KIND } from '../kinds/release.ts'
import type { Database, Statement } from '../../database.ts'
import type { SignedEvent } from '../../auth/signature.ts'

export interface ReleaseQuery {
  app?: string | undefined
  channel?: string | undefined
  limit: number
  cursor?: string | undefined
}

export interface ReleaseRow {
  app: string
  channel: string
  version: string
  sequence: number | null
  /** Sha256 of the manifest that it names; null: it names none. */
  manifest: string | null
  /** Enough keys of a bundle in force signed the manifest, which is here; null: it is not here. */
  verified: boolean | null
  created_at: number
  event: SignedEvent
}

interface Row extends Omit<ReleaseRow, 'event' | 'manifest' | 'verified'> {
  manifest: Buffer | null
  trusted: number | null
  fault: string | null
  id: Buffer
  raw: string
}

const LIVE = 'r.pubkey IN (SELECT pubkey FROM release_keys)'
/** More than a release has files. */
const MOST_ARTIFACTS = 400
/** Keys that point at one channel: a bundle lists 64 at most for each role. */
const MOST_POINTERS = 200

export class ReleaseViews {
  readonly #list: Statement<[{ app: string | null, channel: string | null, at: number, id: Buffer, limit: number }], Row>
  readonly #pointers: Statement<[string, string, number], { raw: string }>
  readonly #naming: Statement<[Buffer, number], { raw: string }>
  readonly #application: Statement<[string, string, number], { raw: string }>
  readonly #trusts: Statement<[string, number], { raw: string }>
  readonly #carriers: Statement<[number], { raw: string }>
  readonly #since: Statement<[number, number], { seq: number, raw: string }>
  readonly #event: Statement<[Buffer], { raw: string }>

  constructor (database: Database) {
    this.#list = database.prepare(`
      SELECT r.app, r.channel, r.version, r.sequence, r.manifest, r.created_at, r.event AS id, m.trusted, m.fault, e.raw
      FROM releases r JOIN events e ON e.id = r.event LEFT JOIN release_manifests m ON m.sha256 = r.manifest
      WHERE r.kind = ${RELEASE_KIND} AND ${LIVE} AND (@app IS NULL OR r.app = @app) AND (@channel IS NULL OR r.channel = @channel)
        AND (coalesce(r.sequence, 0) < @at OR (coalesce(r.sequence, 0) = @at AND r.event > @id))
      ORDER BY coalesce(r.sequence, 0) DESC, r.event LIMIT @limit`)
    this.#pointers = database.prepare(`
      SELECT e.raw FROM releases r JOIN events e ON e.id = r.event
      WHERE r.kind = ${APPLICATION_DATA_KIND} AND r.app = ? AND r.channel = ? AND ${LIVE} ORDER BY r.created_at DESC, r.event LIMIT ?`)
    this.#naming = database.prepare(`
      SELECT e.raw FROM releases r JOIN events e ON e.id = r.event WHERE r.kind = ${RELEASE_KIND} AND r.manifest = ? AND ${LIVE} ORDER BY r.created_at DESC, r.event LIMIT ?`)
    this.#application = database.prepare(`
      SELECT e.raw FROM releases r JOIN events e ON e.id = r.event
      WHERE r.kind = ${APPLICATION_KIND} AND r.d = ? AND r.app = ? AND ${LIVE} ORDER BY r.created_at DESC, r.event LIMIT ?`)
    this.#trusts = database.prepare(`
      SELECT e.raw FROM releases r JOIN events e ON e.id = r.event WHERE r.kind = ${APPLICATION_DATA_KIND} AND r.d = ? AND ${LIVE} ORDER BY r.created_at DESC, r.event LIMIT ?`)
    this.#carriers = database.prepare(`
      SELECT e.raw FROM releases r JOIN events e ON e.id = r.event WHERE r.kind = ${APPLICATION_DATA_KIND} ORDER BY r.created_at DESC, r.event LIMIT ?`)
    this.#since = database.prepare(`
      SELECT seq, raw FROM events INDEXED BY events_of_releases WHERE seq > ? AND kind IN (${[ARTIFACT_KIND, RELEASE_KIND, APPLICATION_DATA_KIND, APPLICATION_KIND].join(', ')}) ORDER BY seq LIMIT ?`)
    this.#event = database.prepare('SELECT raw FROM events WHERE id = ?')
  }

  /** `next` is null on the last page. Throws CURSOR_UNREADABLE. */
  list ({ app, channel, limit, cursor }: ReleaseQuery): { releases: ReleaseRow[], next: string | null } {
    const [at, id] = cursor === undefined ? [Number.MAX_SAFE_INTEGER, ''] : parseCursor(cursor, ['number', 'string']) as [number, string]
    const rows = this.#list.all({ app: app ?? null, channel: channel ?? null, at, id: Buffer.from(id, 'hex'), limit: limit + 1 })
    const page = rows.slice(0, limit)
    const last = page.at(-1)
    return {
      releases: page.map(({ manifest, trusted, fault, id: _, raw, ...row }) => ({
        ...row, manifest: manifest?.toString('hex') ?? null, verified: trusted === null ? null : trusted === 1 && fault === null, event: JSON.parse(raw) as SignedEvent
      })),
      next: rows.length > limit && last !== undefined ? formatCursor([last.sequence ?? 0, last.id.toString('hex')]) : null
    }
  }

  /** Events that carry a latest pointer of this channel, by keys of bundles in force. */
  pointers (app: string, channel: string): SignedEvent[] {
    return this.#pointers.all(app, channel, MOST_POINTERS).map(eventOf)
  }

  /** Events that carry a trust bundle, by keys of bundles in force. */
  trusts (): SignedEvent[] {
    return this.#trusts.all(TRUST_BUNDLE_NAME, MOST_POINTERS).map(eventOf)
  }

  /** Every carrier that stands, whoever signed it. */
  carriers (limit: number): SignedEvent[] {
    return this.#carriers.all(limit).map(eventOf)
  }

  /** What announces the release of this manifest: its application, itself, and its artifacts as far as they are here. */
  announcing (app: string, manifest: string): SignedEvent[] {
    const [release] = this.#naming.all(Buffer.from(manifest, 'hex'), 1).map(eventOf)
    if (release === undefined) return []
    const ids = release.tags.flatMap(([name, id = '']) => name === 'e' && /^[0-9a-f]{64}$/.test(id) ? [id] : []).slice(0, MOST_ARTIFACTS)
    const artifacts = ids.flatMap((id) => this.#event.all(Buffer.from(id, 'hex')).map(eventOf)).filter(({ kind }) => kind === ARTIFACT_KIND)
    return [...this.#application.all(app, app, 1).map(eventOf), release, ...artifacts]
  }

  /** Events of releases after a place in the log, in order. */
  since (seq: number, limit: number): { seq: number, raw: string }[] {
    return this.#since.all(seq, limit)
  }
}

function eventOf ({ raw }: { raw: string }): SignedEvent {
  return JSON.parse(raw) as SignedEvent
}
