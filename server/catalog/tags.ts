// Small readings of an event's tags that the parsers share. What a tag must look like is in the schemas. Pure.

import { CatalogFault } from './faults.ts'

/** Every tag of this name. */
export function tagsNamed (tags: readonly string[][], name: string): string[][] {
  return tags.filter((tag) => tag[0] === name)
}

/** The first value of the first tag of this name; null without one. */
export function valueOf (tags: readonly string[][], name: string): string | null {
  return tags.find((tag) => tag[0] === name)?.[1] ?? null
}

/** The first values of all tags of this name, in order, each once. */
export function valuesOf (tags: readonly string[][], name: string): string[] {
  return [...new Set(tagsNamed(tags, name).map((tag) => tag[1]).filter((value) => value !== undefined))]
}

/** A number in a tag as the schemas have it. Throws TAG_INVALID for one that JavaScript cannot hold. */
export function wholeOf (tags: readonly string[][], name: string): number | null {
  const text = valueOf(tags, name)
  return text === null ? null : whole(text, name)
}

export function whole (text: string, name: string): number {
  const number = Number(text)
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(number)) throw new CatalogFault('TAG_INVALID', `${name} must be a whole number`)
  return number
}

/** Blossom lives at the root of its host (BUD-01), so a server is its origin; null for what is no http(s) URL. */
export function serverOrigin (url: string): string | null {
  return /^https?:\/\//i.test(url) && URL.canParse(url) ? new URL(url).origin : null
}

/** The servers named by `server` tags, in order, each once. Throws TAG_INVALID for a URL that is none. */
export function serversOf (tags: readonly string[][]): string[] {
  return [...new Set(valuesOf(tags, 'server').map((url) => originIn('server', url)))]
}

/** Throws TAG_INVALID. */
export function originIn (name: string, url: string): string {
  const origin = serverOrigin(url)
  if (origin === null) throw new CatalogFault('TAG_INVALID', `${name} must be an http or https URL`)
  return origin
}

/** Throws TAG_INVALID when it is no absolute http(s) URL. */
export function checkUrl (name: string, url: string): string {
  if (serverOrigin(url) === null) throw new CatalogFault('TAG_INVALID', `${name} must be an http or https URL`)
  return url
}

/** `[name, value]`, or nothing where there is no value: for building. */
export function maybe (name: string, value: string | number | null | undefined): string[][] {
  return value === null || value === undefined ? [] : [[name, String(value)]]
}
