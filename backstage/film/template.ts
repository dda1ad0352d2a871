// The title's event as a build knows it: everything but servers, the keys' URL and the times, with bare file names for URLs (title-of.ts puts the
// rest in). And a template with another text, for a film that stays as it is. Pure.

import { TITLE_KIND, buildTitle } from '../../server/catalog/kinds/title.ts'
import type { BlobRef } from '../../server/catalog/manifest.ts'
import type { EventTemplate, FilmBuild, FilmText } from './film-build.ts'

export interface TemplateFacts {
  d: string
  text: FilmText
  durationMs: number
  manifest: BlobRef
  hashseq: FilmBuild['hashseq']
  /** Sha256. */
  master: string
  aggregate: string
  /** Its master playlist. */
  film: { name: string, type: string, width: number, height: number, bitrate: number }
  /** File names. */
  poster: string
  trailer: { name: string, type: string, width: number, height: number, durationMs: number, size: number } | null
}

export function templateOf ({ d, text, durationMs, manifest, hashseq, master, aggregate, film, poster, trailer }: TemplateFacts): EventTemplate {
  const media = (name: string, { type, width, height, ms, ...more }: { type: string, width: number, height: number, ms: number, bitrate?: number, size?: number }): object => ({
    url: name, sha256: hashOf(name), type, dim: `${width}x${height}`, duration: ms / 1000, images: [poster], ...more
  })
  const { kind, content, tags } = buildTitle({
    kind: TITLE_KIND, d, ...factsOf(text), duration: durationMs / 1000, manifest, hashSequence: hashseq, master, aggregate,
    // the first is what any client can play
    media: [
      ...(trailer === null ? [] : [media(trailer.name, { type: trailer.type, width: trailer.width, height: trailer.height, ms: trailer.durationMs, size: trailer.size })]),
      media(film.name, { type: film.type, width: film.width, height: film.height, ms: durationMs, bitrate: film.bitrate })
    ] as NonNullable<Parameters<typeof buildTitle>[0]['media']>
  }, 0)
  return { kind, content, tags: [...tags, ...languageTags(text)] }
}

function hashOf (name: string): string {
  return name.slice(0, 64)
}

function factsOf ({ title, summary, topics }: FilmText): { title: string, synopsis: string, topics: string[] } {
  return { title, synopsis: summary, topics }
}

/** NIP-32: a label in ISO-639-1 is the language of what is published; other tags of BCP 47 have no namespace there. */
function languageTags ({ language }: FilmText): string[][] {
  const short = language?.split('-')[0]
  return short?.length === 2 ? [['L', 'ISO-639-1'], ['l', short, 'ISO-639-1']] : []
}

/** Tags that come from the text. */
const OF_TEXT = new Set(['title', 'alt', 't', 'L', 'l'])

/** The same film with another text. */
export function withText (film: FilmBuild, text: FilmText): FilmBuild {
  const { event: { kind, tags } } = film
  const spoken = buildTitle({ d: film.d, ...factsOf(text), manifest: film.manifest }, 0).tags.filter(([name]) => OF_TEXT.has(name!))
  const [d, ...others] = tags.filter(([name]) => !OF_TEXT.has(name!))
  return { ...film, text, event: { kind, content: text.summary, tags: [d!, ...spoken, ...others, ...languageTags(text)] } }
}
