// The film as it comes: what ffprobe finds in it, in the terms that the ladder needs (turned upright, square pixels, a plain frame rate).

import { constants } from 'node:fs'
import { access, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { FilmFault } from './faults.ts'
import { fileUrl } from './file-url.ts'
import { phaseOf, rateOf } from './frame-rate.ts'
import { languageOf } from './languages.ts'
import { ToolFailed, runTool } from './tools.ts'
import type { Rate } from './frame-rate.ts'

export interface VideoStream {
  /** Among all streams of the file. */
  index: number
  codec: string
  /** As it is shown: upright, with square pixels. */
  width: number
  height: number
  rate: Rate
  /** Seconds by which its frames stand off the grid of `rate` that begins with the file: less than a frame, as after the delay of a sound codec. */
  phase: number
  interlaced: boolean
  /** HLG or PQ, which must be mapped for ordinary screens. */
  hdr: boolean
  /** Bits a second; null where nobody says. */
  bitrate: number | null
}

export interface AudioStream {
  index: number
  /** BCP 47; null where the file does not say. */
  language: string | null
  title: string | null
  isDefault: boolean
}

export interface SubtitleStream {
  index: number
  codec: string
  language: string | null
  title: string | null
  forced: boolean
}

export interface SourceFilm {
  path: string
  size: number
  mtimeMs: number
  /** ffprobe's names of the container. */
  format: string
  durationMs: number
  video: VideoStream
  audios: AudioStream[]
  /** Text; what is made of pictures is in `unusable`. */
  subtitles: SubtitleStream[]
  /** Codecs of subtitle streams that are pictures. */
  unusable: string[]
}

interface ProbedStream {
  index: number
  codec_type?: string
  codec_name?: string
  width?: number
  height?: number
  sample_aspect_ratio?: string
  avg_frame_rate?: string
  r_frame_rate?: string
  field_order?: string
  color_transfer?: string
  bit_rate?: string
  start_time?: string
  disposition?: Record<string, number>
  tags?: Record<string, string>
  side_data_list?: { rotation?: number }[]
}

export interface Probed {
  format?: { format_name?: string, duration?: string, bit_rate?: string, start_time?: string }
  streams?: ProbedStream[]
}

const TEXT_SUBTITLES = new Set(['subrip', 'srt', 'ass', 'ssa', 'mov_text', 'webvtt', 'text', 'stl', 'microdvd', 'subviewer', 'sami', 'eia_608'])
/** Containers of ffmpeg that single pictures come in. */
const PICTURES = /^(image2|[a-z0-9]+_pipe|gif|apng|ico|webp)$/

/** The streams and container of a file of any kind. Rejects with FilmFault: UNREADABLE, NO_FFMPEG, and `otherwise` for what ffprobe cannot make out. */
export async function probeFile (path: string, env: { path: string }, otherwise: 'NOT_A_FILM' | 'POSTER_BAD' | 'TRAILER_BAD' | 'SUBTITLES_BAD'): Promise<Probed> {
  await checkReadable(path)
  try {
    return JSON.parse(await runTool('ffprobe', ['-v', 'error', '-of', 'json', '-show_format', '-show_streams', fileUrl(resolve(path))], env)) as Probed
  } catch (error) {
    if (error instanceof ToolFailed) throw new FilmFault(otherwise, path, { cause: error })
    throw error
  }
}

async function checkReadable (path: string): Promise<void> {
  try {
    await access(path, constants.R_OK)
    if ((await stat(path)).isFile()) return
  } catch (cause) {
    throw new FilmFault('UNREADABLE', `${path} (${(cause as NodeJS.ErrnoException).code ?? 'unknown'})`, { cause })
  }
  throw new FilmFault('UNREADABLE', `${path} is no file`)
}

/** Rejects with FilmFault: UNREADABLE, NOT_A_FILM, NO_VIDEO, NO_LENGTH, NO_FFMPEG. */
export async function probeSource (path: string, env: { path: string }): Promise<SourceFilm> {
  const probed = await probeFile(path, env, 'NOT_A_FILM')
  const { size, mtimeMs } = await stat(path)
  return { path: resolve(path), size, mtimeMs, ...readProbed(probed, path) }
}

/** What ffprobe said, judged. Throws FilmFault. */
export function readProbed ({ format = {}, streams = [] }: Probed, path: string): Omit<SourceFilm, 'path' | 'size' | 'mtimeMs'> {
  const names = format.format_name ?? ''
  if (names.split(',').some((name) => PICTURES.test(name))) throw new FilmFault('NOT_A_FILM', `${path} is a picture`)
  // a cover in a music file is a video stream to ffprobe
  const video = streams.find((stream) => stream.codec_type === 'video' && stream.disposition?.['attached_pic'] !== 1 && (stream.width ?? 0) > 0)
  if (video === undefined) {
    if (streams.every(({ codec_type: type }) => type !== 'audio' && type !== 'video')) throw new FilmFault('NOT_A_FILM', path)
    throw new FilmFault('NO_VIDEO', path)
  }
  const seconds = Number(format.duration)
  if (!(seconds > 0)) throw new FilmFault('NO_LENGTH', path)
  const subtitles = streams.filter(({ codec_type: type }) => type === 'subtitle')
  return {
    format: names,
    durationMs: Math.round(seconds * 1000),
    video: videoOf(video, format),
    audios: streams.filter(({ codec_type: type, codec_name: codec }) => type === 'audio' && codec !== undefined).map((stream) => ({
      index: stream.index, ...labels(stream), isDefault: stream.disposition?.['default'] === 1
    })),
    subtitles: subtitles.filter(({ codec_name: codec = '' }) => TEXT_SUBTITLES.has(codec)).map((stream) => ({
      index: stream.index, codec: stream.codec_name!, ...labels(stream), forced: stream.disposition?.['forced'] === 1
    })),
    unusable: subtitles.map(({ codec_name: codec = 'unknown' }) => codec).filter((codec) => !TEXT_SUBTITLES.has(codec))
  }
}

function labels ({ tags = {} }: ProbedStream): { language: string | null, title: string | null } {
  const { language, title } = Object.fromEntries(Object.entries(tags).map(([name, value]) => [name.toLowerCase(), value]))
  return { language: language === undefined ? null : languageOf(language), title: title === undefined || title === '' ? null : title }
}

function videoOf (stream: ProbedStream, { bit_rate: all, start_time: start }: NonNullable<Probed['format']>): VideoStream {
  const [across, down] = (stream.sample_aspect_ratio ?? '1:1').split(':').map(Number) as [number, number]
  const width = across > 0 && down > 0 ? Math.round(stream.width! * across / down) : stream.width!
  const height = stream.height!
  const rotation = Math.abs(stream.side_data_list?.find(({ rotation: turned }) => turned !== undefined)?.rotation ?? 0)
  const turned = rotation % 180 === 90
  const bitrate = Number(stream.bit_rate ?? all)
  const rate = rateOf(stream.avg_frame_rate, stream.r_frame_rate)
  return {
    index: stream.index,
    codec: stream.codec_name ?? 'unknown',
    width: turned ? height : width,
    height: turned ? width : height,
    rate,
    phase: phaseOf(Number(stream.start_time ?? 0) - Number(start ?? 0), rate),
    interlaced: ['tt', 'bb', 'tb', 'bt'].includes(stream.field_order ?? ''),
    hdr: ['smpte2084', 'arib-std-b67'].includes(stream.color_transfer ?? ''),
    bitrate: bitrate > 0 ? bitrate : null
  }
}
