// Reads a Range header: which bytes of a blob are asked for. Pure. RFC 9110 §14.1 and §14.2, house rule H-8.
// What we do not understand is ignored (the whole blob is sent), never refused: 416 is only for a well formed set that
// lies outside the blob. The work is bounded whatever the header holds.

/** Inclusive byte positions, `0 <= start <= end < size`. */
export interface BytePart { readonly start: number, readonly end: number }

export type RangeAnswer =
  | { kind: 'whole' }
  | { kind: 'parts', parts: readonly BytePart[] }
  | { kind: 'unsatisfiable' }

const MAX_HEADER_CHARS = 4096
export const MAX_RANGES = 50
/** What one more part costs in a multipart answer; a gap smaller than this is cheaper to send than to leave out. */
const PART_OVERHEAD = 80

/**
 * What a Range header asks of a blob of `size` bytes.
 * `whole`: no usable header, answer 200. `parts`: at least one part, answer 206 (multipart when there are several, in the
 * order to be sent). `unsatisfiable`: answer 416. Never throws.
 */
export function parseRange (header: string | undefined, size: number): RangeAnswer {
  if (header === undefined || header.length > MAX_HEADER_CHARS) return { kind: 'whole' }
  // A server MUST ignore a range unit it does not know; unit names are case-insensitive.
  const set = /^bytes=(.*)$/i.exec(header)?.[1]
  if (set === undefined) return { kind: 'whole' }

  let asked = 0
  const parts: BytePart[] = []
  for (const element of set.split(',')) {
    // A recipient MUST take empty list elements and not count them.
    if (/^[\t ]*$/.test(element)) continue
    const part = parseSpec(element, size)
    asked++
    if (part === 'malformed' || asked > MAX_RANGES) return { kind: 'whole' }
    if (part !== null) parts.push(part)
  }
  if (asked === 0) return { kind: 'whole' }
  return parts.length === 0 ? { kind: 'unsatisfiable' } : { kind: 'parts', parts: coalesce(parts) }
}

/** One `first-last`, `first-` or `-suffix`, clamped to the blob; null when none of its bytes exists. */
function parseSpec (spec: string, size: number): BytePart | null | 'malformed' {
  const match = /^[\t ]*(\d*)-(\d*)[\t ]*$/.exec(spec)
  if (match === null) return 'malformed'
  const [, first = '', last = ''] = match
  if (first === '' && last === '') return 'malformed'
  // The grammar sets no upper bound to a position: compare without rounding, and clamp before it becomes a number.
  const end = BigInt(size) - 1n
  if (first === '') {
    const length = smaller(BigInt(last), end + 1n)
    return length === 0n ? null : { start: Number(end + 1n - length), end: Number(end) }
  }
  // A range whose last position is before its first is invalid.
  if (last !== '' && BigInt(last) < BigInt(first)) return 'malformed'
  if (BigInt(first) > end) return null
  return { start: Number(first), end: last === '' ? Number(end) : Number(smaller(BigInt(last), end)) }
}

function smaller (a: bigint, b: bigint): bigint {
  return a < b ? a : b
}

/** A server may merge ranges that overlap, touch or nearly touch; when none do, the order asked for is kept. */
function coalesce (parts: readonly BytePart[]): readonly BytePart[] {
  const merged: BytePart[] = []
  for (const part of parts.toSorted((a, b) => a.start - b.start)) {
    const last = merged.at(-1)
    if (last !== undefined && part.start - last.end - 1 < PART_OVERHEAD) {
      merged[merged.length - 1] = { start: last.start, end: Math.max(last.end, part.end) }
    } else {
      merged.push(part)
    }
  }
  return merged.length === parts.length ? parts : merged
}
