// A blob's bytes to the socket: pieces straight from the store's reading, each given back when the kernel has taken it. Not a stream: a
// stream cannot say when a pooled buffer is free again.

import { Failure } from '../errors.ts'
import type { FastifyReply } from 'fastify'
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { PackReading } from '../stores/pack-store.ts'

export interface Section {
  /** Written before the bytes: the head of one part of a multipart answer. */
  head: Buffer | null
  /** Bytes from the blob's start. */
  start: number
  length: number
}

export interface BytesAnswer {
  status: number
  headers: Record<string, string | number>
  sections: readonly Section[]
  tail: Buffer | null
}

/**
 * Sends an answer made of parts of one blob. The first bytes are read before the head goes out, so that a store that fails at once is
 * still told as a status; one that fails later breaks the connection, never ends it as if all were there. `open` gives null when the blob
 * is gone: BLOB_UNKNOWN.
 */
export async function sendSections (reply: FastifyReply, answer: BytesAnswer, open: (start: number, length: number) => Promise<PackReading | null>): Promise<void> {
  const res = reply.raw
  const { socket } = reply.request.raw
  let reading: PackReading | null = null
  try {
    for (const [index, section] of answer.sections.entries()) {
      reading = await open(section.start, section.length)
      if (reading === null) throw new Failure('BLOB_UNKNOWN')
      let piece = await reading.next()
      if (index === 0) {
        reply.hijack()
        res.writeHead(answer.status, { ...reply.getHeaders() as Record<string, string>, ...answer.headers })
      }
      if (section.head !== null) await write(res, socket, section.head, () => {})
      const final = index === answer.sections.length - 1 && answer.tail === null
      if (final && piece !== null && piece.bytes.length === section.length) {
        res.end(piece.bytes, piece.release) // a small blob: head and body in one write
        return
      }
      while (piece !== null) {
        await write(res, socket, piece.bytes, piece.release)
        if (socket.destroyed) return // the other side has left
        piece = await reading.next()
      }
      await reading.close()
    }
    if (answer.tail !== null) await write(res, socket, answer.tail, () => {})
    res.end()
  } catch (error) {
    if (!res.headersSent) throw error
    reply.log.error({ err: error }, 'a blob broke off on its way out')
    res.destroy()
  } finally {
    await reading?.close()
  }
}

/**
 * Resolves when more may be written, or when the other side has left; `taken` is called when the bytes are no longer needed. The socket is
 * watched, not the answer: one that waits behind another on its connection is never told that the connection has closed.
 */
function write (res: ServerResponse, socket: Socket, bytes: Uint8Array, taken: () => void): Promise<void> {
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
