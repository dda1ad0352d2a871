// Small objects as files below one folder. Written aside, synced, moved into place, the folder synced: a crash leaves the old
// object or the new one, never a half, and nothing that was acknowledged is lost to a power cut.

import { randomBytes } from 'node:crypto'
import { dirname, join } from 'node:path'
import { StoreError } from '../../errors.ts'
import { codeOf } from './files.ts'
import type { Files } from './files.ts'
import type { ObjectEntry, Objects } from '../objects.ts'

/** How many folders or files are looked at side by side: their places on the disk are far apart. */
const LOOKS = 64

export class FsObjects implements Objects {
  readonly name = 'fs'
  readonly #root: string
  readonly #files: Files

  constructor (root: string, files: Files) {
    this.#root = root
    this.#files = files
  }

  #path (key: string): string {
    // keys are made by layout.ts; a name from outside (state/) must not climb
    if (key.split('/').some((part) => part === '' || part === '.' || part === '..')) throw new StoreError('fs', 'name', key, new Error('not a key'))
    return join(this.#root, key)
  }

  async get (key: string): Promise<Uint8Array | null> {
    try {
      return await this.#files.read(this.#path(key))
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return null
      throw new StoreError('fs', 'get', key, error)
    }
  }

  async put (key: string, bytes: Uint8Array): Promise<void> {
    await this.#write('put', key, bytes, (draft, path) => this.#files.rename(draft, path))
  }

  async add (key: string, bytes: Uint8Array): Promise<boolean> {
    let made = true
    await this.#write('add', key, bytes, async (draft, path) => {
      try {
        await this.#files.link(draft, path)
      } catch (error) {
        if (codeOf(error) !== 'EEXIST') throw error
        made = false
      }
      await this.#files.remove(draft)
    })
    return made
  }

  async #write (action: string, key: string, bytes: Uint8Array, place: (draft: string, path: string) => Promise<void>): Promise<void> {
    const path = this.#path(key)
    const folder = dirname(path)
    const draft = join(this.#root, 'drafts', randomBytes(12).toString('hex'))
    try {
      const file = await this.#files.create(draft)
      try {
        await file.append([bytes])
        await file.sync()
      } finally {
        await file.close()
      }
      for (let tries = 0; ; tries++) {
        try {
          await this.#files.makeFolder(folder)
          await place(draft, path)
          break
        } catch (error) {
          // removers may take the emptied folder away in between, again and again
          if (codeOf(error) !== 'ENOENT' || tries === 20) throw error
        }
      }
      try {
        await this.#files.syncFolder(folder)
      } catch (error) {
        // gone: somebody removed our object right after it was placed, and its emptied folder
        if (codeOf(error) !== 'ENOENT') throw error
      }
    } catch (error) {
      await this.#files.remove(draft).catch(() => {})
      throw new StoreError('fs', action, key, error)
    }
  }

  async remove (key: string): Promise<boolean> {
    const path = this.#path(key)
    try {
      await this.#files.remove(path)
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return false
      throw new StoreError('fs', 'remove', key, error)
    }
    try {
      await this.#files.syncFolder(dirname(path))
      if (key.split('/').length > 2) await this.#files.removeFolder(dirname(path))
    } catch (error) {
      // ENOTEMPTY: others lie there; ENOENT: another remover was quicker
      if (!['ENOTEMPTY', 'EEXIST', 'ENOENT'].includes(codeOf(error))) throw new StoreError('fs', 'remove', key, error)
    }
    return true
  }

  async * list (prefix: string, after?: string): AsyncIterable<ObjectEntry> {
    if (after !== undefined) return yield * await this.#listAfter(prefix, after)
    // names first, and as little as possible beside them: the caller may remove what it is given
    const folders: string[] = []
    const files: string[] = []
    try {
      for await (const { name, folder } of this.#files.each(this.#path(prefix.replace(/\/$/, '')))) (folder ? folders : files).push(name)
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return
      throw error instanceof StoreError ? error : new StoreError('fs', 'list', prefix, error)
    }
    folders.sort() // who looks each of a million up in the database then meets its pages one after another
    for (let at = 0; at < files.length; at += LOOKS) yield * await this.#stat(prefix, files.slice(at, at + LOOKS))
    for (let at = 0; at < folders.length; at += LOOKS) {
      for (const found of await Promise.all(folders.slice(at, at + LOOKS).map((name) => this.#below(`${prefix}${name}/`)))) yield * found
    }
  }

  /** All of them, put in order: nobody walks a large folder by a cursor, since one server owns it. */
  async #listAfter (prefix: string, after: string): Promise<ObjectEntry[]> {
    const found: ObjectEntry[] = []
    for await (const entry of this.list(prefix)) if (entry.key > after) found.push(entry)
    return found.sort((a, b) => a.key < b.key ? -1 : 1)
  }

  /** Everything in a folder and below it. */
  async #below (prefix: string): Promise<ObjectEntry[]> {
    try {
      const entries = await this.#files.names(join(this.#root, prefix))
      const found = [await this.#stat(prefix, entries.filter(({ folder }) => !folder).map(({ name }) => name))]
      for (const { name, folder } of entries) if (folder) found.push(await this.#below(`${prefix}${name}/`))
      return found.flat()
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return []
      throw error instanceof StoreError ? error : new StoreError('fs', 'list', prefix, error)
    }
  }

  async #stat (prefix: string, names: string[]): Promise<ObjectEntry[]> {
    const found = await Promise.all(names.map(async (name) => {
      try {
        const { size, modified } = await this.#files.stat(join(this.#root, prefix, name))
        return { key: `${prefix}${name}`, size, modified }
      } catch (error) {
        if (codeOf(error) !== 'ENOENT') throw new StoreError('fs', 'list', prefix, error)
        return null
      }
    }))
    return found.filter((each) => each !== null)
  }

  async * names (prefix: string): AsyncIterable<string> {
    try {
      for await (const { name } of this.#files.each(join(this.#root, prefix))) yield name
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw new StoreError('fs', 'list', prefix, error)
    }
  }
}
