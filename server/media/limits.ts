// What work on one picture or video may cost, as configured, and what one of them becomes: shapes that the parts of media/ share.

import type { VideoKind } from './kinds.ts'

export interface MediaLimits {
  /** Milliseconds for all of it. */
  readonly time: number
  /** Bytes of memory of one child process. */
  readonly memory: number
  /** Pixels of a picture, all its frames together, and of one frame of a video. */
  readonly maxPixels: number
  /** Pixels of the longer side that a picture keeps. */
  readonly maxSide: number
  /** What pictures become: WebP, or what they were. */
  readonly format: 'webp' | 'same'
  /** Commands, by name or path. */
  readonly ffmpeg: string
  readonly ffprobe: string
}

export interface Dimensions {
  /** Pixels, as shown: turned upright. */
  width: number
  height: number
}

/** A file that was made, in the folder of its job. */
export interface Made extends Dimensions {
  path: string
  /** Media type. */
  type: string
  /** Bytes. */
  size: number
}

export interface MadeVideo extends Made {
  /** Seconds; null where nobody knows. */
  duration: number | null
  poster: Made
}

/** One job: its folder holds the body as the file `in`. */
export interface Job {
  folder: string
  /** Bytes of the body, and the first of them. */
  size: number
  head: Uint8Array
  limits: MediaLimits
  isolation: readonly string[]
  signal: AbortSignal
}

/** ffmpeg's name for what reads and writes a kind. */
export const CONTAINERS: Readonly<Record<VideoKind, string>> = { mp4: 'mov', webm: 'matroska', matroska: 'matroska' }
