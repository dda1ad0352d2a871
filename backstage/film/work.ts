// The unfinished build: work/state.json says of what film and by what recipe it is, and what is chosen once (the title's id, the keys) is on the
// disk before it is used. A folder that holds anything else is left alone.

import { randomBytes, randomUUID } from 'node:crypto'
import { mkdir, readFile, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { KEYS_FILE, KEYS_SCHEMA_NAME, WORK_FOLDER, readBuild, readKeys } from './film-build.ts'
import { keysFor } from './film-keys.ts'
import { FilmFault } from './faults.ts'
import { ifThere, writeDurably } from '../durable.ts'
import type { FilmBuild, FilmKeys } from './film-build.ts'

export interface WorkState {
  schema: 'marquee.film-work/1'
  d: string
  recipe: string
  /** The version of ffmpeg that made what is there. */
  ffmpeg: string
  /** Where the film was, for people. */
  source: string
}

const STATE_FILE = 'state.json'

export type FolderState = { is: 'new' } | { is: 'unfinished', state: WorkState } | { is: 'finished', film: FilmBuild }

/** What a build of this recipe finds in a folder. Rejects with FilmFault: OTHER_BUILD, BUILD_DAMAGED. */
export async function lookAt (folder: string, recipe: string, d: string | null): Promise<FolderState> {
  const film = await readBuild(folder).catch((error: unknown) => {
    if (error instanceof FilmFault && error.code === 'NO_BUILD') return null
    throw error
  })
  if (film !== null) {
    if (film.recipe !== recipe || (d !== null && d !== film.d)) throw new FilmFault('OTHER_BUILD', `${folder} has a finished one, of other options or another film`)
    return { is: 'finished', film }
  }
  const state = await readState(folder)
  if (state !== null) {
    if (state.recipe !== recipe || (d !== null && d !== state.d)) {
      throw new FilmFault('OTHER_BUILD', `an unfinished one of ${state.source} is in ${folder}, of other options or another film: give the same, or remove it`)
    }
    return { is: 'unfinished', state }
  }
  const names = await ifThere(readdir(folder)) ?? []
  // a work folder without a state was broken off before anything was chosen
  if (names.some((name) => name !== WORK_FOLDER)) throw new FilmFault('OTHER_BUILD', `${folder} is not empty, and has no build`)
  return { is: 'new' }
}

async function readState (folder: string): Promise<WorkState | null> {
  const text = await ifThere(readFile(join(folder, WORK_FOLDER, STATE_FILE), 'utf8'))
  return text === null ? null : JSON.parse(text) as WorkState
}

/** The state of a build that goes on or begins; new ones are on the disk when it resolves. */
export async function openWork (folder: string, found: FolderState, fresh: Omit<WorkState, 'schema' | 'd'> & { d: string | null }): Promise<WorkState> {
  await mkdir(join(folder, WORK_FOLDER), { recursive: true })
  const state: WorkState = { schema: 'marquee.film-work/1', ...fresh, d: found.is === 'unfinished' ? found.state.d : fresh.d ?? randomUUID() }
  await writeDurably(join(folder, WORK_FOLDER, STATE_FILE), JSON.stringify(state))
  return state
}

/** The film's keys, made once: on the disk before the first of them is used. */
export async function openKeys (folder: string, { d }: WorkState, pubkey: string, renditions: readonly string[]): Promise<FilmKeys> {
  const had = await readKeys(folder)
  if (had !== null && (had.d !== d || had.pubkey !== pubkey)) throw new FilmFault('OTHER_BUILD', `${folder}/${KEYS_FILE} is of another title`)
  const facts = had ?? { d, pubkey, secret: randomBytes(32).toString('hex'), keys: [] }
  const keys: FilmKeys = { schema: KEYS_SCHEMA_NAME, d, pubkey, secret: facts.secret, keys: keysFor(facts, renditions, () => randomBytes(8).toString('hex')) }
  if (keys.keys.length !== had?.keys.length) await writeDurably(join(folder, KEYS_FILE), `${JSON.stringify(keys, null, 2)}\n`, 0o600)
  return keys
}

/** The scratch of a rendition, empty. */
export async function freshFolder (folder: string, rendition: string): Promise<string> {
  const work = join(folder, WORK_FOLDER)
  await removeRuns(work, `${rendition}.run-`)
  const path = join(work, `${rendition}.run-${randomBytes(4).toString('hex')}`)
  await mkdir(path)
  return path
}

/** An ffmpeg of a run that was killed goes on writing: its folder gets another name first, so that it finds it no more and ends at its next segment. */
async function removeRuns (work: string, beginning: string): Promise<void> {
  for (const name of await readdir(work)) {
    if (!name.startsWith(beginning)) continue
    const gone = join(work, `${beginning}gone-${randomBytes(4).toString('hex')}`)
    await rename(join(work, name), gone)
    await rm(gone, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }) // a file that it is just creating
  }
}

export async function endWork (folder: string): Promise<void> {
  await rm(join(folder, WORK_FOLDER), { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
}
