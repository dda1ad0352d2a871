// One rendition of picture or sound: ffmpeg writes clear segments into scratch while those it has finished are sealed and removed, so that sealing
// takes next to no time of its own and little disk. What an earlier run sealed stays.

import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { readAv1Codecs } from './av1-codecs.ts'
import { WRITTEN_INIT, WRITTEN_MASTER, WRITTEN_PLAYLIST, audioArgs, videoArgs } from './encode-args.ts'
import { FilmFault } from './faults.ts'
import { readCodecs, readWritten } from './playlist.ts'
import { Sealing } from './sealing.ts'
import { runFfmpeg } from './tools.ts'
import { freshFolder } from './work.ts'
import type { Stage } from '../progress.ts'
import type { BlobFolder } from './blob-folder.ts'
import type { BuildRequest } from './build-request.ts'
import type { FilmKeys } from './film-build.ts'
import type { Journal } from './journal.ts'
import type { AudioPlan, VideoPlan } from './plan.ts'
import type { SourceFilm } from './source.ts'

export interface EncodeParts {
  /** The build folder. */
  folder: string
  source: SourceFilm
  request: BuildRequest
  rendition: VideoPlan | AudioPlan
  blobs: BlobFolder
  journal: Journal
  keys: FilmKeys | null
  stage: Stage
  /** Of programs. */
  path: string
  signal: AbortSignal | undefined
}

/** Containers that ffmpeg finds a moment in to the frame. */
const SEEKABLE = /\b(mov|mp4|matroska|webm)\b/
/** A segment's length in the playlist is rounded. */
const ROUNDED_US = 1500
/** AAC-LC (RFC 6381). */
const AUDIO_CODECS = 'mp4a.40.2'

/** How many sealed segments the next run may build on: those that are there, and only where it can go on at the very next frame. */
export async function kept ({ source, request, rendition, blobs, journal }: Pick<EncodeParts, 'source' | 'request' | 'rendition' | 'blobs' | 'journal'>): Promise<number> {
  const { segments, init, complete } = journal.facts
  const { ext, initExt } = endings(request)
  if (init !== null && !await blobs.has(init, initExt)) return 0
  let there = 0
  while (there < segments.length && await blobs.has(segments[there]!, ext)) there++
  if (complete && there === segments.length) return there
  if (!('frames' in rendition) || !SEEKABLE.test(source.format)) return 0
  const us = rendition.frames * rendition.rate.den / rendition.rate.num * 1e6
  return segments.slice(0, there).every((segment) => Math.abs(segment.us - us) < ROUNDED_US) ? there : 0
}

export function endings ({ format }: Pick<BuildRequest, 'format'>): { ext: string, initExt: string } {
  return { ext: format === 'ts' ? 'ts' : 'm4s', initExt: 'mp4' }
}

/** Rejects with FilmFault: FFMPEG_FAILED, NO_SPACE, STOPPED. */
export async function encodeRendition (parts: EncodeParts): Promise<void> {
  const { journal } = parts
  const had = journal.facts
  const count = await kept(parts)
  if (had.complete && count === had.segments.length && count > 0) return
  if (count < had.segments.length || count === 0) await journal.keep(count)
  if (await runOnce(parts, count)) return
  // another ffmpeg, or other settings of its: what it makes now does not continue what is there
  await journal.keep(0)
  if (!await runOnce(parts, 0)) throw new FilmFault('FFMPEG_FAILED', 'its init segment changes')
}

/** False when its init segment is not that of the segments before. */
async function runOnce ({ folder: build, source, request, rendition, blobs, journal, keys, stage, path, signal }: EncodeParts, first: number): Promise<boolean> {
  const { ext, initExt } = endings(request)
  const folder = await freshFolder(build, rendition.name)
  const sealing = new Sealing({ blobs, journal, rendition: rendition.name, keys })
  const args = 'frames' in rendition ? videoArgs({ source, rendition, coding: request, folder, first }) : audioArgs(source.path, rendition, request, folder)
  /** Null: sound. */
  const rate = 'frames' in rendition ? rendition.rate : null
  let sealed = 0
  let fits = true

  async function seal (): Promise<void> {
    const written = readWritten(await readFile(join(folder, WRITTEN_PLAYLIST), 'utf8').catch(() => ''))
    for (const { name, us } of written.segments.slice(sealed)) {
      const file = join(folder, name)
      if (sealed === 0) {
        const init = request.format === 'fmp4' ? await readFile(join(folder, WRITTEN_INIT)) : null
        if (init !== null) fits = await sealing.init(init, initExt)
        if (!fits) return
        if (journal.facts.codecs === null) await journal.add({ codecs: rate === null ? AUDIO_CODECS : await codecsIn(folder, request, init) })
      }
      await sealing.segment(await readFile(file), us, ext)
      await rm(file)
      sealed++
    }
  }

  // one at a time: what is told while a look is under way is seen by the next
  let looking: Promise<void> | null = null
  const stopper = new AbortController()
  const stop = (): void => { stopper.abort() }
  let broken: unknown = null
  const look = (): void => {
    looking ??= seal().catch((error: unknown) => {
      broken ??= error
      stop()
    }).finally(() => {
      looking = null
      if (!fits) stop()
    })
  }
  signal?.addEventListener('abort', stop)
  const before = journal.facts.segments.reduce((sum, { us }) => sum + us, 0) / 1e6
  try {
    await runFfmpeg(args, {
      path,
      signal: stopper.signal,
      onLine: (line) => {
        const [, name, value] = /^(frame|out_time_us)=(\d+)$/.exec(line) ?? []
        if (name === 'frame' && rate !== null) stage.at(before + Number(value) * rate.den / rate.num)
        if (name === 'out_time_us' && rate === null) stage.at(before + Number(value) / 1e6)
        if (line.startsWith('progress=')) look()
      }
    })
  } catch (error) {
    await looking
    if (broken !== null) throw broken
    if (fits || signal?.aborted === true) throw error
  } finally {
    signal?.removeEventListener('abort', stop)
  }
  await looking
  if (fits && broken === null) await seal()
  if (broken !== null) throw broken
  if (fits) {
    if (journal.facts.segments.length === 0) throw new FilmFault('FFMPEG_FAILED', `no segment of ${rendition.name} came out`)
    await journal.add({ complete: true })
  }
  await rm(folder, { recursive: true, force: true })
  return fits
}

async function codecsIn (folder: string, { codec }: BuildRequest, init: Buffer | null): Promise<string> {
  const said = readCodecs(await readFile(join(folder, WRITTEN_MASTER), 'utf8').catch(() => ''))
  const found = said ?? (codec === 'av1' && init !== null ? readAv1Codecs(init) : null)
  if (found === null) throw new FilmFault('FFMPEG_FAILED', 'it does not say what codec it used')
  return found
}
