// `/<sha256>[.ext]`: the path of a blob (blossom.md §2.1). The extension is decoration: it never changes what is served. Pure.

const BLOB_PATH = /^([0-9a-fA-F]{64})(?:\.([A-Za-z0-9][A-Za-z0-9._-]{0,31}))?$/

/** Are these 64 lower-case hex digits? Four times as fast as the pattern, and asked of every read. */
function isPlainHash (text: string): boolean {
  if (text.length !== 64) return false
  for (let i = 0; i < 64; i++) {
    const code = text.charCodeAt(i)
    if (!((code >= 48 && code <= 57) || (code >= 97 && code <= 102))) return false
  }
  return true
}

/** The sha256 a path segment names, lower case (A4); null when it is no blob's path. */
export function parseBlobPath (segment: string): string | null {
  if (isPlainHash(segment)) return segment
  return BLOB_PATH.exec(segment)?.[1]?.toLowerCase() ?? null
}

const HEX64 = /^[0-9a-fA-F]{64}$/

/** 64 hex digits, lower case; null for anything else. */
export function parseSha256 (text: string): string | null {
  return HEX64.test(text) ? text.toLowerCase() : null
}
