// An origin on loopback that holds blobs, well-behaved unless told otherwise, and counts who asks: what PUT /mirror fetches from.

import { serve } from './raw-origin.ts'
import type net from 'node:net'
import type { Test } from 'tap'
import type { Place } from './raw-origin.ts'

export type Answer = (socket: net.Socket, path: string) => void

/** Answers `path` (without its query) as the table says, 404 elsewhere; it notes every head it got in `requests`. */
export function startOrigin (t: Test, answers: Record<string, Answer>): Promise<Place> {
  return serve(t, (socket, head) => {
    const path = head.split(' ')[1]!.split('?')[0]!
    const answer = answers[path] ?? send(Buffer.from('not here'), { status: '404 Not Found' })
    answer(socket, path)
  })
}

/** A whole answer: `headers` as lines; `length` null for none, a number for another than the body has. */
export function send (body: Uint8Array, { status = '200 OK', type = null, length = body.length }: { status?: string, type?: string | null, length?: number | null } = {}): Answer {
  return (socket) => {
    const lines = [`HTTP/1.1 ${status}`, ...(type === null ? [] : [`Content-Type: ${type}`]), ...(length === null ? [] : [`Content-Length: ${length}`]), 'Connection: close']
    socket.write(`${lines.join('\r\n')}\r\n\r\n`)
    socket.end(body)
  }
}

/** Chunk after chunk of `bytes`, `times` times, with no word of how much it will be; without an end when `times` is Infinity. */
export function sendChunked (bytes: Uint8Array, times: number): Answer {
  return (socket) => {
    socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')
    let sent = 0
    const go = (): void => {
      while (sent < times && !socket.destroyed) {
        sent++
        if (!socket.write(Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')]))) {
          socket.once('drain', go)
          return
        }
      }
      if (!socket.destroyed) socket.end('0\r\n\r\n')
    }
    go()
  }
}
