// A small film of made-up bytes with a true manifest: what a creator would upload and publish.

import { createHash } from 'node:crypto'
import { Blake3Hasher } from '@napi-rs/blake-hash'
import { buildTitle } from '../../server/catalog/kinds/title.ts'
import { buildHashSequence, buildManifest } from '../../server/catalog/manifest.ts'
import { upload } from './app.ts'
import type { EventDraft } from '../../server/auth/signature.ts'
import type { FilmManifest } from '../../server/catalog/manifest.ts'
import type { TitleFacts } from '../../server/catalog/kinds/title.ts'
import type { Signer } from './keys.ts'

export interface FilmBlob {
  bytes: Buffer
  sha256: string
  blake3: string
  size: number
}

export interface SmallFilm {
  /** Everything to upload: segments, playlists, master, manifest, hash sequence. */
  blobs: FilmBlob[]
  segments: FilmBlob[]
  manifest: FilmManifest
  manifestBlob: FilmBlob
  sequence: FilmBlob
  /** The title's event, to be signed. */
  title: (createdAt: number, facts?: Partial<TitleFacts>) => EventDraft
}

export function blobOf (bytes: Buffer): FilmBlob {
  return { bytes, sha256: createHash('sha256').update(bytes).digest('hex'), blake3: new Blake3Hasher().update(bytes).digest('hex'), size: bytes.length }
}

/** `name` makes the bytes its own; `type` is that of its segments. */
export function smallFilm (creator: string, name: string, segmentCount = 3, type = 'video/mp2t'): SmallFilm {
  const blob = (text: string): FilmBlob => blobOf(Buffer.from(`${name}: ${text}\n`.repeat(20)))
  const segments = Array.from({ length: segmentCount }, (_, i) => blob(`segment ${i}`))
  const [playlist, master] = [blob('playlist'), blob('master')]
  const ref = ({ sha256, blake3, size }: FilmBlob): { sha256: string, blake3: string, size: number } => ({ sha256, blake3, size })
  const { manifest, bytes } = buildManifest({
    title_ref: `34235:${creator}:${name}`,
    duration_ms: segmentCount * 6000,
    master: ref(master),
    renditions: [{ name: '720p', kind: 'video', type, playlist: ref(playlist), segments: segments.map((segment) => ({ ...ref(segment), duration_ms: 6000 })) }]
  })
  const manifestBlob = blobOf(bytes)
  const sequence = blobOf(buildHashSequence(manifest))
  return {
    blobs: [...segments, playlist, master, manifestBlob, sequence],
    segments, manifest, manifestBlob, sequence,
    title: (createdAt, facts = {}) => buildTitle({
      d: name, title: `The film ${name}`, synopsis: 'made up', duration: segmentCount * 6, manifest: ref(manifestBlob), master: master.sha256, aggregate: manifest.aggregate,
      hashSequence: { blake3: sequence.blake3, sha256: sequence.sha256, count: segmentCount }, ...facts
    }, createdAt)
  }
}

export async function uploadFilm (url: string, signer: Signer, film: SmallFilm): Promise<void> {
  for (const blob of film.blobs) {
    const { status } = await upload(url, signer, blob)
    if (status !== 200 && status !== 201) throw new Error(`upload answered ${status}`)
  }
}
