// What a server refused: its status with its own words, from `X-Reason` or the body's `reason`, as Blossom servers and marquee's own API give them.

import type { Answer, Asked } from './exchange.ts'

export class ServerRefusal extends Error {
  readonly method: string
  readonly url: string
  readonly status: number
  /** Stable, where the server gives one (docs/api.md, Refusals); else ''. */
  readonly code: string
  /** The server's words; '' for none. */
  readonly reason: string
  /** Milliseconds that it wants to be left alone for; null where it does not say. */
  readonly retryAfter: number | null
  /** The JSON of its body; null for none. */
  readonly body: unknown

  constructor ({ method, url }: Pick<Asked, 'method' | 'url'>, { status, headers, body: bytes }: Answer, now: number) {
    const body = jsonIn(bytes)
    const { code, reason } = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>
    const said = headers['x-reason']
    const words = plainWords(typeof said === 'string' ? said : typeof reason === 'string' ? reason : '')
    super(`${new URL(url).origin} refused ${method} ${new URL(url).pathname}: ${status}${words === '' ? '' : ` ${words}`}`)
    this.name = 'ServerRefusal'
    this.method = method
    this.url = url
    this.status = status
    this.code = typeof code === 'string' ? code : ''
    this.reason = words
    this.retryAfter = waitIn(headers['retry-after'], now)
    this.body = body
  }

  /** Is it about now, and not about what was asked? */
  get passes (): boolean {
    return [408, 425, 429, 502, 503, 504].includes(this.status)
  }
}

/** A stranger's words on one line, without what steers a terminal. */
function plainWords (words: string): string {
  return words.replace(/\s+/g, ' ').replace(/[\p{Cc}\p{Cf}]/gu, '?').slice(0, 300)
}

/** The JSON of an answer; null for what is none. */
export function jsonIn (bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch {
    return null
  }
}

/** RFC 9110 §10.2.3: seconds, or a date. Milliseconds, 5 minutes at most. */
function waitIn (header: string | undefined, now: number): number | null {
  if (header === undefined) return null
  const wait = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - now
  return Number.isNaN(wait) ? null : Math.min(Math.max(wait, 0), 300_000)
}
