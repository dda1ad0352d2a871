// How people and programs spell the hash of a blob: bare hex, `sha256:…` and `blake3:…` (Archipelago's ContentDigest), and the CIDs of raw
// bytes, bafkrei… (sha256) and bafkr4i… (BLAKE3). Pure.

import { blake3Multihash, blake3Of, keyOf, parseKey, sha256Multihash, sha256Of } from '../stores/multihash.ts'
import { CatalogFault } from './faults.ts'

export interface HashName {
  /** Null: bare hex does not say, and either may be meant. */
  algorithm: 'sha256' | 'blake3' | null
  /** 64 lowercase hex digits. */
  hex: string
}

/** Throws HASH_UNREADABLE. */
export function parseHashName (text: string): HashName {
  const name = readHashName(text)
  if (name === null) throw new CatalogFault('HASH_UNREADABLE')
  return name
}

/** The same, or null. */
export function readHashName (text: string): HashName | null {
  const spelled = /^(?:(sha256|blake3):)?([0-9a-f]{64})$/i.exec(text)
  if (spelled !== null) return { algorithm: (spelled[1]?.toLowerCase() ?? null) as HashName['algorithm'], hex: spelled[2]!.toLowerCase() }
  const multihash = parseKey(text)
  // base32 leaves bits over at the end: only one of the spellings that decode to the same bytes is the CID
  if (multihash === null || keyOf(multihash) !== text) return null
  const sha256 = sha256Of(multihash)
  if (sha256 !== null) return isDigest(multihash) ? { algorithm: 'sha256', hex: sha256 } : null
  const blake3 = blake3Of(multihash)
  return blake3 !== null && isDigest(multihash) ? { algorithm: 'blake3', hex: blake3 } : null
}

/** Does the length that the multihash tells hold? */
function isDigest (multihash: Uint8Array): boolean {
  return multihash[1] === 32
}

/** `sha256:<hex>` or `blake3:<hex>`; bare hex where the algorithm is not known. */
export function formatHashName ({ algorithm, hex }: HashName): string {
  return algorithm === null ? hex : `${algorithm}:${hex}`
}

/** The CID of raw bytes with this hash. */
export function cidOf (algorithm: 'sha256' | 'blake3', hex: string): string {
  return keyOf(algorithm === 'sha256' ? sha256Multihash(hex) : blake3Multihash(hex))
}
