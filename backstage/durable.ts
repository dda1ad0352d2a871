// Files that survive a power cut: written beside, synced, renamed, and the folder synced.

import { open, rename, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'

/** `mode` as chmod has it. For one writer at a time: what a kill leaves beside the file is written over by the next. */
export async function writeDurably (path: string, bytes: string | Uint8Array, mode = 0o644): Promise<void> {
  const beside = `${path}.tmp`
  await writeBeside(beside, path, bytes, mode, () => rename(beside, path))
}

/** Writes to `beside`, in the folder of `path`, and has `place` put it there when all bytes are on the disk. What fails leaves nothing beside. */
export async function writeBeside (beside: string, path: string, bytes: string | Uint8Array, mode: number, place: () => Promise<void>): Promise<void> {
  const file = await open(beside, 'w', mode)
  try {
    await file.chmod(mode) // it may lie there from before, and the umask may have taken some
    await file.writeFile(bytes)
    await file.sync()
    await place()
  } catch (error) {
    await unlink(beside).catch(() => {}) // the first error is the one to tell
    throw error
  } finally {
    await file.close()
  }
  await syncFolder(dirname(path))
}

/** What was made, renamed or removed in it is on the disk when it resolves. */
export async function syncFolder (path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

/** What reads a file or a folder that may not be there: null then. Any other fault stays one. */
export async function ifThere<T> (reading: Promise<T>): Promise<T | null> {
  try {
    return await reading
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}
