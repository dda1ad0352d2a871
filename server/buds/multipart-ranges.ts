// Plans the body of a 206 with several parts: every byte of it but the blob's own, and its exact length. Pure.
// RFC 9110 §14.6 (multipart/byteranges) and §15.3.7.2, RFC 2046 §5.1.1.

import type { BytePart } from './range.ts'

/** Send `head`, then the blob's bytes `start` to `end` inclusive. */
export interface MultipartSection { head: Buffer, start: number, end: number }

export interface MultipartPlan {
  /** The answer's own Content-Type; the blob's type stands in each section. */
  contentType: string
  /** Bytes of the whole body: heads, blob bytes and tail. */
  contentLength: number
  sections: MultipartSection[]
  /** Sent after the last section. */
  tail: Buffer
}

/**
 * The body for `parts` (in sending order) of a blob of `size` bytes and media type `type`.
 * `boundary` must not occur in the blob: give 16 random bytes or more as hex. Throws a TypeError when it would need quoting,
 * or when there is no part.
 */
export function planMultipart (parts: readonly BytePart[], size: number, type: string, boundary: string): MultipartPlan {
  // Some clients take a quoted boundary for a part of the boundary itself (RFC 9110 §14.6), so only what needs no quotes.
  if (!/^[0-9A-Za-z'+_.-]{1,70}$/.test(boundary)) throw new TypeError(`not a plain multipart boundary: ${boundary}`)
  if (parts.length === 0) throw new TypeError('a multipart body has at least one part')

  const sections = parts.map(({ start, end }, index) => {
    // The line break before a boundary belongs to the boundary, not to the part before it.
    const delimiter = `${index === 0 ? '' : '\r\n'}--${boundary}\r\n`
    // Each part MUST carry its Content-Range, and SHOULD carry the Content-Type a 200 would have had.
    const head = `${delimiter}Content-Type: ${type}\r\nContent-Range: bytes ${start}-${end}/${size}\r\n\r\n`
    return { head: Buffer.from(head, 'latin1'), start, end }
  })
  const tail = Buffer.from(`\r\n--${boundary}--\r\n`, 'latin1')
  const contentLength = sections.reduce((sum, { head, start, end }) => sum + head.length + end - start + 1, tail.length)
  return { contentType: `multipart/byteranges; boundary=${boundary}`, contentLength, sections, tail }
}
