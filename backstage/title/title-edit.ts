// A title with something else in it: text, poster, servers, place of the keys. Tags that it does not know stay as they are. Pure.

import { serverOrigin, tagsNamed, valueOf, valuesOf } from '../../server/catalog/tags.ts'
import type { EventDraft } from '../../server/auth/signature.ts'
import type { BlobRef } from '../../server/catalog/manifest.ts'

export interface TitleEdit {
  title?: string
  summary?: string
  /** In place of all. */
  topics?: readonly string[]
  /** `<sha256>.<ext>` of a picture, in place of those on the title's own servers. */
  poster?: string
  manifest?: BlobRef
  /** Origins, best first, in place of those before. */
  servers?: readonly string[]
  /** URL of the keys. */
  access?: string
}

/** The next version of a title; `createdAt` in Unix seconds. */
export function editTitle ({ kind, content, tags }: Pick<EventDraft, 'kind' | 'content' | 'tags'>, edit: TitleEdit, createdAt: number): EventDraft {
  const before = valuesOf(tags, 'server').map((url) => serverOrigin(url) ?? url)
  const servers = edit.servers ?? before
  const old = valueOf(tags, 'title')
  let edited = tags.map((tag) => [...tag])
  if (edit.title !== undefined) {
    edited = put(edited, [['title', edit.title]])
    if (valueOf(tags, 'alt') === `Film: ${old}`) edited = put(edited, [['alt', `Film: ${edit.title}`]])
  }
  if (edit.topics !== undefined) edited = put(edited, edit.topics.map((topic) => ['t', topic]), 't')
  if (edit.access !== undefined) edited = put(edited, [['access', 'nip98', edit.access]])
  if (edit.manifest !== undefined) {
    const { sha256, blake3, size } = edit.manifest
    const [, , , , type] = tagsNamed(tags, 'manifest')[0] ?? []
    edited = put(edited, [['manifest', sha256, blake3, String(size), ...(type === undefined ? [] : [type])]])
    edited = edited.map((tag) => tag[0] === 'x' && tag[2] === 'manifest' ? ['x', sha256, 'manifest'] : tag)
  }
  edited = edited.map((tag) => tag[0] === 'imeta' ? placed(tag, before, servers, edit.poster) : tag)
  if (edit.servers !== undefined) edited = put(edited, servers.map((origin) => ['server', origin]), 'server')
  return { kind, created_at: createdAt, content: edit.summary ?? content, tags: edited }
}

/** Tags in the place of the first of this name, the others gone; at the end where there was none. */
function put (tags: readonly string[][], fresh: string[][], name: string = fresh[0]![0]!): string[][] {
  const at = tags.findIndex((tag) => tag[0] === name)
  const kept = tags.filter((tag, i) => tag[0] !== name || i === at)
  return at < 0 ? [...kept, ...fresh] : kept.flatMap((tag) => tag[0] === name ? fresh : [tag])
}

/** The word that names further copies of the same file. */
const ALSO: Readonly<Record<string, string>> = { url: 'fallback', image: 'image', thumb: 'thumb' }

/** One `imeta` on other servers. URLs elsewhere than on the title's own servers are somebody else's, and stay. */
function placed (tag: readonly string[], before: readonly string[], servers: readonly string[], poster: string | undefined): string[] {
  const nameOf = (url: string): string | null => {
    const origin = before.find((each) => url.startsWith(`${each}/`))
    return origin === undefined ? null : url.slice(origin.length + 1)
  }
  const done = new Set<string>()
  const words = tag.slice(1).flatMap((element) => {
    const space = element.indexOf(' ')
    const [word, value] = [element.slice(0, space), element.slice(space + 1)]
    const own = nameOf(value)
    if (own === null) return [element]
    // copies are named anew from the first
    if (word === 'fallback') return []
    const also = ALSO[word]
    if (also === undefined) return [element]
    const name = word === 'url' ? own : poster ?? own
    if (done.has(`${word} ${name}`)) return []
    done.add(`${word} ${name}`)
    return servers.map((origin, at) => `${at === 0 ? word : also} ${origin}/${name}`)
  })
  return ['imeta', ...words]
}
