// How long a blob is kept, on the wire: the end that an uploader asks for in `X-Expiration`, and the one that answers tell in `Sunset` (RFC 8594)
// and by a `max-age` that ends with it.

import { Failure } from '../errors.ts'
import type { ServerResponse } from 'node:http'
import type { Blob } from '../stores/descriptors.ts'
import type { Notice, Retention } from '../stores/retention.ts'

/** The last second of the year 9999: an HTTP-date has four digits for the year. It also tells milliseconds from seconds. */
const LAST_SECOND = 253_402_300_799

/** The end an uploader asks for, unix seconds; null for none. `now` in milliseconds. Throws EXPIRATION_INVALID. */
export function parseExpiration (header: string | undefined, now: number): number | null {
  const text = header?.trim() ?? ''
  if (text === '') return null
  const seconds = /^\d{1,12}$/.test(text) ? Number(text) : Infinity
  if (seconds > LAST_SECOND) throw new Failure('EXPIRATION_INVALID')
  if (seconds <= now / 1000) throw new Failure('EXPIRATION_INVALID', 'it has passed')
  return seconds
}

/** RFC 8594: the `Sunset` of an upload's answer, where an end is known. */
export function sunsetOf (retention: Retention, blob: Blob): Record<string, string> {
  const end = retention.endOf(blob)
  return end === null ? {} : { sunset: new Date(end * 1000).toUTCString() }
}

/** Whichever answer it becomes: what a cache may keep tells the end, and is good no longer than that. Nobody who makes one need remember this. */
export function announce (res: ServerResponse, notice: Notice): void {
  const writeHead = res.writeHead.bind(res) as (status: number, headers?: string[]) => ServerResponse
  res.writeHead = ((status: number, headers?: string[]) => writeHead(status, headers && ending(headers, notice))) as typeof res.writeHead
}

/** A copy: the headers of a hot blob are used again. */
function ending (headers: readonly string[], { end, maxAge }: Notice): string[] {
  const said = [...headers]
  const at = said.indexOf('cache-control') + 1
  const age = /\bmax-age=(\d+)/.exec(at === 0 ? '' : said[at]!)
  if (age === null) return said // a refusal: kept by nobody
  said[at] = said[at]!.replace(age[0], `max-age=${Math.min(Number(age[1]), maxAge)}`).replace(' immutable,', '')
  said.push('sunset', new Date(end * 1000).toUTCString())
  return said
}
