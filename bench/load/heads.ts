// HEAD over and over on raw sockets, one request at a time on each: wrk waits for the body that a HEAD answer announces and does not have.
// An answer is a head and nothing else, so the only thing to look at is its status and its end. Costs the client about as much as it costs
// nginx: `busy` says when the client was the limit.

import net from 'node:net'
import { summarise } from '../stats.ts'
import type { Load } from './wrk.ts'

const BUFFER_BYTES = 16 * 1024

export interface HeadRequest {
  /** The server's URL without a path. */
  url: string
  paths: readonly string[]
  connections: number
  seconds: number
}

/** Rejects when an answer was not a 200 or a connection ended. */
export async function heads ({ url, paths, connections, seconds }: HeadRequest): Promise<Load & { /** Share of a core that the client used. */ busy: number }> {
  const { hostname, port, host } = new URL(url)
  const asks = paths.map((path) => Buffer.from(`HEAD ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`))
  let at = Math.floor(Math.random() * asks.length)
  const times: number[] = []
  let requests = 0
  let bytes = 0
  let over = false
  const sockets: net.Socket[] = []
  const before = process.cpuUsage()
  const started = performance.now()

  const lane = (): Promise<void> => new Promise((resolve, reject) => {
    let asked = 0
    let status = ''
    let tail = ''
    const ask = (): void => {
      asked = performance.now()
      status = ''
      tail = ''
      at = at + 1 === asks.length ? 0 : at + 1
      socket.write(asks[at]!)
    }
    const fail = (message: string): void => {
      if (!over) reject(new Error(`HEAD ${url}: ${message}`))
      socket.destroy()
    }
    const take = (length: number, chunk: Uint8Array): boolean => {
      const buffer = chunk as Buffer
      bytes += length
      if (status === '') status = buffer.toString('latin1', 9, 12)
      tail = (tail + buffer.toString('latin1', Math.max(0, length - 4), length)).slice(-4)
      if (tail !== '\r\n\r\n') return true // the rest of the head comes in another piece
      if (status !== '200') {
        fail(`status ${status}`)
        return false
      }
      requests++
      // every eighth is enough for percentiles, and keeps the client light
      if ((requests & 7) === 0) times.push(performance.now() - asked)
      if (!over) ask()
      return true
    }
    const socket = net.connect({ host: hostname, port: Number(port), noDelay: true, onread: { buffer: Buffer.alloc(BUFFER_BYTES), callback: take } })
    sockets.push(socket)
    socket.on('connect', ask)
    socket.on('error', (error) => { fail(error.message) })
    socket.on('close', () => {
      if (over) resolve()
      else reject(new Error(`HEAD ${url}: the connection ended`))
    })
  })

  let elapsed = 0
  const lanes = Array.from({ length: connections }, lane)
  const end = (): void => {
    elapsed = (performance.now() - started) / 1e3
    over = true
    for (const socket of sockets) socket.destroy()
  }
  const timer = setTimeout(end, seconds * 1000)
  try {
    await Promise.all(lanes)
  } finally {
    clearTimeout(timer)
    if (!over) end()
  }
  const { user, system } = process.cpuUsage(before)
  return { requests, bytes, seconds: elapsed, ...summarise(times), busy: (user + system) / 1e6 / elapsed }
}
