// A multihash as bytes (algorithm and length prefix included) and its key: the CIDv1-raw base32 text that names it
// in hash-stream's trees, `bafkrei…` for sha256 and `bafkr4i…` for BLAKE3 (hash-stream.md §2). Pure.

import { base32 } from 'multiformats/bases/base32'
import { hash } from 'node:crypto'

/** `<code><length><digest>`; for us sha256 (34 bytes), BLAKE3-256 (34 bytes) or identity (the bytes themselves). */
export type Multihash = Uint8Array

const SHA256 = 0x12
const BLAKE3 = 0x1e
const CID_V1_RAW = Buffer.from([0x01, 0x55])

function prefixed (code: number, digest: Uint8Array): Multihash {
  const bytes = new Uint8Array(2 + digest.length)
  bytes[0] = code
  bytes[1] = digest.length
  bytes.set(digest, 2)
  return bytes
}

/** sha256 as 64 hex digits to its multihash. */
export function sha256Multihash (sha256: string): Multihash {
  return prefixed(SHA256, Buffer.from(sha256, 'hex'))
}

/** BLAKE3-256 as 64 hex digits to its multihash. */
export function blake3Multihash (blake3: string): Multihash {
  return prefixed(BLAKE3, Buffer.from(blake3, 'hex'))
}

/** The 64 hex digits of a sha256 multihash; null for any other algorithm. */
export function sha256Of (multihash: Multihash): string | null {
  return multihash.length === 34 && multihash[0] === SHA256 ? Buffer.from(multihash.subarray(2)).toString('hex') : null
}

/** The 64 hex digits of a BLAKE3 multihash; null for any other algorithm. */
export function blake3Of (multihash: Multihash): string | null {
  return multihash.length === 34 && multihash[0] === BLAKE3 ? Buffer.from(multihash.subarray(2)).toString('hex') : null
}

/** An identity multihash: its digest *is* the bytes. The length is a varint, since inline blobs pass 127 bytes. */
export function identityMultihash (bytes: Uint8Array): Multihash {
  const head = [0x00]
  let length = bytes.length
  while (length >= 0x80) {
    head.push((length & 0x7f) | 0x80)
    length >>>= 7
  }
  head.push(length)
  return Buffer.concat([Buffer.from(head), bytes])
}

/** The bytes inside an identity multihash; null if it is of another algorithm or its length is wrong. */
export function identityBytes (multihash: Multihash): Uint8Array | null {
  if (multihash[0] !== 0x00) return null
  let length = 0
  let at = 1
  for (let shift = 0; ; shift += 7) {
    const byte = multihash[at++]
    if (byte === undefined || shift > 28) return null
    length += (byte & 0x7f) * 2 ** shift
    if (byte < 0x80) break
  }
  return multihash.length - at === length ? multihash.subarray(at) : null
}

/** The key `C` of a multihash: CIDv1, codec raw, base32 lower case. */
export function keyOf (multihash: Multihash): string {
  return base32.encode(Buffer.concat([CID_V1_RAW, multihash]))
}

/** Back from a key to its multihash; null for text that is no CIDv1-raw key. */
export function parseKey (key: string): Multihash | null {
  if (!/^b[a-z2-7]+$/.test(key)) return null
  let bytes: Uint8Array
  try {
    bytes = base32.decode(key)
  } catch {
    return null // of no whole number of bytes
  }
  return bytes[0] === 0x01 && bytes[1] === 0x55 && bytes.length > 4 ? bytes.subarray(2) : null
}

/** sha256 of bytes in memory, as 64 hex digits. node:crypto: twelve times the speed of @noble/hashes here. */
export function sha256Hex (bytes: Uint8Array): string {
  return hash('sha256', bytes, 'hex')
}
