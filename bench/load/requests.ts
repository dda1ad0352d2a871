// Single requests and uploads over node:http with kept connections: bodies go out with backpressure, answers are read whole.

import http from 'node:http'
import { createHash } from 'node:crypto'
import type { TestBlob } from '../blobs.ts'
import type { Bench } from '../plan.ts'

export interface Answer {
  status: number
  headers: http.IncomingHttpHeaders
  body: Buffer
  /** From the first byte sent to the last one read. */
  ms: number
}

export interface Asking {
  method?: string
  headers?: http.OutgoingHttpHeaders
  chunks?: Iterable<Buffer>
  agent?: http.Agent
}

const WITHIN_MS = 600_000

export function keptConnections (count: number): http.Agent {
  return new http.Agent({ keepAlive: true, maxSockets: count, scheduling: 'fifo' })
}

/** Rejects when there is no answer. One that comes before the body is out, a refusal, ends the sending. */
export function ask (url: string, { method = 'GET', headers = {}, chunks, agent }: Asking = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const started = performance.now()
    let answered = false
    const request = http.request(url, { method, headers, timeout: WITHIN_MS, ...(agent === undefined ? {} : { agent }) }, (response) => {
      answered = true
      const parts: Buffer[] = []
      response.on('data', (part: Buffer) => parts.push(part))
      response.on('error', reject)
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(parts), ms: performance.now() - started })
        if (!request.writableEnded) request.destroy()
      })
    })
    request.on('timeout', () => request.destroy(new Error(`${method} ${url}: nothing for ${WITHIN_MS} ms`)))
    request.on('error', (error) => { if (!answered) reject(error) })
    const source = chunks?.[Symbol.iterator]()
    const pump = (): void => {
      while (!answered) {
        const next = source?.next()
        if (next === undefined || next.done === true) {
          request.end()
          return
        }
        if (!request.write(next.value)) {
          request.once('drain', pump)
          return
        }
      }
    }
    pump()
  })
}

/** Rejects unless the status is one of these. */
export function insist (what: string, { status, headers, body }: Answer, ...good: number[]): void {
  if (!good.includes(status)) throw new Error(`${what}: ${status} ${String(headers['x-reason'] ?? body.toString('utf8').slice(0, 200))}`)
}

/** PUT /upload, token and hash made before. */
export function upload (url: string, blob: TestBlob, authorization: string, agent?: http.Agent): Promise<Answer> {
  const headers = { authorization, 'content-type': 'application/octet-stream', 'content-length': blob.size, 'x-sha-256': blob.sha256 }
  return ask(`${url}/upload`, { method: 'PUT', headers, chunks: blob.chunks(), ...(agent === undefined ? {} : { agent }) })
}

const TOKEN_HASHES = 40

/** One token for every blob, or for up to 40 at a time: signed before the clock starts, good for a day. */
export function signUploads ({ signer }: Bench, blobs: readonly TestBlob[], together = TOKEN_HASHES): string[] {
  const tokens: string[] = []
  const expiration = String(Math.floor(Date.now() / 1000) + 86_400)
  for (let i = 0; i < blobs.length; i += together) {
    const some = blobs.slice(i, i + together)
    const token = signer.token('upload', { hashes: some.map(({ sha256 }) => sha256), expiration })
    tokens.push(...some.map(() => token))
  }
  return tokens
}

/** Runs `job(0)` to `job(count - 1)`, at most `width` at once; seconds. Rejects with the first that does. */
export async function inParallel (count: number, width: number, job: (index: number) => Promise<unknown>): Promise<number> {
  let next = 0
  const lane = async (): Promise<void> => {
    while (next < count) await job(next++)
  }
  const started = performance.now()
  await Promise.all(Array.from({ length: width }, lane))
  return (performance.now() - started) / 1e3
}

/** Puts blobs on a server, a few at once; rejects when one is refused. */
export async function fill (bench: Bench, url: string, blobs: readonly TestBlob[]): Promise<void> {
  const tokens = signUploads(bench, blobs)
  const agent = keptConnections(16)
  const seconds = await inParallel(blobs.length, 16, async (i) => {
    insist('PUT /upload', await upload(url, blobs[i]!, tokens[i]!, agent), 200, 201)
  })
  agent.destroy()
  bench.say(`  ${blobs.length} blobs uploaded in ${seconds.toFixed(1)} s`)
}

/** Reads a few of the blobs and hashes them: a fast wrong answer is worth nothing. */
export async function proveSample (url: string, blobs: readonly { sha256: string, size: number }[], sample = 20): Promise<void> {
  const step = Math.max(1, Math.floor(blobs.length / sample))
  for (let i = 0; i < blobs.length; i += step) {
    const { sha256, size } = blobs[i]!
    const answer = await ask(`${url}/${sha256}`)
    insist(`GET ${sha256}`, answer, 200)
    const found = createHash('sha256').update(answer.body).digest('hex')
    if (found !== sha256 || answer.body.length !== size) throw new Error(`GET ${sha256}: ${answer.body.length} bytes that hash to ${found}`)
  }
}
