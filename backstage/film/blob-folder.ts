// The blobs of a build, `<sha256>.<ext>` in a folder: hashed once (sha256 and BLAKE3), synced, and only then there by that name.

import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import { blake3 } from '@napi-rs/blake-hash'
import { sha256Hex } from '../../server/stores/multihash.ts'
import { takeIn } from '../../server/stores/intake.ts'
import { ifThere, writeDurably } from '../durable.ts'
import type { BlobRef } from '../../server/catalog/manifest.ts'

export class BlobFolder {
  readonly path: string

  constructor (path: string) {
    this.path = path
  }

  async open (): Promise<void> {
    await mkdir(this.path, { recursive: true })
  }

  /** A blob in memory: what it is named by. */
  async put (bytes: Buffer, ext: string): Promise<BlobRef> {
    const ref = { sha256: sha256Hex(bytes), blake3: blake3(bytes).toString('hex'), size: bytes.length }
    if (!await this.has(ref, ext)) await writeDurably(this.#pathOf(ref, ext), bytes)
    return ref
  }

  /** Takes over a file of any size, which must lie on the same disk. */
  async take (path: string, ext: string): Promise<BlobRef> {
    const arrival = await takeIn(createReadStream(path, { highWaterMark: 1024 * 1024 }), { maxSize: Infinity, idleTimeout: 600_000, keepUpTo: 0 }, async () => {})
    const ref = { sha256: arrival.sha256, blake3: arrival.blake3, size: arrival.size }
    const file = await open(path, 'r+')
    try {
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(path, this.#pathOf(ref, ext))
    return ref
  }

  /** Is it there, in its full size? What is there by its name was synced before. */
  async has (ref: Pick<BlobRef, 'sha256' | 'size'>, ext: string): Promise<boolean> {
    return (await ifThere(stat(this.#pathOf(ref, ext))))?.size === ref.size
  }

  /** Bytes of all that lies here. */
  async bytes (): Promise<number> {
    const sizes = (await ifThere(readdir(this.path)) ?? []).map(async (name) => (await ifThere(stat(join(this.path, name))))?.size ?? 0)
    return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0)
  }

  /** Removes what is named by none of these: leftovers of a run that was broken off. */
  async keepOnly (names: ReadonlySet<string>): Promise<void> {
    for (const name of await readdir(this.path)) {
      if (!names.has(name)) await rm(join(this.path, name))
    }
  }

  #pathOf ({ sha256 }: Pick<BlobRef, 'sha256'>, ext: string): string {
    return join(this.path, `${sha256}.${ext}`)
  }
}
