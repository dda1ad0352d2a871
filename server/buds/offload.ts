// Reads that somebody else finishes: after our checks nginx sends the file itself (X-Accel-Redirect), or the client fetches the object from
// the S3 store (307 to a presigned URL; BUD-01 allows it where the URL contains the sha256). Off by default; docs/nginx.md has both.
//
// The object's key is its multihash in base32, so the hex sha256 and the extension stand in the URL as the file name of a signed
// `response-content-disposition`: no second copy of the bytes. The blob's type is signed into the URL in the same way.

import { CORS_HEADERS } from '../cors.ts'
import { extensionOf } from '../stores/media-type.ts'
import { contentPolicy } from './active-content.ts'
import { blobHeaders, flat, wholeHeaders } from './blob-answer.ts'
import { Crowd } from './crowd.ts'
import { parseRange } from './range.ts'
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import type { Blob } from '../stores/descriptors.ts'
import type { DirectPlaces } from '../stores/direct-places.ts'

/** An answer that leaves the bytes to somebody else, or has them all. */
export interface Handover {
  status: number
  /** Names and values in turn. */
  headers: string[]
  body: Buffer | null
}

/**
 * Who finishes a GET whose checks are done; null when it is ours to answer. `bytes`: the whole blob, where it is in memory; `maxAge`: seconds for which a
 * copy is good, null for ever. Rejects with StoreError.
 */
export type Offload = (request: IncomingMessage, blob: Blob, bytes: Buffer | null, maxAge: number | null) => Handover | Promise<Handover> | null

export interface OffloadSettings {
  mode: 'off' | 'x-accel' | 'redirect'
  /** The internal location of nginx, from slash to slash. */
  prefix: string
  /** What nginx sends to show that it is there; never null with `x-accel`. */
  secret: string | null
}

/** What the configuration asks for; null for nothing. `now` in milliseconds. */
export function openOffload ({ mode, prefix, secret }: OffloadSettings, places: DirectPlaces, now: () => number): Offload | null {
  if (mode === 'x-accel' && secret !== null) return acceleration(prefix, secret, places, new Crowd(now))
  if (mode === 'redirect') return (request, blob, _bytes, maxAge) => redirection(request, blob, places, maxAge)
  return null
}

/** Blobs up to here are likely in our memory. */
const SMALL_BYTES = 256 * 1024

/** The header by which nginx says that it does what X-Accel-Redirect asks. */
const MARK = 'x-marquee-offload'

/**
 * How often in a second a blob in our memory is asked for until nginx gets its bytes, to keep them for a second (X-Accel-Expires).
 * GET 64 KiB, 64 connections, two cores: 80,000 a second from there, of 89,000 by nginx without us; 46,600 by X-Accel-Redirect, and
 * 34,500 when each of the answers brings the bytes.
 */
const CROWD = 20

function acceleration (prefix: string, secret: string, places: DirectPlaces, crowd: Crowd): Offload {
  // hot blobs stay the same object: 15 µs an answer instead of 30
  const accelerated = new WeakMap<Blob, Handover>()
  const kept = new WeakMap<Blob, Handover>()
  return ({ headers }, blob, bytes) => {
    // to anybody else it would be an empty 200, good for a year in every cache on the way
    if (headers[MARK] !== secret || !isPlain(headers, blob.size)) return null
    const asked = headers.range === undefined && blob.size <= SMALL_BYTES ? crowd.count(blob.sha256) : 0
    if (asked > CROWD && bytes !== null) {
      return remember(kept, blob, () => ({ status: 200, headers: [...wholeHeaders(blob), 'x-accel-expires', '1'], body: bytes }))
    }
    // what we read twice is in our memory from then on; where that is too small for it, nginx goes on with the file
    if (asked > CROWD && asked <= CROWD + 3) return null
    return remember(accelerated, blob, () => {
      const file = places.file(blob)
      if (file === null) return null
      // nginx announces the ranges and counts the bytes itself
      const headers = blobHeaders(blob)
      headers.splice(headers.indexOf('accept-ranges'), 2)
      headers.push('content-type', blob.type, 'content-length', '0', 'x-accel-redirect', `${prefix}${file}`)
      return { status: 200, headers, body: null }
    })
  }
}

function remember<K extends object, V> (known: WeakMap<K, V>, key: K, make: () => V | null): V | null {
  const before = known.get(key)
  if (before !== undefined) return before
  const made = make()
  if (made !== null) known.set(key, made)
  return made
}

/** How long a client may use the URL again without asking us, seconds: for so long a delete may go unnoticed. */
const REDIRECT_SECONDS = 60

function redirection ({ headers }: IncomingMessage, blob: Blob, places: DirectPlaces, maxAge: number | null): Promise<Handover> | null {
  if (blob.size <= SMALL_BYTES || !isPlain(headers, blob.size)) return null
  // it has our entity tag from a HEAD; the store's is another, and would start the download anew
  if (headers['if-range'] === `"${blob.sha256}"`) return null
  // a store cannot be told to send a Content-Security-Policy
  if (contentPolicy(blob.type) !== null) return null
  const url = places.url(blob, `${blob.sha256}.${extensionOf(blob.type)}`, maxAge)
  return url?.then((location) => ({
    status: 307,
    headers: flat({ ...CORS_HEADERS, location, 'cache-control': `public, max-age=${REDIRECT_SECONDS}`, 'content-length': 0 }),
    body: null
  })) ?? null
}

/**
 * Whether anybody else would answer as we do. Conditions that hold were judged by our entity tag and date, and would be judged again by
 * theirs. nginx refuses a Range that we ignore (RFC 9110 §14.2), stores know no multipart, and 416 is ours to tell.
 */
function isPlain (headers: IncomingHttpHeaders, size: number): boolean {
  if (headers['if-match'] !== undefined || headers['if-unmodified-since'] !== undefined) return false
  return headers.range === undefined || (/^bytes=(\d{1,15}-\d{0,15}|-\d{1,15})$/.test(headers.range) && parseRange(headers.range, size).kind === 'parts')
}
