// One file in an `imeta` tag: words like `url https://…`, each an element (NIP-92, with NIP-71's). Words of no meaning here are skipped. Pure.

import { CatalogFault } from '../faults.ts'
import { checkUrl, whole } from '../tags.ts'

export interface Media {
  url: string
  sha256: string | null
  type: string | null
  /** As `1920x1080`. */
  dim: string | null
  /** Seconds. */
  duration: number | null
  /** Bits a second. */
  bitrate: number | null
  /** Bytes. */
  size: number | null
  images: string[]
  fallbacks: string[]
}

const FAULT = 'TAG_INVALID'

/** Throws TAG_INVALID. */
export function parseMedia (tag: readonly string[]): Media {
  const words = tag.slice(1).map((element): [string, string] => {
    const at = element.indexOf(' ')
    return at < 0 ? [element, ''] : [element.slice(0, at), element.slice(at + 1)]
  })
  const first = (name: string): string | null => words.find(([word]) => word === name)?.[1] ?? null
  const all = (name: string): string[] => words.filter(([word]) => word === name).map(([, value]) => value)
  const url = first('url')
  // each imeta MUST have a url
  if (url === null) throw new CatalogFault(FAULT, 'imeta must have a url')
  const [sha256, dim, duration, bitrate, size] = [first('x'), first('dim'), first('duration'), first('bitrate'), first('size')]
  if (sha256 !== null && !/^[0-9a-f]{64}$/.test(sha256)) throw new CatalogFault(FAULT, 'x in imeta must be 64 lowercase hex digits')
  if (dim !== null && !/^\d{1,6}x\d{1,6}$/.test(dim)) throw new CatalogFault(FAULT, 'dim in imeta must be like 1920x1080')
  if (duration !== null && !/^\d{1,9}(\.\d{1,9})?$/.test(duration)) throw new CatalogFault(FAULT, 'duration in imeta must be in seconds')
  return {
    url: checkUrl('url in imeta', url),
    sha256,
    type: first('m'),
    dim,
    duration: duration === null ? null : Number(duration),
    bitrate: bitrate === null ? null : whole(bitrate, 'bitrate in imeta'),
    size: size === null ? null : whole(size, 'size in imeta'),
    images: all('image').map((each) => checkUrl('image in imeta', each)),
    fallbacks: all('fallback').map((each) => checkUrl('fallback in imeta', each))
  }
}

export function buildMedia ({ url, sha256, type, dim, duration, bitrate, size, images, fallbacks }: Pick<Media, 'url'> & Partial<Media>): string[] {
  const words = { x: sha256, m: type, dim, duration, bitrate, size }
  return [
    'imeta', `url ${url}`,
    ...Object.entries(words).flatMap(([word, value]) => value == null ? [] : [`${word} ${value}`]),
    ...(images ?? []).map((image) => `image ${image}`),
    ...(fallbacks ?? []).map((fallback) => `fallback ${fallback}`)
  ]
}
