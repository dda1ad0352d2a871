// Reads a big answer over and over on raw sockets and throws the bytes away. Each socket has one buffer of 512 KiB that is filled again and
// again, so that the server is what is measured.

import net from 'node:net'
import { summarise } from '../stats.ts'
import type { Load } from './wrk.ts'

const BUFFER_BYTES = 512 * 1024

export interface DrainRequest {
  /** With path and query. */
  url: string
  connections: number
  seconds: number
  /** Bytes of the body. */
  size: number
}

/** Counts the bodies' bytes, of whole and of begun answers; ends after the time, or with the first whole answer when that takes longer. */
export async function drain ({ url, connections, seconds, size }: DrainRequest): Promise<Load> {
  const { hostname, port, host, pathname, search } = new URL(url)
  const ask = `GET ${pathname}${search} HTTP/1.1\r\nHost: ${host}\r\n\r\n`
  const times: number[] = []
  let bytes = 0
  let over = false
  const sockets: net.Socket[] = []
  const started = performance.now()
  let elapsed = 0
  const end = (): void => {
    elapsed = (performance.now() - started) / 1e3
    over = true
    for (const socket of sockets) socket.destroy()
  }
  const late = (): boolean => performance.now() - started > seconds * 1000

  const lane = (): Promise<void> => new Promise((resolve, reject) => {
    let head = ''
    let left = -1 // bytes of body still to come; -1 while in the head
    let asked = 0
    const next = (): void => {
      asked = performance.now()
      head = ''
      left = -1
      socket.write(ask)
    }
    const take = (length: number, buffer: Uint8Array): boolean => {
      let body = length
      if (left < 0) {
        head += (buffer as Buffer).toString('latin1', 0, length)
        const split = head.indexOf('\r\n\r\n')
        if (split < 0) return true
        const announced = Number(/^content-length:\s*(\d+)/im.exec(head)?.[1])
        if (head.slice(9, 12) !== '200' || announced !== size) {
          reject(new Error(`GET ${url}: status ${head.slice(9, 12)}, ${announced} bytes`))
          socket.destroy()
          return false
        }
        left = size
        body = head.length - split - 4
      }
      left -= body
      bytes += body
      if (left > 0) {
        if (late() && times.length > 0) end()
        return true
      }
      times.push(performance.now() - asked)
      if (late()) end()
      else next()
      return true
    }
    const socket = net.connect({ host: hostname, port: Number(port), onread: { buffer: Buffer.alloc(BUFFER_BYTES), callback: take } })
    sockets.push(socket)
    socket.on('connect', next)
    socket.on('error', reject)
    socket.on('close', () => {
      if (over) resolve()
      else reject(new Error(`GET ${url}: the connection ended`))
    })
  })

  try {
    await Promise.all(Array.from({ length: connections }, lane))
  } finally {
    if (!over) end()
  }
  return { requests: times.length, bytes, seconds: elapsed, ...summarise(times) }
}
