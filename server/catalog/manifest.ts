// The manifest blob of a film, `indeehub.film-manifest/1`: canonical JSON (RFC 8785) that names every blob of one encode. A title's event names
// the manifest, since segments do not fit in events. Also what is made of it: the aggregate hash and the hash sequence. Pure.

import canonicalize from 'canonicalize'
import { sha256Hex } from '../stores/multihash.ts'
import { CatalogFault } from './faults.ts'
import { checkSchema } from './schema-check.ts'
import { FILM_MANIFEST_SCHEMA } from './schemas/film-manifest.ts'

export const MANIFEST_SCHEMA_NAME = 'indeehub.film-manifest/1'

/** Bytes. */
export const MANIFEST_LIMIT = 8 * 1024 * 1024

/** Of all renditions together, before anything is written: in what was received the bytes bound them, at some 45,000. */
export const SEGMENT_LIMIT = 50_000

export interface BlobRef {
  /** 64 lowercase hex digits. */
  sha256: string
  blake3: string
  /** Bytes. */
  size: number
}

export interface Segment extends BlobRef { duration_ms: number }

export interface Rendition {
  /** A folder in the paths of the aggregate hash. */
  name: string
  kind: 'video' | 'audio' | 'subs'
  /** Media type of its segments. */
  type: string
  codecs?: string
  /** Bits a second. */
  bandwidth?: number
  width?: number
  height?: number
  lang?: string
  playlist: BlobRef
  init?: BlobRef
  /** In play order. */
  segments: Segment[]
}

/** Members as they stand in the blob. */
export interface FilmManifest {
  schema: typeof MANIFEST_SCHEMA_NAME
  /** Address of the title. */
  title_ref: string
  duration_ms: number
  master: BlobRef
  poster?: BlobRef & { type: string }
  trailer?: BlobRef & { type: string }
  renditions: Rendition[]
  aggregate: string
}

export type HashRole = 'master' | 'poster' | 'trailer' | 'playlist' | 'init' | 'segment'

export interface NamedHash extends BlobRef {
  role: HashRole
  /** Index in `renditions`; null for what belongs to the film as a whole. */
  rendition: number | null
  /** Place in its rendition, from 0, of a segment; else null. */
  seq: number | null
}

/** Throws a CatalogFault: MANIFEST_TOO_LARGE, MANIFEST_INVALID, MANIFEST_SPELLING or AGGREGATE_WRONG. */
export function parseManifest (bytes: Uint8Array): FilmManifest {
  if (bytes.length > MANIFEST_LIMIT) throw new CatalogFault('MANIFEST_TOO_LARGE', `at most ${MANIFEST_LIMIT} bytes`)
  let text: string
  let value: unknown
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    value = JSON.parse(text)
  } catch {
    throw new CatalogFault('MANIFEST_INVALID', 'it is not JSON')
  }
  // the schema is closed, so what comes after it does not go deep
  checkSchema(FILM_MANIFEST_SCHEMA, value)
  const manifest = value as FilmManifest
  // two of one name would share the paths of the aggregate
  if (new Set(manifest.renditions.map(({ name }) => name)).size < manifest.renditions.length) throw new CatalogFault('MANIFEST_INVALID', 'two renditions of one name')
  // what JSON.parse hides: members that stand twice, other spellings of a number, white space
  if (spell(manifest) !== text) throw new CatalogFault('MANIFEST_SPELLING')
  if (aggregateHash(manifest) !== manifest.aggregate) throw new CatalogFault('AGGREGATE_WRONG')
  return manifest
}

function spell (manifest: FilmManifest): string {
  try {
    return canonicalize(manifest)!
  } catch (error) {
    throw new CatalogFault('MANIFEST_INVALID', error instanceof Error ? error.message : '')
  }
}

/** The blob, with its sha256 (the BLAKE3 of it is the store's to tell) and the aggregate filled in. Throws as `parseManifest`, or SEGMENTS_TOO_MANY. */
export function buildManifest (facts: Omit<FilmManifest, 'schema' | 'aggregate'>): { manifest: FilmManifest, bytes: Buffer, sha256: string } {
  const segments = facts.renditions.reduce((sum, rendition) => sum + rendition.segments.length, 0)
  if (segments > SEGMENT_LIMIT) throw new CatalogFault('SEGMENTS_TOO_MANY', `${segments}, at most ${SEGMENT_LIMIT}`)
  const aggregate = aggregateHash(facts)
  const bytes = Buffer.from(spell({ schema: MANIFEST_SCHEMA_NAME, ...facts, aggregate }))
  return { manifest: parseManifest(bytes), bytes, sha256: sha256Hex(bytes) }
}

/** Endings of the paths that the aggregate is made over. */
const ENDINGS: Readonly<Record<string, string>> = {
  'video/mp2t': 'ts', 'video/iso.segment': 'm4s', 'audio/iso.segment': 'm4s', 'video/mp4': 'm4s', 'audio/mp4': 'm4s', 'audio/aac': 'aac', 'text/vtt': 'vtt'
}

/**
 * One exact encode, whoever publishes it: NIP-5A's rule. A line `<sha256> <absolute path>\n` of every file that plays, sorted, joined, sha256 of it.
 * Poster and trailer are not the encode. 64 lowercase hex digits.
 */
export function aggregateHash ({ master, renditions }: Pick<FilmManifest, 'master' | 'renditions'>): string {
  const lines = [`${master.sha256} /master.m3u8\n`]
  for (const { name, type, playlist, init, segments } of renditions) {
    lines.push(`${playlist.sha256} /${name}/index.m3u8\n`)
    if (init !== undefined) lines.push(`${init.sha256} /${name}/init.mp4\n`)
    const ending = ENDINGS[type] ?? 'bin'
    for (const [seq, { sha256 }] of segments.entries()) lines.push(`${sha256} /${name}/${String(seq).padStart(5, '0')}.${ending}\n`)
  }
  return sha256Hex(Buffer.from(lines.sort().join('')))
}

/** Every blob that a manifest names, itself not; one that stands twice is told twice. */
export function * namedHashes ({ master, poster, trailer, renditions }: Pick<FilmManifest, 'master' | 'poster' | 'trailer' | 'renditions'>): Generator<NamedHash> {
  const whole = { rendition: null, seq: null }
  yield named(master, { role: 'master', ...whole })
  if (poster !== undefined) yield named(poster, { role: 'poster', ...whole })
  if (trailer !== undefined) yield named(trailer, { role: 'trailer', ...whole })
  for (const [rendition, { playlist, init, segments }] of renditions.entries()) {
    yield named(playlist, { role: 'playlist', rendition, seq: null })
    if (init !== undefined) yield named(init, { role: 'init', rendition, seq: null })
    for (const [seq, segment] of segments.entries()) yield named(segment, { role: 'segment', rendition, seq })
  }
}

function named ({ sha256, blake3, size }: BlobRef, place: Pick<NamedHash, 'role' | 'rendition' | 'seq'>): NamedHash {
  return { sha256, blake3, size, ...place }
}

/** Iroh's hash sequence: the BLAKE3 of what plays, rendition after rendition, its init segment first, 32 bytes each. */
export function buildHashSequence (manifest: Pick<FilmManifest, 'master' | 'renditions'>): Buffer {
  const hashes = [...namedHashes(manifest)].filter(({ role }) => role === 'init' || role === 'segment').map(({ blake3 }) => blake3)
  return Buffer.from(hashes.join(''), 'hex')
}

/** The hashes of a sequence, 64 hex digits each. Throws HASHSEQ_INVALID. */
export function parseHashSequence (bytes: Uint8Array): string[] {
  if (bytes.length === 0 || bytes.length % 32 !== 0) throw new CatalogFault('HASHSEQ_INVALID', `${bytes.length} bytes`)
  const hex = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')
  return Array.from({ length: bytes.length / 32 }, (_, i) => hex.slice(64 * i, 64 * i + 64))
}
