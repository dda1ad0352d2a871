// How a title is named to the key room: its address `kind:pubkey:d`, or `naddr1…` (NIP-19). One spelling of each, by which its state lies in the
// store. Pure.

import { createHash } from 'node:crypto'
import { decode } from 'nostr-tools/nip19'
import { Failure } from '../errors.ts'

export interface TitleName {
  /** `34235:<pubkey>:<d>`. */
  address: string
  /** Its creator, 64 hex digits. */
  pubkey: string
  /** The sha256 of the address, by which things lie in folders: `d` may be any text. */
  hash: string
}

/** Films and portrait shorts (NIP-71). */
const ADDRESS = /^(3423[56]):([0-9a-f]{64}):(.{1,512})$/su

/** Throws TITLE_NAME. */
export function parseTitleName (text: unknown): TitleName {
  const address = typeof text !== 'string' ? '' : /^(nostr:)?naddr1/i.test(text) ? addressIn(text) : text
  const pubkey = ADDRESS.exec(address)?.[2]
  // half a character has no bytes of its own: two titles would share a hash
  if (pubkey === undefined || /\p{Surrogate}/u.test(address)) throw new Failure('TITLE_NAME')
  return { address, pubkey, hash: createHash('sha256').update(address).digest('hex') }
}

function addressIn (text: string): string {
  try {
    const { type, data } = decode(text.replace(/^nostr:/i, '').toLowerCase())
    return type === 'naddr' ? `${data.kind}:${data.pubkey}:${data.identifier}` : ''
  } catch {
    return '' // of a wrong checksum, or cut
  }
}
