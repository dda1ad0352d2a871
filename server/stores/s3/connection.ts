// One connection to the store: one HTTP/1.1 request at a time, its answer read into buffers of our own. node:http takes 0.13 ms for a GET of
// 64 KiB, this 0.06: no streams and no headers object, and a small body is read straight into the one buffer that is handed on.

import { connect as connectPlain, isIP } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { Body } from './body.ts'
import { decodeChunked, parseAnswerHead } from './answer-head.ts'
import { Silent, cut } from './patience.ts'
import { giveReadBuffer, takeReadBuffer } from './read-buffers.ts'
import type { Socket } from 'node:net'
import type { Piece } from '../pack-store.ts'
import type { AnswerHead } from './answer-head.ts'

/** A blob of 64 KiB and its head come in one read. */
const HEAD_BUFFER = 72 * 1024
const MAX_HEAD = 64 * 1024
/** Bodies without a length are messages of the store's own. */
const MAX_UNMEASURED = 1024 * 1024
const EMPTY = Buffer.alloc(0)

export interface Answer {
  head: AnswerHead
  /** All of it, unless `stream` has it. */
  body: Buffer
  /** The bytes of a success that was asked for as a stream. */
  stream: Body | null
}

export interface Outgoing {
  /** To its empty line. */
  head: string
  body: readonly Uint8Array[]
  /** Bodies of successes that are longer than this many bytes come as a stream. */
  streamAbove: number
  /** Milliseconds without a byte either way, while one is due, after which the store has failed. */
  silence: number
  /** Milliseconds from its first byte on within which an answer that is no stream has to be whole. */
  within: number
}

/** Why a connection ended; `fresh` when the store had not said a word of an answer: a kept connection may have been closed long before. */
export class ConnectionLost extends Error {
  readonly fresh: boolean

  constructor (cause: Error | null, fresh: boolean) {
    super(cause?.message ?? 'the store closed the connection', { cause })
    this.name = 'ConnectionLost'
    this.fresh = fresh
  }
}

export class Connection {
  readonly #socket: Socket
  readonly #onFree: (connection: Connection) => void
  readonly #onGone: (connection: Connection) => void
  readonly #buffer = Buffer.allocUnsafeSlow(HEAD_BUFFER)
  #stage: 'idle' | 'head' | 'body' | 'unmeasured' | 'stream' = 'idle'
  #asked: { resolve: (answer: Answer) => void, reject: (error: unknown) => void, streamAbove: number, silence: number, within: number } | null = null
  #head: AnswerHead | null = null
  /** What has come of a head, an unmeasured body, or a small body. */
  #bytes: Buffer = EMPTY
  #filled = 0
  #stream: Body | null = null
  /** Bytes of a streamed body still to come. */
  #left = 0
  #paused = false
  /** By when the answer has to be whole (performance.now()); 0 before its first byte. */
  #until = 0
  #fault: Error | null = null
  /** Requests it has carried to the end. */
  used = 0

  constructor (endpoint: URL, onFree: (connection: Connection) => void, onGone: (connection: Connection) => void) {
    this.#onFree = onFree
    this.#onGone = onGone
    const secure = endpoint.protocol === 'https:'
    const host = endpoint.hostname.replace(/^\[|\]$/g, '')
    const options = {
      host,
      port: endpoint.port === '' ? (secure ? 443 : 80) : Number(endpoint.port),
      noDelay: true,
      keepAlive: true,
      onread: { buffer: () => this.#nextBuffer(), callback: (length: number, buffer: Uint8Array) => this.#take(buffer.subarray(0, length) as Buffer, buffer as Buffer) }
    }
    this.#socket = secure ? connectTls({ ...options, ...(isIP(host) === 0 ? { servername: host } : {}), ALPNProtocols: ['http/1.1'] }) : connectPlain(options)
    this.#socket.on('error', (error) => { this.#fault = error })
    this.#socket.on('timeout', () => {
      // while the reader sets the pace nothing is due
      if (this.#paused) return
      if (this.#stage === 'idle') return void this.#socket.destroy()
      this.#fault ??= new Silent()
      cut(this.#socket, this.#fault)
    })
    this.#socket.on('close', () => { this.#gone() })
  }

  /** One at a time. Rejects with ConnectionLost, or with what is wrong with the answer. */
  send ({ head, body, streamAbove, silence, within }: Outgoing): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#asked = { resolve, reject, streamAbove, silence, within }
      this.#until = 0
      this.#stage = 'head'
      this.#socket.ref()
      this.#socket.setTimeout(silence)
      this.#socket.cork()
      this.#socket.write(head, 'latin1')
      for (const bytes of body) this.#socket.write(bytes)
      this.#socket.uncork()
    })
  }

  close (): void {
    this.#socket.destroy()
  }

  /** Where the next bytes go: libuv asks after each read. */
  #nextBuffer (): Buffer {
    if (this.#stage === 'body') return this.#bytes.subarray(this.#filled)
    return this.#stage === 'stream' ? takeReadBuffer() : this.#buffer
  }

  /** False stops the socket. `whole`: the buffer that the bytes lie in. */
  #take (bytes: Buffer, whole: Buffer): boolean {
    try {
      if (this.#stage === 'stream') return this.#takeStreamed(bytes, whole)
      if (this.#stage !== 'idle') this.#hurry()
      if (this.#stage === 'body') {
        this.#filled += bytes.length // they were read to where they belong
        if (this.#filled === this.#bytes.length) this.#answer(this.#bytes)
        return true
      }
      if (this.#stage === 'unmeasured') {
        this.#takeUnmeasured(bytes)
        return true
      }
      if (this.#stage === 'idle') throw new Error('the store answered what was not asked')
      return this.#takeHead(this.#bytes.length === 0 ? bytes : Buffer.concat([this.#bytes, bytes]))
    } catch (error) {
      this.#socket.destroy(error as Error)
      return true
    }
  }

  /** Throws Silent when a small answer trickles in for too long. */
  #hurry (): void {
    const now = performance.now()
    if (this.#until === 0) this.#until = now + this.#asked!.within
    else if (now > this.#until) throw new Silent()
  }

  #takeHead (bytes: Buffer): boolean {
    const end = bytes.indexOf('\r\n\r\n')
    if (end === -1) {
      if (bytes.length > MAX_HEAD) throw new Error('the head of the answer is too long')
      this.#bytes = Buffer.from(bytes) // a copy: they lie in the buffer of the next read
      return true
    }
    const head = parseAnswerHead(bytes.toString('latin1', 0, end))
    const rest = bytes.subarray(end + 4)
    this.#bytes = EMPTY
    if (head.status < 200) return rest.length === 0 || this.#takeHead(rest) // RFC 9110 §15.2: the answer follows
    this.#head = head
    if (head.length === null) {
      this.#stage = 'unmeasured'
      this.#takeUnmeasured(rest)
      return true
    }
    if (rest.length > head.length) throw new Error('the store sent more than it announced')
    if (head.status < 300 && head.length > this.#asked!.streamAbove) return this.#beginStream(head, rest)
    if (rest.length === head.length) {
      this.#answer(Buffer.from(rest))
      return true
    }
    if (head.status >= 300 && head.length > MAX_UNMEASURED) throw new Error('the store’s message is too long')
    this.#bytes = Buffer.allocUnsafeSlow(head.length)
    this.#filled = rest.copy(this.#bytes)
    this.#stage = 'body'
    return true
  }

  #takeUnmeasured (bytes: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, bytes])
    if (this.#bytes.length > MAX_UNMEASURED) throw new Error('the store sent a long body without its length')
    const body = this.#head!.chunked ? decodeChunked(this.#bytes) : null // without either it ends with the connection
    if (body !== null) this.#answer(body)
  }

  #beginStream (head: AnswerHead, rest: Buffer): boolean {
    this.#left = head.length!
    this.#stage = 'stream'
    this.#stream = new Body({
      resume: () => {
        if (!this.#paused) return
        this.#paused = false
        this.#socket.setTimeout(this.#asked!.silence)
        this.#socket.resume()
      },
      abandon: () => { this.#socket.destroy() }
    })
    this.#asked!.resolve({ head, body: EMPTY, stream: this.#stream })
    return rest.length === 0 || this.#takeStreamed(Buffer.from(rest), null)
  }

  #takeStreamed (bytes: Buffer, pooled: Buffer | null): boolean {
    this.#left -= bytes.length
    if (this.#left < 0) throw new Error('the store sent more than it announced')
    const stream = this.#stream!
    let kept = pooled
    const piece: Piece = {
      bytes,
      release: () => {
        if (kept !== null) giveReadBuffer(kept)
        kept = null
      }
    }
    const more = stream.push(piece)
    if (this.#left > 0) {
      this.#paused ||= !more
      return !this.#paused
    }
    stream.end()
    if (this.#paused) {
      // TLS hands on what it has decrypted even when it was stopped: the last bytes may come while nobody reads the socket
      this.#paused = false
      this.#socket.resume()
    }
    this.#finish()
    return true
  }

  #answer (body: Buffer): void {
    const { resolve } = this.#asked!
    const head = this.#head!
    this.#finish()
    resolve({ head, body, stream: null })
  }

  /** The answer is whole: the connection may be used again, unless either side means to end it. */
  #finish (): void {
    const reusable = this.#head!.kept && this.#socket.writableLength === 0
    this.#asked = null
    this.#head = null
    this.#stream = null
    this.#bytes = EMPTY
    this.#stage = 'idle'
    this.used++
    if (!reusable) return this.close()
    this.#socket.unref() // one that waits keeps no process alive
    this.#onFree(this)
  }

  #gone (): void {
    this.#onGone(this)
    const asked = this.#asked
    this.#asked = null
    if (asked === null) return
    if (this.#stage === 'unmeasured' && this.#fault === null && !this.#head!.chunked) {
      asked.resolve({ head: this.#head!, body: this.#bytes, stream: null })
      return
    }
    // a store that is silent now was not silent before: asking it again would take as long again
    const lost = new ConnectionLost(this.#fault, this.#stage === 'head' && this.#bytes.length === 0 && !(this.#fault instanceof Silent))
    if (this.#stream === null) asked.reject(lost)
    else this.#stream.fail(lost)
  }
}
