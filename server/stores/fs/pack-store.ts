// Packs as files: `drafts/<id>` takes the bytes, fdatasync, link(2) into `pack/<P>.car` so that a second writer cannot
// overwrite, and the folder is synced before anybody is told (design §3).

import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { StoreError } from '../../errors.ts'
import { keyOf } from '../multihash.ts'
import { ASIDE, PACKS } from '../layout.ts'
import { codeOf } from './files.ts'
import { QuickReader } from './quick-read.ts'
import { FileReading } from './reading.ts'
import type { Layout } from '../layout.ts'
import type { Multihash } from '../multihash.ts'
import type { PackDraft, PackEntry, PackReading, PackStore, Piece } from '../pack-store.ts'
import type { Files, OpenFile } from './files.ts'

/** How much of a large upload goes to the disk at a time while the rest still comes: the last sync then has little left to wait for. */
const SYNC_BYTES = 32 * 1024 * 1024

export class FsPackStore implements PackStore {
  readonly name = 'fs'
  readonly #root: string
  readonly #layout: Layout
  readonly #files: Files
  readonly #quick = new QuickReader()

  constructor (root: string, layout: Layout, files: Files) {
    this.#root = root
    this.#layout = layout
    this.#files = files
  }

  /** Makes the folders and opens the store below `root`. */
  static async open (root: string, layout: Layout, files: Files): Promise<FsPackStore> {
    for (const folder of ['pack', 'index', 'owners', 'state', 'drafts']) {
      try {
        await files.makeFolder(join(root, folder))
      } catch (error) {
        throw new StoreError('fs', 'open', join(root, folder), error)
      }
    }
    return new FsPackStore(root, layout, files)
  }

  #path (pack: Multihash): string {
    return `${this.#root}/${this.#layout.pack(pack)}` // join() would look at every character
  }

  async draft (): Promise<PackDraft> {
    const path = join(this.#root, 'drafts', randomBytes(12).toString('hex'))
    try {
      return new FsPackDraft(path, (pack) => this.#path(pack), join(this.#root, PACKS), await this.#files.create(path), this.#files)
    } catch (error) {
      throw new StoreError('fs', 'draft', path, error)
    }
  }

  async stat (pack: Multihash): Promise<PackEntry | null> {
    try {
      return { pack, ...await this.#files.stat(this.#path(pack)) }
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return null
      throw new StoreError('fs', 'stat', keyOf(pack), error)
    }
  }

  async read (pack: Multihash, offset: number, length: number): Promise<PackReading | null> {
    try {
      return new FileReading(await this.#files.open(this.#path(pack)), keyOf(pack), offset, length)
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return null
      throw new StoreError('fs', 'read', keyOf(pack), error)
    }
  }

  readNow (pack: Multihash, offset: number, length: number): Piece | null {
    return this.#quick.read(this.#path(pack), offset, length)
  }

  path (pack: Multihash): string {
    return this.#layout.pack(pack).slice(PACKS.length)
  }

  async remove (pack: Multihash): Promise<boolean> {
    try {
      await this.#files.remove(this.#path(pack))
      await this.#files.syncFolder(join(this.#root, PACKS))
      return true
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return false
      throw new StoreError('fs', 'remove', keyOf(pack), error)
    }
  }

  async setAside (pack: Multihash): Promise<boolean> {
    try {
      await this.#files.makeFolder(join(this.#root, ASIDE))
      await this.#files.rename(this.#path(pack), join(this.#root, this.#layout.aside(pack, 'car', Date.now())))
      for (const folder of [ASIDE, PACKS]) await this.#files.syncFolder(join(this.#root, folder))
      return true
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return false
      throw new StoreError('fs', 'set aside', keyOf(pack), error)
    }
  }

  async dropAside (pack: Multihash): Promise<void> {
    const prefix = this.#layout.asideOf(pack).slice(ASIDE.length)
    try {
      for (const { name } of await this.#files.names(join(this.#root, ASIDE))) {
        if (name.startsWith(prefix)) await this.#files.remove(join(this.#root, ASIDE, name))
      }
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw new StoreError('fs', 'remove', keyOf(pack), error)
    }
  }

  async * list (): AsyncIterable<PackEntry> {
    let entries
    try {
      entries = await this.#files.names(join(this.#root, PACKS))
    } catch (error) {
      throw new StoreError('fs', 'list', PACKS, error)
    }
    for (const { name } of entries) {
      const pack = this.#layout.packOf(`${PACKS}${name}`)
      const entry = pack === null ? null : await this.stat(pack)
      if (entry !== null) yield entry
    }
  }

  async sweep (): Promise<number> {
    const folder = join(this.#root, 'drafts')
    try {
      const entries = await this.#files.names(folder)
      for (const { name } of entries) await this.#files.remove(join(folder, name))
      return entries.length
    } catch (error) {
      throw new StoreError('fs', 'sweep', folder, error)
    }
  }
}

class FsPackDraft implements PackDraft {
  readonly #path: string
  readonly #place: (pack: Multihash) => string
  readonly #folder: string
  readonly #file: OpenFile
  readonly #files: Files
  #open = true
  #unsynced = 0
  #fault: unknown = null
  #syncing: Promise<void> | null = null

  constructor (path: string, place: (pack: Multihash) => string, folder: string, file: OpenFile, files: Files) {
    this.#path = path
    this.#place = place
    this.#folder = folder
    this.#file = file
    this.#files = files
  }

  async write (chunks: readonly Uint8Array[]): Promise<void> {
    try {
      await this.#file.append(chunks)
    } catch (error) {
      throw new StoreError('fs', 'write', this.#path, error)
    }
    this.#unsynced += chunks.reduce((sum, chunk) => sum + chunk.length, 0)
    if (this.#unsynced < SYNC_BYTES || this.#syncing !== null) return
    this.#unsynced = 0
    // the kernel tells a lost write once: it must not be lost here as well
    this.#syncing = this.#file.sync().catch((error: unknown) => { this.#fault ??= error }).finally(() => { this.#syncing = null })
  }

  async commit (pack: Multihash, over = false): Promise<'created' | 'existed'> {
    let outcome: 'created' | 'existed' = 'created'
    try {
      await this.#syncing
      if (this.#fault !== null) throw this.#fault
      await this.#file.sync()
      try {
        if (over) await this.#files.rename(this.#path, this.#place(pack))
        else await this.#files.link(this.#path, this.#place(pack))
      } catch (error) {
        if (codeOf(error) !== 'EEXIST') throw error
        outcome = 'existed'
      }
      await this.#files.syncFolder(this.#folder)
    } catch (error) {
      throw new StoreError('fs', 'commit', keyOf(pack), error)
    } finally {
      await this.discard()
    }
    return outcome
  }

  async discard (): Promise<void> {
    if (!this.#open) return
    this.#open = false
    await this.#syncing
    await this.#file.close().catch(() => {})
    // what cannot be removed now is swept at the next boot
    await this.#files.remove(this.#path).catch(() => {})
  }
}
