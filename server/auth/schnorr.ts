// BIP-340 verification by libsecp256k1 itself, in 0.05 ms where the wasm build of it takes 0.28 (bench/RESULTS.md): the largest part of a small
// upload, and what anybody can make us do.
//
// The binding (`secp256k1`, prebuilt for the common machines) has no Schnorr, but it recovers public keys from ECDSA signatures, which is the
// same sum of two points. Recovery gives Q = (s'·R' − z·G) / r', where R' is the point with x = r' and the parity asked for. With R' = P, the
// signer's key with even y, r' = P.x, s' = −e·P.x and z = −s·P.x (all modulo the order) this is Q = s·G − e·P: exactly the R that BIP-340 computes,
// with its y.

import { createHash } from 'node:crypto'
import { createRequire } from 'node:module'

interface Recovery {
  /** 33 bytes: the sign of y, and x. Throws when there is no such point. */
  ecdsaRecover: (signature: Uint8Array, parity: number, message: Uint8Array, compressed: boolean) => Uint8Array
}

/** The native part alone: the package's front door falls back to pure JavaScript, which is slower than wasm. */
function loadNative (): Recovery | null {
  try {
    return createRequire(import.meta.url)('secp256k1/bindings.js') as Recovery
  } catch {
    return null // no build for this machine
  }
}

const native = loadNative()

export const IS_NATIVE = native !== null

const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n
const tag = createHash('sha256').update('BIP0340/challenge').digest()
const CHALLENGE = Buffer.concat([tag, tag])
const EVEN_Y = 2

function scalar (bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')}`)
}

function hex (value: bigint): string {
  return value.toString(16).padStart(64, '0')
}

/**
 * Is `signature` (64 bytes) that of `pubkey` (32 bytes, x alone) on `message`? Null when it cannot be told this way: no native part, or one of
 * the numbers that a signer meets once in 2^128. Source: BIP-340, Verification.
 */
export function verifySchnorr (message: Uint8Array, pubkey: Uint8Array, signature: Uint8Array): boolean | null {
  if (native === null) return null
  const r = signature.subarray(0, 32)
  const s = scalar(signature.subarray(32))
  // "Fail if s ≥ n"
  if (s >= ORDER) return false
  const x = scalar(pubkey)
  const e = scalar(createHash('sha256').update(CHALLENGE).update(r).update(pubkey).update(message).digest()) % ORDER
  if (x === 0n || x >= ORDER || s === 0n || e === 0n) return null
  let point: Uint8Array
  try {
    point = native.ecdsaRecover(Buffer.from(hex(x) + hex(ORDER - e * x % ORDER), 'hex'), 0, Buffer.from(hex(ORDER - s * x % ORDER), 'hex'), true)
  } catch {
    return false // P is not on the curve, or "is_infinite(R)"
  }
  // "Fail if not has_even_y(R). Fail if x(R) ≠ r"; an r ≥ p is no x
  return point[0] === EVEN_Y && Buffer.compare(point.subarray(1), r) === 0
}
