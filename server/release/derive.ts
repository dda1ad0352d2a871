// Keys from a mnemonic, as Archipelago derives them: the BIP-39 seed with an empty passphrase, then HKDF-SHA256 with an empty salt and the label as
// info (reference §2.1). Their own known answers are tests. Pure: what it is given is kept nowhere.

import { hkdfSync } from 'node:crypto'
import { mnemonicToSeedSync, validateMnemonic } from '@scure/bip39'
import { wordlist } from '@scure/bip39/wordlists/english.js'
import { pubkeyOf } from '../auth/signature.ts'
import { publicKeyOf } from './ed25519.ts'
import { ReleaseFault } from './faults.ts'

export const NODE_ED25519 = 'archipelago/node/ed25519/v1'
export const NODE_SECP256K1 = 'archipelago/nostr-node/secp256k1/v1'
export const ROOT_ED25519 = 'archipelago/release/root/ed25519/v1'
export const ROOT_SECP256K1 = 'archipelago/release/root/secp256k1/v1'

const ORDER = BigInt('0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141')

/** The seed of 64 bytes. White space and letter case between the words do not matter. Throws MNEMONIC_INVALID, without a word of it. */
export function seedOf (mnemonic: string): Uint8Array {
  const words = mnemonic.trim().toLowerCase().split(/\s+/).join(' ')
  if (words.length > 1000 || !validateMnemonic(words, wordlist)) throw new ReleaseFault('MNEMONIC_INVALID')
  return mnemonicToSeedSync(words)
}

/** 32 bytes. */
export function deriveKey (seed: Uint8Array, label: string): Buffer {
  return Buffer.from(hkdfSync('sha256', seed, '', label, 32))
}

/** 32 bytes that are a secp256k1 key. A number of 0 or not below the order MUST be refused, never reduced: SCALAR_INVALID. */
export function deriveScalar (seed: Uint8Array, label: string): Buffer {
  return checkScalar(deriveKey(seed, label))
}

/** Throws SCALAR_INVALID. */
export function checkScalar (bytes: Buffer): Buffer {
  const number = BigInt(`0x${bytes.toString('hex')}`)
  if (number === 0n || number >= ORDER) throw new ReleaseFault('SCALAR_INVALID')
  return bytes
}

export interface ReleaseRoot {
  /** 32 secret bytes each. */
  ed25519: Buffer
  secp256k1: Buffer
  /** What nodes pin, 64 hex digits. */
  publicKey: string
  /** The root's Nostr key, 64 hex digits. */
  pubkey: string
}

/** Throws MNEMONIC_INVALID or SCALAR_INVALID. */
export function releaseRootOf (mnemonic: string): ReleaseRoot {
  const seed = seedOf(mnemonic)
  const ed25519 = deriveKey(seed, ROOT_ED25519)
  const secp256k1 = deriveScalar(seed, ROOT_SECP256K1)
  seed.fill(0)
  return { ed25519, secp256k1, publicKey: publicKeyOf(ed25519), pubkey: pubkeyOf(secp256k1.toString('hex')) }
}
