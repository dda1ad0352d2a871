// What a GET or HEAD of a blob answers: headers, status, which bytes (BUD-01; RFC 9110 §14). Pure but for the boundary's random bytes.

import { randomBytes } from 'node:crypto'
import { CORS_HEADERS } from '../cors.ts'
import { Failure } from '../errors.ts'
import { contentPolicy } from './active-content.ts'
import { planMultipart } from './multipart-ranges.ts'
import { parseRange } from './range.ts'
import type { Blob } from '../stores/descriptors.ts'

export type AnswerHeaders = Record<string, string | number>

export interface Section {
  /** Written before the bytes: the head of one part of a multipart answer. */
  head: Buffer | null
  /** Bytes from the blob's start. */
  start: number
  length: number
}

export interface BytesAnswer {
  status: number
  /** Names and values in turn. */
  headers: string[]
  sections: readonly Section[]
  tail: Buffer | null
}

/** What every answer with a blob says. */
const SAID = flat({
  ...CORS_HEADERS,
  'accept-ranges': 'bytes',
  // the bytes of a hash never change; no-transform keeps a CDN from encoding them again
  'cache-control': 'public, max-age=31536000, immutable, no-transform',
  'x-content-type-options': 'nosniff',
  'cross-origin-resource-policy': 'cross-origin'
})

/** Names and values in turn: the form that node:http takes without copying. */
export function flat (headers: AnswerHeaders): string[] {
  return Object.entries(headers).flatMap(([name, value]) => [name, String(value)])
}

/** What a blob's answers say of it, whatever the status; flat, since making an object of it costs a read 8 µs. */
export function blobHeaders ({ sha256, uploaded, type }: Blob): string[] {
  const policy = contentPolicy(type)
  const headers = [...SAID, 'etag', `"${sha256}"`, 'last-modified', new Date(uploaded * 1000).toUTCString()]
  if (policy !== null) headers.push('content-security-policy', policy)
  return headers
}

/** The headers of the whole blob, flat: of its GET without a range, and (01-20: MUST be the same) of its HEAD. */
export function wholeHeaders (blob: Blob): string[] {
  const headers = blobHeaders(blob)
  headers.push('content-type', blob.type, 'content-length', String(blob.size))
  return headers
}

/** Which bytes go out, and as what. Throws RANGE_INVALID with the blob's size. */
export function planAnswer (blob: Blob, rangeHeader: string | undefined): BytesAnswer {
  const { size, type } = blob
  const range = parseRange(rangeHeader, size)
  if (range.kind === 'unsatisfiable') {
    // RFC 9110 §15.5.17: the answer SHOULD tell the size
    throw new Failure('RANGE_INVALID', undefined, { headers: { 'content-range': `bytes */${size}` } })
  }
  if (range.kind === 'whole') return { status: 200, headers: wholeHeaders(blob), sections: [{ head: null, start: 0, length: size }], tail: null }
  const [first] = range.parts
  if (range.parts.length === 1 && first !== undefined) {
    const length = first.end - first.start + 1
    const headers = [...blobHeaders(blob), 'content-type', type, 'content-length', String(length), 'content-range', `bytes ${first.start}-${first.end}/${size}`]
    return { status: 206, headers, sections: [{ head: null, start: first.start, length }], tail: null }
  }
  const plan = planMultipart(range.parts, size, type, randomBytes(16).toString('hex'))
  return {
    status: 206,
    headers: [...blobHeaders(blob), 'content-type', plan.contentType, 'content-length', String(plan.contentLength)],
    sections: plan.sections.map(({ head, start, end }) => ({ head, start, length: end - start + 1 })),
    tail: plan.tail
  }
}
