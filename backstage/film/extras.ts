// What goes with the picture and the sound: subtitles as WebVTT segments, sealed like them; poster and trailer in the clear, for anybody to see.

import { copyFile, readFile, rm } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { TIME_ZERO, TRAILER_WIDTH, posterArgs, subtitleArgs, trailerArgs } from './encode-args.ts'
import { FilmFault } from './faults.ts'
import { Sealing } from './sealing.ts'
import { probeFile, readProbed } from './source.ts'
import { ToolFailed, runFfmpeg, runTool } from './tools.ts'
import { parseWebVtt, segmentWebVtt } from './webvtt.ts'
import { WORK_FOLDER } from './film-build.ts'
import type { BlobRef } from '../../server/catalog/manifest.ts'
import type { BlobFolder } from './blob-folder.ts'
import type { FilmKeys } from './film-build.ts'
import type { Journal } from './journal.ts'
import type { SubtitlePlan } from './plan.ts'
import type { SourceFilm } from './source.ts'

interface Run {
  /** Of programs. */
  path: string
  signal: AbortSignal | undefined
}

/** Of subtitles, in milliseconds: they are small, and need not have the segments of the picture (RFC 8216bis §6.2.4). */
const SUBTITLE_SEGMENT_MS = 60_000

export interface SubtitleParts extends Run {
  /** The build folder. */
  folder: string
  source: SourceFilm
  track: SubtitlePlan
  blobs: BlobFolder
  journal: Journal
  keys: FilmKeys | null
}

/** One track of subtitles. They are quickly made, so one that was broken off is made anew. Rejects with FilmFault: SUBTITLES_BAD, STOPPED, NO_SPACE. */
export async function makeSubtitles ({ folder, source, track, blobs, journal, keys, ...run }: SubtitleParts): Promise<void> {
  const there = await Promise.all(journal.facts.segments.map((segment) => blobs.has(segment, 'vtt')))
  if (journal.facts.complete && there.every(Boolean)) return
  const parsed = await readSubtitles(track, source.path, join(folder, WORK_FOLDER, `${track.name}.vtt`), run)
  await journal.keep(0)
  const sealing = new Sealing({ blobs, journal, rendition: track.name, keys })
  for (const { text, us } of segmentWebVtt(parsed, { length: SUBTITLE_SEGMENT_MS, duration: source.durationMs, mpegts: TIME_ZERO * 90_000 })) {
    await sealing.segment(Buffer.from(text), us, 'vtt')
  }
  await journal.add({ complete: true })
}

async function readSubtitles ({ from }: SubtitlePlan, film: string, to: string, run: Run): Promise<NonNullable<ReturnType<typeof parseWebVtt>>> {
  const path = 'path' in from ? from.path : film
  try {
    await runFfmpeg(subtitleArgs(path, 'path' in from ? null : from.index, to), run)
  } catch (error) {
    if (error instanceof FilmFault && error.code === 'FFMPEG_FAILED') throw new FilmFault('SUBTITLES_BAD', `${path}: ${error.message}`, { cause: error })
    throw error
  }
  const parsed = parseWebVtt(await readFile(to, 'utf8'))
  await rm(to)
  if (parsed === null || parsed.cues.length === 0) throw new FilmFault('SUBTITLES_BAD', `${path} has no cues`)
  return parsed
}

/** Subtitle files are looked at before any work. Rejects with FilmFault: UNREADABLE, SUBTITLES_BAD. */
export async function checkSubtitles (path: string, env: { path: string }): Promise<void> {
  const { streams = [] } = await probeFile(path, env, 'SUBTITLES_BAD')
  if (streams.every(({ codec_type: type }) => type !== 'subtitle')) throw new FilmFault('SUBTITLES_BAD', path)
  try {
    // one that is not UTF-8 shows only when it is read
    await runTool('ffmpeg', ['-v', 'error', '-xerror', '-nostdin', ...subtitleArgs(path, null, '-')], env)
  } catch (error) {
    if (error instanceof ToolFailed) throw new FilmFault('SUBTITLES_BAD', `${path}: ${error.words.split('\n')[0]}`, { cause: error })
    throw error
  }
}

/** Media types of pictures that every browser shows, by ffprobe's names of what they are. */
const POSTER_TYPES: Readonly<Record<string, { type: string, ext: string }>> = {
  mjpeg: { type: 'image/jpeg', ext: 'jpg' }, png: { type: 'image/png', ext: 'png' }, webp: { type: 'image/webp', ext: 'webp' }
}

/** A picture of the creator's, as it is. Rejects with FilmFault: UNREADABLE, POSTER_BAD. */
export async function posterTypeOf (path: string, env: { path: string }): Promise<{ type: string, ext: string }> {
  const { streams = [] } = await probeFile(path, env, 'POSTER_BAD')
  const found = streams.length === 1 && streams[0]!.codec_type === 'video' ? POSTER_TYPES[streams[0]!.codec_name ?? ''] : undefined
  // a film of JPEG pictures is no poster
  if (found === undefined || /\.(avi|mov|mp4|mkv)$/i.test(extname(path))) throw new FilmFault('POSTER_BAD', `${path} (JPEG, PNG or WebP)`)
  return found
}

export interface PublicFile extends BlobRef {
  type: string
  ext: string
}

export async function makePoster (folder: string, source: SourceFilm, given: string | null, blobs: BlobFolder, run: Run): Promise<PublicFile> {
  const file = join(folder, WORK_FOLDER, 'poster')
  if (given === null) await runFfmpeg(posterArgs(source.path, source.video, source.durationMs, `${file}.jpg`), run)
  else await copyFile(given, `${file}.jpg`)
  const { type, ext } = given === null ? POSTER_TYPES['mjpeg']! : await posterTypeOf(given, run)
  return { ...await blobs.take(`${file}.jpg`, ext), type, ext }
}

export interface TrailerFacts {
  /** It is H.264 and AAC (or silent): only its container is made anew. */
  copies: boolean
  /** As it is published. */
  width: number
  height: number
  durationMs: number
}

/** Rejects with FilmFault: UNREADABLE, TRAILER_BAD. */
export async function trailerFacts (path: string, env: { path: string }): Promise<TrailerFacts> {
  const probed = await probeFile(path, env, 'TRAILER_BAD')
  try {
    const { video: { codec, width, height }, durationMs } = readProbed(probed, path)
    const audio = probed.streams?.find(({ codec_type: type }) => type === 'audio')?.codec_name
    // one that lies on its side is turned upright, which a copy is not
    const turned = probed.streams?.some(({ side_data_list: data }) => data?.some(({ rotation = 0 }) => rotation !== 0)) ?? false
    if (codec === 'h264' && (audio === undefined || audio === 'aac') && !turned) return { copies: true, width, height, durationMs }
    const across = Math.floor(Math.min(TRAILER_WIDTH, width) / 2) * 2
    return { copies: false, width: across, height: Math.round(height * across / width / 2) * 2, durationMs }
  } catch (error) {
    if (error instanceof FilmFault) throw new FilmFault('TRAILER_BAD', error.message, { cause: error })
    throw error
  }
}

export async function makeTrailer (folder: string, given: string, facts: TrailerFacts, blobs: BlobFolder, run: Run): Promise<PublicFile> {
  const file = join(folder, WORK_FOLDER, 'trailer.mp4')
  await runFfmpeg(trailerArgs(given, facts, file), run)
  return { ...await blobs.take(file, 'mp4'), type: 'video/mp4', ext: 'mp4' }
}
