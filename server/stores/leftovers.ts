// What a crash may leave: records and packs that nobody owns. Nobody can see them, and the next start removes them (design §1.2), where one
// server owns the store; a shared one has the sweeper. Run after the rows were compared, so that whatever has no row has no owner. It asks
// names only: a million blobs take seconds.

import { PACKS, RECORDS } from './layout.ts'
import { blake3Of, parseKey, sha256Of } from './multihash.ts'
import type { Descriptors } from './descriptors.ts'
import type { Multihash } from './multihash.ts'
import type { Stores } from './open.ts'

/** Removes them; how many records and packs there were. Rejects with StoreError. */
export async function removeLeftovers (stores: Stores, descriptors: Descriptors): Promise<number> {
  const records: Multihash[] = []
  const packs: Multihash[] = []
  for await (const name of stores.names(RECORDS)) {
    const multihash = parseKey(name)
    if (multihash !== null && !isKnown(multihash, descriptors)) records.push(multihash)
  }
  for await (const name of stores.names(PACKS)) {
    const pack = stores.layout.packOf(`${PACKS}${name}`)
    if (pack !== null && !isKnown(pack, descriptors) && !descriptors.usesPack(pack)) packs.push(pack)
  }
  let removed = 0
  for (const multihash of records) {
    if (await stores.index.remove(multihash)) removed++ // only ours: what other tools wrote stays
  }
  for (const pack of packs) {
    const sha256 = sha256Of(pack)
    if (sha256 !== null && (await stores.owners.namesOf(sha256)).length > 0) continue // a damaged owner object has no row either
    if (await stores.packs.remove(pack)) removed++
  }
  return removed
}

function isKnown (multihash: Multihash, descriptors: Descriptors): boolean {
  const sha256 = sha256Of(multihash)
  if (sha256 !== null) return descriptors.get(sha256) !== null
  const blake3 = blake3Of(multihash)
  return blake3 === null || descriptors.hasBlake3(blake3)
}
