// What a blob is said to be. A specific type from the client wins; octet-stream or nothing is sniffed with `file-type`, the
// extension as a hint. Bytes that stay opaque (ciphertext) are octet-stream and as good as any others (blossom.md T9).

import { fileTypeFromBuffer } from 'file-type'
import mime from 'mime'

/** The type of bytes that nobody knows. */
export const UNTYPED = 'application/octet-stream'

/** How many leading bytes the sniffer wants to see. */
export const SNIFFED_BYTES = 4100

const TOKEN = "[A-Za-z0-9!#$%&'*+.^_`|~-]+"
const MEDIA_TYPE = new RegExp(`^(${TOKEN}/${TOKEN})\\s*(;.*)?$`)

/**
 * A Content-Type header in the form that is stored: lower case, parameters dropped but for `charset` on text. Null when it is not
 * a media type at all.
 */
export function parseMediaType (header: string): string | null {
  const match = MEDIA_TYPE.exec(header.trim())
  if (match?.[1] === undefined || header.length > 200) return null
  const essence = match[1].toLowerCase()
  const charset = /;\s*charset\s*=\s*"?([A-Za-z0-9._:-]+)"?/i.exec(match[2] ?? '')?.[1]
  return essence.startsWith('text/') && charset !== undefined ? `${essence}; charset=${charset.toLowerCase()}` : essence
}

/** A stored type without its parameters. */
export function essenceOf (type: string): string {
  return type.split(';', 1)[0]!.trim()
}

/** Does a type match a pattern such as `video/*`, `image/png` or `*` + `/*`? */
export function matchesType (pattern: string, type: string): boolean {
  const essence = essenceOf(type)
  if (pattern === '*/*' || pattern === '*') return true
  return pattern.endsWith('/*') ? essence.startsWith(pattern.slice(0, -1).toLowerCase()) : essence === pattern.toLowerCase()
}

/** What a film's files are by their extension. */
const PLAYED: Readonly<Record<string, string>> = { m3u8: 'application/vnd.apple.mpegurl', ts: 'video/mp2t', m4s: 'video/iso.segment', mp4: 'video/mp4', vtt: 'text/vtt' }

/**
 * The type of a file of a film, told by a Blossom name, `<sha256>.<extension>`, alone: those of a bought film are ciphertext, which may begin like anything.
 * Null for any other name.
 */
export function playedType (name: string): string | null {
  const extension = /^[0-9a-f]{64}\.([a-z0-9]+)$/i.exec(name)?.[1]?.toLowerCase() ?? ''
  return Object.hasOwn(PLAYED, extension) ? PLAYED[extension]! : null
}

/** The type a blob is given: the client's, else what its first bytes show, else what the extension suggests. */
export async function resolveType (declared: string | null, head: Uint8Array, extension: string | null): Promise<string> {
  if (declared !== null && declared !== UNTYPED) return declared
  const found = head.length === 0 ? undefined : await fileTypeFromBuffer(head).catch(() => undefined)
  if (found !== undefined) return found.mime
  return (extension === null ? null : mime.getType(extension)) ?? UNTYPED
}

/** What mime-db calls otherwise than players and people do. */
const EXTENSIONS: Readonly<Record<string, string>> = {
  'application/vnd.apple.mpegurl': 'm3u8',
  'application/x-mpegurl': 'm3u8',
  'audio/mpegurl': 'm3u8',
  'audio/aac': 'aac',
  'audio/flac': 'flac',
  'audio/ogg': 'ogg',
  'audio/opus': 'opus',
  'audio/mpeg': 'mp3',
  'audio/mp4': 'm4a',
  'image/jpeg': 'jpg',
  'video/iso.segment': 'm4s',
  'video/mp2t': 'ts',
  'video/quicktime': 'mov',
  'text/plain': 'txt'
}

/** The extension for a type; `bin` when nothing better is known (rules 02-3 and 10-2). */
export function extensionOf (type: string): string {
  const essence = essenceOf(type)
  return EXTENSIONS[essence] ?? mime.getExtension(essence) ?? 'bin'
}
