// `did:key` of an Ed25519 public key (W3C CCG): multibase base58btc of the multicodec 0xed and the 32 bytes. Signers are written so. Pure.

import { base58btc } from 'multiformats/bases/base58'
import { ReleaseFault } from './faults.ts'

const ED25519_PUB = Buffer.from([0xed, 0x01])
const PREFIX = 'did:key:'

/** `publicKey` of 64 hex digits. */
export function didKeyOf (publicKey: string): string {
  if (!/^[0-9a-f]{64}$/.test(publicKey)) throw new ReleaseFault('KEY_INVALID', publicKey.slice(0, 80))
  return PREFIX + base58btc.encode(Buffer.concat([ED25519_PUB, Buffer.from(publicKey, 'hex')]))
}

/** The public key, 64 hex digits. Throws KEY_INVALID, also for another spelling of a good key. */
export function publicKeyIn (did: string): string {
  const bytes = decoded(did)
  if (bytes === null || bytes.length !== 34 || bytes[0] !== 0xed || bytes[1] !== 0x01) throw new ReleaseFault('KEY_INVALID', did.slice(0, 80))
  const publicKey = Buffer.from(bytes.subarray(2)).toString('hex')
  if (didKeyOf(publicKey) !== did) throw new ReleaseFault('KEY_INVALID', did.slice(0, 80))
  return publicKey
}

function decoded (did: string): Uint8Array | null {
  // base58 costs the square of its length
  if (!did.startsWith(PREFIX) || did.length > 80) return null
  try {
    return base58btc.decode(did.slice(PREFIX.length))
  } catch {
    return null
  }
}
