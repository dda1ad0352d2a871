// A proxy on loopback in front of a real MinIO, which fails as it is told: it says something else in MinIO's place, is slow, cuts connections,
// keeps the answer to what MinIO has done, hangs for ever, or is gone. Requests pass with their own Host, so that signatures hold.

import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Test } from 'tap'
import type { Minio } from './minio.ts'

export type Fault =
  /** MinIO's answer comes `ms` later. */
  | { do: 'delay', ms: number }
  /** The answer's body comes `bytes` at a time, `ms` apart. */
  | { do: 'trickle', bytes: number, ms: number }
  /** This instead of MinIO, which hears nothing. */
  | { do: 'say', status: number, body: string }
  /** The connection is cut when `after` bytes of the request's body have come; MinIO gets no more either. */
  | { do: 'cut request', after: number }
  /** The connection is cut after `after` bytes of the answer's body. */
  | { do: 'cut answer', after: number }
  /** MinIO does it, and nobody hears of it. */
  | { do: 'swallow' }
  /** Nothing at all, for ever; MinIO hears nothing. */
  | { do: 'hang' }

export interface Rule {
  fault: Fault
  method?: string
  /** Of the path with its query, decoded. */
  match?: (path: string) => boolean
  /** Only this one of the requests that match, counted from 1; else each. */
  nth?: number
}

const xml = (code: string): string => `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>as told by the test</Message></Error>`

/** What stores, and things on the way to them, say when they fail. */
export const SAYINGS: Readonly<Record<string, Fault>> = {
  '500 InternalError': { do: 'say', status: 500, body: xml('InternalError') },
  '503 SlowDown': { do: 'say', status: 503, body: xml('SlowDown') },
  '403 AccessDenied': { do: 'say', status: 403, body: xml('AccessDenied') },
  '404 of something else': { do: 'say', status: 404, body: '<html><body>not found</body></html>' },
  '200 with garbage': { do: 'say', status: 200, body: '<html><p>welcome to the <b>portal</html>' }
}

export interface Standing extends Rule {
  /** Requests that matched so far. */
  seen: number
  /** Requests that it befell. */
  hits: number
}

export class FaultyProxy {
  /** The same MinIO, by way of the proxy. */
  readonly minio: Minio
  readonly #real: Minio
  readonly #server: http.Server
  readonly #sockets = new Set<Socket>()
  readonly #agent = new http.Agent({ keepAlive: true })
  readonly rules: Standing[] = []
  readonly #port: number
  /** Called with each request before anything is done with it. */
  onRequest: (method: string, path: string) => void = () => {}

  private constructor (real: Minio, server: http.Server) {
    this.#real = real
    this.#server = server
    this.#port = (server.address() as AddressInfo).port
    this.minio = { ...real, endpoint: `http://127.0.0.1:${this.#port}` }
  }

  /** Stands in front of `real` until the test ends. */
  static async start (t: Test, real: Minio): Promise<FaultyProxy> {
    const server = http.createServer({ keepAliveTimeout: 0, requestTimeout: 0, headersTimeout: 0 })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const proxy = new FaultyProxy(real, server)
    server.on('connection', (socket) => {
      proxy.#sockets.add(socket)
      socket.on('error', () => {}).on('close', () => { proxy.#sockets.delete(socket) })
    })
    server.on('request', (request, response) => { proxy.#take(request, response) })
    t.teardown(() => proxy.close())
    return proxy
  }

  /** From now on this befalls the requests that match; of several rules the last one counts. */
  break (rule: Rule): Standing {
    const standing = { ...rule, seen: 0, hits: 0 }
    this.rules.push(standing)
    return standing
  }

  /** No more faults; what hangs goes on hanging, as it would in life. */
  heal (): void {
    this.rules.length = 0
  }

  /** Nobody listens any more: connections are refused, those that were open are reset. */
  async goAway (): Promise<void> {
    if (!this.#server.listening) return
    const closed = once(this.#server, 'close')
    this.#server.close()
    for (const socket of this.#sockets) socket.resetAndDestroy()
    await closed
  }

  async comeBack (): Promise<void> {
    if (this.#server.listening) return
    this.#server.listen(this.#port, '127.0.0.1')
    await once(this.#server, 'listening')
  }

  async close (): Promise<void> {
    await this.goAway()
    this.#agent.destroy()
  }

  #faultOf (method: string, path: string): Fault | null {
    let found: Standing | null = null
    for (const rule of this.rules) {
      if ((rule.method !== undefined && rule.method !== method) || rule.match?.(path) === false) continue
      rule.seen++
      if (rule.nth === undefined || rule.nth === rule.seen) found = rule
    }
    if (found === null) return null
    found.hits++
    return found.fault
  }

  #take (request: IncomingMessage, response: ServerResponse): void {
    const method = request.method!
    const path = decodeURIComponent(request.url!)
    this.onRequest(method, path)
    const fault = this.#faultOf(method, path)
    request.on('error', () => {})
    response.on('error', () => {})
    if (fault?.do === 'hang') return
    if (fault?.do === 'say') return say(request, response, fault)
    const onward = http.request(`${this.#real.endpoint}${request.url!}`, { method, headers: request.headers, agent: this.#agent, setHost: false })
    const cut = (): void => { request.socket.resetAndDestroy() }
    onward.on('error', cut) // MinIO is gone, so are we
    response.on('close', () => { if (!response.writableFinished) onward.destroy() })
    onward.on('response', (answer) => {
      answer.on('error', cut)
      if (fault?.do === 'swallow') {
        answer.resume().on('end', cut)
        return
      }
      void passOn(answer, response, fault)
    })
    let left = fault?.do === 'cut request' ? fault.after : Infinity
    if (left === 0) {
      onward.destroy()
      return cut()
    }
    request.on('data', (bytes: Buffer) => {
      left -= bytes.length
      if (left <= 0) {
        onward.destroy()
        return cut()
      }
      if (onward.write(bytes)) return
      request.pause()
      onward.once('drain', () => { request.resume() })
    })
    request.on('end', () => { if (left > 0) onward.end() })
  }
}

/** A store that refuses says so at once, often before the body has come; but it reads it. */
function say (request: IncomingMessage, response: ServerResponse, { status, body }: { status: number, body: string }): void {
  request.resume().on('end', () => {
    response.writeHead(status, { 'content-type': 'application/xml', 'content-length': Buffer.byteLength(body) })
    response.end(request.method === 'HEAD' ? undefined : body)
  })
}

/** Resolves when more may be written, or nobody reads it any more. */
function drained (response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const go = (): void => {
      response.off('drain', go).off('close', go)
      resolve()
    }
    response.on('drain', go).on('close', go)
  })
}

async function passOn (answer: IncomingMessage, response: ServerResponse, fault: Fault | null): Promise<void> {
  const wait = (ms: number): Promise<void> => new Promise((resolve) => { setTimeout(resolve, ms) })
  if (fault?.do === 'delay') await wait(fault.ms)
  if (response.destroyed) return void answer.destroy()
  response.writeHead(answer.statusCode!, answer.rawHeaders)
  response.flushHeaders()
  let left = fault?.do === 'cut answer' ? fault.after : Infinity
  try {
    for await (const chunk of answer) {
      let bytes = chunk as Buffer
      if (fault?.do === 'trickle') {
        for (; bytes.length > fault.bytes && !response.destroyed; bytes = bytes.subarray(fault.bytes)) {
          response.write(bytes.subarray(0, fault.bytes))
          await wait(fault.ms)
        }
      }
      left -= bytes.length
      if (left < 0) bytes = bytes.subarray(0, bytes.length + left)
      if (!response.write(bytes) && !response.destroyed) await drained(response)
      if (left <= 0 || response.destroyed) break
    }
  } catch {
    left = 0
  }
  if (left === Infinity) response.end()
  else response.socket?.resetAndDestroy()
}
