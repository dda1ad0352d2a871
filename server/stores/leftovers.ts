// What a crash may leave: records and packs that nobody owns. Nobody can see them, and the next start removes them (design §1.2), where one
// server owns the store; a shared one has the sweeper. Run after the rows were compared, so that whatever has no row has no owner that can be
// read. A look at the whole store asks names only: a million blobs take seconds.

import { StoreError } from '../errors.ts'
import { PACKS, RECORDS } from './layout.ts'
import { blake3Multihash, blake3Of, parseKey, sha256Hex, sha256Multihash, sha256Of } from './multihash.ts'
import { inlineOf } from './places.ts'
import type { Descriptors } from './descriptors.ts'
import type { Multihash } from './multihash.ts'
import type { Stores } from './open.ts'
import type { NotedBlob } from './unsettled.ts'

/** So many names are looked up in their order: neighbours lie on one page of the database. That halves the time. */
const SORTED = 2 ** 17

async function * inOrder (names: AsyncIterable<string>): AsyncIterable<string> {
  let some: string[] = []
  for await (const name of names) {
    if (some.push(name) < SORTED) continue
    yield * some.sort()
    some = []
  }
  yield * some.sort()
}

/** Removes them all; how many records and packs there were. Rejects with StoreError. */
export async function removeLeftovers (stores: Stores, descriptors: Descriptors): Promise<number> {
  const records: Multihash[] = []
  const packs: Multihash[] = []
  for await (const name of inOrder(stores.names(RECORDS))) {
    const multihash = parseKey(name)
    if (multihash !== null && !isKnown(multihash, descriptors)) records.push(multihash)
  }
  for await (const name of inOrder(stores.names(PACKS))) {
    const pack = stores.layout.packOf(`${PACKS}${name}`)
    if (pack !== null && !isKnown(pack, descriptors)) packs.push(pack)
  }
  let removed = 0
  for (const multihash of records) {
    if (await isOwned(stores, multihash)) continue
    if (await stores.index.remove(multihash)) removed++ // only ours: what other tools wrote stays
  }
  for (const pack of packs) removed += await removePack(stores, descriptors, pack)
  return removed
}

/** Removes those of the blobs named, where nobody owns them; how many there were. Rejects with StoreError. */
export async function removeLeftoversOf (stores: Stores, descriptors: Descriptors, blobs: Iterable<NotedBlob>): Promise<number> {
  let removed = 0
  for (const { sha256, blake3 } of blobs) {
    const self = sha256Multihash(sha256)
    if (isKnown(self, descriptors) || (await stores.owners.namesOf(sha256)).length > 0) continue
    for (const multihash of blake3 === null ? [self] : [self, blake3Multihash(blake3)]) {
      if (await stores.index.remove(multihash)) removed++
    }
    removed += await removePack(stores, descriptors, self)
  }
  return removed
}

async function removePack (stores: Stores, descriptors: Descriptors, pack: Multihash): Promise<number> {
  const sha256 = sha256Of(pack)
  // a damaged owner object has no row either
  if (descriptors.usesPack(pack) || (sha256 !== null && (await stores.owners.namesOf(sha256)).length > 0)) return 0
  return await stores.packs.remove(pack) ? 1 : 0
}

function isKnown (multihash: Multihash, descriptors: Descriptors): boolean {
  const sha256 = sha256Of(multihash)
  if (sha256 !== null) return descriptors.has(sha256)
  const blake3 = blake3Of(multihash)
  return blake3 === null || descriptors.hasBlake3(blake3)
}

/** Has a record without a row an owner all the same, one whose object is damaged? It may hold the blob's only bytes; so may one that cannot be read. */
async function isOwned (stores: Stores, multihash: Multihash): Promise<boolean> {
  let sha256 = sha256Of(multihash)
  if (sha256 === null) {
    try {
      const record = await stores.index.own(multihash)
      if (record === null) return false
      const bytes = inlineOf(record)
      sha256 = bytes !== null ? sha256Hex(bytes) : typeof record.location === 'string' ? null : sha256Of(record.location)
    } catch (error) {
      if (!(error instanceof StoreError) || error.action !== 'parse') throw error
      return true
    }
  }
  return sha256 !== null && (await stores.owners.namesOf(sha256)).length > 0
}
