// Files that survive a power cut: written beside, synced, renamed, and the folder synced.

import { open, rename } from 'node:fs/promises'
import { dirname } from 'node:path'

/** `mode` as chmod has it. */
export async function writeDurably (path: string, bytes: string | Uint8Array, mode = 0o644): Promise<void> {
  const beside = `${path}.tmp`
  const file = await open(beside, 'w', mode)
  try {
    await file.chmod(mode) // it may lie there from before, and the umask may have taken some
    await file.writeFile(bytes)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(beside, path)
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
