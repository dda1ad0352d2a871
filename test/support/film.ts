// Real film files of any size, made with real ffmpeg: a few seconds of moving noise and a tone in H.264 and AAC, repeated without encoding
// again. The index (moov) stands at the end, as ffmpeg writes it, so that a player has to ask for ranges.

import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createReadStream, statSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { requirePart } from './parts.ts'
import type { Test } from 'tap'

const run = promisify(execFile)
const CLIP_SECONDS = 4

export interface Film {
  path: string
  /** Bytes. */
  size: number
  sha256: string
  seconds: number
}

/** An MP4 of at least `size` bytes in `folder`; null when there is no ffmpeg, which `requirePart` has then said on `t`. */
export async function makeFilm (t: Test, folder: string, size: number): Promise<Film | null> {
  const ffmpeg = requirePart(t, 'ffmpeg')
  if (ffmpeg === null) return null
  const [clip, path] = [join(folder, 'clip.mp4'), join(folder, 'film.mp4')]
  const quiet = ['-v', 'error', '-nostdin', '-y']
  await run(ffmpeg, [
    ...quiet, '-f', 'lavfi', '-i', `testsrc=size=640x360:rate=25:duration=${CLIP_SECONDS},noise=alls=50:allf=t`, '-f', 'lavfi', '-i', `sine=frequency=440:duration=${CLIP_SECONDS}`,
    '-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-crf', '20', '-c:a', 'aac', clip
  ])
  const times = Math.ceil(size / statSync(clip).size * 1.02)
  await run(ffmpeg, [...quiet, '-stream_loop', String(times - 1), '-i', clip, '-c', 'copy', path])
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 })) hash.update(chunk as Buffer)
  return { path, size: statSync(path).size, sha256: hash.digest('hex'), seconds: times * CLIP_SECONDS }
}

/** What ffprobe finds out about a film at a URL. */
export async function probe (ffprobe: string, url: string): Promise<{ seconds: number, size: number, codecs: string[] }> {
  const { stdout } = await run(ffprobe, ['-v', 'error', '-show_entries', 'format=duration,size:stream=codec_name', '-of', 'json', url], { env: {} })
  const { format, streams } = JSON.parse(stdout) as { format: { duration: string, size: string }, streams: { codec_name: string }[] }
  return { seconds: Number(format.duration), size: Number(format.size), codecs: streams.map(({ codec_name }) => codec_name) }
}
