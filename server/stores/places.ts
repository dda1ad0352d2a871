// Between a blob's place and its index record, both ways. Pure.

import { StoreError } from '../errors.ts'
import { identityBytes, identityMultihash, sha256Hex } from './multihash.ts'
import type { Place } from './descriptors.ts'
import type { Multihash } from './multihash.ts'
import type { PackReading } from './pack-store.ts'
import type { IndexRecord } from './record.ts'

/** The bytes inside an inline record; null for a record of another type. */
export function inlineOf (record: IndexRecord): Uint8Array | null {
  return record.type === 3 && typeof record.location !== 'string' ? identityBytes(record.location) : null
}

/** The blob itself, where `twin`, its record under BLAKE3, holds it whole: what a sha256 record that is missing is made of. */
export function bytesOfTwin (twin: IndexRecord | null, { sha256, size }: { sha256: string, size: number }): Uint8Array | null {
  const bytes = twin === null ? null : inlineOf(twin)
  return bytes?.length === size && sha256Hex(bytes) === sha256 ? bytes : null
}

/** Our record of a blob under one of its hashes. */
export function recordFor (multihash: Multihash, self: Multihash, size: number, place: Place, whole: Uint8Array | null): IndexRecord {
  if (place.kind === 'inline') {
    if (whole === null) throw new Error('an inline record needs its bytes')
    return { multihash, type: 3, location: identityMultihash(whole), offset: 0, length: size, subRecords: [] }
  }
  const [location, offset] = place.kind === 'own' ? [self, 0] : [place.pack, place.offset]
  return { multihash, type: 0, location, offset, length: size, subRecords: [] }
}

/** Where a record of ours says the blob lies. */
export function placeOf (record: IndexRecord): Place {
  if (record.type === 3) return { kind: 'inline' }
  if (typeof record.location === 'string') throw new StoreError('index', 'read', record.location, new Error('a path is no pack'))
  const own = Buffer.compare(record.location, record.multihash) === 0
  return own && (record.offset ?? 0) === 0 ? { kind: 'own' } : { kind: 'part', pack: record.location, offset: record.offset ?? 0 }
}

/** A reading of bytes already in memory. */
export function bytesReading (bytes: Uint8Array): PackReading {
  let left: Uint8Array | null = bytes.length === 0 ? null : bytes
  return {
    next: async () => {
      const now = left
      left = null
      return now === null ? null : { bytes: now, release: () => {}, kept: true }
    },
    close: async () => {}
  }
}
