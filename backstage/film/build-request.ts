// What a creator may ask of a build, as options of the command line; `film build` and `film publish` share them. Pure.

import canonicalize from 'canonicalize'
import { parseKeyName } from '../../server/catalog/address.ts'
import { sha256Hex } from '../../server/stores/multihash.ts'
import { FilmFault } from './faults.ts'
import { DEFAULT_RUNGS } from './ladder.ts'
import { languageOf } from './languages.ts'
import type { FilmText } from './film-build.ts'
import type { VideoCodec } from './ladder.ts'

export interface BuildRequest {
  /** The film file. */
  source: string
  /** The build folder. */
  folder: string
  /** The creator, 64 hex digits. */
  pubkey: string
  /** The title's id; null for that of the unfinished build in the folder, or a new one. */
  d: string | null
  text: FilmText
  /** As `1080p`. */
  renditions: readonly string[]
  format: 'ts' | 'fmp4'
  codec: VideoCodec
  preset: string
  /** Null: as many as ffmpeg wants. */
  threads: number | null
  /** Without encryption. */
  open: boolean
  subtitles: readonly { language: string | null, path: string }[]
  poster: string | null
  trailer: string | null
}

type Values = Record<string, string | boolean | (string | boolean)[] | undefined>

export const BUILD_OPTIONS = {
  title: { type: 'string' },
  summary: { type: 'string' },
  tag: { type: 'string', multiple: true },
  language: { type: 'string' },
  id: { type: 'string' },
  poster: { type: 'string' },
  trailer: { type: 'string' },
  subtitles: { type: 'string', multiple: true },
  renditions: { type: 'string' },
  format: { type: 'string' },
  codec: { type: 'string' },
  preset: { type: 'string' },
  threads: { type: 'string' },
  open: { type: 'boolean' }
} as const

export const BUILD_OPTIONS_HELP = `  --title TEXT          the film's name; must be given
  --summary TEXT        what it is about
  --tag WORD            a topic; may be given again
  --language TAG        of the film, as en or pt-BR
  --id ID               the title's id: that of an earlier title replaces it; otherwise a new one
  --poster FILE         a picture; otherwise one is taken from the film
  --trailer FILE        a short film that anybody may see
  --subtitles TAG=FILE  subtitles (WebVTT, SubRip, ASS), as en=film.srt; may be given again. Text subtitles inside the film are taken too
  --renditions LIST     as 1080p,720p,480p, which is the default; none is larger than the film
  --format ts|fmp4      of the segments; ts
  --codec h264|hevc|av1 h264; the others need fmp4, and players that know them
  --preset NAME         of the encoder, from ultrafast to veryslow; medium
  --threads N           for the encoder; as many as there are
  --open                without encryption: anybody may play it`

const PRESETS = ['ultrafast', 'superfast', 'veryfast', 'faster', 'fast', 'medium', 'slow', 'slower', 'veryslow']

/** `words` has the film file. Throws FilmFault OPTION_WRONG. */
export function requestOf (words: readonly string[], values: Values, { folder, pubkey }: { folder: string, pubkey: string }): BuildRequest {
  const [source, ...others] = words
  if (source === undefined || others.length > 0) wrong(source === undefined ? 'which film file?' : `one film file at a time, and not ${others.join(' ')}`)
  const one = (name: string): string | null => typeof values[name] === 'string' ? values[name] : null
  const many = (name: string): string[] => Array.isArray(values[name]) ? values[name].map(String) : []
  const title = one('title')?.trim() ?? ''
  if (title === '') wrong('--title is missing')
  const language = one('language')
  const [format, codec, preset, threads] = [one('format'), one('codec') ?? 'h264', one('preset') ?? 'medium', one('threads')]
  if (format !== null && format !== 'ts' && format !== 'fmp4') wrong(`--format is ts or fmp4, not ${format}`)
  if (codec !== 'h264' && codec !== 'hevc' && codec !== 'av1') wrong(`--codec is h264, hevc or av1, not ${codec}`)
  if (codec !== 'h264' && format === 'ts') wrong(`${codec} needs --format fmp4`)
  if (!PRESETS.includes(preset)) wrong(`--preset is one of ${PRESETS.join(', ')}`)
  if (threads !== null && !/^[1-9]\d{0,2}$/.test(threads)) wrong('--threads is a number')
  const id = one('id')
  if (id !== null && (id === '' || Buffer.byteLength(id) > 200)) wrong('--id is a text of up to 200 bytes')
  return {
    source,
    folder,
    pubkey: hexKey(pubkey),
    d: id,
    text: { title, summary: one('summary') ?? '', topics: [...new Set(many('tag').map((topic) => topic.trim().toLowerCase()).filter((topic) => topic !== ''))], language: language === null ? null : languageIn('--language', language) },
    renditions: one('renditions')?.split(',').map((name) => name.trim()).filter((name) => name !== '') ?? DEFAULT_RUNGS,
    format: format ?? (codec === 'h264' ? 'ts' : 'fmp4'),
    codec,
    preset,
    threads: threads === null ? null : Number(threads),
    open: values['open'] === true,
    subtitles: many('subtitles').map(subtitlesOf),
    poster: one('poster'),
    trailer: one('trailer')
  }
}

function wrong (detail: string): never {
  throw new FilmFault('OPTION_WRONG', detail)
}

function hexKey (key: string): string {
  try {
    return parseKeyName(key)
  } catch {
    return wrong('a key is 64 hex digits or npub1')
  }
}

function languageIn (option: string, tag: string): string {
  return languageOf(tag) ?? wrong(`${option} wants a language, as en or pt-BR, and not ${tag}`)
}

function subtitlesOf (text: string): { language: string, path: string } {
  const at = text.indexOf('=')
  if (at < 1 || at === text.length - 1) wrong('--subtitles is LANGUAGE=FILE')
  return { language: languageIn('--subtitles', text.slice(0, at)), path: text.slice(at + 1) }
}

export interface FileFacts {
  size: number
  mtime_ms: number
}

/** Sha256 over all that the blobs depend on: the source, the options but for the text, and the files they name (`of`). 64 hex digits. */
export function recipeOf ({ pubkey, renditions, format, codec, preset, open, subtitles, poster, trailer, text }: BuildRequest, source: FileFacts, of: (path: string) => FileFacts): string {
  const named = (path: string | null): unknown => path === null ? null : of(path)
  return sha256Hex(Buffer.from(canonicalize({
    pubkey, renditions: [...renditions], format, codec, preset, open, source, poster: named(poster), trailer: named(trailer),
    // it names what nobody labelled
    language: text.language,
    subtitles: subtitles.map(({ language, path }) => ({ language, file: named(path) }))
  })!))
}
