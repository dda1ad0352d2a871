// Writing and reading whole packs, as the tests of stores/ do over and over.

import { keyOf, sha256Multihash } from '../../server/stores/multihash.ts'
import { readWhole } from '../../server/stores/pack-store.ts'
import type { Multihash } from '../../server/stores/multihash.ts'
import type { DraftHints, PackDraft, PackEntry, PackStore } from '../../server/stores/pack-store.ts'

export const UNKNOWN: DraftHints = { promised: null, size: null, type: null }

/** Bytes as a socket would bring them: pieces of odd sizes. */
export function pieces (bytes: Uint8Array, size = 65_521): Uint8Array[] {
  const found: Uint8Array[] = []
  for (let at = 0; at < bytes.length; at += size) found.push(bytes.subarray(at, at + size))
  return found
}

/** A draft with all of the bytes in it, written in batches. */
export async function drafted (packs: PackStore, bytes: Uint8Array, hints: DraftHints = UNKNOWN): Promise<PackDraft> {
  const draft = await packs.draft(hints)
  const all = pieces(bytes)
  for (let at = 0; at < all.length; at += 16) await draft.write(all.slice(at, at + 16))
  return draft
}

/** Writes a pack in one go. */
export async function writePack (packs: PackStore, bytes: Uint8Array, sha256: string, hints?: DraftHints): Promise<'created' | 'existed'> {
  const draft = await drafted(packs, bytes, hints)
  try {
    return await draft.commit(sha256Multihash(sha256))
  } finally {
    await draft.discard()
  }
}

/** The bytes of a pack; null when there is none. */
export async function readPack (packs: PackStore, pack: Multihash, offset: number, length: number): Promise<Buffer | null> {
  const reading = await packs.read(pack, offset, length)
  return reading === null ? null : readWhole(reading)
}

export async function entries (packs: PackStore): Promise<Map<string, PackEntry>> {
  const found = new Map<string, PackEntry>()
  for await (const entry of packs.list()) found.set(keyOf(entry.pack), entry)
  return found
}
