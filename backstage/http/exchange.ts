// One HTTP request and its answer over node:http, for programs that send files: a file is streamed from the disk, an answer that is kept is bounded,
// and a connection that stands still is cut. What the network does is a NetworkFault; what a server says, however bad, is an answer.

import { createReadStream } from 'node:fs'
import { Agent as HttpAgent, request as httpRequest } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import type { ClientRequest, IncomingHttpHeaders, IncomingMessage } from 'node:http'

/** The server was not reached, or did not finish what it began. */
export class NetworkFault extends Error {
  override readonly name: string = 'NetworkFault'
  readonly url: string

  constructor (url: string, words: string) {
    super(`${new URL(url).origin}: ${words}`)
    this.url = url
  }
}

/** What a server answers that can be no answer, and would be none a second time. */
export class AnswerFault extends NetworkFault {
  override readonly name = 'AnswerFault'
}

export interface FileBody {
  path: string
  /** Bytes; a file of another length is a fault of the caller's, which the server is not told of. */
  size: number
}

class TooLong extends Error {}

export interface Asked {
  method: string
  url: string
  headers?: Readonly<Record<string, string>>
  body?: Buffer | FileBody | null
  /** Takes the body of a 2xx answer piece by piece, which is then not kept. */
  onBytes?: (chunk: Buffer) => void
  /** Bytes of an answer that is kept; more is a NetworkFault. 1 MiB when absent. */
  limit?: number
}

export interface Answer {
  status: number
  headers: IncomingHttpHeaders
  /** Empty where `onBytes` took it. */
  body: Buffer
}

const REDIRECTS = new Set([301, 302, 303, 307, 308])
const MOST_REDIRECTS = 5
const REFUSAL_LIMIT = 256 * 1024

export class Exchange {
  readonly #idle: number
  readonly #agents = { 'http:': new HttpAgent({ keepAlive: true }), 'https:': new HttpsAgent({ keepAlive: true }) }

  /** @param idle milliseconds for which nothing may move on a connection */
  constructor (idle = 60_000) {
    this.#idle = idle
  }

  /** Rejects with NetworkFault, or with the file's own error when a file to be sent cannot be read. GET and HEAD follow redirects. */
  async send (asked: Asked): Promise<Answer> {
    for (let url = asked.url, left = MOST_REDIRECTS; ; left--) {
      // what was signed for one server is not shown to another
      const headers = new URL(url).origin === new URL(asked.url).origin ? asked.headers : {}
      const answer = await this.#once({ ...asked, url, ...(headers === undefined ? {} : { headers }) })
      const { location } = answer.headers
      if (!REDIRECTS.has(answer.status) || location === undefined || (asked.method !== 'GET' && asked.method !== 'HEAD')) return answer
      if (left === 0) throw new AnswerFault(asked.url, 'too many redirects')
      const next = URL.canParse(location, url) ? new URL(location, url) : null
      if (next === null || (next.protocol !== 'http:' && next.protocol !== 'https:')) throw new AnswerFault(asked.url, 'it redirects to no http URL')
      url = next.href
    }
  }

  #once (asked: Asked): Promise<Answer> {
    const { method, url: text, headers = {}, body = null } = asked
    const url = new URL(text)
    return new Promise((resolve, reject) => {
      const length = body === null ? {} : { 'content-length': String(Buffer.isBuffer(body) ? body.length : body.size) }
      const secure = url.protocol === 'https:'
      const request = (secure ? httpsRequest : httpRequest)(url, {
        method, headers: { ...headers, ...length }, agent: this.#agents[secure ? 'https:' : 'http:'], timeout: this.#idle
      })
      const fail = (error: Error): void => {
        reject(error)
        request.destroy()
      }
      request.on('timeout', () => { fail(new NetworkFault(text, `nothing moved for ${this.#idle / 1000} s`)) })
      request.on('error', (error) => { fail(new NetworkFault(text, error.message || 'the connection broke')) })
      request.on('response', (response) => {
        readAnswer(response, asked).then((answer) => {
          resolve(answer)
          // a refusal may come before all was sent: the rest would go nowhere
          if (!request.writableFinished) request.destroy()
        }, (error: unknown) => { fail(error instanceof TooLong ? new AnswerFault(text, error.message) : new NetworkFault(text, (error as Error).message)) })
      })
      sendBody(request, body, fail)
    })
  }

  /** Ends what is under way, too. */
  close (): void {
    for (const agent of Object.values(this.#agents)) agent.destroy()
  }
}

function sendBody (request: ClientRequest, body: Buffer | FileBody | null, fail: (error: Error) => void): void {
  if (body === null || Buffer.isBuffer(body)) {
    request.end(body ?? undefined)
    return
  }
  let sent = 0
  const file = createReadStream(body.path, { highWaterMark: 256 * 1024 })
  const changed = (): Error => new Error(`${body.path} is not ${body.size} bytes long any more`)
  file.on('error', fail)
  file.on('data', (chunk) => {
    sent += chunk.length
    if (sent > body.size) {
      file.destroy()
      fail(changed())
    } else if (!request.write(chunk)) {
      file.pause()
      request.once('drain', () => { file.resume() })
    }
  })
  file.on('end', () => {
    if (sent === body.size) request.end()
    else fail(changed())
  })
  request.on('close', () => { file.destroy() })
}

function readAnswer (response: IncomingMessage, { onBytes, limit = 1024 * 1024 }: Asked): Promise<Answer> {
  const { statusCode: status = 0, headers } = response
  const taken = onBytes !== undefined && status >= 200 && status < 300
  return new Promise((resolve, reject) => {
    const kept: Buffer[] = []
    let size = 0
    // what a refusal says may be longer than the blob that was asked for
    const most = status >= 200 && status < 300 ? limit : Math.max(limit, REFUSAL_LIMIT)
    response.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (taken) onBytes(chunk)
      else if (size <= most) kept.push(chunk)
      else {
        reject(new TooLong(`an answer of more than ${most} bytes`))
        response.destroy()
      }
    })
    response.on('error', reject)
    response.on('aborted', () => { reject(new Error('the answer broke off')) })
    response.on('end', () => { resolve({ status, headers, body: Buffer.concat(kept) }) })
  })
}
