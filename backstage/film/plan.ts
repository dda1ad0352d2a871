// What a build will make of a film: its renditions with their names, and how large all of it gets. Pure.

import { bytesText, clock } from '../progress.ts'
import { framesASegment, rateText } from './frame-rate.ts'
import { ladderOf } from './ladder.ts'
import { languageName } from './languages.ts'
import type { BuildRequest } from './build-request.ts'
import type { Rate } from './frame-rate.ts'
import type { Rung } from './ladder.ts'
import type { SourceFilm } from './source.ts'

export interface VideoPlan extends Rung {
  rate: Rate
  /** Frames a segment. */
  frames: number
}

export interface AudioPlan {
  /** As `audio-en`. */
  name: string
  /** Of the stream in the film file. */
  index: number
  language: string | null
  /** For people. */
  label: string
  isDefault: boolean
}

export interface SubtitlePlan {
  /** As `subs-en`. */
  name: string
  /** A stream of the film file, or a file of its own. */
  from: { index: number } | { path: string }
  language: string | null
  label: string
  forced: boolean
}

export interface BuildPlan {
  videos: VideoPlan[]
  audios: AudioPlan[]
  subtitles: SubtitlePlan[]
  /** Estimated, of all blobs. */
  bytes: number
}

export const AUDIO_BITRATE = 128_000
export const AUDIO_CHANNELS = 2
/** What packets and padding add. */
const OVERHEAD = 1.06
const POSTER_BYTES = 300_000

/** `trailerBytes`: 0 without one. Throws FilmFault OPTION_WRONG. */
export function planOf (source: Pick<SourceFilm, 'video' | 'audios' | 'subtitles' | 'durationMs'>, request: Pick<BuildRequest, 'renditions' | 'codec' | 'subtitles' | 'text'>, trailerBytes: number): BuildPlan {
  const { rate } = source.video
  const videos = ladderOf(source.video, request.renditions, request.codec).map((rung) => ({ ...rung, rate, frames: framesASegment(rate) }))
  const taken = new Set<string>()
  const name = (kind: string, language: string | null): string => {
    const first = `${kind}-${language ?? 'und'}`
    let found = first
    for (let count = 2; taken.has(found); count++) found = `${first}-${count}`
    taken.add(found)
    return found
  }
  // one that nobody labelled is in the language of the film
  const first = Math.max(0, source.audios.findIndex(({ isDefault }) => isDefault))
  const audios = source.audios.map(({ index, language: said, title }, at) => {
    const language = said ?? request.text.language
    return { name: name('audio', language), index, language, label: title ?? labelOf(language, 'Audio'), isDefault: at === first }
  })
  const subtitles = [
    ...request.subtitles.map(({ language, path }) => ({ from: { path }, language, title: null, forced: false })),
    ...source.subtitles.map(({ index, language, title, forced }) => ({ from: { index }, language, title, forced }))
  ].map(({ from, language, title, forced }) => ({ name: name('subs', language), from, language, label: title ?? labelOf(language, 'Subtitles'), forced }))
  const bitrate = videos.reduce((sum, each) => sum + each.bitrate, 0) + audios.length * AUDIO_BITRATE
  return { videos, audios: distinct(audios), subtitles: distinct(subtitles), bytes: Math.round(bitrate / 8 * source.durationMs / 1000 * OVERHEAD) + POSTER_BYTES + trailerBytes }
}

function labelOf (language: string | null, otherwise: string): string {
  return language === null ? otherwise : languageName(language)
}

/** RFC 8216 §4.3.4.1.1: no two of one group MUST have the same NAME. */
function distinct<T extends { label: string }> (tracks: T[]): T[] {
  const seen = new Map<string, number>()
  return tracks.map((track) => {
    const count = (seen.get(track.label) ?? 0) + 1
    seen.set(track.label, count)
    return count === 1 ? track : { ...track, label: `${track.label} (${count})` }
  })
}

/** What is told before anything is begun. `seconds`: what it will take; null where nobody can say. */
export function planLines (source: SourceFilm, { videos, audios, subtitles, bytes }: BuildPlan, { open, format, codec }: BuildRequest, { free, seconds, done }: { free: number, seconds: number | null, done: number }): string[] {
  const { video, unusable } = source
  return [
    `film      ${source.path}: ${clock(source.durationMs / 1000)}, ${video.width}x${video.height} ${video.codec} at ${rateText(video.rate)}${video.interlaced ? ', interlaced' : ''}${video.hdr ? ', HDR (mapped to SDR)' : ''}`,
    ...videos.map(({ name, width, height, bitrate }) => `video     ${name.padEnd(8)} ${width}x${height} ${codec}, ${(bitrate / 1e6).toFixed(2)} Mbit/s`),
    ...audios.map(({ name, label }) => `audio     ${name.padEnd(8)} ${label}`),
    ...subtitles.map(({ name, label }) => `subtitles ${name.padEnd(8)} ${label}`),
    ...(unusable.length === 0 ? [] : [`left out  subtitles that are pictures: ${unusable.join(', ')}`]),
    `makes     ${format === 'ts' ? 'MPEG-TS' : 'fMP4'}, ${open ? 'not encrypted' : 'encrypted'}, some ${bytesText(bytes)}${done === 0 ? '' : `, of which ${bytesText(done)} are there`}; ${bytesText(free)} are free`,
    `takes     ${seconds === null ? 'not long' : `some ${clock(seconds)}`}`
  ]
}
