// Film keys under seal: AES-256-GCM under a key that is derived from the node key (HKDF-SHA256), bound to the key's id and title. Who has the store
// alone has no keys; nodes of one deployment share the node key and so the seal. Pure but for random bytes.

import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'

/** Bytes of an AES-128 key, of a nonce and of a tag. */
export const KEY_BYTES = 16
const NONCE_BYTES = 12
const TAG_BYTES = 16

/** `elsewhere`: under another node key; `damaged`: under this one, and not what it was. */
export type Opened = Buffer | 'elsewhere' | 'damaged'

export interface Sealed {
  /** Nonce, ciphertext and tag, base64. */
  sealed: string
  /** Which seal this is: tells nothing of the key. */
  by: string
}

/** One secret for each purpose, from the node key (64 hex digits). */
export function deriveSecret (nodeSecret: string, purpose: string): Buffer {
  return Buffer.from(hkdfSync('sha256', Buffer.from(nodeSecret, 'hex'), Buffer.alloc(0), `marquee/1 ${purpose}`, 32))
}

export class Seal {
  readonly #key: Buffer
  readonly #name: string

  constructor (nodeSecret: string) {
    this.#key = deriveSecret(nodeSecret, 'film keys: seal')
    this.#name = deriveSecret(nodeSecret, 'film keys: name of the seal').toString('hex', 0, 8)
  }

  close (id: string, title: string, key: Buffer): Sealed {
    const nonce = randomBytes(NONCE_BYTES)
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonce)
    cipher.setAAD(boundTo(id, title))
    const sealed = Buffer.concat([nonce, cipher.update(key), cipher.final(), cipher.getAuthTag()]).toString('base64')
    return { sealed, by: this.#name }
  }

  open (id: string, title: string, { sealed, by }: Sealed): Opened {
    if (by !== this.#name) return 'elsewhere'
    const bytes = Buffer.from(sealed, 'base64')
    if (bytes.length !== NONCE_BYTES + KEY_BYTES + TAG_BYTES) return 'damaged'
    const decipher = createDecipheriv('aes-256-gcm', this.#key, bytes.subarray(0, NONCE_BYTES))
    decipher.setAAD(boundTo(id, title))
    decipher.setAuthTag(bytes.subarray(-TAG_BYTES))
    try {
      return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()])
    } catch {
      return 'damaged'
    }
  }
}

function boundTo (id: string, title: string): Buffer {
  return Buffer.from(JSON.stringify(['film key', id, title]))
}
