// A build folder of made-up bytes, as `film build` leaves one: true names, playlists, manifest and keys, and no film in it. For what needs no picture.

import { randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { buildTitle } from '../../server/catalog/kinds/title.ts'
import { buildHashSequence, buildManifest } from '../../server/catalog/manifest.ts'
import { renditionKey } from '../../backstage/film/film-keys.ts'
import { blobOf } from './film-blobs.ts'
import { newFolder } from './folder.ts'
import { seededBlob } from './keys.ts'
import type { Test } from 'tap'
import type { BuiltFile, FilmBuild, FilmKeys } from '../../backstage/film/film-build.ts'
import type { FilmBlob } from './film-blobs.ts'

export interface MadeBuild {
  folder: string
  film: FilmBuild
  keys: FilmKeys | null
}

export interface MadeOptions {
  /** Whose film it is, 64 hex digits. */
  pubkey: string
  /** The title's id, which makes the bytes its own. */
  name: string
  /** Of each of the two renditions. */
  segments?: number
  /** Bytes of a segment. */
  size?: number
  encrypted?: boolean
  /** Whose poster it has; its own when absent. */
  poster?: string
  /** Instead of a new folder of the test. */
  folder?: string
}

export function madeBuild (t: Test, { pubkey, name, segments = 4, size = 5000, encrypted = true, poster: picture = name, folder = newFolder(t) }: MadeOptions): MadeBuild {
  const files: BuiltFile[] = []
  mkdirSync(join(folder, 'blobs'), { recursive: true })
  const put = (bytes: Buffer, ext: string, type: string, role: BuiltFile['role'], rendition: string | null): FilmBlob & { name: string } => {
    const blob = blobOf(bytes)
    const file = `${blob.sha256}.${ext}`
    writeFileSync(join(folder, 'blobs', file), bytes)
    files.push({ sha256: blob.sha256, blake3: blob.blake3, size: blob.size, type, name: file, role, rendition })
    return { ...blob, name: file }
  }
  const ref = ({ sha256, blake3, size: length }: FilmBlob): { sha256: string, blake3: string, size: number } => ({ sha256, blake3, size: length })
  const secret = randomBytes(32).toString('hex')
  const keys: FilmKeys = { schema: 'marquee.film-keys/1', d: name, pubkey, secret, keys: [] }

  const HLS = 'application/vnd.apple.mpegurl'
  const renditions = ['720p', '480p'].map((rendition) => {
    const id = randomBytes(8).toString('hex')
    if (encrypted) keys.keys.push({ id, rendition, key: renditionKey(secret, rendition) })
    const made = Array.from({ length: segments }, (_, i) => put(seededBlob(`${name} ${rendition} ${i}`, size + i * 16).bytes, 'ts', 'video/mp2t', 'segment', rendition))
    const lines = made.flatMap((segment, i) => [
      ...(encrypted ? [`#EXT-X-KEY:METHOD=AES-128,URI="keys/${id}",IV=0x${String(i).padStart(32, '0')}`] : []), '#EXTINF:6.000000,', segment.name
    ])
    const text = ['#EXTM3U', '#EXT-X-VERSION:3', '#EXT-X-TARGETDURATION:6', '#EXT-X-PLAYLIST-TYPE:VOD', ...lines, '#EXT-X-ENDLIST', ''].join('\n')
    const playlist = put(Buffer.from(text), 'm3u8', HLS, 'playlist', rendition)
    return { playlist, facts: { name: rendition, kind: 'video' as const, type: 'video/mp2t', playlist: ref(playlist), segments: made.map((segment) => ({ ...ref(segment), duration_ms: 6000 })) } }
  })
  const masterText = ['#EXTM3U', ...renditions.flatMap(({ playlist }, i) => [`#EXT-X-STREAM-INF:BANDWIDTH=${2_000_000 - i * 1_000_000}`, playlist.name]), ''].join('\n')
  const master = put(Buffer.from(masterText), 'm3u8', HLS, 'master', null)
  const poster = put(seededBlob(`${picture} poster`, 900).bytes, 'jpg', 'image/jpeg', 'poster', null)
  const { manifest, bytes } = buildManifest({
    title_ref: `34235:${pubkey}:${name}`, duration_ms: segments * 6000, master: ref(master), poster: { ...ref(poster), type: 'image/jpeg' }, renditions: renditions.map(({ facts }) => facts)
  })
  const manifestBlob = put(bytes, 'json', 'application/vnd.indeehub.film+json', 'manifest', null)
  const sequence = put(buildHashSequence(manifest), 'bin', 'application/octet-stream', 'hashseq', null)
  const count = sequence.size / 32
  const { kind, content, tags } = buildTitle({
    d: name, title: `The film ${name}`, synopsis: 'made up', duration: segments * 6, topics: ['test'], manifest: ref(manifestBlob), master: master.sha256, aggregate: manifest.aggregate,
    hashSequence: { blake3: sequence.blake3, sha256: sequence.sha256, count },
    media: [{ url: master.name, sha256: master.sha256, type: HLS, images: [poster.name], dim: null, duration: null, bitrate: null, size: null, fallbacks: [] }]
  }, 0)
  const film: FilmBuild = {
    schema: 'marquee.film-build/1', d: name, pubkey, encrypted, duration_ms: segments * 6000, source: { path: '/nowhere/film.mp4', size: 1, mtime_ms: 1 }, recipe: '0'.repeat(64), built_at: 1_700_000_000,
    text: { title: `The film ${name}`, summary: 'made up', topics: ['test'], language: null },
    files, manifest: ref(manifestBlob), hashseq: { blake3: sequence.blake3, sha256: sequence.sha256, count }, master: ref(master), aggregate: manifest.aggregate, event: { kind, content, tags }
  }
  if (encrypted) writeFileSync(join(folder, 'keys.json'), JSON.stringify(keys), { mode: 0o600 })
  writeFileSync(join(folder, 'film.json'), JSON.stringify(film))
  return { folder, film, keys: encrypted ? keys : null }
}
