// A file in one pass: its bytes counted and hashed twice, whatever its size.

import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { Blake3Hasher } from '@napi-rs/blake-hash'

export interface Measured {
  /** 64 hex digits each. */
  sha256: string
  blake3: string
  /** Bytes. */
  size: number
}

/** Rejects with what the system says. */
export async function measure (path: string): Promise<Measured> {
  const sha256 = createHash('sha256')
  const blake3 = new Blake3Hasher()
  let size = 0
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 }) as AsyncIterable<Buffer>) {
    size += chunk.length
    sha256.update(chunk)
    blake3.update(chunk)
  }
  return { sha256: sha256.digest('hex'), blake3: blake3.digestBuffer().toString('hex'), size }
}
