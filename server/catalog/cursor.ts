// Where a page of a list ends, as text that means something to us alone. Pure.

import { CatalogFault } from './faults.ts'

/** Numbers and texts, in the order that the list is sorted by. */
export type CursorPlace = readonly (number | string)[]

export function formatCursor (place: CursorPlace): string {
  return Buffer.from(JSON.stringify(place)).toString('base64url')
}

/** @param shape 'number' or 'string' for each part. Throws CURSOR_UNREADABLE. */
export function parseCursor (text: string, shape: readonly ('number' | 'string')[]): CursorPlace {
  try {
    const place = JSON.parse(Buffer.from(text, 'base64url').toString('utf8')) as unknown
    if (Array.isArray(place) && place.length === shape.length && place.every((part, index) => typeof part === shape[index])) return place as CursorPlace
  } catch {
    // told below
  }
  throw new CatalogFault('CURSOR_UNREADABLE')
}
