// A blob's bytes to the socket: pieces straight from the store's reading, each given back when the kernel has taken it. Not a stream: a
// stream cannot say when a pooled buffer is free again.

import { Failure } from '../errors.ts'
import type { ServerResponse } from 'node:http'
import type { PackReading } from '../stores/pack-store.ts'
import type { BytesAnswer } from './blob-answer.ts'

/**
 * Sends an answer made of parts of one blob. The first bytes are read before the head goes out, so that a store that fails at once is
 * still told as a status; one that fails later breaks the connection, never ends it as if all were there (`onBroken` hears why). `open`
 * gives null when the blob is gone: BLOB_UNKNOWN.
 */
export async function sendSections (
  res: ServerResponse, answer: BytesAnswer, open: (start: number, length: number) => Promise<PackReading | null>, onBroken: (error: unknown) => void
): Promise<void> {
  let reading: PackReading | null = null
  try {
    for (const [index, section] of answer.sections.entries()) {
      reading = await open(section.start, section.length)
      if (reading === null) throw new Failure('BLOB_UNKNOWN')
      let piece = await reading.next()
      if (index === 0) res.writeHead(answer.status, answer.headers)
      if (section.head !== null) await write(res, section.head, () => {})
      const final = index === answer.sections.length - 1 && answer.tail === null
      if (final && piece !== null && piece.bytes.length === section.length) {
        res.end(piece.bytes, piece.release) // a small blob: head and body in one write
        return
      }
      while (piece !== null) {
        await write(res, piece.bytes, piece.release)
        if (res.req.socket.destroyed) return // the other side has left
        piece = await reading.next()
      }
      await reading.close()
    }
    if (answer.tail !== null) await write(res, answer.tail, () => {})
    res.end()
  } catch (error) {
    if (!res.headersSent) throw error
    onBroken(error)
    res.destroy()
  } finally {
    await reading?.close()
  }
}

/**
 * Resolves when more may be written, or when the other side has left; `taken` is called when the bytes are no longer needed. The socket is
 * watched, not the answer: an answer that waits behind another on its connection is never told that the connection has closed, and one
 * whose end came while a piece was being read has been told already.
 */
function write (res: ServerResponse, bytes: Uint8Array, taken: () => void): Promise<void> {
  const { socket } = res.req
  return new Promise((resolve) => {
    if (socket.destroyed) {
      taken()
      return resolve()
    }
    if (res.write(bytes, () => { taken() })) return resolve()
    const go = (): void => {
      res.off('drain', go)
      socket.off('close', go)
      resolve()
    }
    res.on('drain', go)
    socket.on('close', go)
  })
}
