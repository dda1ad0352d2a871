// A video that begins to play at once: the same streams, not encoded again, in a container whose index stands before the media, without metadata
// (place, camera, time, chapters), and a poster of it. BUD-05. ffmpeg reads it by the one demuxer of its kind and opens nothing but the file
// itself: a playlist or a list of files in a video's place names nothing that would be fetched.

import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Failure } from '../errors.ts'
import { runBounded } from './bounded-child.ts'
import { faultOf } from './faults.ts'
import { CONTAINERS } from './limits.ts'
import { ASKED, readFacts } from './probe.ts'
import { matroskaLength } from './whole.ts'
import type { MediaKind, VideoKind } from './kinds.ts'
import type { Job, Made, MadeVideo } from './limits.ts'
import type { VideoFacts } from './probe.ts'

interface Target {
  name: string
  type: string
  /** Of ffmpeg, for the output. */
  format: readonly string[]
}

/** What plays from an MP4 file in a browser or on a phone; anything else stays QuickTime. */
const IN_MP4 = ['h264', 'hevc', 'av1', 'vp9', 'mpeg4', 'h263', 'aac', 'mp3', 'ac3', 'eac3', 'opus', 'flac', 'alac', 'amr_nb', 'mov_text']
const SUBTITLES: Readonly<Record<VideoKind, readonly string[]>> = { mp4: ['mov_text'], webm: ['webvtt'], matroska: ['subrip', 'ass', 'webvtt'] }
const BEFORE = ['-movflags', '+faststart']
const CUES = ['-cues_to_front', '1']
/** Pixels of a poster's longer side. */
const POSTER_SIDE = 1280
/** A film's first second is often black. */
const POSTER_AT = 0.1
const POSTER_LATEST = 10
/** The index grows a little when it moves. */
const GROWTH_BYTES = 64 * 1024 * 1024

/** Makes the video and its poster of `in`. Rejects as `makePicture`, and with MEDIA_REFUSED where there is no video in it. */
export async function makeVideo ({ kind, type }: Extract<MediaKind, { is: 'video' }>, job: Job): Promise<MadeVideo> {
  const { folder, limits } = job
  const end = performance.now() + limits.time
  const read = ['-v', 'error', '-protocol_whitelist', 'file', '-f', CONTAINERS[kind]]
  const run = async (program: string, args: readonly string[]): Promise<{ ok: boolean, out: string, err: string }> => {
    const time = Math.max(1, end - performance.now())
    const { code, late, out, err } = await runBounded({
      program, args, folder, isolation: job.isolation, signal: job.signal, bounds: { time, memory: limits.memory, fileSize: job.size * 1.25 + GROWTH_BYTES }
    })
    if (late) throw new Failure('MEDIA_COSTLY', 'time')
    return { ok: code === 0, out, err }
  }

  if (kind !== 'mp4' && (matroskaLength(job.head) ?? 0) > job.size) throw new Failure('MEDIA_DAMAGED', 'it breaks off')
  const probed = await run(limits.ffprobe, [...read, ...ASKED, 'file:in'])
  if (!probed.ok) throw faultOf(probed.err, folder)
  const facts = readFacts(probed.out, SUBTITLES[kind])
  if (facts.width * facts.height > limits.maxPixels) throw new Failure('MEDIA_COSTLY', `${limits.maxPixels} pixels at most`)

  const poster = await makePoster(facts, [...read, '-threads', '2'], job, run)
  const target = targetOf(kind, type, facts)
  const { streams } = facts
  const sound = streams.filter(({ is }) => is === 'audio')
  const languages = sound.flatMap(({ language }, i) => language === null ? [] : [`-metadata:s:a:${i}`, `language=${language}`])
  const remuxed = await run(limits.ffmpeg, [
    // anything wrong is the end: a video that breaks off would pass for whole
    '-nostdin', '-xerror', ...read, '-i', 'file:in', ...streams.flatMap(({ index }) => ['-map', `0:${index}`]), '-c', 'copy',
    '-map_metadata', '-1', '-map_chapters', '-1', ...languages, '-fflags', '+bitexact', ...target.format, `file:${target.name}`
  ])
  if (!remuxed.ok) throw faultOf(remuxed.err, folder)
  return { ...await madeAt(folder, target.name, target.type, facts), duration: facts.duration, poster }
}

function targetOf (kind: VideoKind, type: string, { codecs }: VideoFacts): Target {
  if (kind === 'webm') return { name: 'out.webm', type, format: [...CUES, '-f', 'webm'] }
  if (kind === 'matroska') return { name: 'out.mkv', type: 'video/matroska', format: [...CUES, '-f', 'matroska'] }
  return codecs.every((codec) => IN_MP4.includes(codec))
    ? { name: 'out.mp4', type: 'video/mp4', format: [...BEFORE, '-f', 'mp4'] }
    : { name: 'out.mov', type: 'video/quicktime', format: [...BEFORE, '-f', 'mov'] }
}

async function makePoster ({ streams, duration, width, height }: VideoFacts, read: readonly string[], { folder, limits }: Job,
  run: (program: string, args: readonly string[]) => Promise<{ ok: boolean, err: string }>): Promise<Made> {
  const scale = Math.min(1, POSTER_SIDE / Math.max(width, height))
  const shown = { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) }
  let last = ''
  // where a seek finds no frame the first one will do
  for (const at of new Set([Math.min((duration ?? 0) * POSTER_AT, POSTER_LATEST), 0])) {
    const { ok, err } = await run(limits.ffmpeg, [
      '-nostdin', ...read, '-ss', at.toFixed(3), '-i', 'file:in', '-map', `0:${streams[0]!.index}`, '-frames:v', '1', '-vf', `scale=${shown.width}:${shown.height},format=yuvj420p`,
      '-q:v', '3', '-map_metadata', '-1', '-fflags', '+bitexact', '-flags:v', '+bitexact', '-f', 'mjpeg', '-y', 'file:poster.jpg'
    ])
    last = err
    const made = ok ? await madeAt(folder, 'poster.jpg', 'image/jpeg', shown).catch(() => null) : null
    if (made !== null && made.size > 0) return made
  }
  throw faultOf(last, folder)
}

async function madeAt (folder: string, name: string, type: string, { width, height }: { width: number, height: number }): Promise<Made> {
  const path = join(folder, name)
  return { path, type, size: (await stat(path)).size, width, height }
}
