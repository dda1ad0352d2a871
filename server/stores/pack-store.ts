// ★ Packs: big immutable bytes under a multihash. Two phases: a draft takes bytes of a name not yet known, `commit` makes it
// visible whole. What each method promises is proved by test/suites/pack-store.suite.ts over memory, filesystem and MinIO.

import type { Multihash } from './multihash.ts'

/** What is known of the bytes before they come; all of it may be null. */
export interface DraftHints {
  /** The multihash that the sender promised: a store may write straight to its final place, still invisible. */
  promised: Multihash | null
  /** Length in bytes as announced; not to be trusted. */
  size: number | null
  /** Media type, for stores that keep one beside the object. */
  type: string | null
}

export interface PackDraft {
  /** Takes chunks in order; resolves when more may come. The chunks must not be changed by the caller afterwards. */
  write: (chunks: readonly Uint8Array[]) => Promise<void>
  /**
   * Makes the bytes visible as `pack`; durable when it resolves. The caller has checked the hash. Never overwrites, unless `over` says that what
   * is there is damaged: then it is replaced in one step.
   */
  commit: (pack: Multihash, over?: boolean) => Promise<'created' | 'existed'>
  /** Forgets everything; any time, any number of times; after a commit it does nothing. */
  discard: () => Promise<void>
}

/** Bytes on their way out. `release` gives the buffer back: the bytes must not be touched after it. */
export interface Piece {
  bytes: Uint8Array
  release: () => void
  /** The bytes lie in no pool: whoever took the piece may keep them, and nobody may change them. */
  kept?: true
}

export interface PackReading {
  /** The next bytes in order, null at the end. Rejects with StoreError when the pack is shorter than asked. */
  next: () => Promise<Piece | null>
  /** Ends the reading early or late, any number of times. */
  close: () => Promise<void>
}

export interface PackEntry {
  pack: Multihash
  size: number
  /** Unix milliseconds. */
  modified: number
}

export interface PackStore {
  readonly name: string
  draft: (hints: DraftHints) => Promise<PackDraft>
  /** Null when there is no such pack. Anything else that goes wrong is a StoreError. */
  stat: (pack: Multihash) => Promise<PackEntry | null>
  /** Opens exactly `length` bytes from `offset`. Null when there is no such pack. */
  read: (pack: Multihash, offset: number, length: number) => Promise<PackReading | null>
  /** The same at once, for small pieces that are likely in memory; null when that cannot be, whatever the reason. */
  readNow?: (pack: Multihash, offset: number, length: number) => Piece | null
  /** Where the pack's file lies below the folder of packs, for a program that sends files. */
  path?: (pack: Multihash) => string
  /**
   * A URL by which anybody can GET the pack for some minutes at least, as media type `type` and under the file name `name`, which must need
   * no quoting. `maxAge`: seconds for which a copy is good; null for ever. Says nothing of whether the pack is there. Rejects with StoreError.
   */
  presign?: (pack: Multihash, type: string, name: string, maxAge: number | null) => Promise<string>
  /** True when there was one. */
  remove: (pack: Multihash) => Promise<boolean>
  /** Keeps a damaged pack where a person may look at it (`quarantine/`). True when there was one. */
  setAside: (pack: Multihash) => Promise<boolean>
  /** Removes what `setAside` kept of it. */
  dropAside: (pack: Multihash) => Promise<void>
  list: () => AsyncIterable<PackEntry>
  /** Removes drafts that an earlier life of this server left; the number of them. */
  sweep: () => Promise<number>
  /** Ends drafts that could not be ended while the store failed. Rejects with StoreError, and may be asked again. */
  endLate?: () => Promise<void>
}

/** There are fewer bytes than were asked for: somebody cut the pack. The cause of a StoreError. */
export class PackTooShort extends Error {
  constructor () {
    super('the pack is shorter than its record says')
    this.name = 'PackTooShort'
  }
}

/** Everything of a reading in one buffer: for small packs, tests and `verify`. */
export async function readWhole (reading: PackReading): Promise<Buffer> {
  const parts: Buffer[] = []
  try {
    let piece = await reading.next()
    if (piece?.kept === true) {
      // all of a small pack in one piece: two copies of 64 KiB and their garbage are a sixth of a cold read
      const after = await reading.next()
      if (after === null) return Buffer.from(piece.bytes.buffer, piece.bytes.byteOffset, piece.bytes.length)
      parts.push(Buffer.from(piece.bytes))
      piece = after
    }
    for (; piece !== null; piece = await reading.next()) {
      parts.push(Buffer.from(piece.bytes)) // a copy, since the buffer goes back to its pool
      piece.release()
    }
  } finally {
    await reading.close()
  }
  return Buffer.concat(parts)
}
