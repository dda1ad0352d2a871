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
  headers: AnswerHeaders
  sections: readonly Section[]
  tail: Buffer | null
}

/** What a blob's answers say of it, whatever the status. */
export function blobHeaders (blob: Blob): AnswerHeaders {
  const policy = contentPolicy(blob.type)
  return {
    ...CORS_HEADERS,
    'accept-ranges': 'bytes',
    'etag': `"${blob.sha256}"`,
    // the bytes of a hash never change; no-transform keeps a CDN from encoding them again
    'cache-control': 'public, max-age=31536000, immutable, no-transform',
    'last-modified': new Date(blob.uploaded * 1000).toUTCString(),
    'x-content-type-options': 'nosniff',
    'cross-origin-resource-policy': 'cross-origin',
    ...(policy === null ? {} : { 'content-security-policy': policy })
  }
}

/** The headers of the whole blob: of its GET without a range, and (01-20: MUST be the same) of its HEAD. */
export function wholeHeaders (blob: Blob): AnswerHeaders {
  return { ...blobHeaders(blob), 'content-type': blob.type, 'content-length': blob.size }
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
    const headers = { ...blobHeaders(blob), 'content-type': type, 'content-length': length, 'content-range': `bytes ${first.start}-${first.end}/${size}` }
    return { status: 206, headers, sections: [{ head: null, start: first.start, length }], tail: null }
  }
  const plan = planMultipart(range.parts, size, type, randomBytes(16).toString('hex'))
  return {
    status: 206,
    headers: { ...blobHeaders(blob), 'content-type': plan.contentType, 'content-length': plan.contentLength },
    sections: plan.sections.map(({ head, start, end }) => ({ head, start, length: end - start + 1 })),
    tail: plan.tail
  }
}
