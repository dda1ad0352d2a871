// A user's or server's list of Blossom servers (kind 10063), and the hash a URL names. Pure. BUD-03, NIP-B7.

import { Failure } from '../errors.ts'

export const SERVER_LIST_KIND = 10063

/** An event still to be signed. */
export interface ServerListDraft { kind: number, created_at: number, tags: string[][], content: string }

/** The servers of a kind 10063 event as origins, in order of preference, each once. Another kind names no server; bad tags are skipped. */
export function parseServerList (event: { kind: number, tags: string[][] }): string[] {
  if (event.kind !== SERVER_LIST_KIND) return []
  const origins = event.tags.filter(([name]) => name === 'server').map(([, url]) => serverOrigin(url ?? ''))
  return [...new Set(origins.filter(origin => origin !== null))]
}

/** The unsigned list of `urls`, most trusted first; `createdAt` in Unix seconds. Throws URL_INVALID for a bad URL or none at all. */
export function buildServerList (urls: readonly string[], createdAt: number): ServerListDraft {
  // The event MUST have at least one server tag, with a full URL and its scheme.
  if (urls.length === 0) throw new Failure('URL_INVALID', 'a server list names at least one server')
  const origins = urls.map(url => {
    const origin = serverOrigin(url)
    if (origin === null) throw new Failure('URL_INVALID', url)
    return origin
  })
  return { kind: SERVER_LIST_KIND, created_at: createdAt, tags: [...new Set(origins)].map(origin => ['server', origin]), content: '' }
}

/** The sha256 a URL names, lowercase, or null. A longer run of hex digits is some other number and names nothing. */
export function lastHashIn (url: string): string | null {
  // The last run of 64 hex digits MUST be taken: earlier ones are often pubkeys.
  return url.match(/(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])/gi)?.at(-1)?.toLowerCase() ?? null
}

/** Blossom lives at the root of its host (BUD-01), so an origin says it all; null for what is no http(s) URL. */
function serverOrigin (url: string): string | null {
  return /^https?:\/\//i.test(url) && URL.canParse(url) ? new URL(url).origin : null
}
