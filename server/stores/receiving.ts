// What a room says of a body that arrives at the one door in (blobs.ts), and what it hears of it.

import type { Blob } from './descriptors.ts'

export interface ReceiveHints {
  /** 64 hex digits, or 'none'. */
  owner: string
  /** The media type the sender named, null for none. */
  type: string | null
  /** What to think of when neither the sender nor the bytes tell a type. */
  extension: string | null
  /** The sha256 the sender promised; other bytes are HASH_MISMATCH. */
  promised: string | null
  /** The sha256 the bytes most likely have: where to write them; `acceptHash` refuses any other. */
  likely: string | null
  /** Bytes, as announced. */
  size: number | null
  /** Unix seconds when the owner wants the blob to end; absent or null for no end. */
  expires?: number | null
  /** Throws a Failure when this hash may not be stored; asked once, with the real hash, before anything is visible. */
  acceptHash: (sha256: string) => void
  /** The same for the type, once it is settled, and the size. */
  acceptType: (type: string, size: number) => void
  /** Hears how many bytes come next, before they are written; throws a Failure when there is no room for them. Small bodies are not told. */
  grow?: (bytes: number) => void
}

export interface Received {
  blob: Blob
  /** False when the blob was here already. */
  created: boolean
}
