// An origin on loopback that speaks raw bytes, so that it can misbehave, and what the tests of `openOrigin` share.

import { once } from 'node:events'
import net from 'node:net'
import type { AddressInfo } from 'node:net'
import type { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { setTimeout as wait } from 'node:timers/promises'
import type { Test } from 'tap'
import { openOrigin } from '../../server/buds/origin.ts'
import type { OriginAddress, OriginOptions } from '../../server/buds/origin.ts'

const DEFAULTS: OriginOptions = { allowPrivate: true, maxRedirects: 5, connectTimeout: 60_000, idleTimeout: 60_000 }
/** Where these origins live. */
export const HOME: OriginAddress = { address: '127.0.0.1', family: 4 }

/** Opens a URL with patient settings that let it reach loopback. */
export const open = (url: string | URL, options: Partial<OriginOptions> = {}) => openOrigin(new URL(url), { ...DEFAULTS, ...options })

/** A running origin: the heads it got, and how many of its connections have closed. */
export interface Place { port: number, url: string, requests: string[], closed: number }

/** A server that answers each request's head with what `answer` writes; it notes the heads it got and the sockets that closed. */
export async function serve (t: Test, answer: (socket: net.Socket, head: string) => void, host = '127.0.0.1', port = 0): Promise<Place> {
  const place: Place = { port: 0, url: '', requests: [], closed: 0 }
  const sockets = new Set<net.Socket>()
  const server = net.createServer(socket => {
    let head = ''
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => { place.closed++ })
    socket.on('data', chunk => {
      head += chunk.toString('latin1')
      if (!head.endsWith('\r\n\r\n')) return
      place.requests.push(head)
      answer(socket, head)
    })
  })
  server.listen(port, host)
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  place.port = (server.address() as AddressInfo).port
  place.url = `http://${host}:${place.port}`
  return place
}

/** One answer, then the end of the connection. */
export const say = (text: string) => (socket: net.Socket) => { socket.end(text, 'latin1') }
/** An answer that sends elsewhere. */
export const redirect = (location: string, status = 302) => say(`HTTP/1.1 ${status} Elsewhere\r\nLocation: ${location}\r\nContent-Length: 0\r\n\r\n`)
/** A whole answer of five bytes. */
export const OK = 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello'

/** Polls until it is so; the test's own limit ends it otherwise. */
export async function until (isSo: () => boolean): Promise<void> {
  while (!isSo()) await wait(5)
}

/** All of a body as text. */
export const read = async (body: Readable) => (await buffer(body)).toString()
