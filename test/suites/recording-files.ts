// The real file calls, each written down when it has been done, and on demand failing as a full disk does. Random names of drafts are
// numbered in the order of their coming.

import { relative } from 'node:path'
import { NodeFiles } from '../../server/stores/fs/files.ts'
import type { OpenFile } from '../../server/stores/fs/files.ts'

export class RecordingFiles extends NodeFiles {
  /** What was done, in the order in which it ended. */
  steps: string[] = []
  /** Which of the calls that take space fails from now on, counted from 0; -1: none. */
  failAt = -1
  /** How many calls that take space were begun. */
  calls = 0
  readonly #root: string
  readonly #drafts = new Map<string, string>()

  constructor (root: string) {
    super()
    this.#root = root
  }

  /** A path as the steps name it. */
  name (path: string): string {
    const short = relative(this.#root, path)
    if (!short.startsWith('drafts/')) return short
    const known = this.#drafts.get(short) ?? `draft ${this.#drafts.size + 1}`
    this.#drafts.set(short, known)
    return known
  }

  /** Forgets what was done so far. */
  restart (failAt = -1): void {
    this.steps = []
    this.#drafts.clear()
    this.calls = 0
    this.failAt = failAt
  }

  #take (call: string): void {
    if (this.calls++ === this.failAt) throw Object.assign(new Error(`ENOSPC: no space left on device, ${call}`), { code: 'ENOSPC' })
  }

  override async create (path: string): Promise<OpenFile> {
    const name = this.name(path)
    this.#take('open')
    const file = await super.create(path)
    this.steps.push(`create ${name}`)
    return {
      append: async (chunks) => {
        try {
          this.#take('write')
        } catch (error) {
          // a full disk takes a part of it first
          await file.append(chunks.slice(0, 1).map((chunk) => chunk.subarray(0, chunk.length >> 1)))
          throw error
        }
        await file.append(chunks)
        this.steps.push(`write ${name}`)
      },
      sync: async () => {
        this.#take('fdatasync')
        await file.sync()
        this.steps.push(`sync ${name}`)
      },
      close: () => file.close()
    }
  }

  override async link (from: string, to: string): Promise<void> {
    this.#take('link')
    await super.link(from, to)
    this.steps.push(`link ${this.name(from)} to ${this.name(to)}`)
  }

  override async rename (from: string, to: string): Promise<void> {
    this.#take('rename')
    await super.rename(from, to)
    this.steps.push(`move ${this.name(from)} to ${this.name(to)}`)
  }

  override async remove (path: string): Promise<void> {
    await super.remove(path)
    this.steps.push(`remove ${this.name(path)}`)
  }

  override async removeFolder (path: string): Promise<void> {
    await super.removeFolder(path)
    this.steps.push(`remove folder ${this.name(path)}`)
  }

  override async makeFolder (path: string): Promise<void> {
    this.#take('mkdir')
    await super.makeFolder(path)
    this.steps.push(`folder ${this.name(path)} is there`)
  }

  override async syncFolder (path: string): Promise<void> {
    this.#take('fsync')
    await super.syncFolder(path)
    this.steps.push(`sync folder ${this.name(path)}`)
  }
}
