// The few file calls that our folders rest on, in one interface: tests put a recorder in its place to show the order of syncs
// before an answer, or a disk that is full. A folder's sync is shared: callers that come while one runs wait for the next one.

import { constants } from 'node:fs'
import { link, mkdir, open, opendir, readFile, readdir, rename, rmdir, stat, unlink } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'

export interface OpenFile {
  /** Writes all of the chunks, in order, at the end. */
  append: (chunks: readonly Uint8Array[]) => Promise<void>
  /** The file's bytes survive a power cut when this resolves. */
  sync: () => Promise<void>
  close: () => Promise<void>
}

export interface FileStat {
  size: number
  modified: number
}

export interface Files {
  create: (path: string) => Promise<OpenFile>
  /** A handle for positioned reads. Rejects with ENOENT. */
  open: (path: string) => Promise<FileHandle>
  read: (path: string) => Promise<Buffer>
  stat: (path: string) => Promise<FileStat>
  names: (folder: string) => Promise<{ name: string, folder: boolean }[]>
  /** The same, not held all at once: for folders of a million names. What comes or goes meanwhile may be among them or not. */
  each: (folder: string) => AsyncIterable<{ name: string, folder: boolean }>
  /** link(2): fails with EEXIST rather than overwrite. */
  link: (from: string, to: string) => Promise<void>
  rename: (from: string, to: string) => Promise<void>
  remove: (path: string) => Promise<void>
  removeFolder: (path: string) => Promise<void>
  /** Makes the folder and what is missing above it, and syncs where a name was added. */
  makeFolder: (path: string) => Promise<void>
  /** The folder's names survive a power cut when this resolves. */
  syncFolder: (path: string) => Promise<void>
}

/** The `code` of a system error, '' for anything else. */
export function codeOf (error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code
  return typeof code === 'string' ? code : ''
}

async function appendAll (file: FileHandle, chunks: readonly Uint8Array[]): Promise<void> {
  let rest = chunks
  while (rest.length > 0) {
    const wanted = rest.reduce((sum, chunk) => sum + chunk.length, 0)
    const { bytesWritten } = await file.writev(rest as Uint8Array[])
    if (bytesWritten === wanted) return
    // a short write, as a nearly full disk gives: the next one tells the fault
    let skip = bytesWritten
    rest = rest.flatMap((chunk) => {
      const gone = Math.min(skip, chunk.length)
      skip -= gone
      return gone === chunk.length ? [] : [chunk.subarray(gone)]
    })
  }
}

async function syncNow (path: string): Promise<void> {
  const folder = await open(path, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

export class NodeFiles implements Files {
  readonly #syncs = new Map<string, { running: Promise<void>, next: Promise<void> | null }>()

  async create (path: string): Promise<OpenFile> {
    const file = await open(path, 'wx')
    return {
      append: (chunks) => appendAll(file, chunks),
      sync: () => file.datasync(), // the size counts as data: fdatasync(2)
      close: () => file.close()
    }
  }

  open (path: string): Promise<FileHandle> {
    return open(path, 'r')
  }

  read (path: string): Promise<Buffer> {
    return readFile(path)
  }

  async stat (path: string): Promise<FileStat> {
    const { size, mtimeMs } = await stat(path)
    return { size, modified: mtimeMs }
  }

  async names (folder: string): Promise<{ name: string, folder: boolean }[]> {
    const entries = await readdir(folder, { withFileTypes: true })
    return entries.map((entry) => ({ name: entry.name, folder: entry.isDirectory() }))
  }

  async * each (folder: string): AsyncIterable<{ name: string, folder: boolean }> {
    for await (const entry of await opendir(folder, { bufferSize: 1024 })) yield { name: entry.name, folder: entry.isDirectory() }
  }

  link (from: string, to: string): Promise<void> {
    return link(from, to)
  }

  rename (from: string, to: string): Promise<void> {
    return rename(from, to)
  }

  remove (path: string): Promise<void> {
    return unlink(path)
  }

  removeFolder (path: string): Promise<void> {
    return rmdir(path)
  }

  async makeFolder (path: string): Promise<void> {
    const first = await mkdir(path, { recursive: true })
    if (first === undefined) return
    // every folder that got a new name, from the one above the lowest up to the one above the first made
    for (let above = dirname(path); ; above = dirname(above)) {
      await this.syncFolder(above)
      if (above === dirname(first) || above === dirname(above)) return
    }
  }

  async syncFolder (path: string): Promise<void> {
    const state = this.#syncs.get(path)
    if (state !== undefined) {
      // the running one may have begun before our name was there
      state.next ??= state.running.then(() => this.#startSync(path), () => this.#startSync(path))
      return state.next
    }
    return this.#startSync(path)
  }

  #startSync (path: string): Promise<void> {
    const running = syncNow(path).finally(() => {
      if (this.#syncs.get(path)?.next === null) this.#syncs.delete(path)
    })
    this.#syncs.set(path, { running, next: null })
    return running
  }
}
