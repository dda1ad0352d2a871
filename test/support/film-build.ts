// A finished build of a generated film: moving picture with its frames numbered in the open, a tone a sound track, cues for subtitles; made by the
// real build with real ffmpeg. Kept in the temp folder by its parameters and the build's own code, since many tests want the same: only to be read.

import { createHash } from 'node:crypto'
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { runBuild } from '../../backstage/film/build.ts'
import { requestOf } from '../../backstage/film/build-request.ts'
import { readBuild, readKeys } from '../../backstage/film/film-build.ts'
import { prepareBuild } from '../../backstage/film/prepare.ts'
import { openProgress } from '../../backstage/progress.ts'
import { Signer } from './keys.ts'
import { requirePart } from './parts.ts'
import { ROOT } from './source.ts'
import type { FilmBuild, FilmKeys } from '../../backstage/film/film-build.ts'
import type { Test } from 'tap'

const run = promisify(execFile)

export interface BuiltFilmOptions {
  seconds?: number
  /** Heights; the film itself has the largest. */
  renditions?: readonly number[]
  encrypted?: boolean
  /** Languages of its sound tracks. */
  audios?: readonly string[]
  /** Languages of its subtitles: a cue a second. */
  subs?: readonly string[]
  format?: 'ts' | 'fmp4'
}

export interface BuiltFilm {
  /** The build folder. */
  folder: string
  film: FilmBuild
  keys: FilmKeys | null
  creator: Signer
  seconds: number
  /** Of the picture. */
  frames: number
}

/** Frames a second of the generated film. */
export const FILM_RATE = 25
const CREATOR_SECRET = createHash('sha256').update('the creator of the films of our tests').digest()

export interface FilmSource {
  path: string
  frames: number
}

/** An MP4 knows languages by three letters alone. */
const ISO_639_2: Readonly<Record<string, string>> = { en: 'eng', de: 'deu', fr: 'fra' }

/** A film file in `folder`. */
export async function makeSource (ffmpeg: string, folder: string, { seconds, height, audios, name = 'film.mkv' }: { seconds: number, height: number, audios: readonly string[], name?: string }): Promise<FilmSource> {
  const path = join(folder, name)
  const width = Math.round(height * 8 / 9) * 2
  await run(ffmpeg, [
    '-v', 'error', '-nostdin', '-y', '-f', 'lavfi', '-i', `testsrc2=size=${width}x${height}:rate=${FILM_RATE}:duration=${seconds}`,
    ...audios.flatMap((_, at) => ['-f', 'lavfi', '-i', `sine=frequency=${440 * (at + 1)}:duration=${seconds}`]),
    '-map', '0:v', ...audios.flatMap((language, at) => ['-map', `${at + 1}:a`, `-metadata:s:a:${at}`, `language=${ISO_639_2[language] ?? language}`]),
    '-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-crf', '23', '-c:a', 'aac', '-b:a', '64k', ...(name.endsWith('.mp4') ? ['-movflags', '+faststart'] : []), path
  ])
  return { path, frames: seconds * FILM_RATE }
}

/** A WebVTT file with a cue a second: `en 0`, `en 1`, … */
export async function makeSubtitles (folder: string, language: string, seconds: number): Promise<string> {
  const path = join(folder, `${language}.vtt`)
  const time = (second: number): string => new Date(second * 1000).toISOString().slice(11, 23)
  await writeFile(path, `WEBVTT\n\n${Array.from({ length: seconds }, (_, at) => `${time(at)} --> ${time(at + 0.9)}\n${language} ${at}\n`).join('\n')}`)
  return path
}

/** Null when there is no ffmpeg, which `requirePart` has then said on `t`. */
export async function builtFilm (t: Test, { seconds = 8, renditions = [180, 90], encrypted = true, audios = ['en'], subs = [], format = 'ts' }: BuiltFilmOptions = {}): Promise<BuiltFilm | null> {
  const ffmpeg = requirePart(t, 'ffmpeg')
  if (ffmpeg === null) return null
  const creator = new Signer(CREATOR_SECRET)
  const asked = JSON.stringify({ seconds, renditions, encrypted, audios, subs, format, code: await codeTimes() })
  const all = join(tmpdir(), 'marquee-films')
  const kept = join(all, createHash('sha256').update(asked).digest('hex').slice(0, 16))
  if (await stat(kept).catch(() => null) === null) {
    await mkdir(all, { recursive: true })
    const making = await mkdtemp(join(all, 'making-'))
    const { path } = await makeSource(ffmpeg, making, { seconds, height: Math.max(...renditions), audios })
    const files = await Promise.all(subs.map(async (language) => `${language}=${await makeSubtitles(making, language, seconds)}`))
    const request = requestOf([path], {
      title: 'A film of our tests', summary: 'Made up.', tag: ['test'], language: audios[0] ?? 'en', renditions: renditions.map((height) => `${height}p`).join(','),
      preset: 'ultrafast', subtitles: files, open: !encrypted, format
    }, { folder: join(making, 'build'), pubkey: creator.pubkey })
    const env = { path: process.env['PATH'] ?? '' }
    await runBuild(await prepareBuild(request, env), { ...env, progress: openProgress({ out: () => {}, err: () => {}, progress: null }, { json: false }) })
    // another test file may have been quicker
    await rename(making, kept).catch(() => rm(making, { recursive: true }))
  }
  const folder = join(kept, 'build')
  return { folder, film: await readBuild(folder), keys: await readKeys(folder), creator, seconds, frames: seconds * FILM_RATE }
}

/** When the code of the build was compiled: other code makes other films. */
async function codeTimes (): Promise<number[]> {
  const folder = join(ROOT, 'dist/backstage/film')
  const names = (await readdir(folder)).filter((name) => name.endsWith('.js')).sort()
  return Promise.all(names.map(async (name) => (await stat(join(folder, name))).mtimeMs))
}

/** A blob of a build. */
export function builtBlob ({ folder }: Pick<BuiltFilm, 'folder'>, name: string): Promise<Buffer> {
  return readFile(join(folder, 'blobs', name))
}
