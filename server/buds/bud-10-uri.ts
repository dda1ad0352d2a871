// Reads and writes `blossom:` URIs: a blob's hash and extension, with hints where it may lie. Pure. BUD-10.
// A hint nobody could use is skipped; the hash, the extension and the size must be right.

import { Failure } from '../errors.ts'

export interface BlossomUri {
  /** 64 lowercase hex digits. */
  sha256: string
  /** Without its dot. */
  extension: string
  /** `xs`: bare hosts or http(s) URLs as written, in order; `serverUrls` says what to try. */
  servers: string[]
  /** `as`: pubkeys, 64 lowercase hex digits, in order. */
  authors: string[]
  /** `sz` in bytes, or null when the URI does not say. */
  size: number | null
}

const HEX_64 = /^[0-9a-f]{64}$/
const EXTENSION = /^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$/

/** Reads a `blossom:` URI; hash and pubkeys may come in uppercase. Throws URL_INVALID. */
export function parseBlossomUri (text: string): BlossomUri {
  // The scheme, the hash and an extension MUST be there.
  const match = /^blossom:([^.?#]*)\.([^?#]*)(?:\?([^#]*))?(?:#.*)?$/i.exec(text)
  if (match === null) throw new Failure('URL_INVALID', 'a blob URI is blossom:<sha256>.<extension>')
  const [, hash = '', extension = '', query = ''] = match
  const params = new URLSearchParams(query)
  return {
    sha256: checkHash(hash),
    extension: checkExtension(extension),
    servers: unique(params.getAll('xs')).filter(server => serverUrls(server).length > 0),
    authors: unique(params.getAll('as').map(author => author.toLowerCase())).filter(author => HEX_64.test(author)),
    size: parseSize(unique(params.getAll('sz'))),
  }
}

/**
 * Writes a `blossom:` URI. An unknown extension (absent, empty) becomes `bin`; the size of an empty blob cannot be said and is left out.
 * A shared URI should carry the size, every server known to hold the blob (bare hosts) and its uploader. Throws URL_INVALID.
 */
export function buildBlossomUri (parts: Pick<BlossomUri, 'sha256'> & Partial<BlossomUri>): string {
  const { servers = [], authors = [], size = null } = parts
  const query: string[] = []
  for (const server of servers) {
    if (serverUrls(server).length === 0) throw new Failure('URL_INVALID', `no server: ${server}`)
    query.push(`xs=${encodeURIComponent(server).replaceAll('%3A', ':').replaceAll('%2F', '/')}`)
  }
  for (const author of authors) {
    // Public keys MUST be hex.
    if (!HEX_64.test(author.toLowerCase())) throw new Failure('URL_INVALID', 'an author is a pubkey of 64 hex digits')
    query.push(`as=${author.toLowerCase()}`)
  }
  if (size !== null && size !== 0) {
    if (!Number.isSafeInteger(size) || size < 0) throw new Failure('URL_INVALID', 'sz is a positive whole number')
    query.push(`sz=${size}`)
  }
  // An unknown extension MUST become .bin.
  const path = `${checkHash(parts.sha256)}.${checkExtension((parts.extension ?? '') || 'bin')}`
  return `blossom:${path}${query.length === 0 ? '' : `?${query.join('&')}`}`
}

/** The origins to try for one `xs`, best first; none when it names no http(s) server. */
export function serverUrls (xs: string): string[] {
  // Without a scheme: https first, then http. The server is assumed at the root, so a path means nothing.
  const urls = /^[a-z][a-z0-9+.-]*:\/\//i.test(xs) ? [xs] : [`https://${xs}`, `http://${xs}`]
  return urls.filter(url => /^https?:\/\/[^/\s]/i.test(url) && URL.canParse(url)).map(url => new URL(url).origin)
}

function checkHash (hash: string): string {
  const sha256 = hash.toLowerCase()
  if (!HEX_64.test(sha256)) throw new Failure('URL_INVALID', 'the hash of a blob URI is 64 hex digits')
  return sha256
}

function checkExtension (extension: string): string {
  if (!EXTENSION.test(extension)) throw new Failure('URL_INVALID', 'the extension of a blob URI is missing or not plain')
  return extension
}

/** `sz` MUST be a positive integer. It is a check on the bytes, not a hint: one we cannot read must not vanish. */
function parseSize (values: readonly string[]): number | null {
  const [value] = values
  if (value === undefined) return null
  const size = Number(value)
  if (values.length > 1 || !/^\d+$/.test(value) || !Number.isSafeInteger(size) || size === 0) {
    throw new Failure('URL_INVALID', 'sz is one positive whole number')
  }
  return size
}

function unique (values: readonly string[]): string[] {
  return [...new Set(values)]
}
