// One rendition's files on their way from clear to public: encrypted (unless the film is open), hashed, stored, noted in the journal. A segment
// is held in memory whole, which is some megabytes whatever the film's length.

import { encryptSegment, segmentIv } from './film-keys.ts'
import type { BlobFolder } from './blob-folder.ts'
import type { Journal } from './journal.ts'
import type { FilmKeys } from './film-build.ts'
import type { SegmentPlace } from './film-keys.ts'
import type { SegmentKey } from './playlist.ts'

export interface SealingParts {
  blobs: BlobFolder
  journal: Journal
  /** As `1080p`. */
  rendition: string
  /** Null: an open film. */
  keys: FilmKeys | null
}

/** The key and IV of a place in a rendition, as its playlist tells them; null of an open film. */
export function keyAt (keys: FilmKeys | null, rendition: string, place: SegmentPlace): (SegmentKey & { key: string }) | null {
  if (keys === null) return null
  const { id, key } = keys.keys.find((each) => each.rendition === rendition)!
  return { id, key, iv: segmentIv(keys.secret, id, place) }
}

export class Sealing {
  readonly #parts: SealingParts

  constructor (parts: SealingParts) {
    this.#parts = parts
  }

  /** The next segment; `us`: microseconds of film. */
  async segment (clear: Buffer, us: number, ext: string): Promise<void> {
    const { journal, blobs } = this.#parts
    const ref = await blobs.put(this.#sealed(clear, journal.facts.segments.length), ext)
    await journal.add({ segment: { ...ref, us } })
  }

  /** The init segment. False when another is noted already: what was made with that one does not go with this. */
  async init (clear: Buffer, ext: string): Promise<boolean> {
    const { journal, blobs } = this.#parts
    const ref = await blobs.put(this.#sealed(clear, 'init'), ext)
    if (journal.facts.init === null) await journal.add({ init: ref })
    return journal.facts.init!.sha256 === ref.sha256
  }

  #sealed (clear: Buffer, place: SegmentPlace): Buffer {
    const at = keyAt(this.#parts.keys, this.#parts.rendition, place)
    return at === null ? clear : encryptSegment(clear, at.key, at.iv)
  }
}
