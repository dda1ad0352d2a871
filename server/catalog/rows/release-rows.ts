// Applications, releases, their artifacts, and the carriers of signed documents, as rows: discovery, no authority (release documents carry their
// own signatures). Written by projection.ts alone.

import type { Database, Statement } from '../../database.ts'
import type { SignedEvent } from '../../auth/signature.ts'
import type { Address } from '../address.ts'
import type { Artifact } from '../kinds/artifact.ts'

export interface ReleaseFacts {
  /** '' where the kind has none. */
  app: string
  channel: string
  version: string
  sequence: number | null
  /** Sha256 of the release manifest. */
  manifest: string | null
}

interface ArtifactColumns {
  event: Buffer
  pubkey: Buffer
  app: string
  version: string
  created_at: number
  sha256: Buffer
  blake3: Buffer | null
  size: number
  type: string
  platforms: string
  component: string
  urls: string
}

export class ReleaseRows {
  readonly #put: Statement<[number, Buffer, string, Buffer, number, string, string, string, number | null, Buffer | null]>
  readonly #remove: Statement<[number, Buffer, string]>
  readonly #putArtifact: Statement<[ArtifactColumns]>
  readonly #dropArtifact: Statement<[Buffer]>

  constructor (database: Database) {
    this.#put = database.prepare('INSERT OR REPLACE INTO releases (kind, pubkey, d, event, created_at, app, channel, version, sequence, manifest) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)')
    this.#remove = database.prepare('DELETE FROM releases WHERE kind = ? AND pubkey = ? AND d = ?')
    this.#putArtifact = database.prepare(`
      INSERT OR REPLACE INTO artifacts (event, pubkey, app, version, created_at, sha256, blake3, size, type, platforms, component, urls)
      VALUES (@event, @pubkey, @app, @version, @created_at, @sha256, @blake3, @size, @type, @platforms, @component, @urls)`)
    this.#dropArtifact = database.prepare('DELETE FROM artifacts WHERE event = ?')
  }

  put ({ id, pubkey, kind, created_at: createdAt }: SignedEvent, d: string, { app, channel, version, sequence, manifest }: ReleaseFacts): void {
    this.#put.run(kind, Buffer.from(pubkey, 'hex'), d, Buffer.from(id, 'hex'), createdAt, app, channel, version, sequence, manifest === null ? null : Buffer.from(manifest, 'hex'))
  }

  remove ({ kind, pubkey, d }: Address): void {
    this.#remove.run(kind, Buffer.from(pubkey, 'hex'), d)
  }

  putArtifact ({ id, pubkey, created_at: createdAt }: SignedEvent, artifact: Artifact): void {
    const { app, version, sha256, blake3, size, type, platforms, component, urls } = artifact
    this.#putArtifact.run({
      event: Buffer.from(id, 'hex'), pubkey: Buffer.from(pubkey, 'hex'), app, version, created_at: createdAt, sha256: Buffer.from(sha256, 'hex'),
      blake3: blake3 === null ? null : Buffer.from(blake3, 'hex'), size, type, platforms: JSON.stringify(platforms), component: component ?? '', urls: JSON.stringify(urls)
    })
  }

  removeArtifact (id: string): void {
    this.#dropArtifact.run(Buffer.from(id, 'hex'))
  }
}
