// A prepared build, run: poster, trailer and subtitles, then sound, then the picture, rendition by rendition, then what names them. It may be broken
// off at any moment, also by a kill or a power cut, and run again with the same request: it goes on at the first segment that is missing.

import { join } from 'node:path'
import { mkdir } from 'node:fs/promises'
import { clock } from '../progress.ts'
import { assemble } from './assemble.ts'
import { BlobFolder } from './blob-folder.ts'
import { syncFolder, writeDurably } from '../durable.ts'
import { encodeRendition, kept } from './encode.ts'
import { makePoster, makeSubtitles, makeTrailer } from './extras.ts'
import { FilmFault } from './faults.ts'
import { BLOBS_FOLDER, FILM_FILE, WORK_FOLDER } from './film-build.ts'
import { holdFolder } from './folder-hold.ts'
import { Journal } from './journal.ts'
import { withText } from './template.ts'
import { checkStopped } from './tools.ts'
import { endWork, openKeys, openWork } from './work.ts'
import type { Progress } from '../progress.ts'
import type { FilmBuild, FilmText } from './film-build.ts'
import type { PreparedBuild } from './prepare.ts'

export interface RunParts {
  progress: Progress
  /** Where programs are, the environment's PATH. */
  path: string
  signal?: AbortSignal | undefined
  /** Milliseconds. */
  now?: () => number
}

/** Of the length that the film file claims: less is said. */
const WHOLE = 0.98

/** The finished build; film.json is on the disk. Rejects with FilmFault; what was finished until then stays for the next run. */
export async function runBuild (prepared: PreparedBuild, { progress, path, signal, now = Date.now }: RunParts): Promise<FilmBuild> {
  const { request: { folder, text } } = prepared
  await mkdir(folder, { recursive: true })
  const release = await holdFolder(folder)
  try {
    const film = prepared.found.is === 'finished' ? await retold(prepared.found.film, text, folder) : await makeAll(prepared, { progress, path, signal, now })
    await endWork(folder)
    return film
  } finally {
    release()
  }
}

/** A finished build with the text that is asked for now. */
async function retold (film: FilmBuild, text: FilmText, folder: string): Promise<FilmBuild> {
  if (JSON.stringify(film.text) === JSON.stringify(text)) return film
  const other = withText(film, text)
  await writeFilm(folder, other)
  return other
}

async function writeFilm (folder: string, film: FilmBuild): Promise<void> {
  await writeDurably(join(folder, FILM_FILE), `${JSON.stringify(film)}\n`)
}

async function makeAll (prepared: PreparedBuild, { progress, path, signal, now }: Omit<RunParts, 'now'> & { now: () => number }): Promise<FilmBuild> {
  const { request, source, trailer, recipe, ffmpeg, found } = prepared
  const plan = { ...prepared.plan, subtitles: [...prepared.plan.subtitles] }
  const { folder } = request
  const state = await openWork(folder, found, { d: request.d, recipe, ffmpeg, source: source.path })
  const renditions = [...plan.videos, ...plan.audios, ...plan.subtitles].map(({ name }) => name)
  const keys = request.open ? null : await openKeys(folder, state, request.pubkey, renditions)
  const blobs = new BlobFolder(join(folder, BLOBS_FOLDER))
  await blobs.open()
  const run = { path, signal }

  const journals = new Map<string, Journal>()
  for (const name of renditions) {
    const journal = await new Journal(join(folder, WORK_FOLDER, `${name}.journal`)).load()
    // another ffmpeg goes on with none of what an earlier one left unfinished
    if (found.is === 'unfinished' && found.state.ffmpeg !== ffmpeg && !journal.facts.complete) await journal.keep(0)
    journals.set(name, journal)
  }

  const posterFile = await makePoster(folder, source, request.poster, blobs, run)
  const trailerFile = trailer === null ? null : { ...await makeTrailer(folder, request.trailer!, trailer, blobs, run), ...trailer }
  for (const track of prepared.plan.subtitles) {
    checkStopped(signal)
    try {
      await makeSubtitles({ folder, source, track, blobs, journal: journals.get(track.name)!, keys, ...run })
    } catch (error) {
      // what was asked for must be there; a track that is empty inside the film is nobody's loss
      if (!(error instanceof FilmFault && error.code === 'SUBTITLES_BAD') || 'path' in track.from) throw error
      progress.note(`left out  ${track.name}: ${error.message}`)
      plan.subtitles.splice(plan.subtitles.indexOf(track), 1)
    }
  }
  for (const rendition of [...plan.audios, ...plan.videos]) {
    const journal = journals.get(rendition.name)!
    const had = await kept({ source, request, rendition, blobs, journal })
    const before = journal.facts.segments.slice(0, had).reduce((sum, { us }) => sum + us, 0) / 1e6
    const stage = progress.stage(`encode ${rendition.name}`, { total: source.durationMs / 1000, unit: 'seconds', before })
    await encodeRendition({ folder, source, request, rendition, blobs, journal, keys, stage, ...run })
    stage.end()
    const seconds = journal.facts.segments.reduce((sum, { us }) => sum + us, 0) / 1e6
    if (seconds < source.durationMs / 1000 * WHOLE) progress.note(`${rendition.name} ends at ${clock(seconds)} of ${clock(source.durationMs / 1000)}: is the film file whole?`)
  }

  const film = await assemble({
    source, request, plan, d: state.d, recipe, keys, blobs, poster: posterFile, trailer: trailerFile,
    journals: new Map([...journals].map(([name, { facts }]) => [name, facts])), now: Math.floor(now() / 1000)
  })
  await blobs.keepOnly(new Set(film.files.map(({ name }) => name)))
  await syncFolder(blobs.path)
  await writeFilm(folder, film)
  return film
}
