// Which renditions of a film's picture are made: the asked ones that are no larger than it, never upscaled. A rung `1080p` is the largest picture
// of this shape that fits in 1920 × 1080 (a portrait film: 1080 × 1920), so that a wide film of 1920 × 800 is its 1080p. Pure.

import { FilmFault } from './faults.ts'
import type { Rate } from './frame-rate.ts'

export type VideoCodec = 'h264' | 'hevc' | 'av1'

export interface Rung {
  /** As `1080p`: a folder in the paths of the aggregate hash. */
  name: string
  /** Even, both. */
  width: number
  height: number
  /** Bits a second, on average and at most. */
  bitrate: number
  maxrate: number
}

export interface LadderSource {
  width: number
  height: number
  rate: Rate
  codec: string
  bitrate: number | null
}

export const DEFAULT_RUNGS: readonly string[] = ['1080p', '720p', '480p']

/** Bits a second of H.264 for 1920 × 1080 at up to 30 frames; other sizes need the 0.75th power of their share of pixels. */
const FULL_HD_BITRATE = 5_000_000
const FULL_HD_PIXELS = 1920 * 1080
/** What each codec needs of H.264's bits. */
const COST: Readonly<Record<VideoCodec, number>> = { h264: 1, hevc: 0.6, av1: 0.5 }
/** Rungs nearer to each other than this are one. */
const LEAST_STEP = 1.2

/** Largest first. Throws FilmFault OPTION_WRONG for a name that is no rung. */
export function ladderOf (source: LadderSource, asked: readonly string[], codec: VideoCodec): Rung[] {
  const heights = [...new Set(asked.map(heightOf))].sort((a, b) => b - a)
  const [wide, narrow] = source.width >= source.height ? [source.width, source.height] : [source.height, source.width]
  const scales = new Map<string, number>()
  for (const height of heights) {
    const scale = Math.min(Math.round(height * 8 / 9) * 2 / wide, height / narrow)
    // as large as this it is not: then the film's own size is the top, by its own name
    scales.set(scale > 1 ? `${even(narrow)}p` : `${height}p`, Math.min(1, scale))
  }
  const rungs: Rung[] = []
  for (const [name, scale] of [...scales].sort(([, a], [, b]) => b - a)) {
    const [width, height] = [even(source.width * scale), even(source.height * scale)]
    const above = rungs.at(-1)
    // the film's own size between two rungs may be as good as one of them
    if (above !== undefined && above.height / height < LEAST_STEP && scales.get(above.name) === 1) continue
    const bitrate = bitrateOf(width * height, source, codec)
    rungs.push({ name, width, height, bitrate, maxrate: round(bitrate * 1.1) })
  }
  return rungs
}

function heightOf (name: string): number {
  const height = Number(/^(\d{2,4})p?$/.exec(name.trim())?.[1])
  if (!(height >= 64 && height <= 4320)) throw new FilmFault('OPTION_WRONG', `"${name}" is no rendition: they are like 1080p`)
  return height
}

function even (length: number): number {
  return Math.max(2, Math.round(length / 2 - 1e-6) * 2)
}

function bitrateOf (pixels: number, { width, height, rate, codec: had, bitrate: before }: LadderSource, codec: VideoCodec): number {
  const fast = rate.num / rate.den > 31 ? 1.4 : 1
  const wanted = FULL_HD_BITRATE * (pixels / FULL_HD_PIXELS) ** 0.75 * fast * COST[codec]
  // more bits than the source has bring nothing back: what it spends on such a part of its pixels, in this codec's terms, is enough
  const enough = before === null ? Infinity : before / (COST[had as VideoCodec] ?? 1) * COST[codec] * 1.2 * (pixels / (width * height)) ** 0.75
  return round(Math.max(Math.min(wanted, enough), wanted / 4))
}

function round (bits: number): number {
  return Math.max(50_000, Math.round(bits / 10_000) * 10_000)
}
