// A file that is on its way: what came of it lies under its hash beside the place it goes to, survives a kill, and is hashed anew when it goes on. It
// takes its own name only whole and with both hashes right, and is on the disk by then.

import { createHash } from 'node:crypto'
import { constants, open, rename } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Blake3Hasher } from '@napi-rs/blake-hash'
import type { Hash } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'

/** What a file must be. */
export interface Wanted {
  /** 64 hex digits each. */
  sha256: string
  blake3: string
  /** Bytes. */
  size: number
}

/** The disk would not take it. */
export class DiskFault extends Error {
  constructor (cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause })
    this.name = 'DiskFault'
  }
}

const PIECE = 1024 * 1024

export class PartFile {
  /** Bytes that are here. */
  size = 0
  readonly #path: string
  readonly #wanted: Wanted
  readonly #file: FileHandle
  #sha256: Hash = createHash('sha256')
  #blake3 = new Blake3Hasher()

  private constructor (path: string, wanted: Wanted, file: FileHandle) {
    this.#path = path
    this.#wanted = wanted
    this.#file = file
  }

  /** Where the part of this file lies. */
  static pathOf (path: string, { sha256 }: Wanted): string {
    return join(dirname(path), `.${sha256}.part`)
  }

  /** What is there of it is read and hashed, but through no link to somewhere else; more than it may have is thrown away. Rejects with what the disk said. */
  static async open (path: string, wanted: Wanted): Promise<PartFile> {
    const file = await open(PartFile.pathOf(path, wanted), constants.O_RDWR | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW, 0o644)
    const part = new PartFile(path, wanted, file)
    try {
      if ((await file.stat()).size > wanted.size) await file.truncate(0)
      await part.#readOn()
      return part
    } catch (error) {
      await file.close()
      throw error
    }
  }

  async #readOn (): Promise<void> {
    const buffer = Buffer.alloc(PIECE)
    for (;;) {
      const { bytesRead } = await this.#file.read(buffer, 0, PIECE, this.size)
      if (bytesRead === 0) return
      this.#count(buffer.subarray(0, bytesRead))
    }
  }

  #count (bytes: Buffer): void {
    this.#sha256.update(bytes)
    this.#blake3.update(bytes)
    this.size += bytes.length
  }

  /** Bytes that are still to come. */
  get missing (): number {
    return this.#wanted.size - this.size
  }

  /** Rejects with DiskFault. */
  async append (bytes: Buffer): Promise<void> {
    try {
      for (let at = 0; at < bytes.length;) at += (await this.#file.write(bytes, at)).bytesWritten
    } catch (error) {
      throw new DiskFault(error)
    }
    this.#count(bytes)
  }

  /** Has it all its bytes, and are they the right ones? */
  isRight (): boolean {
    const { sha256, blake3 } = this.#wanted
    return this.missing === 0 && this.#sha256.copy().digest('hex') === sha256 && this.#blake3.digestBuffer().toString('hex') === blake3
  }

  /** Begins anew. */
  async discard (): Promise<void> {
    await this.#file.truncate(0)
    this.size = 0
    this.#sha256 = createHash('sha256')
    this.#blake3 = new Blake3Hasher()
  }

  /** To be called when `isRight`: the file has its own name, durably. */
  async finish (): Promise<void> {
    await this.#file.sync()
    await this.close()
    await rename(PartFile.pathOf(this.#path, this.#wanted), this.#path)
    const folder = await open(dirname(this.#path))
    await folder.sync().finally(() => folder.close())
  }

  async close (): Promise<void> {
    await this.#file.close()
  }
}

/** Does the file at `path` have these hashes? False when there is none. */
export async function isThere (path: string, wanted: Wanted): Promise<boolean> {
  let file: FileHandle
  try {
    file = await open(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
  try {
    if ((await file.stat()).size !== wanted.size) return false
    const [sha256, blake3] = [createHash('sha256'), new Blake3Hasher()]
    for await (const piece of file.createReadStream({ autoClose: false })) {
      sha256.update(piece as Buffer)
      blake3.update(piece as Buffer)
    }
    return sha256.digest('hex') === wanted.sha256 && blake3.digestBuffer().toString('hex') === wanted.blake3
  } finally {
    await file.close()
  }
}
