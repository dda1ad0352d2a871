// The bytes of a blob that lies in its index record: ours first, then what hash-stream's own tools wrote beside it.

import { placesIn } from './index-store.ts'
import { identityBytes } from './multihash.ts'
import type { IndexStore } from './index-store.ts'
import type { Multihash } from './multihash.ts'

/** Null when no record holds any. Rejects with StoreError, `parse` where a record cannot be read. */
export async function inlineBytes (index: IndexStore, multihash: Multihash): Promise<Uint8Array | null> {
  const own = await index.own(multihash)
  const records = own !== null ? [own] : await index.get(multihash)
  for (const record of records) {
    for (const leaf of placesIn(record, multihash)) {
      const bytes = leaf.type === 3 && typeof leaf.location !== 'string' ? identityBytes(leaf.location) : null
      if (bytes !== null) return bytes
    }
  }
  return null
}
