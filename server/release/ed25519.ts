// Ed25519 (RFC 8032) over raw 32-byte keys, by node:crypto, which knows keys in DER alone: the two fixed heads of RFC 8410. Pure.

import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto'
import { ReleaseFault } from './faults.ts'

const PRIVATE_HEAD = Buffer.from('302e020100300506032b657004220420', 'hex')
const PUBLIC_HEAD = Buffer.from('302a300506032b6570032100', 'hex')
const HEX_32 = /^[0-9a-f]{64}$/
const HEX_64 = /^[0-9a-f]{128}$/

/** The public key, 64 hex digits, of a secret seed of 32 bytes. */
export function publicKeyOf (seed: Uint8Array): string {
  const der = createPublicKey(privateKey(seed)).export({ format: 'der', type: 'spki' })
  return der.subarray(PUBLIC_HEAD.length).toString('hex')
}

/** 128 hex digits. */
export function signBytes (bytes: Uint8Array, seed: Uint8Array): string {
  return sign(null, bytes, privateKey(seed)).toString('hex')
}

/** False for anything that is no signature of these bytes by this key, however it is written. */
export function isSignatureOf (bytes: Uint8Array, signature: string, publicKey: string): boolean {
  if (!HEX_64.test(signature) || !HEX_32.test(publicKey)) return false
  const key = createPublicKey({ key: Buffer.concat([PUBLIC_HEAD, Buffer.from(publicKey, 'hex')]), format: 'der', type: 'spki' })
  return verify(null, bytes, key, Buffer.from(signature, 'hex'))
}

function privateKey (seed: Uint8Array): ReturnType<typeof createPrivateKey> {
  if (seed.length !== 32) throw new ReleaseFault('KEY_INVALID', 'a secret key has 32 bytes')
  return createPrivateKey({ key: Buffer.concat([PRIVATE_HEAD, seed]), format: 'der', type: 'pkcs8' })
}
