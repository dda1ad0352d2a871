// What trust bundles in force say, and release manifests that were read, as rows: who may announce releases, and every blob that a manifest lists. They
// come back from `state/release/` and from the blobs; no event writes here.

import type { Database, Statement } from '../../database.ts'

export interface ListedArtifact {
  /** 64 hex digits each. */
  sha256: string
  blake3: string
  /** Bytes. */
  size: number
  /** Of the component or image. */
  component: string
  /** '' for parts of an image. */
  platform: string
}

export interface ReadReleaseManifest {
  sha256: string
  blake3: string
  app: string
  channel: string
  version: string
  sequence: number
  /** As it was signed. */
  raw: string
  /** Why it cannot be used whatever the bundle says; null: its signatures decide. */
  fault: string | null
  trusted: boolean
}

interface ManifestRow extends Omit<ReadReleaseManifest, 'sha256' | 'blake3' | 'trusted'> {
  sha256: Buffer
  blake3: Buffer
  trusted: number
}

const hex = (text: string): Buffer => Buffer.from(text, 'hex')

export class ReleaseDocumentRows {
  readonly #put: Statement<[Omit<ManifestRow, 'trusted'>]>
  readonly #list: Statement<[Buffer, Buffer, Buffer, number, string, string]>
  readonly #get: Statement<[Buffer], ManifestRow>
  readonly #all: Statement<[], ManifestRow>
  readonly #trust: Statement<[number, Buffer]>
  readonly #missing: Statement<[Buffer, number], { sha256: Buffer }>
  readonly #unused: Statement<[number], { sha256: Buffer }>
  readonly #dropBlobs: Statement<[Buffer]>
  readonly #drop: Statement<[Buffer]>
  readonly #keys: Statement<[], { pubkey: Buffer }>
  readonly #replace: (keys: readonly string[], documents: readonly string[]) => void
  readonly #putAll: (manifest: Omit<ReadReleaseManifest, 'trusted'>, artifacts: readonly ListedArtifact[]) => void

  constructor (database: Database) {
    this.#put = database.prepare(`
      INSERT INTO release_manifests (sha256, blake3, app, channel, version, sequence, raw, fault, trusted)
      VALUES (@sha256, @blake3, @app, @channel, @version, @sequence, @raw, @fault, 0) ON CONFLICT (sha256) DO NOTHING`)
    this.#list = database.prepare('INSERT OR IGNORE INTO release_blobs (sha256, manifest, blake3, size, component, platform) VALUES (?, ?, ?, ?, ?, ?)')
    this.#get = database.prepare('SELECT * FROM release_manifests WHERE sha256 = ?')
    this.#all = database.prepare('SELECT * FROM release_manifests WHERE fault IS NULL')
    this.#trust = database.prepare('UPDATE release_manifests SET trusted = ? WHERE sha256 = ?')
    this.#missing = database.prepare(`
      SELECT DISTINCT r.manifest AS sha256 FROM releases r WHERE r.manifest > ? AND r.pubkey IN (SELECT pubkey FROM release_keys)
        AND NOT EXISTS (SELECT 1 FROM release_manifests m WHERE m.sha256 = r.manifest) ORDER BY r.manifest LIMIT ?`)
    this.#unused = database.prepare('SELECT m.sha256 FROM release_manifests m WHERE NOT EXISTS (SELECT 1 FROM releases r WHERE r.manifest = m.sha256) LIMIT ?')
    this.#dropBlobs = database.prepare('DELETE FROM release_blobs WHERE manifest = ?')
    this.#drop = database.prepare('DELETE FROM release_manifests WHERE sha256 = ?')
    this.#keys = database.prepare('SELECT pubkey FROM release_keys ORDER BY pubkey')
    const [addKey, addDocument] = [database.prepare<[Buffer]>('INSERT OR IGNORE INTO release_keys (pubkey) VALUES (?)'), database.prepare<[Buffer]>('INSERT OR IGNORE INTO release_documents (sha256) VALUES (?)')]
    this.#replace = database.transaction((keys: readonly string[], documents: readonly string[]) => {
      database.exec('DELETE FROM release_keys; DELETE FROM release_documents')
      for (const key of keys) addKey.run(hex(key))
      for (const sha256 of documents) addDocument.run(hex(sha256))
    })
    this.#putAll = database.transaction((manifest: Omit<ReadReleaseManifest, 'trusted'>, artifacts: readonly ListedArtifact[]) => {
      const [sha256, blake3] = [hex(manifest.sha256), hex(manifest.blake3)]
      if (this.#put.run({ ...manifest, sha256, blake3 }).changes === 0) return
      for (const each of artifacts) this.#list.run(hex(each.sha256), sha256, hex(each.blake3), each.size, each.component, each.platform)
    })
  }

  /** What is in force from now on: Nostr keys that may announce releases, and sha256 of documents that are pinned. */
  replace (keys: readonly string[], documents: readonly string[]): void {
    this.#replace(keys, documents)
  }

  /** Nostr keys whose release events are live, sorted. */
  keys (): string[] {
    return this.#keys.all().map(({ pubkey }) => pubkey.toString('hex'))
  }

  /** Does nothing when it was read before. */
  put (manifest: Omit<ReadReleaseManifest, 'trusted'>, artifacts: readonly ListedArtifact[]): void {
    this.#putAll(manifest, artifacts)
  }

  get (sha256: string): ReadReleaseManifest | null {
    const row = this.#get.get(hex(sha256))
    return row === undefined ? null : manifestOf(row)
  }

  /** Those that can be read, one after the other. */
  * good (): Iterable<ReadReleaseManifest> {
    for (const row of this.#all.all()) yield manifestOf(row)
  }

  /** Whether enough keys of a bundle in force signed it. */
  setTrusted (sha256: string, trusted: boolean): void {
    this.#trust.run(trusted ? 1 : 0, hex(sha256))
  }

  /** Manifests that live releases name and that were not read, after `from` in the order of their sha256. */
  missing (from: string, limit: number): string[] {
    return this.#missing.all(hex(from), limit).map(({ sha256 }) => sha256.toString('hex'))
  }

  /** Forgets manifests that no release names any more, `limit` at a time; how many. */
  sweep (limit: number): number {
    const unused = this.#unused.all(limit)
    for (const { sha256 } of unused) {
      this.#dropBlobs.run(sha256)
      this.#drop.run(sha256)
    }
    return unused.length
  }
}

function manifestOf ({ sha256, blake3, trusted, ...rest }: ManifestRow): ReadReleaseManifest {
  return { ...rest, sha256: sha256.toString('hex'), blake3: blake3.toString('hex'), trusted: trusted === 1 }
}
