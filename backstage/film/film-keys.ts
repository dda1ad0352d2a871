// The keys of a film (nostr-and-releases.md §4.1): one secret, a key a rendition, an IV a segment. Pure.
//
// RFC 8216 §5.2 wants the IV of EXT-X-KEY to be one for each segment: CBC shows where two texts under one key and IV begin alike, and TS segments
// all begin alike. So no IV comes twice under a key, and no key belongs to two renditions.

import { createCipheriv, createHmac } from 'node:crypto'
import type { FilmKeys, RenditionKey } from './film-build.ts'

/** Where in a rendition: a segment's number, from 0, or its init segment. */
export type SegmentPlace = number | 'init'

function hmac16 (secret: string, text: string): Buffer {
  return createHmac('sha256', Buffer.from(secret, 'hex')).update(text).digest().subarray(0, 16)
}

/** 32 hex digits. `secret`: 64 hex digits, of the film. */
export function renditionKey (secret: string, rendition: string): string {
  return hmac16(secret, `hls/${rendition}`).toString('hex')
}

/** 16 bytes. */
export function segmentIv (secret: string, keyId: string, place: SegmentPlace): Buffer {
  return hmac16(secret, `${keyId}/${place}`)
}

/** AES-128-CBC with PKCS#7 padding, as METHOD=AES-128 of RFC 8216 is. */
export function encryptSegment (bytes: Uint8Array, key: string, iv: Uint8Array): Buffer {
  const cipher = createCipheriv('aes-128-cbc', Buffer.from(key, 'hex'), iv)
  return Buffer.concat([cipher.update(bytes), cipher.final()])
}

/** Keys for these renditions, of which some may be there already. `makeId`: 16 new hex digits. */
export function keysFor (had: Omit<FilmKeys, 'schema'>, renditions: readonly string[], makeId: () => string): RenditionKey[] {
  return [...had.keys, ...renditions.filter((name) => had.keys.every(({ rendition }) => rendition !== name)).map((rendition) => ({
    id: makeId(), rendition, key: renditionKey(had.secret, rendition)
  }))]
}
