// Detached Ed25519 signatures of a document, in its member `signatures`: over the canonical bytes of all the rest, without a prefix, since the member
// `schema` tells documents apart (reference §2.2). Who counts is for the trust bundle to say, never for the document. Pure.

import { canonicalText } from './canonical.ts'
import { didKeyOf, publicKeyIn } from './did-key.ts'
import { isSignatureOf, publicKeyOf, signBytes } from './ed25519.ts'
import { ReleaseFault } from './faults.ts'

export interface Signature {
  alg: 'ed25519'
  /** As `did:key:z6Mk…`. */
  key: string
  /** 128 hex digits. */
  sig: string
}

export interface Signable { signatures: Signature[] }

/** How many signatures a document may have: each costs a look. */
export const SIGNATURE_LIMIT = 16

export function signedBytes (document: Signable): Buffer {
  const { signatures: _, ...rest } = document
  return Buffer.from(canonicalText(rest))
}

/** The document with the signature of this seed of 32 bytes besides the others; an earlier one of the same key is replaced. */
export function addSignature<T extends Signable> (document: T, seed: Uint8Array): T {
  const key = didKeyOf(publicKeyOf(seed))
  const others = document.signatures.filter((each) => each.key !== key)
  const own: Signature = { alg: 'ed25519', key, sig: signBytes(signedBytes(document), seed) }
  return { ...document, signatures: [...others, own].sort((a, b) => a.key < b.key ? -1 : 1) }
}

/**
 * The keys that signed, each once however often it did. A signature that does not hold spoils the document, also one by a key that nobody listed:
 * so no bit of what is accepted can be another. Throws SIGNATURE_MISSING, SIGNATURE_WRONG or KEY_INVALID.
 */
export function signersOf (document: Signable): Set<string> {
  if (document.signatures.length === 0) throw new ReleaseFault('SIGNATURE_MISSING')
  const bytes = signedBytes(document)
  for (const { key, sig } of document.signatures) {
    if (!isSignatureOf(bytes, sig, publicKeyIn(key))) throw new ReleaseFault('SIGNATURE_WRONG', key)
  }
  return new Set(document.signatures.map(({ key }) => key))
}

/** How many of `keys` signed. Throws as `signersOf`. */
export function countValid (document: Signable, keys: Iterable<string>): number {
  const signers = signersOf(document)
  return [...new Set(keys)].filter((key) => signers.has(key)).length
}

/** Throws unless enough of the role's keys signed: as `signersOf`, or KEY_REVOKED, KEY_NOT_LISTED, THRESHOLD_NOT_MET. */
export function demandThreshold (document: Signable, role: { threshold: number, keys: readonly string[] }, revoked: ReadonlySet<string>): void {
  const signers = [...signersOf(document)]
  const listed = signers.filter((key) => role.keys.includes(key) && !revoked.has(key))
  if (listed.length >= role.threshold) return
  // a revoked key counts for nothing, whatever date a document claims
  const gone = signers.find((key) => revoked.has(key))
  if (gone !== undefined) throw new ReleaseFault('KEY_REVOKED', gone)
  if (listed.length === 0) throw new ReleaseFault('KEY_NOT_LISTED', signers[0])
  throw new ReleaseFault('THRESHOLD_NOT_MET', `${listed.length} of ${role.threshold}`)
}
