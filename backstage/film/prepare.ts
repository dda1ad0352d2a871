// Everything that can be wrong with a build is found here, before any work: tools, film, pictures, subtitles, options, the folder, the room on the
// disk. What comes out is a build that can be run, and what to tell people of it.

import { statfs } from 'node:fs/promises'
import { statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { bytesText } from '../progress.ts'
import { BlobFolder } from './blob-folder.ts'
import { recipeOf } from './build-request.ts'
import { ENCODERS } from './encode-args.ts'
import { estimateSeconds } from './estimate.ts'
import { checkSubtitles, posterTypeOf, trailerFacts } from './extras.ts'
import { FilmFault } from './faults.ts'
import { BLOBS_FOLDER } from './film-build.ts'
import { planLines, planOf } from './plan.ts'
import { probeSource } from './source.ts'
import { encodersOf, ffmpegVersion } from './tools.ts'
import { lookAt } from './work.ts'
import type { BuildRequest } from './build-request.ts'
import type { TrailerFacts } from './extras.ts'
import type { BuildPlan } from './plan.ts'
import type { SourceFilm } from './source.ts'
import type { FolderState } from './work.ts'

export interface PreparedBuild {
  request: BuildRequest
  source: SourceFilm
  plan: BuildPlan
  trailer: TrailerFacts | null
  recipe: string
  /** Its version. */
  ffmpeg: string
  found: FolderState
  /** What people are told before it begins. */
  lines: string[]
  /** Estimates and facts for scripts: bytes and seconds (null where nobody can say). */
  expected: { bytes: number, done: number, free: number, seconds: number | null }
}

export interface PrepareParts {
  /** Where programs are, the environment's PATH. */
  path: string
  /** Free bytes of the disk that a folder is on. */
  free?: (folder: string) => Promise<number>
}

/** Besides the blobs: some clear segments, and room for what else is on the disk. */
const SPARE_BYTES = 64 * 1024 ** 2

/** Rejects with FilmFault; nothing is written. */
export async function prepareBuild (asked: BuildRequest, { path, free = freeBytes }: PrepareParts): Promise<PreparedBuild> {
  const request = { ...asked, folder: resolve(asked.folder) }
  const env = { path }
  const ffmpeg = await ffmpegVersion(path)
  const source = await probeSource(request.source, env)
  if (!(await encodersOf(path)).has(ENCODERS[request.codec])) throw new FilmFault('ENCODER_MISSING', `${request.codec} (${ENCODERS[request.codec]})`)
  if (request.poster !== null) await posterTypeOf(request.poster, env)
  const trailer = request.trailer === null ? null : await trailerFacts(request.trailer, env)
  for (const { path: file } of request.subtitles) await checkSubtitles(file, env)
  const plan = planOf(source, request, request.trailer === null ? 0 : statSync(request.trailer).size)
  const recipe = recipeOf(request, { size: source.size, mtime_ms: source.mtimeMs }, (file) => {
    const { size, mtimeMs } = statSync(file)
    return { size, mtime_ms: mtimeMs }
  })
  const found = await lookAt(request.folder, recipe, request.d)
  const room = await free(request.folder)
  const done = await new BlobFolder(join(request.folder, BLOBS_FOLDER)).bytes()
  const wanted = Math.max(0, plan.bytes - done) + SPARE_BYTES
  if (found.is !== 'finished' && room < wanted) throw new FilmFault('NO_SPACE', `the film needs some ${bytesText(wanted)} more, ${request.folder} has ${bytesText(room)}`)
  const whole = found.is === 'finished' ? null : await estimateSeconds(source, request, plan, env)
  const seconds = whole === null ? null : whole * Math.max(0, 1 - done / plan.bytes)
  const expected = { bytes: plan.bytes, done, free: room, seconds }
  return { request, source, plan, trailer, recipe, ffmpeg, found, lines: planLines(source, plan, request, expected), expected }
}

/** Of the nearest folder above that is there. */
async function freeBytes (folder: string): Promise<number> {
  try {
    const { bavail, bsize } = await statfs(folder)
    return bavail * bsize
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || dirname(folder) === folder) throw error
    return freeBytes(dirname(folder))
  }
}
