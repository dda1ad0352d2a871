// The playlists of a build (RFC 8216), with names as they are while it is made, such as `1080p/index.m3u8`; playlist-uris.ts puts the hashes in.
// Also the reading of what ffmpeg wrote while it is still writing. Pure.

import { rateText } from './frame-rate.ts'
import type { Rate } from './frame-rate.ts'

export interface SegmentKey {
  /** 16 hex digits. */
  id: string
  /** 16 bytes. */
  iv: Uint8Array
}

export interface PlaylistSegment {
  uri: string
  /** Microseconds. */
  us: number
  /** Null: in the clear. */
  key: SegmentKey | null
}

export interface MediaPlaylist {
  /** Whole seconds, the same for all of a film but its subtitles. */
  target: number
  init: { uri: string, key: SegmentKey | null } | null
  segments: readonly PlaylistSegment[]
}

export function buildMediaPlaylist ({ target, init, segments }: MediaPlaylist): string {
  const lines = [
    '#EXTM3U',
    // EXT-X-MAP outside of I-frame playlists is version 6
    `#EXT-X-VERSION:${init === null ? 3 : 6}`,
    `#EXT-X-TARGETDURATION:${target}`, '#EXT-X-MEDIA-SEQUENCE:0', '#EXT-X-PLAYLIST-TYPE:VOD'
  ]
  // EXT-X-KEY holds until the next one, for EXT-X-MAP too (§4.3.2.4), so the map has its own before it
  if (init !== null) lines.push(...keyLines(init.key), `#EXT-X-MAP:URI="${init.uri}"`)
  for (const { uri, us, key } of segments) lines.push(...keyLines(key), `#EXTINF:${(us / 1e6).toFixed(6)},`, uri)
  return [...lines, '#EXT-X-ENDLIST', ''].join('\n')
}

function keyLines (key: SegmentKey | null): string[] {
  return key === null ? [] : [`#EXT-X-KEY:METHOD=AES-128,URI="keys/${key.id}",IV=0x${Buffer.from(key.iv).toString('hex')}`]
}

export interface MasterAudio {
  /** Its rendition, `audio-en`. */
  uri: string
  name: string
  language: string | null
  isDefault: boolean
  channels: number
}

export interface MasterSubtitles {
  uri: string
  name: string
  language: string | null
  forced: boolean
}

export interface MasterVariant {
  uri: string
  /** Bits a second with the most costly audio: of the largest segment, and on average. */
  bandwidth: number
  average: number
  codecs: string
  width: number
  height: number
  rate: Rate
}

export function buildMasterPlaylist ({ variants, audios, subtitles }: { variants: readonly MasterVariant[], audios: readonly MasterAudio[], subtitles: readonly MasterSubtitles[] }): string {
  const groups = (audios.length > 0 ? ',AUDIO="audio"' : '') + (subtitles.length > 0 ? ',SUBTITLES="subs"' : '')
  return [
    '#EXTM3U', '#EXT-X-VERSION:6', '#EXT-X-INDEPENDENT-SEGMENTS',
    ...audios.map(({ uri, name, language, isDefault, channels }) =>
      `#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="${quoted(name)}"${languageText(language)},DEFAULT=${isDefault ? 'YES' : 'NO'},AUTOSELECT=YES,CHANNELS="${channels}",URI="${uri}"`),
    ...subtitles.map(({ uri, name, language, forced }) =>
      `#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="subs",NAME="${quoted(name)}"${languageText(language)},DEFAULT=NO,AUTOSELECT=YES,FORCED=${forced ? 'YES' : 'NO'},URI="${uri}"`),
    ...variants.flatMap(({ uri, bandwidth, average, codecs, width, height, rate }) => [
      `#EXT-X-STREAM-INF:BANDWIDTH=${bandwidth},AVERAGE-BANDWIDTH=${average},CODECS="${codecs}",RESOLUTION=${width}x${height},FRAME-RATE=${rateText(rate)}${groups}`,
      uri
    ]),
    ''
  ].join('\n')
}

function languageText (language: string | null): string {
  return language === null ? '' : `,LANGUAGE="${quoted(language)}"`
}

/** A quoted string has neither quotes nor line breaks (§4.2). */
function quoted (text: string): string {
  return text.replace(/[\r\n]+/g, ' ').replaceAll('"', "'")
}

export interface WrittenSegment {
  name: string
  us: number
}

/** The segments that ffmpeg has finished so far, by the playlist it writes anew after each; `ended` when there will be no more. */
export function readWritten (playlist: string): { segments: WrittenSegment[], ended: boolean } {
  const segments: WrittenSegment[] = []
  let us: number | null = null
  for (const line of playlist.split('\n').map((each) => each.trim())) {
    const seconds = /^#EXTINF:([0-9.]+)/.exec(line)?.[1]
    if (seconds !== undefined) us = Math.round(Number(seconds) * 1e6)
    else if (line !== '' && !line.startsWith('#') && us !== null) {
      segments.push({ name: line, us })
      us = null
    }
  }
  return { segments, ended: /^#EXT-X-ENDLIST/m.test(playlist) }
}

/** The first CODECS of a master playlist that ffmpeg wrote; null without one. */
export function readCodecs (master: string): string | null {
  return /CODECS="([^"]+)"/.exec(master)?.[1] ?? null
}
