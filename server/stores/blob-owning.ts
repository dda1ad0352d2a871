// Makes a blob that is here somebody's too, or renews what they have of it (design §3): the owner's object first, its row last, and what another node
// removed meanwhile is put back. Called in the blob's turn.

import { EndingMarks } from './ending-marks.ts'
import { UNTYPED } from './media-type.ts'
import { inlineOf } from './places.ts'
import type { BlobReader } from './blob-reader.ts'
import type { BlobWriter } from './blob-writer.ts'
import type { Blob, Descriptors } from './descriptors.ts'
import type { Stores } from './open.ts'
import type { Ownership } from './owners.ts'
import type { Retention } from './retention.ts'
import type { Here, SharedRows } from './shared-rows.ts'

export interface BlobOwningParts {
  stores: Stores
  rows: Descriptors
  reader: BlobReader
  writer: BlobWriter
  shared: SharedRows | null
  retention: Pick<Retention, 'renews'> | null
  /** Called before the store is changed; true when the note is ours to strike out. */
  note: (sha256: string, blake3: string | null) => boolean
  /** Milliseconds. */
  now: () => number
}

export class BlobOwning {
  readonly #parts: BlobOwningParts
  readonly #endings: EndingMarks | null

  constructor (parts: BlobOwningParts) {
    this.#parts = parts
    this.#endings = parts.stores.shared ? new EndingMarks(parts.stores.state, parts.now) : null
  }

  /** @param expires unix seconds; null: no end; absent: as it was. The blob as it then is. Rejects with StoreError. */
  async own ({ blob, record }: Here, owner: string, type: string, expires?: number | null): Promise<Blob> {
    const { stores, rows, reader, writer, shared, retention, note, now } = this.#parts
    const seconds = Math.floor(now() / 1000)
    const have = rows.ownership(blob.sha256, owner)
    // the first type stays, but a specific one takes the place of octet-stream (A10); of ends asked for the newest counts
    const typed = have === null || (have.type === UNTYPED && type !== UNTYPED)
    const until = expires === undefined ? have?.expires ?? null : expires
    const renewed = have !== null && expires !== undefined && retention?.renews({ ...have, owner, size: blob.size }) === true
    if (!typed && !renewed && until === have.expires) return blob
    const ownership: Ownership = {
      sha256: blob.sha256, owner, type: typed ? type : have.type, uploaded: renewed ? seconds : have?.uploaded ?? seconds, blake3: blob.blake3!,
      size: blob.size, ...(until === null ? {} : { expires: until })
    }
    const noted = note(blob.sha256, blob.blake3)
    // while a log speaks of the blob, what becomes of its owners is logged too: replay must end where we are
    if (stores.journal?.speaksOf(blob.sha256) === true) await stores.journal.append({ op: 'own', ownership })
    const put = async (): Promise<void> => {
      await stores.owners.put(ownership)
      if (have !== null) await this.#endings?.outlast(ownership, stores.owners)
      // again if absent: another node may have removed the records as the last owner left, between our look and our owner
      if (record !== null && await stores.index.own(record.multihash) === null) {
        await writer.writeRecords(blob.sha256, blob.blake3!, blob.size, blob.place, inlineOf(record))
      }
    }
    if (shared === null) {
      await put()
    } else if (have === null) {
      await shared.telling({ sha256: blob.sha256, owner, there: true }, put)
    } else {
      // told afterwards: whoever looked before would see the owner, and take the old type for the new one
      await put()
      await shared.tell(blob.sha256)
    }
    rows.save(ownership, blob.place, noted)
    reader.cool(blob.sha256) // its type may have changed
    return rows.get(blob.sha256)!
  }
}
