// The latest pointer, `archipelago.release-latest/1`: which release is the latest on a channel, by a timestamp key, for some days at most. What no
// longer comes shows that a relay or mirror withholds news (reference §1.5). Pure.

import { canonicalText } from './canonical.ts'
import { parseDocument } from './document-check.ts'
import { ReleaseFault } from './faults.ts'
import { LATEST_POINTER_SCHEMA } from './schemas/latest-pointer.ts'
import type { DocumentKind } from './document-check.ts'
import type { Signature } from './signatures.ts'

export const LATEST_POINTER_NAME = 'archipelago.release-latest/1'

/** Bytes. */
export const POINTER_LIMIT = 8 * 1024

/** Members as they stand in the document; times in Unix seconds. */
export interface LatestPointer {
  schema: typeof LATEST_POINTER_NAME
  app: string
  channel: string
  sequence: number
  version: string
  /** The manifest's file, signatures and all; `size` in bytes. */
  manifest: { sha256: string, blake3: string, size: number }
  issued_at: number
  expires_at: number
  signatures: Signature[]
}

const KIND: DocumentKind = { name: LATEST_POINTER_NAME, schema: LATEST_POINTER_SCHEMA, fault: 'POINTER_INVALID', limit: POINTER_LIMIT }

/** Says nothing of who signed. Throws as `parseDocument`, with POINTER_INVALID. */
export function parseLatestPointer (bytes: Uint8Array): LatestPointer {
  const pointer = parseDocument(KIND, bytes) as LatestPointer
  if (pointer.expires_at <= pointer.issued_at) throw new ReleaseFault('POINTER_INVALID', 'it expires before it is issued')
  return pointer
}

/** The bytes of it. Throws as `parseLatestPointer`. */
export function buildLatestPointer (pointer: LatestPointer): Buffer {
  const bytes = Buffer.from(canonicalText(pointer))
  parseLatestPointer(bytes)
  return bytes
}
