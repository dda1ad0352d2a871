// Are a blob's bytes in the store still the blob? Read in short pieces that hold nothing open between them, hashed anew, past every memory: what
// the scrub does with each blob, and what is done once more before one is called damaged.

import { createHash } from 'node:crypto'
import { Blake3Hasher } from '@napi-rs/blake-hash'
import { StoreError } from '../errors.ts'
import { DamagedBytes } from './checked-bytes.ts'
import { inlineBytes } from './inline-bytes.ts'
import { sha256Multihash } from './multihash.ts'
import { PackTooShort } from './pack-store.ts'
import { bytesReading } from './places.ts'
import type { Blob } from './descriptors.ts'
import type { Stores } from './open.ts'
import type { PackReading } from './pack-store.ts'

/** Bytes of one look. */
const PIECE = 512 * 1024

/** In words what is wrong where the bytes themselves are; null for any other fault, which is the store's. */
export function damageIn (error: unknown): string | null {
  if (error instanceof DamagedBytes) return error.message
  if (!(error instanceof StoreError)) return null
  if (error.cause instanceof PackTooShort) return 'its pack is cut short'
  return error.action === 'parse' && error.key.startsWith('index/') ? 'its index record cannot be read' : null
}

/**
 * Null when they are whole, else what is wrong, in words. `pace` is awaited after each piece with its length. Rejects with StoreError when the
 * store does not answer.
 */
export async function examine (stores: Stores, blob: Blob, pace: (bytes: number) => Promise<void> = async () => {}): Promise<string | null> {
  // in memory until its files are made
  if ((stores.journal?.pending(blob.sha256) ?? null) !== null || blob.size === 0) return null
  if (blob.size > PIECE && blob.place.kind === 'own') {
    const pack = await stores.packs.stat(sha256Multihash(blob.sha256))
    if (pack !== null && pack.size < blob.size) return 'its pack is cut short' // known without reading a film
  }
  const [sha256, blake3] = [createHash('sha256'), new Blake3Hasher()]
  try {
    for (let at = 0; at < blob.size; at += PIECE) {
      const length = Math.min(PIECE, blob.size - at)
      const reading = await open(stores, blob, at, length)
      if (reading === null) {
        if ((stores.journal?.pending(blob.sha256) ?? null) !== null) return null
        await stores.prove() // a disk that is not there says nothing of one file
        return blob.place.kind === 'inline' ? 'its index record is gone' : 'its pack is gone'
      }
      try {
        for (let piece = await reading.next(); piece !== null; piece = await reading.next()) {
          sha256.update(piece.bytes)
          blake3.update(piece.bytes as Buffer)
          piece.release()
        }
      } finally {
        await reading.close()
      }
      await pace(length)
    }
  } catch (error) {
    const damage = damageIn(error)
    if (damage === null) throw error
    return damage
  }
  if (sha256.digest('hex') !== blob.sha256) return 'its bytes are not those of its name'
  if (blob.blake3 !== null && blake3.digestBuffer().toString('hex') !== blob.blake3) throw new StoreError(stores.packs.name, 'compare', blob.sha256, new Error('its row has another BLAKE3 than its bytes: see `marquee verify`'))
  return null
}

async function open (stores: Stores, { sha256, place, size }: Blob, start: number, length: number): Promise<PackReading | null> {
  const self = sha256Multihash(sha256)
  if (place.kind === 'inline') {
    const bytes = await inlineBytes(stores.index, self)
    if (bytes !== null && bytes.length !== size) throw new DamagedBytes('its index record holds too few bytes')
    return bytes === null ? null : bytesReading(bytes.subarray(start, start + length))
  }
  const [pack, offset] = place.kind === 'own' ? [self, 0] : [place.pack, place.offset]
  return stores.packs.read(pack, offset + start, length)
}
