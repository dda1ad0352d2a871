// The Authorization header to an event, or the exact reason why not. BUD-11 §3 of blossom.md: scheme `Nostr`, a JSON event in base64.
// Pure but for the signature check. The checks here are those that do not depend on the request: they are made once a header and
// remembered, since clients send one token many times (SDK: up to an hour).

import { Failure } from '../errors.ts'
import { isEvent, isSigned } from './signature.ts'
import type { SignedEvent } from './signature.ts'

export const BLOSSOM_KIND = 24242
export const HTTP_KIND = 27235

const UTF8 = new TextDecoder('utf-8', { fatal: true })

/**
 * Decodes the header. H-1: url-safe or standard alphabet, padded or not: all four are in use, and Buffer takes them all, but it also skips
 * what is no base64 at all, so the alphabet is checked first. Throws TOKEN_MISSING or TOKEN_MALFORMED.
 */
export function parseAuthorization (header: string | undefined): SignedEvent {
  const match = /^(\S+)(?:\s+(.*))?$/.exec(header?.trim() ?? '')
  // the scheme's name is case-insensitive (RFC 9110 §11.1)
  if (match?.[1]?.toLowerCase() !== 'nostr') throw new Failure('TOKEN_MISSING')
  const text = match[2]?.trim() ?? ''
  if (!/^[A-Za-z0-9+/_-]+={0,2}$/.test(text)) throw new Failure('TOKEN_MALFORMED', 'it is not base64')
  let value: unknown
  try {
    value = JSON.parse(UTF8.decode(Buffer.from(text, 'base64')))
  } catch {
    throw new Failure('TOKEN_MALFORMED', 'it is not JSON')
  }
  if (!isEvent(value)) throw new Failure('TOKEN_MALFORMED', 'it is not a signed event')
  return value
}

export interface OpenedToken {
  event: SignedEvent
  /** Throws TOKEN_SIGNATURE. */
  prove: () => void
}

/** Headers already decoded and verified: the same bytes always give the same answer. */
export class TokenCache {
  readonly #known = new Map<string, SignedEvent>()
  #bytes = 0
  readonly #limit: number
  /** Headers that were known, and that were not. */
  hits = 0
  misses = 0

  /** @param limit how many characters of headers are remembered at most */
  constructor (limit = 2 * 1024 * 1024) {
    this.#limit = limit
  }

  /** Was this header proven before? */
  knows (header: string | undefined): boolean {
    return header !== undefined && this.#known.has(header)
  }

  /**
   * The event in a header, its signature not yet looked at; `prove` looks at it. Throws as `parseAuthorization`.
   */
  open (header: string | undefined): OpenedToken {
    const known = header === undefined ? undefined : this.#known.get(header)
    if (known !== undefined) this.hits++
    else if (header !== undefined) this.misses++
    const event = known ?? parseAuthorization(header)
    return {
      event,
      prove: () => {
        if (known !== undefined || this.#known.has(header!)) return
        if (!isSigned(event)) throw new Failure('TOKEN_SIGNATURE')
        this.#keep(header!, event)
      }
    }
  }

  #keep (header: string, event: SignedEvent): void {
    if (header.length > this.#limit / 8) return
    this.#known.set(header, event)
    this.#bytes += header.length
    for (const oldest of this.#known.keys()) {
      if (this.#bytes <= this.#limit) break
      this.#known.delete(oldest)
      this.#bytes -= oldest.length
    }
  }
}

/** Values of every tag of one name. */
export function tagValues (event: SignedEvent, name: string): string[] {
  return event.tags.filter((tag) => tag[0] === name && tag[1] !== undefined).map((tag) => tag[1]!)
}

/** The value of a tag that may stand once, or often with the same value (A8); Failure with `code` when they differ. */
export function oneTag (event: SignedEvent, name: string, code: 'TOKEN_VERB' | 'TOKEN_EXPIRATION' | 'TOKEN_URL' | 'TOKEN_METHOD' | 'TOKEN_PAYLOAD'): string | null {
  const values = new Set(tagValues(event, name))
  if (values.size > 1) throw new Failure(code, `${name} stands more than once`)
  return values.values().next().value ?? null
}
