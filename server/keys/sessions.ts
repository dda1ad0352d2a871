// Sessions: a short bearer for players that cannot sign each request, bound to one title and one public key. Nothing is kept of it: it carries what it
// says under an HMAC whose secret comes from the node key, so that every node of a deployment takes it. Pure.

import { createHmac, timingSafeEqual } from 'node:crypto'
import { Failure } from '../errors.ts'
import { deriveSecret } from './sealing.ts'
import type { TitleName } from './title-name.ts'

/** How long one is good. */
export const SESSION_SECONDS = 300

const HASH_BYTES = 32
const TIME_BYTES = 6
const BODY_BYTES = 2 * HASH_BYTES + TIME_BYTES

export interface Session {
  /** The sha256 of the title's address, 64 hex digits. */
  title: string
  pubkey: string
  /** Unix seconds. */
  expires: number
}

export class Sessions {
  readonly #secret: Buffer

  /** @param nodeSecret 64 hex digits */
  constructor (nodeSecret: string) {
    this.#secret = deriveSecret(nodeSecret, 'film keys: sessions')
  }

  /** @param now unix seconds */
  open (title: TitleName, pubkey: string, now: number): { token: string, expires: number } {
    const expires = now + SESSION_SECONDS
    const body = Buffer.alloc(BODY_BYTES)
    body.write(title.hash, 0, 'hex')
    body.write(pubkey, HASH_BYTES, 'hex')
    body.writeUIntBE(expires, 2 * HASH_BYTES, TIME_BYTES)
    return { token: Buffer.concat([body, this.#mac(body)]).toString('base64url'), expires }
  }

  /** What a token says. Throws KEY_SESSION for one that is none of ours, and for one that is over. */
  read (token: string, now: number): Session {
    const bytes = Buffer.from(token, 'base64url')
    const body = bytes.subarray(0, BODY_BYTES)
    // one spelling alone: else the same token would have many
    if (bytes.length !== BODY_BYTES + HASH_BYTES || bytes.toString('base64url') !== token || !timingSafeEqual(this.#mac(body), bytes.subarray(BODY_BYTES))) throw new Failure('KEY_SESSION')
    const expires = body.readUIntBE(2 * HASH_BYTES, TIME_BYTES)
    if (expires <= now) throw new Failure('KEY_SESSION', 'it is over')
    return { title: body.toString('hex', 0, HASH_BYTES), pubkey: body.toString('hex', HASH_BYTES, 2 * HASH_BYTES), expires }
  }

  #mac (body: Buffer): Buffer {
    return createHmac('sha256', this.#secret).update(body).digest()
  }
}
