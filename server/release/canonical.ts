// Canonical JSON (RFC 8785, by `canonicalize`) as documents of a release have it: integers only, and what is received must already be its own
// canonical form. That one check removes white space, repeated members and other spellings, which JSON.parse hides (reference §2.2). Pure.

import canonicalize from 'canonicalize'
import { ReleaseFault } from './faults.ts'
import { checkSpelling } from './spelling.ts'

/** Bytes; each document has a smaller limit of its own. */
export const DOCUMENT_LIMIT = 1024 * 1024

/** Throws DOCUMENT_TOO_LARGE, DOCUMENT_UNREADABLE, DOCUMENT_TOO_DEEP, MEMBER_REPEATED, NUMBER_INVALID or NOT_CANONICAL. `limit` in bytes. */
export function parseCanonical (bytes: Uint8Array, limit = DOCUMENT_LIMIT): unknown {
  const { text, value } = parseText(bytes, limit, true)
  if (canonicalText(value) !== text) throw new ReleaseFault('NOT_CANONICAL')
  return value
}

/** JSON of any spelling, as v1 documents come: but for what would be read differently by two readers. Throws as `parseCanonical`. */
export function parseLoose (bytes: Uint8Array, limit = DOCUMENT_LIMIT): unknown {
  return parseText(bytes, limit, false).value
}

function parseText (bytes: Uint8Array, limit: number, strict: boolean): { text: string, value: unknown } {
  if (bytes.length > limit) throw new ReleaseFault('DOCUMENT_TOO_LARGE', `at most ${limit} bytes`)
  try {
    // a byte order mark stays in the text, where JSON.parse refuses it
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    checkSpelling(text, strict)
    return { text, value: JSON.parse(text) as unknown }
  } catch (error) {
    throw error instanceof ReleaseFault ? error : new ReleaseFault('DOCUMENT_UNREADABLE')
  }
}

/** Throws NOT_CANONICAL for what has no canonical form: half a surrogate, a number that is none. */
export function canonicalText (value: unknown): string {
  try {
    const text = canonicalize(value)
    if (text !== undefined) return text
  } catch (error) {
    throw new ReleaseFault('NOT_CANONICAL', error instanceof Error ? error.message : undefined)
  }
  throw new ReleaseFault('NOT_CANONICAL', 'nothing')
}
