// A relay that says what a test tells it to: for the ways of relays that no well-behaved one shows.

import { WebSocketServer } from 'ws'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import type { WebSocket } from 'ws'

export interface ScriptedRelay {
  url: string
  /** What came, parsed, in order. */
  heard: unknown[][]
  /** The open connections. */
  sockets: Set<WebSocket>
}

export type Script = (say: (...message: unknown[]) => void, message: unknown[], socket: WebSocket) => void

/** Listens on loopback until the test ends. `greet` is said to everybody who connects. */
export async function startScriptedRelay (t: Test, script: Script, greet?: (say: (...message: unknown[]) => void, socket: WebSocket) => void): Promise<ScriptedRelay> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 })
  await new Promise((resolve) => { server.once('listening', resolve) })
  const heard: unknown[][] = []
  const sockets = new Set<WebSocket>()
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => { sockets.delete(socket) })
    const say = (...message: unknown[]): void => { socket.send(JSON.stringify(message)) }
    socket.on('message', (data: Buffer) => {
      const message = JSON.parse(data.toString('utf8')) as unknown[]
      heard.push(message)
      script(say, message, socket)
    })
    greet?.(say, socket)
  })
  t.teardown(() => {
    for (const socket of sockets) socket.terminate()
    return new Promise<void>((resolve) => { server.close(() => { resolve() }) })
  })
  return { url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`, heard, sockets }
}
