// Which types a browser might run if it opened a blob as a page. The bytes are a stranger's and our origin has pages of its own, so such a
// document is sandboxed: it gets an origin of its own, no scripts, nothing loaded (H-12). Pure.

import { essenceOf } from '../stores/media-type.ts'

const PASSIVE = new Set(['application/octet-stream', 'application/pdf', 'application/json', 'application/zip', 'application/vnd.apple.mpegurl', 'text/plain', 'text/vtt'])

/** The policy a blob of this type is served with; null where nothing in it can act. */
export function contentPolicy (type: string): string | null {
  const essence = essenceOf(type).toLowerCase() // to a browser they are the same
  if (PASSIVE.has(essence)) return null
  const media = /^(image|audio|video|font)\//.test(essence)
  // SVG is a document with scripts; `+xml` types may carry XSLT
  if (media && !essence.endsWith('+xml') && !essence.endsWith('/xml')) return null
  return "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"
}
