// Authorization headers: kind 24242 tokens of Blossom (BUD-11), one for many blobs since a signature may cost a person's click, and NIP-98 for one call.

import { createHash, randomBytes } from 'node:crypto'
import { BLOSSOM_KIND, HTTP_KIND } from '../../server/auth/token.ts'
import type { SignedEvent } from '../../server/auth/signature.ts'
import type { Signer } from '../signer.ts'

/** Of one token: with them the header stays under the 8 KiB that web servers take by default. */
const HASHES = 50

/** Seconds that a token is good for, and before its end when a new one is made. */
const LIFE = 3600
const MARGIN = 600

/**
 * BUD-11: base64url without padding; but many servers decode the standard alphabet alone, some only with padding. ASCII with none of `>?~`, made up to
 * three bytes by JSON's own white space, is the same in all four forms.
 */
export function headerOf (event: SignedEvent): string {
  const text = JSON.stringify(event)
  return `Nostr ${Buffer.from(text.padEnd(Math.ceil(text.length / 3) * 3)).toString('base64')}`
}

const seconds = (): number => Math.floor(Date.now() / 1000)

/** One NIP-98 header, for `body` where there is one. A new one each time: it is good for a minute, and once. */
export async function httpToken (signer: Pick<Signer, 'sign'>, method: string, url: string, body: Buffer | null): Promise<string> {
  // two calls within one second would else be one event, which is taken once
  const tags = [['u', url], ['method', method], ['nonce', randomBytes(8).toString('hex')]]
  if (body !== null) tags.push(['payload', createHash('sha256').update(body).digest('hex')])
  return headerOf(await signer.sign({ kind: HTTP_KIND, created_at: seconds(), tags, content: '' }))
}

export interface TokenParts {
  signer: Pick<Signer, 'sign'>
  verb: 'upload' | 'delete' | 'get'
  /** Origins that they are good at. */
  servers: readonly string[]
  /** What they are for; another hash gets a token of its own. */
  hashes?: Iterable<string>
}

/** Tokens for many blobs, each made when the first of its blobs needs it. */
export class BlossomTokens {
  readonly #parts: TokenParts
  readonly #batches = new Map<string, string[]>()
  readonly #made = new Map<string[], { header: Promise<string>, until: number }>()

  constructor (parts: TokenParts) {
    this.#parts = parts
    let batch: string[] = []
    for (const hash of parts.hashes ?? []) {
      if (batch.length === HASHES) batch = []
      batch.push(hash)
      this.#batches.set(hash, batch)
    }
  }

  /** The header for this blob. Rejects with what the signer rejects with. */
  header (sha256: string): Promise<string> {
    const batch = this.#batches.get(sha256) ?? [sha256]
    this.#batches.set(sha256, batch)
    const made = this.#made.get(batch)
    if (made !== undefined && made.until - MARGIN > seconds()) return made.header
    const until = seconds() + LIFE
    const header = this.#sign(batch, until)
    this.#made.set(batch, { header, until })
    // one that was not signed is asked for again
    header.catch(() => { this.#made.delete(batch) })
    return header
  }

  async #sign (hashes: readonly string[], until: number): Promise<string> {
    const { signer, verb, servers } = this.#parts
    // 11-6: `server` is a lowercase domain, not a URL
    const names = [...new Set(servers.map((origin) => new URL(origin).hostname))]
    const tags = [['t', verb], ['expiration', String(until)], ...hashes.map((hash) => ['x', hash]), ...names.map((name) => ['server', name])]
    // 11-10: created_at must lie in the past, by clocks that differ
    return headerOf(await signer.sign({ kind: BLOSSOM_KIND, created_at: seconds() - 5, tags, content: `${verb} ${hashes.length} blobs` }))
  }
}
