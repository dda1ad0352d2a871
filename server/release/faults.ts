// What can be wrong with a release and what vouches for it, in one table: a stable code, the HTTP status a room answers with, and the sentence a
// person reads. Nodes, rooms, commands and the published vectors tell the same fault by the same code. Pure.

export const RELEASE_FAULTS = {
  DOCUMENT_TOO_LARGE: [413, 'the document is larger than is taken'],
  DOCUMENT_UNREADABLE: [400, 'the document is no JSON in UTF-8'],
  DOCUMENT_TOO_DEEP: [400, 'the document is nested deeper than any of ours'],
  MEMBER_REPEATED: [400, 'a member stands twice in one object'],
  NUMBER_INVALID: [400, 'a number is no whole number up to 2^53 - 1 in its one spelling'],
  NOT_CANONICAL: [400, 'the bytes are not their own canonical form (RFC 8785)'],
  SCHEMA_OTHER: [400, 'the document is of another schema'],
  BUNDLE_INVALID: [400, 'the trust bundle does not say what it must'],
  POINTER_INVALID: [400, 'the latest pointer does not say what it must'],
  MANIFEST_INVALID: [400, 'the release manifest does not say what it must'],
  SET_INVALID: [400, 'this is no set of release documents'],
  STATE_INVALID: [400, 'what was kept of earlier releases cannot be read'],
  KEY_INVALID: [400, 'a key is did:key of an Ed25519 public key, or 64 hex digits'],
  MNEMONIC_INVALID: [400, 'these are no words of a BIP-39 mnemonic, or one of them is wrong'],
  SCALAR_INVALID: [400, 'the derived number is no secp256k1 key: take another mnemonic'],
  SIGNATURE_MISSING: [400, 'nobody signed the document'],
  SIGNATURE_WRONG: [400, 'a signature is not that of the key it names'],
  ROOT_WRONG: [400, 'the trust bundle is not signed by the pinned root'],
  ROOT_NOT_COMMITTED: [400, 'the new root is not the one that was committed to before'],
  ROOT_HALF_SIGNED: [400, 'a change of root must be signed by the old and the new one'],
  COMMITMENT_CHANGED: [400, 'a root cannot take back which root follows it'],
  BUNDLE_MISSING: [404, 'there is no trust bundle'],
  BUNDLE_OLDER: [409, 'a newer trust bundle was seen before'],
  BUNDLE_FORKED: [409, 'another trust bundle of this version was seen before'],
  BUNDLE_FUTURE: [400, 'the trust bundle is from the future: check the clock'],
  BUNDLE_EXPIRED: [409, 'the trust bundle has expired: nothing new is installed'],
  KEY_NOT_LISTED: [400, 'no key of the trust bundle signed the document'],
  KEY_REVOKED: [400, 'a key that signed the document is revoked'],
  THRESHOLD_NOT_MET: [400, 'fewer keys signed the document than the trust bundle asks for'],
  POINTER_MISSING: [404, 'there is no latest pointer: news may be withheld'],
  POINTER_FUTURE: [400, 'the latest pointer is from the future: check the clock'],
  POINTER_TOO_LONG: [400, 'the latest pointer is valid for longer than the trust bundle allows'],
  POINTER_EXPIRED: [409, 'the latest pointer has expired: news may be withheld, nothing new is installed'],
  POINTER_OLDER: [409, 'a newer release was seen before'],
  APP_OTHER: [400, 'the document is of another application'],
  CHANNEL_OTHER: [400, 'the document is of another channel'],
  APP_NOT_TRUSTED: [400, 'the release keys of the trust bundle are not for this application'],
  MANIFEST_MISSING: [404, 'there is no release manifest: news may be withheld'],
  MANIFEST_HASH: [400, 'the manifest is not the one that the latest pointer names'],
  MANIFEST_DISAGREES: [400, 'the manifest and the latest pointer disagree'],
  MANIFEST_EXPIRED: [409, 'the manifest has expired: nothing new is installed'],
  SEQUENCE_NOT_HIGHER: [409, 'the release is not newer than what is installed'],
  SEQUENCE_REUSED: [409, 'another release of this sequence was seen before'],
  BELOW_FLOOR: [409, 'the release is below the floor that no node may go back under'],
  VERSION_REVOKED: [409, 'the release is revoked'],
  INTERMEDIATE_REQUIRED: [409, 'an earlier release must be installed first'],
  EVENT_INVALID: [400, 'this is no signed event of a release'],
  EVENT_KEY_NOT_LISTED: [400, 'the event is not by a key of the trust bundle'],
  EVENT_DISAGREES: [400, 'the event and the signed documents disagree'],
  ARTIFACT_WRONG: [400, 'the file is not the one that the manifest names']
} as const satisfies Record<string, readonly [number, string]>

export type ReleaseFaultCode = keyof typeof RELEASE_FAULTS

export class ReleaseFault extends Error {
  readonly code: ReleaseFaultCode
  /** The HTTP status of it. */
  readonly status: number

  /** @param detail which part it is, for the reader */
  constructor (code: ReleaseFaultCode, detail?: string) {
    const [status, sentence] = RELEASE_FAULTS[code]
    super(detail === undefined ? sentence : `${sentence}: ${detail}`)
    this.name = 'ReleaseFault'
    this.code = code
    this.status = status
  }
}
