// The few calls that decide how fast a store in a bucket is (GET and PUT of objects and parts), without the client library, which takes 0.3 ms
// for each: signed by signature.ts, sent over connections that are kept (connection.ts). Everything else, and all lists, stay with the library.

import { setTimeout as sleep } from 'node:timers/promises'
import { Connection, ConnectionLost } from './connection.ts'
import { PATIENCE } from './patience.ts'
import { Signer, encodePath } from './signature.ts'
import type { Answer } from './connection.ts'
import type { Patience } from './patience.ts'

const KEPT_CONNECTIONS = 64
/** What the store says when it has too much to do; asked once more after a moment, as the client library does. */
const BUSY = new Set([408, 429, 500, 502, 503, 504])
const BUSY_PAUSE_MS = 200

export interface WireSettings {
  endpoint: string
  accessKey: string
  secretKey: string
  region: string
  bucket: string
  patience?: Partial<Patience>
}

export interface Ask {
  method: 'GET' | 'PUT' | 'DELETE'
  key: string
  /** Encoded and sorted by name. */
  query?: string
  /** Names in lower case. */
  headers?: Readonly<Record<string, string>>
  body?: readonly Uint8Array[]
  /** sha256 of the body in hex, or UNSIGNED. */
  payload: string
  /** Bodies of successes that are longer than this many bytes come as a stream. */
  streamAbove?: number
}

/** The store said no; `code` is its own word, such as NoSuchKey. */
export class Refused extends Error {
  readonly status: number
  readonly code: string

  constructor (status: number, body: Buffer) {
    const words = body.toString('utf8', 0, 4096)
    const code = /<Code>(\w+)<\/Code>/.exec(words)?.[1] ?? ''
    super(`the store answered ${status}: ${code === '' ? 'no code' : code} ${/<Message>([^<]*)<\/Message>/.exec(words)?.[1] ?? ''}`.trimEnd())
    this.name = 'Refused'
    this.status = status
    this.code = code
  }
}

export class Wire {
  readonly #endpoint: URL
  readonly #bucket: string
  readonly #signer: Signer
  readonly #open = new Set<Connection>()
  readonly #free: Connection[] = []
  readonly #patience: Patience
  #closed = false

  constructor ({ endpoint, accessKey, secretKey, region, bucket, patience }: WireSettings) {
    this.#patience = { ...PATIENCE, ...patience }
    this.#endpoint = new URL(endpoint)
    this.#bucket = bucket
    this.#signer = new Signer({ accessKey, secretKey, region, host: this.#endpoint.host })
  }

  /** The answer, if it is a success. Rejects with Refused, or with what befell the connection. The body must not change meanwhile. */
  async ask (ask: Ask): Promise<Answer> {
    let answer = await this.#send(ask)
    // without the store's own word it is a gateway's, and the store may still do what it was asked: a removal that then succeeds would hide one that is
    // yet to come (broken-off.ts)
    const mayCome = ask.method === 'DELETE' && !answer.body.includes('<Code>')
    if (BUSY.has(answer.head.status) && !mayCome) {
      await sleep(BUSY_PAUSE_MS * (1 + Math.random()))
      answer = await this.#send(ask)
    }
    const { status } = answer.head
    if (status >= 200 && status < 300) {
      // an object, or a yes to one, without its ETag, or a yes to a delete with a body, is not the store's but of something on the way to it
      if (ask.method === 'DELETE' ? status === 204 : answer.head.etag !== '') return answer
      await answer.stream?.close()
      throw new Error('the store answered what no store says')
    }
    throw new Refused(status, answer.body)
  }

  async #send ({ method, key, query = '', headers = {}, body = [], payload, streamAbove = Infinity }: Ask): Promise<Answer> {
    const path = encodePath(`/${this.#bucket}/${key}`)
    const all = method === 'PUT' ? { 'content-length': String(body.reduce((sum, { length }) => sum + length, 0)), ...headers } : headers
    const outgoing = {
      head: this.#signer.head({ method, path, query, headers: all, payload }, Date.now()),
      body, streamAbove, silence: method === 'GET' ? this.#patience.readSilence : this.#patience.writeSilence, within: this.#patience.answer
    }
    for (;;) {
      const connection = this.#free.pop() ?? this.#connect()
      const kept = connection.used > 0
      try {
        return await connection.send(outgoing)
      } catch (error) {
        // the store had closed it while it was idle; all our calls may be made twice: who adds an object then finds it there
        if (!(error instanceof ConnectionLost && error.fresh && kept) || this.#closed) throw error
      }
    }
  }

  #connect (): Connection {
    const connection = new Connection(this.#endpoint, (free) => {
      if (this.#free.length < KEPT_CONNECTIONS) this.#free.push(free)
      else free.close()
    }, (gone) => {
      this.#open.delete(gone)
      const at = this.#free.indexOf(gone)
      if (at !== -1) this.#free.splice(at, 1)
    })
    this.#open.add(connection)
    return connection
  }

  close (): void {
    this.#closed = true
    for (const connection of this.#open) connection.close()
  }
}
