// An HTTP client that sends bytes as they are, so that it can break every rule, and reads what comes back by the rules.

import { once } from 'node:events'
import net from 'node:net'

export interface Answer {
  status: number
  /** Names in lower case; what stands more than once is joined by commas. */
  headers: Record<string, string>
  body: Buffer
  /** Did the body have the length that was announced? */
  whole: boolean
}

interface Parsed { answer: Answer, length: number }

/** The first answer in these bytes; null when its head is not there yet, or not HTTP. */
export function parseAnswer (bytes: Buffer, method = 'GET', ended = false): Parsed | null {
  const split = bytes.indexOf('\r\n\r\n')
  if (split < 0) return null
  const [line = '', ...fields] = bytes.subarray(0, split).toString('latin1').split('\r\n')
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(line)?.[1])
  if (!(status >= 100)) throw new Error(`no HTTP answer: ${line.slice(0, 100)}`)
  const headers: Record<string, string> = {}
  for (const field of fields) {
    const colon = field.indexOf(':')
    const name = field.slice(0, colon).toLowerCase()
    const value = field.slice(colon + 1).trim()
    headers[name] = headers[name] === undefined ? value : `${headers[name]}, ${value}`
  }
  const bodiless = method === 'HEAD' || status < 200 || status === 204 || status === 304
  const announced = bodiless ? 0 : Number(headers['content-length'] ?? 'NaN')
  const start = split + 4
  const end = Number.isNaN(announced) ? bytes.length : start + announced
  const whole = Number.isNaN(announced) ? ended : bytes.length >= end
  return { answer: { status, headers, body: bytes.subarray(start, Math.min(end, bytes.length)), whole }, length: end }
}

/** One connection. */
export class RawClient {
  readonly socket: net.Socket
  /** Everything that came and was not yet taken as an answer. */
  bytes = Buffer.alloc(0)
  #ended = false
  #wake: () => void = () => {}

  constructor (socket: net.Socket) {
    this.socket = socket
    socket.on('data', (chunk) => {
      this.bytes = Buffer.concat([this.bytes, chunk])
      this.#wake()
    })
    socket.on('error', () => {})
    const end = (): void => {
      this.#ended = true
      this.#wake()
    }
    socket.on('end', end).on('close', end)
  }

  /** @param url of the server; its path is not used */
  static async open (url: string): Promise<RawClient> {
    const { hostname, port } = new URL(url)
    const socket = net.connect(Number(port), hostname)
    await once(socket, 'connect')
    return new RawClient(socket)
  }

  send (data: string | Uint8Array): void {
    if (this.socket.writable) this.socket.write(typeof data === 'string' ? Buffer.from(data, 'latin1') : data)
  }

  /**
   * The next answer (a 1xx too), whole, or as far as it came when the connection ended or `patience` milliseconds passed without a byte;
   * null when there was none.
   */
  async answer (method = 'GET', patience = 60_000): Promise<Answer | null> {
    for (;;) {
      const parsed = parseAnswer(this.bytes, method, this.#ended)
      if (parsed?.answer.whole === true) {
        this.bytes = this.bytes.subarray(parsed.length)
        return parsed.answer
      }
      if (this.#ended || !await this.#more(patience)) return parsed?.answer ?? null
    }
  }

  #more (patience: number): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => { resolve(false) }, patience)
      this.#wake = () => {
        clearTimeout(timer)
        resolve(true)
      }
    })
  }

  /** Resolves when the server has closed the connection. */
  async closed (): Promise<void> {
    if (!this.#ended) await once(this.socket, 'close')
  }

  destroy (): void {
    this.socket.destroy()
  }
}

/** One request whose text is given, on a connection of its own. */
export async function ask (url: string, text: string, method = 'GET'): Promise<Answer | null> {
  const client = await RawClient.open(url)
  try {
    client.send(text)
    return await client.answer(method)
  } finally {
    client.destroy()
  }
}
