// What a seeded catalog names: number i of everything is always the same. A scenario knows hashes, providers and words without asking anybody.

import { hash } from 'node:crypto'

export interface CatalogSize {
  titles: number
  /** Of them with a manifest that was read. */
  films: number
  /** Of each of those. */
  segments: number
  adverts: number
}

/** How many say that they have each film, and each blob that is advertised alone. */
export const PROVIDERS = 20
const PROVIDERS_OF_BLOB = 2
/** Adverts of one key: the cap at the door. */
export const ADVERTS_OF_KEY = 2000

/** One title in 250 has a manifest here, ten adverts a title. */
export function catalogSize (titles: number, segments: number): CatalogSize {
  return { titles, films: Math.max(1, Math.round(titles / 250)), segments, adverts: titles * 10 }
}

/** 64 hex digits. */
export const nameOf = (...what: (string | number)[]): string => hash('sha256', `marquee bench ${what.join(' ')}`, 'hex')

export interface TwoNames { sha256: string, blake3: string }

const both = (...what: (string | number)[]): TwoNames => ({ sha256: nameOf('sha256', ...what), blake3: nameOf('blake3', ...what) })

export const segmentAt = (film: number, segment: number): TwoNames => both('segment', film, segment)
export const manifestAt = (title: number): TwoNames => both('manifest', title)
/** A blob that no manifest lists. */
export const blobAlone = (index: number): TwoNames => both('alone', index)

/** What advert `index` of `adverts` is of, and the number of the key that makes it: no key twice for one blob. */
export function advertAt (index: number, { films, adverts }: CatalogSize): TwoNames & { film: number | null, key: number } {
  const keys = Math.max(PROVIDERS, Math.ceil(adverts / ADVERTS_OF_KEY) * 2)
  const ofFilms = Math.min(films * PROVIDERS, adverts)
  if (index < ofFilms) {
    const film = Math.floor(index / PROVIDERS)
    return { ...manifestAt(film), film, key: (film * PROVIDERS + index % PROVIDERS) % keys }
  }
  return { ...blobAlone(Math.floor((index - ofFilms) / PROVIDERS_OF_BLOB)), film: null, key: index % keys }
}

/** How many blobs have an advert of their own. */
export function blobsAlone ({ films, adverts }: CatalogSize): number {
  return Math.floor((adverts - Math.min(films * PROVIDERS, adverts)) / PROVIDERS_OF_BLOB)
}

/** Words by rank: the first stands in nearly every title, the n-th in about 1/n of them. */
export function wordsOf (title: number, count: number): string[] {
  const seed = Buffer.from(nameOf('words', title), 'hex')
  return Array.from({ length: count }, (_, i) => {
    const part = (seed.readUInt16LE(i * 2 % 31) ^ (i * 2654)) & 0xffff
    // of 5,000 words, each as frequent as its rank is low
    return wordAt(Math.floor(5000 ** ((part + 0.5) / 65536)) - 1)
  })
}

const SYLLABLES = ['ba', 'ce', 'di', 'fo', 'gu', 'ha', 'je', 'ki', 'lo', 'mu', 'na', 'pe', 'ri', 'so', 'tu', 'va', 'we', 'xi', 'yo', 'zu']

export function wordAt (rank: number): string {
  let word = ''
  for (let rest = rank + 8000; rest > 0; rest = Math.floor(rest / 20)) word += SYLLABLES[rest % 20]!
  return word
}

/** A word of this title alone. */
export const ownWord = (title: number): string => `only${nameOf('own', title).slice(0, 10)}`
