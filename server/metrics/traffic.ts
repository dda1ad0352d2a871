// Bytes in and out, heads and all, as the sockets count them anyway: asked at scrape time and when a socket closes, so that
// no request pays for it.

import type { Server } from 'node:http'
import type { Socket } from 'node:net'

export class Traffic {
  #received = 0
  #sent = 0
  readonly #open = new Map<Socket, { received: number, sent: number }>()

  constructor (server: Server) {
    server.on('connection', (socket) => {
      this.#open.set(socket, { received: 0, sent: 0 })
      socket.once('close', () => {
        this.#add(socket)
        this.#open.delete(socket)
      })
    })
  }

  /** Since the start, bytes. */
  read (): { received: number, sent: number, connections: number } {
    for (const socket of this.#open.keys()) this.#add(socket)
    return { received: this.#received, sent: this.#sent, connections: this.#open.size }
  }

  #add (socket: Socket): void {
    const seen = this.#open.get(socket)
    if (seen === undefined) return
    // what was still queued when a connection broke is no longer counted by it: a counter must not go back
    const received = Math.max(seen.received, socket.bytesRead)
    const sent = Math.max(seen.sent, socket.bytesWritten)
    this.#received += received - seen.received
    this.#sent += sent - seen.sent
    seen.received = received
    seen.sent = sent
  }
}
