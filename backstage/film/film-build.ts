// The finished build of a film as it lies in a folder: film.json names every blob to be published by its hash and holds the title's event but for
// the servers; keys.json (0600, none for an open film) holds what must stay with the creator. `blobs/<sha256>.<ext>` are the bytes. film.json is
// written last: a folder without it is not finished. docs/film.md has the folder for people.

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { FILM_BUILD_SCHEMA, FILM_KEYS_SCHEMA } from './film-build-schema.ts'
import { FilmFault } from './faults.ts'
import type { ValidateFunction } from 'ajv'
import type { BlobRef } from '../../server/catalog/manifest.ts'

export const FILM_SCHEMA_NAME = 'marquee.film-build/1'
export const KEYS_SCHEMA_NAME = 'marquee.film-keys/1'

/** In a build folder. */
export const FILM_FILE = 'film.json'
export const KEYS_FILE = 'keys.json'
export const BLOBS_FOLDER = 'blobs'
export const WORK_FOLDER = 'work'

export type FileRole = 'segment' | 'init' | 'playlist' | 'master' | 'manifest' | 'hashseq' | 'poster' | 'trailer' | 'subs'

export interface BuiltFile extends BlobRef {
  /** Media type; ciphertext has that of its extension. */
  type: string
  /** `<sha256>.<ext>`, in blobs/. */
  name: string
  role: FileRole
  /** As `1080p`, `audio-en`, `subs-en`; null for what belongs to the film as a whole. */
  rendition: string | null
}

export interface FilmText {
  title: string
  summary: string
  topics: string[]
  /** BCP 47. */
  language: string | null
}

/** The title's event but for its servers, its keys' URL and its times: every URL in it is a bare `<sha256>.<ext>` (title-of.ts). */
export interface EventTemplate {
  kind: number
  content: string
  tags: string[][]
}

export interface FilmBuild {
  schema: typeof FILM_SCHEMA_NAME
  d: string
  /** The creator, 64 hex digits. */
  pubkey: string
  encrypted: boolean
  duration_ms: number
  source: { path: string, size: number, mtime_ms: number }
  /** Sha256 of all that was asked for but the text: a build of the same source and recipe is the same. */
  recipe: string
  /** Unix seconds. */
  built_at: number
  text: FilmText
  /** Every blob once. */
  files: BuiltFile[]
  manifest: BlobRef
  hashseq: { blake3: string, sha256: string, count: number }
  master: BlobRef
  aggregate: string
  event: EventTemplate
}

export interface RenditionKey {
  /** 16 hex digits, in the playlists as `keys/<id>`. */
  id: string
  rendition: string
  /** 32 hex digits. */
  key: string
}

export interface FilmKeys {
  schema: typeof KEYS_SCHEMA_NAME
  d: string
  pubkey: string
  /** 64 hex digits: every rendition's key comes from it (keys.ts). */
  secret: string
  keys: RenditionKey[]
}

const ajv = new Ajv2020({ strict: true, allErrors: false, coerceTypes: false, validateSchema: false, meta: false })
const checks = new Map<object, ValidateFunction>()

/** A finished build. Rejects with FilmFault: NO_BUILD, BUILD_DAMAGED. */
export async function readBuild (folder: string): Promise<FilmBuild> {
  const found = await readChecked(join(folder, FILM_FILE), FILM_BUILD_SCHEMA) as FilmBuild | null
  if (found === null) throw new FilmFault('NO_BUILD', folder)
  return found
}

/** The keys of a build; null for an open film. Rejects with FilmFault: BUILD_DAMAGED. */
export async function readKeys (folder: string): Promise<FilmKeys | null> {
  return await readChecked(join(folder, KEYS_FILE), FILM_KEYS_SCHEMA) as FilmKeys | null
}

/** Parsed and checked JSON; null where there is no file. */
async function readChecked (path: string, schema: object): Promise<unknown> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new FilmFault('BUILD_DAMAGED', `${path} is not JSON`, { cause })
  }
  let check = checks.get(schema)
  if (check === undefined) checks.set(schema, check = ajv.compile(schema))
  if (check(value)) return value
  const [error] = check.errors!
  throw new FilmFault('BUILD_DAMAGED', `${path} ${error!.instancePath} ${error!.message ?? ''}`)
}
