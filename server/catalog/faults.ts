// What can be wrong with an event, a manifest or a name of the catalog, in one table: a stable code, the HTTP status a room answers with, and
// the sentence a person reads. Relays, rooms and commands tell the same fault by the same code. Pure.

export const CATALOG_FAULTS = {
  EVENT_MALFORMED: [400, 'this is no signed Nostr event'],
  EVENT_TOO_LARGE: [413, 'the event is larger than is taken'],
  TAGS_TOO_MANY: [413, 'the event has more tags than are taken'],
  ELEMENT_TOO_LONG: [413, 'an element of a tag is longer than is taken'],
  KIND_UNKNOWN: [400, 'this kind of event is not kept here'],
  ID_WRONG: [400, 'the id is not that of the event'],
  AUTHOR_REFUSED: [403, 'events of this kind are not taken from this key'],
  AUTHOR_FULL: [413, 'this key has as many provider adverts here as are taken'],
  HASH_FULL: [413, 'there are as many fresher adverts for this hash as are taken'],
  EVENT_FUTURE: [400, 'the event is from the future: check the clock'],
  ADVERT_STALE: [400, 'the provider advert is too old'],
  SIGNATURE_WRONG: [400, 'the event is not signed by its key'],
  TAG_MISSING: [400, 'a tag is missing'],
  TAG_REPEATED: [400, 'a tag stands more than once'],
  TAG_INVALID: [400, 'a tag does not say what it must'],
  TAGS_DISAGREE: [400, 'two tags contradict each other'],
  CONTENT_INVALID: [400, 'the content does not say what it must'],
  EVENT_KNOWN: [409, 'the event is here already'],
  EVENT_DELETED: [409, 'the event was withdrawn by its author'],
  BLOBS_MISSING: [409, 'blobs that the title names are not here'],
  EVENT_OLDER: [409, 'a newer version of the event is here'],
  TITLE_UNKNOWN: [404, 'no such title stands here'],
  EVENT_UNKNOWN: [404, 'no such event is kept here'],
  MANIFEST_MISSING: [404, 'the manifest of this title has not been read here'],
  MANIFEST_TOO_LARGE: [413, 'the manifest is larger than is taken'],
  SEGMENTS_TOO_MANY: [413, 'the manifest has more segments than are taken'],
  MANIFEST_INVALID: [400, 'the film manifest does not say what it must'],
  MANIFEST_SPELLING: [400, 'the film manifest is not in canonical JSON'],
  AGGREGATE_WRONG: [400, 'the aggregate hash is not that of the files'],
  HASHSEQ_INVALID: [400, 'a hash sequence is a row of 32-byte hashes'],
  HASH_UNREADABLE: [400, 'a hash is 64 hex digits, sha256:.., blake3:.., or a CID of raw bytes'],
  ADDRESS_UNREADABLE: [400, 'an address is kind:pubkey:d or naddr1'],
  CURSOR_UNREADABLE: [400, 'the cursor is none of this list'],
  KEY_UNREADABLE: [400, 'a key is 64 hex digits or npub1']
} as const satisfies Record<string, readonly [number, string]>

export type CatalogFaultCode = keyof typeof CATALOG_FAULTS

export class CatalogFault extends Error {
  readonly code: CatalogFaultCode
  /** The HTTP status of it. */
  readonly status: number

  /** @param detail which part it is, for the reader */
  constructor (code: CatalogFaultCode, detail?: string) {
    const [status, sentence] = CATALOG_FAULTS[code]
    super(detail === undefined ? sentence : `${sentence}: ${detail}`)
    this.name = 'CatalogFault'
    this.code = code
    this.status = status
  }
}
