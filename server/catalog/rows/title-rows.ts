// The live version of each film title as rows: itself, its topics, its words, the hashes that the event names. A fold over events: written
// by projection.ts alone.

import type { Database, Statement } from '../../database.ts'
import type { SignedEvent } from '../../auth/signature.ts'
import type { Address } from '../address.ts'
import type { Title } from '../kinds/title.ts'

interface TitleColumns {
  event: Buffer
  kind: number
  pubkey: Buffer
  d: string
  created_at: number
  expires_at: number | null
  title: string
  status: string
  published_at: number | null
  duration: number | null
  manifest: Buffer | null
}

/** What the event itself names: where it lies in the event, and the other hash of it where that is told. */
type Named = [role: string, sha256: string | null | undefined, blake3: string | null]

export class TitleRows {
  readonly #find: Statement<[number, Buffer, string], { id: number }>
  readonly #put: Statement<[TitleColumns], { id: number }>
  readonly #remove: Statement<[number]>
  readonly #addTopic: Statement<[string, number]>
  readonly #dropTopics: Statement<[number]>
  readonly #addWords: Statement<[number, string, string, string]>
  readonly #dropWords: Statement<[number]>
  readonly #addHash: Statement<[Buffer, number, string, Buffer | null]>
  readonly #dropHashes: Statement<[number]>

  constructor (database: Database) {
    this.#find = database.prepare('SELECT id FROM titles WHERE kind = ? AND pubkey = ? AND d = ?')
    this.#put = database.prepare(`
      INSERT INTO titles (event, kind, pubkey, d, created_at, expires_at, title, status, published_at, duration, manifest)
      VALUES (@event, @kind, @pubkey, @d, @created_at, @expires_at, @title, @status, @published_at, @duration, @manifest)
      ON CONFLICT (kind, pubkey, d) DO UPDATE SET event = excluded.event, created_at = excluded.created_at, expires_at = excluded.expires_at,
        title = excluded.title, status = excluded.status, published_at = excluded.published_at, duration = excluded.duration, manifest = excluded.manifest
      RETURNING id`)
    this.#remove = database.prepare('DELETE FROM titles WHERE id = ?')
    this.#addTopic = database.prepare('INSERT OR IGNORE INTO title_tags (tag, title) VALUES (?, ?)')
    this.#dropTopics = database.prepare('DELETE FROM title_tags WHERE title = ?')
    this.#addWords = database.prepare('INSERT INTO title_words (rowid, title, summary, tags) VALUES (?, ?, ?, ?)')
    this.#dropWords = database.prepare('DELETE FROM title_words WHERE rowid = ?')
    this.#addHash = database.prepare('INSERT OR IGNORE INTO title_hashes (sha256, title, role, blake3) VALUES (?, ?, ?, ?)')
    this.#dropHashes = database.prepare('DELETE FROM title_hashes WHERE title = ?')
  }

  put (event: SignedEvent, title: Title, expiresAt: number | null): void {
    const { id } = this.#put.get({
      event: Buffer.from(event.id, 'hex'),
      kind: event.kind,
      pubkey: Buffer.from(event.pubkey, 'hex'),
      d: title.d,
      created_at: event.created_at,
      expires_at: expiresAt,
      title: title.title,
      status: title.status,
      published_at: title.publishedAt,
      duration: title.duration === null ? null : Math.round(title.duration),
      manifest: title.manifest === null ? null : Buffer.from(title.manifest.sha256, 'hex')
    })!
    this.#clear(id)
    for (const topic of title.topics) this.#addTopic.run(topic.toLowerCase(), id)
    if (title.status === 'published') this.#addWords.run(id, title.title, title.synopsis, title.topics.join(' '))
    const named: Named[] = [
      ['manifest', title.manifest?.sha256, title.manifest?.blake3 ?? null],
      ['hashseq', title.hashSequence?.sha256, title.hashSequence?.blake3 ?? null],
      ['aggregate', title.aggregate, null],
      ['master', title.master, null],
      ...title.media.map((media): Named => ['media', media.sha256, null])
    ]
    for (const [role, sha256, blake3] of named) {
      if (sha256 != null) this.#addHash.run(Buffer.from(sha256, 'hex'), id, role, blake3 === null ? null : Buffer.from(blake3, 'hex'))
    }
  }

  remove ({ kind, pubkey, d }: Address): void {
    const found = this.#find.get(kind, Buffer.from(pubkey, 'hex'), d)
    if (found === undefined) return
    this.#clear(found.id)
    this.#remove.run(found.id)
  }

  #clear (id: number): void {
    this.#dropTopics.run(id)
    this.#dropWords.run(id)
    this.#dropHashes.run(id)
  }
}
