// Files of a publisher and a node: read up to a limit, and written whole or not at all, so that they survive a power cut.

import { randomBytes } from 'node:crypto'
import { link, mkdir, open, rename, stat, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { ReleaseFault } from '../../server/release/faults.ts'
import { parseRoleKey } from '../../server/release/role-key.ts'
import { ifThere, writeBeside } from '../durable.ts'

/** Rejects with DOCUMENT_TOO_LARGE before more than `limit` bytes are read, or with what the system says. */
export async function readLimited (path: string, limit: number): Promise<Buffer> {
  const file = await open(path)
  try {
    const stats = await file.stat()
    const buffer = Buffer.alloc((stats.isFile() ? Math.min(limit, stats.size) : limit) + 1)
    let length = 0
    for (;;) {
      const { bytesRead } = await file.read(buffer, length, buffer.length - length, null)
      length += bytesRead
      if (bytesRead === 0 || length === buffer.length) break
    }
    if (length > limit) throw new ReleaseFault('DOCUMENT_TOO_LARGE', `${path}: at most ${limit} bytes`)
    return buffer.subarray(0, length)
  } finally {
    await file.close()
  }
}

/** As `readLimited`; null when there is none. */
export function readIfThere (path: string, limit: number): Promise<Buffer | null> {
  return ifThere(readLimited(path, limit))
}

/** Durable when it resolves; whoever reads finds the old bytes or the new ones. */
export async function writeDurably (path: string, bytes: Uint8Array | string, mode = 0o644): Promise<void> {
  await withDraft(path, bytes, mode, (draft) => rename(draft, path))
}

/** As `writeDurably`, but never over a file that is there: rejects then. */
export async function writeNew (path: string, bytes: Uint8Array | string, mode = 0o644): Promise<void> {
  await withDraft(path, bytes, mode, async (draft) => {
    try {
      await link(draft, path)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw new Error(`${path} is there already: it is not overwritten`)
      throw error
    }
    await unlink(draft)
  })
}

/** Several may write the same file at once: each has a draft of its own. */
async function withDraft (path: string, bytes: Uint8Array | string, mode: number, place: (draft: string) => Promise<void>): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  const draft = `${path}.${randomBytes(8).toString('hex')}`
  await writeBeside(draft, path, bytes, mode, () => place(draft))
}

/** The secret key in a file that nobody else may read. Rejects with KEY_INVALID. */
export async function readRoleKey (path: string): Promise<Buffer> {
  if (((await stat(path)).mode & 0o077) !== 0) throw new ReleaseFault('KEY_INVALID', `${path} can be read by others: chmod 600`)
  return parseRoleKey((await readLimited(path, 1024)).toString('latin1'))
}
