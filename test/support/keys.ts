// Signers of tests: tokens of both kinds, right by default, wrong on demand.

import { randomBytes } from 'node:crypto'
import { finalizeEvent, getPublicKey } from 'nostr-tools/pure'
import { sha256Hex } from '../../server/stores/multihash.ts'
import { quickSigner } from './quick-sign.ts'

export interface TokenOptions {
  hashes?: readonly string[]
  servers?: readonly string[]
  /** Unix seconds. */
  createdAt?: number
  /** Null: no such tag. */
  expiration?: string | null
  kind?: number
  extraTags?: string[][]
  encoding?: 'base64' | 'base64url'
}

export interface HttpTokenOptions {
  payload?: string | null
  createdAt?: number
  method?: string
  url?: string
}

export class Signer {
  readonly secret: Uint8Array
  readonly pubkey: string
  readonly #quick: ReturnType<typeof quickSigner>

  constructor (secret: Uint8Array = randomBytes(32)) {
    this.secret = secret
    this.#quick = quickSigner(secret)
    this.pubkey = this.#quick?.pubkey ?? getPublicKey(secret)
  }

  /** A kind 24242 Authorization header (BUD-11). */
  token (verb: string, options: TokenOptions = {}): string {
    const now = Math.floor(Date.now() / 1000)
    const { hashes = [], servers = [], createdAt = now - 1, expiration = String(now + 600), kind = 24242, extraTags = [] } = options
    const tags = [['t', verb], ...hashes.map((hash) => ['x', hash]), ...servers.map((server) => ['server', server]), ...extraTags]
    if (expiration !== null) tags.push(['expiration', expiration])
    return this.header({ kind, created_at: createdAt, tags, content: `test ${verb}` }, options.encoding)
  }

  /** A kind 27235 Authorization header (NIP-98). */
  httpToken (method: string, url: string, options: HttpTokenOptions = {}): string {
    const tags = [['u', options.url ?? url], ['method', options.method ?? method]]
    if (options.payload != null) tags.push(['payload', options.payload])
    return this.header({ kind: 27235, created_at: options.createdAt ?? Math.floor(Date.now() / 1000), tags, content: '' })
  }

  header (draft: { kind: number, created_at: number, tags: string[][], content: string }, encoding: 'base64' | 'base64url' = 'base64url'): string {
    return `Nostr ${Buffer.from(JSON.stringify(this.sign(draft))).toString(encoding)}`
  }

  sign (draft: { kind: number, created_at: number, tags: string[][], content: string }): ReturnType<typeof finalizeEvent> {
    if (this.#quick !== null) {
      const { kind, created_at, tags, content } = draft
      const id = sha256Hex(Buffer.from(JSON.stringify([0, this.pubkey, created_at, kind, tags, content])))
      return JSON.parse(JSON.stringify({ kind, created_at, tags, content, pubkey: this.pubkey, id, sig: this.#quick.sign(Buffer.from(id, 'hex')) })) as ReturnType<typeof finalizeEvent>
    }
    return JSON.parse(JSON.stringify(finalizeEvent(draft, this.secret))) as ReturnType<typeof finalizeEvent>
  }
}

/** Bytes that are the same on every run, and their sha256. */
export function seededBlob (seed: string, size: number): { bytes: Buffer, sha256: string } {
  const bytes = Buffer.alloc(size)
  let state = Buffer.from(seed).reduce((sum, byte) => (Math.imul(sum, 31) + byte) >>> 0, 2166136261) || 1
  for (let i = 0; i < size; i++) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    bytes[i] = state & 0xff
  }
  return { bytes, sha256: sha256Hex(bytes) }
}
