// Where a blob lies as one file or one object that holds its bytes and nothing else, for whoever fetches it without us.

import { sha256Multihash } from './multihash.ts'
import type { Blob } from './descriptors.ts'
import type { Stores } from './open.ts'

export class DirectPlaces {
  readonly #stores: Stores

  constructor (stores: Stores) {
    this.#stores = stores
  }

  /** The path below the pack folder of the file that is this blob; null where there is none. */
  file (blob: Blob): string | null {
    return this.#isPack(blob) ? this.#stores.packs.path?.(sha256Multihash(blob.sha256)) ?? null : null
  }

  /**
   * A URL at which the store serves this blob, for some minutes at least, under its type and the file name `name`, good for `maxAge` seconds (null: for
   * ever); null where there is none. Rejects with StoreError.
   */
  url (blob: Blob, name: string, maxAge: number | null): Promise<string> | null {
    return this.#isPack(blob) ? this.#stores.packs.presign?.(sha256Multihash(blob.sha256), blob.type, name, maxAge) ?? null : null
  }

  /** Own packs begin and end with the blob; a blob that the journal holds has no file yet, an inline one never has. */
  #isPack ({ sha256, place }: Blob): boolean {
    return place.kind === 'own' && (this.#stores.journal?.pending(sha256) ?? null) === null
  }
}
