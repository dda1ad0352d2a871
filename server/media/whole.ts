// Is a file as long as its own container says? For the two that libvips and ffmpeg take half of without a word: GIF (89a: blocks up to a trailer) and
// Matroska with WebM (RFC 8794, RFC 9559: a Segment of known size; of unknown size it may end anywhere, as a live recording does). Pure.

const TRAILER = 0x3b
const EXTENSION = 0x21
const IMAGE = 0x2c
const SEGMENT = 0x18538067

/** Does a whole GIF lie here, from the first block to the trailer? What follows the trailer is not asked about. */
export function isWholeGif (bytes: Uint8Array): boolean {
  let at = 13 + coloursAt(bytes, 10)
  while (at < bytes.length) {
    const block = bytes[at]!
    if (block === TRAILER) return true
    // an extension has a label; an image a place, its colours and the size of its codes
    if (block === EXTENSION) at += 2
    else if (block === IMAGE) at += 10 + coloursAt(bytes, at + 9) + 1
    else return false
    while (at < bytes.length && bytes[at]! > 0) at += bytes[at]! + 1
    at++
  }
  return false
}

/** Bytes of the table of colours that these flags announce. */
function coloursAt (bytes: Uint8Array, at: number): number {
  const flags = bytes[at] ?? 0
  return (flags & 0x80) === 0 ? 0 : 3 * 2 ** ((flags & 7) + 1)
}

/** Bytes that a Matroska file has by its own words, read from its first bytes; null where it does not say. */
export function matroskaLength (head: Uint8Array): number | null {
  const prologue = elementAt(head, 0)
  if (prologue?.size == null) return null
  let at = prologue.data + prologue.size
  // what stands between is padding
  for (let element = elementAt(head, at); element !== null; element = elementAt(head, at)) {
    if (element.size === null) return null
    if (element.id === SEGMENT) return element.data + element.size
    at = element.data + element.size
  }
  return null
}

/** Null where there is none; `size` is null where it is unknown. */
function elementAt (bytes: Uint8Array, at: number): { id: number, data: number, size: number | null } | null {
  const id = numberAt(bytes, at, true)
  const size = id === null ? null : numberAt(bytes, at + id.length, false)
  if (id === null || size === null) return null
  const unknown = size.value === 2 ** (7 * size.length) - 1 || size.length === 8 && size.value >= 2 ** 56 - 1
  return { id: id.value, data: at + id.length + size.length, size: unknown ? null : size.value }
}

/** A number of EBML: the zeros before its first bit tell its length. */
function numberAt (bytes: Uint8Array, at: number, withMark: boolean): { value: number, length: number } | null {
  const first = bytes[at] ?? 0
  const length = Math.clz32(first) - 23
  if (first === 0 || length > 8 || at + length > bytes.length) return null
  let value = withMark ? first : first & (0xff >> length)
  for (let i = 1; i < length; i++) value = value * 256 + bytes[at + i]!
  return { value, length }
}
