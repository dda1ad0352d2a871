// The body of PUT /media on its way to a file: hashed and counted as any upload, but not a blob: nothing of it is kept.

import { open } from 'node:fs/promises'
import { Failure, StoreError } from '../errors.ts'
import { takeIn } from '../stores/intake.ts'
import type { Readable } from 'node:stream'
import type { Arrival } from '../stores/intake.ts'

export interface MediaBodyRules {
  /** Bytes; one more is TOO_LARGE. */
  maxSize: number
  /** Milliseconds. */
  idleTimeout: number
  /** Hears how many bytes come next; throws a Failure when there is no room for them. */
  grow: (bytes: number) => void
}

/** Writes all of it to a new file. Rejects as `takeIn`, and with a StoreError where the disk fails. */
export async function writeBody (body: Readable, path: string, { maxSize, idleTimeout, grow }: MediaBodyRules): Promise<Arrival> {
  const fault = (error: unknown): unknown => error instanceof Failure ? error : new StoreError('media', 'write', path, error)
  const file = await open(path, 'wx', 0o600).catch((error: unknown) => { throw fault(error) })
  try {
    return await takeIn(body, { maxSize, idleTimeout, keepUpTo: -1 }, async (chunks) => {
      grow(chunks.reduce((sum, { length }) => sum + length, 0))
      await file.writev(chunks).catch((error: unknown) => { throw fault(error) })
    })
  } finally {
    await file.close()
  }
}
