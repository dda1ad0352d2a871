// Reads the release manifests that live releases and latest pointers name, once they are here as blobs: from then on every file that they list is known.
// A blob that is no manifest is noted with its fault. Whether a manifest counts is for the bundles in force to say, and said anew with each.

import { ReleaseFault } from '../../release/faults.ts'
import { RELEASE_MANIFEST_LIMIT, artifactsOf, parseReleaseManifest } from '../../release/manifest-v2.ts'
import { demandThreshold } from '../../release/signatures.ts'
import { revokedKeys } from '../../release/trust-bundle.ts'
import { Rounds } from '../rounds.ts'
import { wholeBlob } from '../whole-blob.ts'
import type { ReleaseManifest } from '../../release/manifest-v2.ts'
import type { Blobs } from '../../stores/blobs.ts'
import type { ReleaseDocumentRows } from '../rows/release-document-rows.ts'
import type { ReleaseTrust } from './trust.ts'

export interface ManifestReadingParts {
  blobs: Pick<Blobs, 'find' | 'read'>
  rows: ReleaseDocumentRows
  trust: ReleaseTrust
}

export class ManifestReading {
  readonly #parts: ManifestReadingParts
  readonly #rounds = new Rounds(50)

  constructor (parts: ManifestReadingParts) {
    this.#parts = parts
  }

  /** Looks for some of what is missing; how many were read. Rejects with StoreError. */
  async round (): Promise<number> {
    const { rows, trust } = this.#parts
    const wanted = this.#rounds.next((from, limit) => rows.missing(from, limit))
    let read = 0
    for (const sha256 of new Set([...trust.pointers.map(({ pointer }) => pointer.manifest.sha256), ...wanted])) if (await this.read(sha256)) read++
    return read
  }

  /** Looks for all that is missing, once; how many were read. Rejects with StoreError. */
  all (): Promise<number> {
    return this.#rounds.all(() => this.round())
  }

  /** True when the manifest is read now. Rejects with StoreError. */
  async read (sha256: string): Promise<boolean> {
    const { blobs, rows, trust } = this.#parts
    if (rows.get(sha256) !== null) return false
    const blob = await blobs.find(sha256)
    if (blob === null || blob.blake3 === null) return false
    const facts = { sha256, blake3: blob.blake3, app: '', channel: '', version: '', sequence: 0, raw: '' }
    try {
      if (blob.size > RELEASE_MANIFEST_LIMIT) throw new ReleaseFault('DOCUMENT_TOO_LARGE', `at most ${RELEASE_MANIFEST_LIMIT} bytes`)
      const bytes = await wholeBlob(blobs, blob)
      if (bytes === null) return false
      const manifest = parseReleaseManifest(bytes)
      const { app, channel, version, sequence } = manifest
      rows.put({ ...facts, app, channel, version, sequence, raw: bytes.toString('utf8'), fault: null }, artifactsOf(manifest).map((each) => (
        { sha256: each.sha256, blake3: each.blake3, size: each.size_bytes, component: each.name, platform: each.platform ?? '' })))
      rows.setTrusted(sha256, this.#isTrusted(manifest))
      if (trust.pointerOf(app, channel)?.pointer.manifest.sha256 === sha256) await trust.settle(app, channel, bytes)
      return true
    } catch (error) {
      if (!(error instanceof ReleaseFault)) throw error
      rows.put({ ...facts, fault: error.message }, [])
      return false
    }
  }

  /** Another bundle is in force, or another pointer: what was read is looked at again. Rejects with StoreError. */
  async judgeAgain (): Promise<void> {
    const { rows, trust } = this.#parts
    for (const { sha256, raw, trusted } of [...rows.good()]) {
      const manifest = parseReleaseManifest(Buffer.from(raw))
      const is = this.#isTrusted(manifest)
      if (is !== trusted) rows.setTrusted(sha256, is)
      const { app, channel } = manifest
      if (is && trust.pointerOf(app, channel)?.pointer.manifest.sha256 === sha256) await trust.settle(app, channel, Buffer.from(raw))
    }
  }

  /** Did enough release keys of a bundle in force sign it, and is it not revoked? */
  #isTrusted (manifest: ReleaseManifest): boolean {
    const inForce = this.#parts.trust.bundleFor(manifest.app)
    if (inForce === null) return false
    const { bundle } = inForce
    try {
      demandThreshold(manifest, bundle.roles.release, revokedKeys(bundle))
      return true
    } catch (error) {
      if (error instanceof ReleaseFault) return false
      throw error
    }
  }
}
