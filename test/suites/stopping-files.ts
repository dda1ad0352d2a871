// The real file calls, which from one of them on are never done and never answered: the folder then is what a kill at that moment leaves.

import { NodeFiles } from '../../server/stores/fs/files.ts'
import type { OpenFile } from '../../server/stores/fs/files.ts'

export class StoppingFiles extends NodeFiles {
  /** How many calls that change something are still done; the one after them stops everything. */
  left = Infinity
  /** Resolves when that call came. */
  readonly stopped: Promise<void>
  #stop: () => void = () => {}
  readonly #open: OpenFile[] = []

  constructor () {
    super()
    this.stopped = new Promise((resolve) => { this.#stop = resolve })
  }

  /** Lets go of the files that nobody will close any more. */
  async release (): Promise<void> {
    for (const file of this.#open) await file.close().catch(() => {})
  }

  async #step<T> (call: () => Promise<T>): Promise<T> {
    if (this.left <= 0) {
      this.#stop()
      return new Promise<T>(() => {})
    }
    this.left--
    return call()
  }

  override async create (path: string): Promise<OpenFile> {
    const file = await this.#step(() => super.create(path))
    this.#open.push(file)
    return {
      append: (chunks) => this.#step(() => file.append(chunks)),
      sync: () => this.#step(() => file.sync()),
      close: () => file.close()
    }
  }

  override link (from: string, to: string): Promise<void> {
    return this.#step(() => super.link(from, to))
  }

  override rename (from: string, to: string): Promise<void> {
    return this.#step(() => super.rename(from, to))
  }

  override remove (path: string): Promise<void> {
    return this.#step(() => super.remove(path))
  }

  override removeFolder (path: string): Promise<void> {
    return this.#step(() => super.removeFolder(path))
  }

  override makeFolder (path: string): Promise<void> {
    return this.#step(() => super.makeFolder(path))
  }

  override syncFolder (path: string): Promise<void> {
    return this.#step(() => super.syncFolder(path))
  }
}
