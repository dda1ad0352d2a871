// Every URI of an HLS playlist, and a playlist with others in their place (RFC 8216; master and media alike): segment and variant lines, and the
// URI attribute of any tag, among them EXT-X-MAP, EXT-X-MEDIA, EXT-X-I-FRAME-STREAM-INF, EXT-X-KEY, EXT-X-SESSION-KEY and EXT-X-SESSION-DATA. Pure.
//
// Blossom's guide for HLS: names are relative, `<sha256>.<ext>`, and never name a host.

export interface PlaylistUri {
  uri: string
  /** The tag it stands in, as `EXT-X-MAP`; null for a line of its own. */
  tag: string | null
  /** From 1. */
  line: number
}

// an attribute list is a row of NAME=value or NAME="text without quotes" (§4.2), so a URI inside another attribute's quotes is none
const ATTRIBUTE = /([A-Z0-9-]+)=("[^"\r\n]*"|[^",\r\n]*)(,|$)/g

/** In order. */
export function urisOf (playlist: string): PlaylistUri[] {
  const found: PlaylistUri[] = []
  rewriteUris(playlist, (uri) => {
    found.push(uri)
    return uri.uri
  })
  return found
}

/** The playlist with each URI replaced; everything else stays byte for byte. `rename` may throw for one that it does not know. */
export function rewriteUris (playlist: string, rename: (uri: PlaylistUri) => string): string {
  return playlist.split('\n').map((text, at) => {
    const end = text.endsWith('\r') ? '\r' : ''
    const body = end === '' ? text : text.slice(0, -1)
    const line = at + 1
    if (body.trim() === '') return text
    if (!body.startsWith('#')) return rename({ uri: body, tag: null, line }) + end
    const tag = /^#(EXT[A-Z0-9-]*):/.exec(body)
    // EXTINF has a title, not attributes
    if (tag === null || tag[1] === 'EXTINF') return text
    const list = body.slice(tag[0].length)
    return tag[0] + list.replace(ATTRIBUTE, (all, name: string, value: string, next: string) => {
      if (name !== 'URI' || !value.startsWith('"')) return all
      return `URI="${rename({ uri: value.slice(1, -1), tag: tag[1]!, line })}"${next}`
    }) + end
  }).join('\n')
}
