// The release manifest, `archipelago.release-manifest/2`: one release of an application on a channel, every file by sha256 and BLAKE3. A superset of
// the file that nodes read before it, so that their reader still works (reference §2.4). Pure.

import { blake3 } from '@napi-rs/blake-hash'
import { sha256Hex } from '../stores/multihash.ts'
import { canonicalText } from './canonical.ts'
import { parseDocument } from './document-check.ts'
import { ReleaseFault } from './faults.ts'
import { RELEASE_MANIFEST_SCHEMA } from './schemas/release-manifest.ts'
import type { DocumentKind } from './document-check.ts'
import type { Signature } from './signatures.ts'

export const RELEASE_MANIFEST_NAME = 'archipelago.release-manifest/2'

/** Bytes. */
export const RELEASE_MANIFEST_LIMIT = 1024 * 1024

export interface ReleaseFile {
  /** 64 lowercase hex digits each. */
  sha256: string
  blake3: string
  size_bytes: number
  /** Media type. */
  m: string
}

export interface Component extends ReleaseFile {
  name: string
  /** The version that it follows; version 1's name for it. */
  current_version: string
  new_version: string
  /** As `linux-x86_64`. */
  platform: string
  download_url: string
  urls?: string[]
  /** What the node does to see that it runs. */
  post_apply_probe?: string
}

/** An OCI image layout: its blobs are named by sha256 already, so a node lays it out again from the files. */
export interface ReleaseImage {
  name: string
  artifacts: (ReleaseFile & { role: 'index' | 'manifest' | 'config' | 'layer' })[]
}

/** Members as they stand in the document. */
export interface ReleaseManifest {
  schema: typeof RELEASE_MANIFEST_NAME
  app: string
  channel: string
  version: string
  /** Strictly increasing by application and channel. */
  sequence: number
  min_sequence_to_upgrade_from: number
  /** Nodes at or above it may not go below it. */
  rollback_floor: number
  release_date: string
  changelog: string[]
  /** Unix seconds. */
  expires_at?: number
  /** Origins: a file is at `<server>/<sha256>`. */
  servers?: string[]
  components: Component[]
  images?: ReleaseImage[]
  signatures: Signature[]
}

const KIND: DocumentKind = { name: RELEASE_MANIFEST_NAME, schema: RELEASE_MANIFEST_SCHEMA, fault: 'MANIFEST_INVALID', limit: RELEASE_MANIFEST_LIMIT }

/** Says nothing of who signed. Throws as `parseDocument`, with MANIFEST_INVALID. */
export function parseReleaseManifest (bytes: Uint8Array): ReleaseManifest {
  const manifest = parseDocument(KIND, bytes) as ReleaseManifest
  const { components, images = [], sequence } = manifest
  if (components.length + images.length === 0) throw new ReleaseFault('MANIFEST_INVALID', 'it has no files')
  if (new Set(components.map(({ name, platform }) => `${platform} ${name}`)).size < components.length) throw new ReleaseFault('MANIFEST_INVALID', 'a component twice for one platform')
  if (new Set(images.map(({ name }) => name)).size < images.length) throw new ReleaseFault('MANIFEST_INVALID', 'two images of one name')
  if (manifest.rollback_floor > sequence) throw new ReleaseFault('MANIFEST_INVALID', 'it is below its own floor')
  if (manifest.min_sequence_to_upgrade_from >= sequence) throw new ReleaseFault('MANIFEST_INVALID', 'it can only be upgraded to from itself')
  return manifest
}

/** The bytes of it. Throws as `parseReleaseManifest`. */
export function buildReleaseManifest (manifest: ReleaseManifest): Buffer {
  const bytes = Buffer.from(canonicalText(manifest))
  parseReleaseManifest(bytes)
  return bytes
}

/** The names of a manifest's file, as a latest pointer and an event have them. */
export function nameOfBytes (bytes: Uint8Array): { sha256: string, blake3: string, size: number } {
  return { sha256: sha256Hex(bytes), blake3: blake3(Buffer.from(bytes)).toString('hex'), size: bytes.length }
}

export interface ReleaseArtifact extends ReleaseFile {
  /** Of the component or image. */
  name: string
  /** Null for what belongs to an image. */
  platform: string | null
  role: 'component' | 'index' | 'manifest' | 'config' | 'layer'
  /** Where it is, the component's own place first. */
  urls: string[]
}

/** Every file of a release, in order; one that stands twice is told twice. */
export function artifactsOf ({ components, images = [], servers = [] }: ReleaseManifest): ReleaseArtifact[] {
  const places = (sha256: string): string[] => servers.map((server) => `${server}/${sha256}`)
  return [
    ...components.map(({ name, platform, sha256, blake3, size_bytes, m, download_url: url, urls = [] }): ReleaseArtifact => ({
      name, platform, role: 'component', sha256, blake3, size_bytes, m, urls: [...new Set([url, ...urls, ...places(sha256)])]
    })),
    ...images.flatMap(({ name, artifacts }) => artifacts.map((each): ReleaseArtifact => ({ ...each, name, platform: null, urls: places(each.sha256) })))
  ]
}

/** Throws ARTIFACT_WRONG unless what was measured of a file while it arrived is what the manifest says. */
export function checkArtifact (artifact: ReleaseFile, measured: { sha256: string, blake3: string, size: number }): void {
  if (measured.size !== artifact.size_bytes) throw new ReleaseFault('ARTIFACT_WRONG', `${measured.size} bytes, not ${artifact.size_bytes}`)
  if (measured.blake3 !== artifact.blake3) throw new ReleaseFault('ARTIFACT_WRONG', 'its BLAKE3')
  if (measured.sha256 !== artifact.sha256) throw new ReleaseFault('ARTIFACT_WRONG', 'its sha256')
}
