// What ffprobe says of a video, read with suspicion: which streams are kept, how large the picture is as shown, how long it lasts. Pure.

import { Failure } from '../errors.ts'

export interface VideoFacts {
  /** Indexes of the streams to keep, in order: the video, then sound, then subtitles that the container takes. */
  streams: readonly { index: number, is: 'video' | 'audio' | 'subtitle', language: string | null }[]
  /** All codecs of them. */
  codecs: readonly string[]
  width: number
  height: number
  /** Seconds. */
  duration: number | null
}

interface Told {
  index?: unknown
  codec_type?: unknown
  codec_name?: unknown
  width?: unknown
  height?: unknown
  disposition?: { attached_pic?: unknown }
  tags?: { language?: unknown }
  side_data_list?: { rotation?: unknown }[]
}

/** The arguments that make ffprobe say what `readFacts` reads. */
export const ASKED = ['-of', 'json', '-show_entries', 'stream=index,codec_type,codec_name,width,height:stream_disposition=attached_pic:stream_tags=language:stream_side_data=rotation:format=duration']

const MOST_STREAMS = 32

/** `subtitles`: codecs of those that are kept. Throws MEDIA_REFUSED where there is no video among the streams, MEDIA_DAMAGED where there are none. */
export function readFacts (text: string, subtitles: readonly string[]): VideoFacts {
  const told = parse(text)
  const all = (Array.isArray(told.streams) ? told.streams : []) as Told[]
  if (all.length === 0) throw new Failure('MEDIA_DAMAGED', 'there is nothing in it')
  // a cover is a picture that music brings along
  const video = all.find(({ codec_type: is, disposition }) => is === 'video' && disposition?.attached_pic !== 1)
  const [width, height] = [Number(video?.width), Number(video?.height)]
  if (video === undefined) throw new Failure('MEDIA_REFUSED', 'there is no video in it')
  if (!(width > 0 && height > 0)) throw new Failure('MEDIA_DAMAGED', 'its picture has no size')
  const others = (type: string): Told[] => all.filter(({ codec_type: is, codec_name: codec }) => is === type && (type !== 'subtitle' || subtitles.includes(String(codec))))
  const kept = [video, ...others('audio'), ...others('subtitle')].slice(0, MOST_STREAMS)
  const turned = (video.side_data_list ?? []).some(({ rotation }) => Math.abs(Number(rotation)) % 180 === 90)
  const duration = Number(told.format?.duration)
  return {
    streams: kept.map(({ index, codec_type: is, tags }) => ({ index: Number(index), is: is as 'video', language: languageOf(tags?.language) })),
    codecs: kept.map(({ codec_name: codec }) => String(codec)),
    width: turned ? height : width,
    height: turned ? width : height,
    duration: Number.isFinite(duration) && duration >= 0 ? duration : null
  }
}

function parse (text: string): { streams?: unknown, format?: { duration?: unknown } } {
  try {
    return JSON.parse(text) as ReturnType<typeof parse>
  } catch {
    throw new Failure('MEDIA_DAMAGED')
  }
}

function languageOf (told: unknown): string | null {
  return typeof told === 'string' && /^[a-z]{3}$/.test(told) && told !== 'und' ? told : null
}
