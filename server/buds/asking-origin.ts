// A few bytes of a stranger's server, through the same address guard as a mirror (origin.ts): what the catalog looks at providers with. Sends no credentials,
// and takes no more bytes or time than it was told.

import { openOrigin } from './origin.ts'
import type { OriginOptions } from './origin.ts'

export interface OriginQuestion {
  method: 'HEAD' | 'GET'
  /** First and last byte, inclusive; null: all of it. */
  range: readonly [first: number, last: number] | null
  /** Bytes that are taken at most. */
  most: number
}

export interface OriginAnswer {
  /** As the server says, bytes; null when it does not. */
  length: number | null
  /** `Content-Range`; null when none was asked for or told. */
  range: string | null
  bytes: Buffer
}

export interface AskingParts extends Pick<OriginOptions, 'allowPrivate' | 'lookup' | 'refuse'> {
  /** Milliseconds for all of it. */
  patience?: number
}

/** Rejects with ORIGIN_FORBIDDEN or ORIGIN_FAILED, also for another status than 200 (206 of a range) and for more bytes than `most`. */
export async function askOrigin (url: URL, { method, range, most }: OriginQuestion, { patience = 15_000, ...guard }: AskingParts): Promise<OriginAnswer> {
  const signal = AbortSignal.timeout(patience)
  const options = { ...guard, method, maxRedirects: 3, connectTimeout: patience, idleTimeout: patience, signal, ...(range === null ? {} : { range }) }
  const origin = await openOrigin(url, options)
  const parts: Buffer[] = []
  let size = 0
  try {
    if (method === 'GET') {
      for await (const part of origin.body as AsyncIterable<Buffer>) {
        size += part.length
        parts.push(part)
        if (size > most) break // leaving the loop ends the connection
      }
    }
  } finally {
    origin.body.destroy()
  }
  return { length: origin.length, range: origin.range ?? null, bytes: Buffer.concat(parts).subarray(0, most) }
}
