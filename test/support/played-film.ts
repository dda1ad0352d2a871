// A short real film as HLS for tests of players: made by ffmpeg, encrypted as reference §4.1 says, named by hashes, with its manifest. Two qualities, two
// sound tracks, subtitles.

import { execFile } from 'node:child_process'
import { createCipheriv, createHmac, randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { buildTitle } from '../../server/catalog/kinds/title.ts'
import { buildManifest } from '../../server/catalog/manifest.ts'
import { upload } from './app.ts'
import { blobOf } from './film-blobs.ts'
import { requirePart } from './parts.ts'
import type { Test } from 'tap'
import type { EventDraft } from '../../server/auth/signature.ts'
import type { BlobRef, Rendition } from '../../server/catalog/manifest.ts'
import type { FilmBlob } from './film-blobs.ts'
import type { Signer } from './keys.ts'

export interface NamedBlob extends FilmBlob {
  /** sha256 and ending. */
  name: string
  type: string
}

export interface PlayedFilm {
  d: string
  blobs: NamedBlob[]
  /** Segments of each rendition, in play order. */
  segments: Record<string, NamedBlob[]>
  keys: { id: string, key: Buffer }[]
  seconds: number
  title: (createdAt: number, places: { servers: string[], access: string | null }) => EventDraft
}

const TYPES: Readonly<Record<string, string>> = {
  m3u8: 'application/vnd.apple.mpegurl', ts: 'video/mp2t', vtt: 'text/vtt', json: 'application/vnd.indeehub.film+json', jpg: 'image/jpeg'
}
const SEGMENT_SECONDS = 2
const HEIGHTS = [180, 90]
/** Of an imeta. */
const NOTHING = { dim: null, duration: null, bitrate: null, size: null, fallbacks: [] }

function named (bytes: Buffer, ending: string): NamedBlob {
  const blob = blobOf(bytes)
  return { ...blob, name: `${blob.sha256}.${ending}`, type: TYPES[ending]! }
}

/** Null when there is no ffmpeg, which `requirePart` has then said. `creator`: its key, 64 hex digits. */
export async function makePlayedFilm (t: Test, { creator, d, seconds, encrypted }: { creator: string, d: string, seconds: number, encrypted: boolean }): Promise<PlayedFilm | null> {
  const ffmpeg = requirePart(t, 'ffmpeg')
  if (ffmpeg === null) return null
  const folder = t.testdir({})
  const clear = join(folder, 'clear')
  mkdirSync(clear)
  await promisify(execFile)(ffmpeg, [
    '-v', 'error', '-nostdin', '-y', '-f', 'lavfi', '-i', `testsrc2=size=320x180:rate=12:duration=${seconds}`,
    '-f', 'lavfi', '-i', `sine=frequency=440:duration=${seconds}`, '-f', 'lavfi', '-i', `sine=frequency=880:duration=${seconds}`,
    '-filter_complex', '[0:v]split=2[a][b];[a]scale=-2:180[v0];[b]scale=-2:90[v1]',
    '-map', '[v0]', '-map', '[v1]', '-map', '1:a', '-map', '2:a', '-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p',
    '-force_key_frames', `expr:gte(t,n_forced*${SEGMENT_SECONDS})`, '-sc_threshold', '0', '-b:v:0', '300k', '-b:v:1', '100k', '-c:a', 'aac', '-b:a', '48k',
    '-f', 'hls', '-hls_time', String(SEGMENT_SECONDS), '-hls_list_size', '0', '-hls_playlist_type', 'vod', '-hls_segment_type', 'mpegts', '-master_pl_name', 'master.m3u8',
    '-var_stream_map', 'v:0,agroup:aud,name:180p v:1,agroup:aud,name:90p a:0,agroup:aud,language:en,name:en,default:yes a:1,agroup:aud,language:de,name:de',
    '-hls_segment_filename', join(clear, '%v_%05d.ts'), join(clear, '%v.m3u8')
  ])
  const secret = randomBytes(32)
  const keys: PlayedFilm['keys'] = []
  const blobs: NamedBlob[] = []
  const segments: PlayedFilm['segments'] = {}
  const add = (blob: NamedBlob): NamedBlob => {
    blobs.push(blob)
    return blob
  }
  const ref = ({ sha256, blake3, size }: FilmBlob): BlobRef => ({ sha256, blake3, size })

  /** Encrypts the segments of a playlist, each under an IV of its own. */
  function rendition (name: string, facts: Omit<Rendition, 'name' | 'playlist' | 'segments'>, ending: string, parts: { bytes: Buffer, seconds: number }[]): Rendition {
    const id = randomBytes(8).toString('hex')
    const key = createHmac('sha256', secret).update(`hls/${name}`).digest().subarray(0, 16)
    if (encrypted) keys.push({ id, key })
    const lines = ['#EXTM3U', '#EXT-X-VERSION:6', `#EXT-X-TARGETDURATION:${Math.ceil(Math.max(...parts.map((part) => part.seconds)))}`, '#EXT-X-PLAYLIST-TYPE:VOD', '#EXT-X-MEDIA-SEQUENCE:0']
    segments[name] = parts.map(({ bytes, seconds: length }, seq) => {
      const iv = createHmac('sha256', secret).update(`${id}/${seq}`).digest().subarray(0, 16)
      const cipher = createCipheriv('aes-128-cbc', key, iv)
      const blob = add(named(encrypted ? Buffer.concat([cipher.update(bytes), cipher.final()]) : bytes, ending))
      if (encrypted) lines.push(`#EXT-X-KEY:METHOD=AES-128,URI="keys/${id}",IV=0x${iv.toString('hex')}`)
      lines.push(`#EXTINF:${length.toFixed(3)},`, blob.name)
      return blob
    })
    const playlist = add(named(Buffer.from(`${[...lines, '#EXT-X-ENDLIST'].join('\n')}\n`), 'm3u8'))
    return { name, ...facts, playlist: ref(playlist), segments: segments[name].map((blob, i) => ({ ...ref(blob), duration_ms: Math.round(parts[i]!.seconds * 1000) })) }
  }

  const partsOf = (name: string): { bytes: Buffer, seconds: number }[] => [...readFileSync(join(clear, `${name}.m3u8`), 'utf8').matchAll(/#EXTINF:([\d.]+),[^\n]*\n([^#\n]+)/g)]
    .map(([, length, file]) => ({ bytes: readFileSync(join(clear, file!)), seconds: Number(length) }))
  const video = HEIGHTS.map((height) => rendition(`${height}p`, { kind: 'video', type: 'video/mp2t', width: height / 9 * 16, height }, 'ts', partsOf(`${height}p`)))
  const audio = ['en', 'de'].map((lang) => rendition(`audio-${lang}`, { kind: 'audio', type: 'video/mp2t', lang }, 'ts', partsOf(lang)))
  const cues = Array.from({ length: Math.floor(seconds / 2) }, (_, i) => `00:00:${String(2 * i).padStart(2, '0')}.000 --> 00:00:${String(2 * i + 2).padStart(2, '0')}.000\nLine ${i + 1}\n`)
  // ffmpeg's MPEG-TS begins 1.4 s in
  const subs = rendition('subs-en', { kind: 'subs', type: 'text/vtt', lang: 'en' }, 'vtt', [{ bytes: Buffer.from(`WEBVTT\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:126000\n\n${cues.join('\n')}`), seconds }])
  const file = ({ playlist }: Rendition): string => `${playlist.sha256}.m3u8`
  const master = add(named(Buffer.from([
    '#EXTM3U', '#EXT-X-VERSION:6',
    ...audio.map((each, i) => `#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="aud",NAME="${each.lang}",LANGUAGE="${each.lang}",DEFAULT=${i === 0 ? 'YES' : 'NO'},AUTOSELECT=YES,URI="${file(each)}"`),
    `#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="subs",NAME="English",LANGUAGE="en",DEFAULT=NO,AUTOSELECT=YES,URI="${file(subs)}"`,
    ...video.flatMap((each, i) => [`#EXT-X-STREAM-INF:BANDWIDTH=${[400_000, 180_000][i]},RESOLUTION=${each.width}x${each.height},CODECS="avc1.42c00d,mp4a.40.2",AUDIO="aud",SUBTITLES="subs"`, file(each)])
  ].join('\n') + '\n'), 'm3u8'))
  await promisify(execFile)(ffmpeg, ['-v', 'error', '-nostdin', '-y', '-f', 'lavfi', '-i', 'testsrc2=size=200x300:duration=1', '-frames:v', '1', join(folder, 'poster.jpg')])
  const poster = add(named(readFileSync(join(folder, 'poster.jpg')), 'jpg'))
  const { manifest, bytes } = buildManifest({ title_ref: `34235:${creator}:${d}`, duration_ms: seconds * 1000, master: ref(master), poster: { ...ref(poster), type: poster.type }, renditions: [...video, ...audio, subs] })
  const manifestBlob = add(named(bytes, 'json'))
  return {
    d, blobs, segments, keys, seconds,
    title: (createdAt, { servers, access }) => buildTitle({
      d, title: `The film ${d}`, synopsis: 'Made up for a test.\n<b>Not</b> markup.', duration: seconds, topics: ['test', 'short'], servers,
      manifest: ref(manifestBlob), master: master.sha256, aggregate: manifest.aggregate, access: access === null ? null : { scheme: 'nip98', url: access },
      media: [{ url: `${servers[0]}/${master.name}`, sha256: master.sha256, type: 'application/x-mpegURL', images: [`${servers[0]}/${poster.name}`], ...NOTHING }]
    }, createdAt)
  }
}

/** Uploads blobs to a server. */
export async function putBlobs (url: string, signer: Signer, blobs: readonly NamedBlob[]): Promise<void> {
  await Promise.all(blobs.map(async (blob) => {
    const { status, headers } = await upload(url, signer, blob, { 'content-type': blob.type })
    if (status !== 200 && status !== 201) throw new Error(`upload answered ${status}: ${headers.get('x-reason')}`)
  }))
}
