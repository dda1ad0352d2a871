// A title's event made complete: what the build left open since it belongs to the servers it is published to. NIP-71: `fallback` names other
// copies of a file in the same imeta, and so do further `image`s. Pure. (web/backstage/ has a small copy for browsers.)

import { serverOrigin } from '../../server/catalog/tags.ts'
import { FilmFault } from './faults.ts'
import type { EventDraft } from '../../server/auth/signature.ts'
import type { FilmBuild } from './film-build.ts'

export interface TitlePlaces {
  /** Blossom servers that have every blob, best first; at least one. */
  servers: readonly string[]
  /** URL of the keys, `https://<origin>/keys`; null for an open film. */
  access: string | null
  /** Unix seconds, both. */
  createdAt: number
  publishedAt: number
}

/** Words of an imeta whose value is a file, and the word for the same file on the other servers. */
const PLACED: Readonly<Record<string, string>> = { url: 'fallback', image: 'image', thumb: 'thumb', fallback: 'fallback' }

/** The event to be signed. Throws FilmFault OPTION_WRONG: no server, one that is no http(s) URL, or an encrypted film without a place for its keys. */
export function completeTitle ({ event, encrypted }: Pick<FilmBuild, 'event' | 'encrypted'>, { servers, access, createdAt, publishedAt }: TitlePlaces): EventDraft {
  const origins = [...new Set(servers.map((server) => serverOrigin(server) ?? wrong(`${server} is no server`)))]
  if (origins.length === 0) wrong('a title needs a server')
  if (encrypted && access === null) wrong('an encrypted film needs a server for its keys')
  const added = [
    ['published_at', String(publishedAt)],
    ...(encrypted ? [['access', 'nip98', access!]] : []),
    ...origins.map((origin) => ['server', origin])
  ]
  return {
    kind: event.kind,
    created_at: createdAt,
    content: event.content,
    tags: [...event.tags.map((tag) => tag[0] === 'imeta' ? placed(tag, origins) : [...tag]), ...added]
  }
}

function wrong (detail: string): never {
  throw new FilmFault('OPTION_WRONG', detail)
}

function placed (tag: readonly string[], [first, ...others]: readonly string[]): string[] {
  const more: string[] = []
  const words = tag.map((element, at) => {
    const space = element.indexOf(' ')
    const also = PLACED[element.slice(0, space)]
    if (at === 0 || also === undefined) return element
    const name = element.slice(space + 1)
    more.push(...others.map((origin) => `${also} ${origin}/${name}`))
    return `${element.slice(0, space)} ${first}/${name}`
  })
  return [...words, ...more]
}
