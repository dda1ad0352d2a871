// How much more the disk below a folder may take, a reserve left over for everything else: the database, its log, small records, other programs.
// The disk is asked at most once a second.

import { statfs } from 'node:fs/promises'
import { StoreError } from '../errors.ts'

export interface FreeSpaceParts {
  folder: string
  /** Bytes; null for a twentieth of the disk, at most 1 GiB. */
  reserve: number | null
  /** Milliseconds. */
  now: () => number
  look?: (folder: string) => Promise<{ bavail: number, blocks: number, bsize: number }>
}

const KEPT_MS = 1000
const MOST_RESERVED = 1024 ** 3

export class FreeSpace {
  #parts: FreeSpaceParts
  #room = 0
  #free = 0
  #until = -Infinity

  constructor (parts: FreeSpaceParts) {
    this.#parts = parts
  }

  /** Another reserve from now on. */
  reload ({ reserve }: Pick<FreeSpaceParts, 'reserve'>): void {
    this.#parts = { ...this.#parts, reserve }
    this.#until = -Infinity
  }

  /** Bytes above the reserve, below 0 where it is touched; at once where the disk was asked within the second. Rejects with StoreError. */
  room (): number | Promise<number> {
    return this.#parts.now() < this.#until ? this.#room : this.#ask()
  }

  /** Bytes that are free, and those of them that are kept, for who looks on. Rejects with StoreError. */
  async look (): Promise<{ free: number, reserve: number }> {
    const room = await this.room()
    return { free: this.#free, reserve: this.#free - room }
  }

  async #ask (): Promise<number> {
    const { folder, reserve, now, look = statfs } = this.#parts
    try {
      const { bavail, blocks, bsize } = await look(folder)
      this.#free = bavail * bsize
      this.#room = this.#free - (reserve ?? Math.min(MOST_RESERVED, blocks * bsize / 20))
      this.#until = now() + KEPT_MS
      return this.#room
    } catch (error) {
      throw new StoreError('fs', 'statfs', folder, error)
    }
  }
}
