// A client of one Blossom server: HEAD, upload, mirror, delete and download of blobs (BUD-01, 02, 04, 06, 12), each tried again while the server is away.

import { createHash } from 'node:crypto'
import { persist } from './patience.ts'
import { ServerRefusal, jsonIn } from './refusal.ts'
import type { Answer, Asked, Exchange, FileBody } from './exchange.ts'
import type { Patience } from './patience.ts'
import type { BlossomTokens } from './tokens.ts'

export interface BlobFacts {
  /** 64 lowercase hex digits. */
  sha256: string
  /** Bytes; -1 where a mirror is to find out. */
  size: number
  /** Media type. */
  type: string
}

export interface BlossomParts {
  /** e.g. `https://cdn.example.com` */
  origin: string
  exchange: Exchange
  patience: Patience
}

/** Every method rejects with ServerRefusal for what the server will not do, and NetworkFault when it is away for longer than our patience. */
export class BlossomServer {
  readonly origin: string
  readonly #parts: BlossomParts

  constructor (parts: BlossomParts) {
    this.origin = parts.origin
    this.#parts = parts
  }

  #ask (asked: Asked, good: readonly number[]): Promise<Answer> {
    return persist(() => this.#once(asked, good), this.#parts.patience)
  }

  async #once (asked: Asked, good: readonly number[]): Promise<Answer> {
    const answer = await this.#parts.exchange.send(asked)
    if (!good.includes(answer.status)) throw new ServerRefusal(asked, answer, Date.now())
    return answer
  }

  /** Is the blob there? Its length in bytes, or -1 where the server does not tell it; null when it is not there. */
  async has (sha256: string): Promise<number | null> {
    const { status, headers } = await this.#ask({ method: 'HEAD', url: `${this.origin}/${sha256}` }, [200, 404])
    if (status === 404) return null
    return /^\d+$/.test(headers['content-length'] ?? '') ? Number(headers['content-length']) : -1
  }

  /** BUD-06: would it be taken? False where the server has no such endpoint. */
  async wouldTake ({ sha256, size, type }: BlobFacts, tokens: BlossomTokens): Promise<boolean> {
    const headers = { 'authorization': await tokens.header(sha256), 'x-sha-256': sha256, 'x-content-length': String(size), 'x-content-type': type }
    // 404, 405 and 501 are how servers say that they never heard of it
    const { status } = await this.#ask({ method: 'HEAD', url: `${this.origin}/upload`, headers }, [200, 201, 204, 404, 405, 501])
    return status < 300
  }

  /** Sends the bytes; resolves when the server says that it has them. */
  async upload ({ sha256, size, type }: BlobFacts, body: Buffer | FileBody, tokens: BlossomTokens): Promise<void> {
    const url = `${this.origin}/upload`
    await persist(async () => {
      const headers = { 'authorization': await tokens.header(sha256), 'content-type': type, 'x-sha-256': sha256 }
      const answer = await this.#once({ method: 'PUT', url, headers, body }, [200, 201])
      checkDescriptor({ method: 'PUT', url }, answer, { sha256, size })
    }, this.#parts.patience)
  }

  /** BUD-04: has the server fetch the blob from `from`, once: where that fails, the bytes are sent. */
  async mirror ({ sha256, size }: BlobFacts, from: string, tokens: BlossomTokens): Promise<void> {
    const url = `${this.origin}/mirror`
    const headers = { 'authorization': await tokens.header(sha256), 'content-type': 'application/json' }
    const answer = await this.#once({ method: 'PUT', url, headers, body: Buffer.from(JSON.stringify({ url: from })) }, [200, 201])
    checkDescriptor({ method: 'PUT', url }, answer, { sha256, size })
  }

  /** BUD-12: ends our ownership. False when it was not there. */
  async remove (sha256: string, tokens: BlossomTokens): Promise<boolean> {
    const { status } = await this.#ask({ method: 'DELETE', url: `${this.origin}/${sha256}`, headers: { authorization: await tokens.header(sha256) } }, [200, 202, 204, 404])
    return status !== 404
  }

  /** The bytes, `limit` at most; null when it is not there. They may be others than those asked for: see `isOf`. */
  async bytes (sha256: string, limit: number): Promise<Buffer | null> {
    const { status, body } = await this.#ask({ method: 'GET', url: `${this.origin}/${sha256}`, limit }, [200, 404])
    return status === 404 ? null : body
  }

  /** The sha256 and length of what the server gives for this hash, without keeping it; null when it is not there. */
  async digest (sha256: string): Promise<{ sha256: string, size: number } | null> {
    return persist(async () => {
      const hash = createHash('sha256')
      let size = 0
      const onBytes = (chunk: Buffer): void => {
        hash.update(chunk)
        size += chunk.length
      }
      const { status } = await this.#once({ method: 'GET', url: `${this.origin}/${sha256}`, onBytes }, [200, 404])
      return status === 404 ? null : { sha256: hash.digest('hex'), size }
    }, this.#parts.patience)
  }
}

/** The server's own word for what it stored. Throws ServerRefusal when that is something else. */
function checkDescriptor (asked: Pick<Asked, 'method' | 'url'>, answer: Answer, blob: Pick<BlobFacts, 'sha256' | 'size'>): void {
  const { sha256, size } = (jsonIn(answer.body) ?? {}) as Record<string, unknown>
  if (sha256 === blob.sha256 && (size === undefined || blob.size === -1 || size === blob.size)) return
  const reason = 'it says that it stored something else'
  throw new ServerRefusal(asked, { ...answer, headers: { 'x-reason': reason } }, Date.now())
}

/** Do these bytes have this sha256? */
export function isOf (bytes: Buffer, sha256: string): boolean {
  return createHash('sha256').update(bytes).digest('hex') === sha256
}
