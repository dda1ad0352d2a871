// BIP-340 signatures for the thousands of tokens that tests ask for: by libsecp256k1's key arithmetic in a tenth of a millisecond, where the pure
// JavaScript of nostr-tools needs three. Not for keys that matter: BigInt takes its time by the number.

import { createHash, randomBytes } from 'node:crypto'
import { createRequire } from 'node:module'

interface Points {
  /** 33 bytes: the sign of y, and x. */
  publicKeyCreate: (secret: Uint8Array, compressed: boolean) => Uint8Array
}

/** The native part alone, as server/auth/schnorr.ts has it; null where there is no build for this machine. */
function loadNative (): Points | null {
  try {
    return createRequire(import.meta.url)('secp256k1/bindings.js') as Points
  } catch {
    return null
  }
}

const native = loadNative()

const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n
const EVEN_Y = 2
const tag = createHash('sha256').update('BIP0340/challenge').digest()
const CHALLENGE = Buffer.concat([tag, tag])

/** A secret number with its point: the point's x, and the number whose point has that x and an even y. */
interface Pair { x: Buffer, scalar: bigint }

function scalarOf (bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString('hex')}`)
}

function pairOf ({ publicKeyCreate }: Points, secret: Uint8Array): Pair {
  const point = publicKeyCreate(secret, true)
  const scalar = scalarOf(secret)
  return { x: Buffer.from(point.subarray(1)), scalar: point[0] === EVEN_Y ? scalar : ORDER - scalar }
}

/** What signs 32 bytes with this secret key, and its public key, both in hex; null where it cannot be done this way. */
export function quickSigner (secret: Uint8Array): { pubkey: string, sign: (message: Uint8Array) => string } | null {
  if (native === null) return null
  const key = pairOf(native, secret)
  return {
    pubkey: key.x.toString('hex'),
    sign: (message) => {
      // BIP-340, Default Signing, with a nonce that is drawn anew
      const nonce = pairOf(native, randomBytes(32))
      const e = scalarOf(createHash('sha256').update(CHALLENGE).update(nonce.x).update(key.x).update(message).digest()) % ORDER
      return nonce.x.toString('hex') + ((nonce.scalar + e * key.scalar) % ORDER).toString(16).padStart(64, '0')
    }
  }
}
