// Blobs that are cheap to make and do not compress: a head of 32 bytes that the tag decides, then bytes of one shared pool. A tag and a size
// give the same bytes always, a blob of any size needs no file, and two tags never give the same hash.

import { createCipheriv, createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

const POOL_BYTES = 32 * 2 ** 20
const CHUNK_BYTES = 2 ** 20

let pool: Buffer | null = null

function getPool (): Buffer {
  pool ??= createCipheriv('aes-256-ctr', Buffer.alloc(32, 7), Buffer.alloc(16)).update(Buffer.alloc(POOL_BYTES))
  return pool
}

export class TestBlob {
  readonly size: number
  readonly #head: Buffer
  #sha256: string | null = null

  /** @param size bytes, at least 32 */
  constructor (tag: string, size: number) {
    if (size < 32) throw new Error('a test blob has at least 32 bytes')
    this.size = size
    this.#head = createHash('sha256').update(tag).digest()
  }

  /** The bytes: the head, then slices of the pool; nothing is copied. */
  * chunks (): Iterable<Buffer> {
    yield this.#head
    const bytes = getPool()
    let at = 0
    for (let left = this.size - this.#head.length; left > 0;) {
      const length = Math.min(left, CHUNK_BYTES, bytes.length - at)
      yield bytes.subarray(at, at + length)
      left -= length
      at = (at + length) % bytes.length
    }
  }

  /** All of it in one piece: for small ones. */
  whole (): Buffer {
    return Buffer.concat([...this.chunks()])
  }

  get sha256 (): string {
    if (this.#sha256 === null) {
      const hash = createHash('sha256')
      for (const chunk of this.chunks()) hash.update(chunk)
      this.#sha256 = hash.digest('hex')
    }
    return this.#sha256
  }

  async writeTo (path: string): Promise<void> {
    await pipeline(Readable.from(this.chunks()), createWriteStream(path))
  }
}
