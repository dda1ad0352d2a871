// BUD-01: GET and HEAD /<sha256>[.ext], with RFC 9110 in full: conditions, ranges, multipart/byteranges. HEAD touches no pack.
//
// It stands before Fastify, on node:http itself: nine requests in ten are reads, and routing, hooks and a reply object cost a small
// read four times what the read itself does (bench/RESULTS.md has the figures). Everything else goes on to Fastify.

import { Failure } from '../errors.ts'
import { failureOf, refusalBody, refusalHeaders } from '../refusal.ts'
import { CORS_HEADERS } from '../cors.ts'
import { blobHeaders, flat, planAnswer, wholeHeaders } from './blob-answer.ts'
import { parseBlobPath } from './blob-path.ts'
import { evaluateConditions } from './conditions.ts'
import { passReader } from './read-gate.ts'
import { ReadCounts } from './read-counts.ts'
import { sendSections } from './sending.ts'
import { announce } from './sunset.ts'
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import type { FastifyBaseLogger } from 'fastify'
import type { Guard } from '../auth/guard.ts'
import type { Blobs } from '../stores/blobs.ts'
import type { Blob } from '../stores/descriptors.ts'
import type { HashLists } from '../stores/hash-lists.ts'
import type { Retention } from '../stores/retention.ts'
import type { BytesAnswer } from './blob-answer.ts'
import type { Handover, Offload } from './offload.ts'
import type { ReadGate } from './read-gate.ts'

export interface RetrievalParts {
  blobs: Blobs
  guard: Guard
  /** What is not served though it may be here, or not to everybody. */
  lists: HashLists
  logger: FastifyBaseLogger & { isLevelEnabled?: (level: string) => boolean }
  /** When blobs end; it hears of every read. */
  retention: Retention
  /** Who may read; null for everybody. */
  gate: ReadGate | null
  /** Who sends the bytes in our place; null for nobody. */
  offload: Offload | null
  /** Brings a blob that is not here from elsewhere, or null; null where misses are misses. */
  fill: ((sha256: string) => Promise<Blob | null>) | null
  /** Milliseconds. */
  now: () => number
}

function refusal (failure: Failure): { headers: string[], body: string } {
  const body = refusalBody(failure)
  const headers = { ...CORS_HEADERS, ...refusalHeaders(failure), 'content-type': 'application/json; charset=utf-8', 'content-length': Buffer.byteLength(body) }
  return { headers: flat(headers), body }
}

/** The commonest refusal, made once: an Error with its stack costs more than the look into the database. */
const MISSING = refusal(new Failure('BLOB_UNKNOWN'))

function isConditional (headers: IncomingHttpHeaders): boolean {
  return headers['if-none-match'] !== undefined || headers['if-modified-since'] !== undefined || headers['if-range'] !== undefined ||
    headers['if-match'] !== undefined || headers['if-unmodified-since'] !== undefined
}

export class Retrieval {
  readonly #parts: RetrievalParts
  #gate: ReadGate | null
  #chatty: boolean
  readonly #prepared = new WeakMap<Blob, { whole: string[], bare: string[] }>()
  readonly counts = new ReadCounts()
  /** True while the server ends: each answer then closes its connection. */
  closing = false

  constructor (parts: RetrievalParts) {
    this.#parts = parts
    this.#gate = parts.gate
    this.#chatty = this.#isChatty()
  }

  /** Reads are told at `debug`: a busy server would write more log than blobs. */
  #isChatty (): boolean {
    return this.#parts.logger.isLevelEnabled?.('debug') ?? false
  }

  /** Another gate from now on, and perhaps another level of the logger. */
  reload (gate: ReadGate | null): void {
    this.#gate = gate
    this.#chatty = this.#isChatty()
  }

  /** Answers when it is a GET or HEAD of a blob's path, and says so; false leaves the request untouched. */
  take (req: IncomingMessage, res: ServerResponse): boolean {
    if (req.method !== 'GET' && req.method !== 'HEAD') return false
    const path = req.url!
    const query = path.indexOf('?')
    const sha256 = parseBlobPath(path.slice(1, query === -1 ? undefined : query))
    if (sha256 === null || path[0] !== '/') return false
    if (this.closing) res.setHeader('connection', 'close')
    if (this.#chatty) this.#logAnswer(req, res)
    this.#answer(req, res, sha256)
    return true
  }

  #answer (req: IncomingMessage, res: ServerResponse, sha256: string): void {
    try {
      // RFC 9112 §3.2: an HTTP/1.1 request without Host MUST be answered with 400
      if (req.headers.host === undefined && req.httpVersion === '1.1') throw new Failure('REQUEST_INVALID', 'Host is missing')
      const { blobs, lists, fill } = this.#parts
      if (this.#gate !== null) this.#gate(req, res, sha256)
      if (lists.hides(sha256)) {
        res.writeHead(404, MISSING.headers).end(MISSING.body)
        return
      }
      const readers = lists.readersOf(sha256)
      if (readers !== null) {
        this.#answerReader(req, res, sha256, readers).catch((error: unknown) => { this.#refuse(res, error) })
        return
      }
      blobs.judge(sha256)
      const hot = blobs.hot(sha256)
      if (hot !== null) return this.#answerWith(req, res, hot.blob, hot.bytes)
      const known = blobs.known(sha256)
      if (known !== null) return this.#answerWith(req, res, known, null)
      if (blobs.knowsAll && fill === null) {
        this.#head(res, 404, MISSING.headers).end(MISSING.body)
        return
      }
    } catch (error) {
      return this.#refuse(res, error)
    }
    const { blobs, fill } = this.#parts
    blobs.find(sha256).then(async (found) => {
      const blob = found ?? await fill?.(sha256) ?? null
      if (blob === null) throw new Failure('BLOB_UNKNOWN')
      this.#parts.blobs.judge(sha256)
      this.#answerWith(req, res, blob, null)
    }).catch((error: unknown) => { this.#refuse(res, error) })
  }

  /** A blob that is restricted is ours alone to send: what nginx keeps, and a presigned URL, ask nobody for a token. */
  async #answerReader (req: IncomingMessage, res: ServerResponse, sha256: string, readers: ReadonlySet<string>): Promise<void> {
    const { blobs, guard } = this.#parts
    await passReader(guard, blobs, req, res, sha256, readers)
    blobs.judge(sha256)
    const hot = blobs.hot(sha256)
    const blob = hot?.blob ?? blobs.known(sha256) ?? await blobs.find(sha256)
    if (blob === null) throw new Failure('BLOB_UNKNOWN')
    this.#answerWith(req, res, blob, hot?.bytes ?? null, null)
  }

  /** `bytes`: the whole blob, where it is in memory. Throws a Failure that is to be told. */
  #answerWith (req: IncomingMessage, res: ServerResponse, blob: Blob, bytes: Buffer | null, offload = this.#parts.offload): void {
    const { headers } = req
    const notice = this.#parts.retention.read(blob)
    if (notice !== null) announce(res, notice)
    let range = headers.range
    if (isConditional(headers)) {
      const conditions = evaluateConditions(headers, { etag: `"${blob.sha256}"`, lastModified: blob.uploaded }, Math.floor(this.#parts.now() / 1000))
      if (conditions.outcome === 'precondition-failed') throw new Failure('PRECONDITION_FAILED')
      if (conditions.outcome === 'not-modified') {
        this.#head(res, 304, this.#prepare(blob).bare).end()
        return
      }
      if (!conditions.range) range = undefined
    }
    // 01-19: HEAD MUST NOT send a body, and a range means nothing to it
    if (req.method === 'HEAD') {
      this.#head(res, 200, this.#prepare(blob).whole).end()
      return
    }
    const handover = offload?.(req, blob, bytes, notice?.maxAge ?? null) ?? null
    if (handover !== null) return this.#handOver(res, handover)
    if (range === undefined) {
      if (bytes !== null) {
        this.#head(res, 200, this.#prepare(blob).whole).end(bytes)
        return
      }
      const piece = this.#parts.blobs.readNow(blob)
      if (piece !== null) {
        this.#head(res, 200, wholeHeaders(blob)).end(piece.bytes, piece.release)
        return
      }
    }
    const answer = planAnswer(blob, range)
    if (blob.size === 0) { // a range that means nothing: all of it
      this.#head(res, 200, wholeHeaders(blob)).end()
      return
    }
    this.#send(res, blob, answer, range === undefined).catch((error: unknown) => { this.#refuse(res, error) })
  }

  /** Every head of ours but those of `sendSections`. */
  #head (res: ServerResponse, status: number, headers: string[]): ServerResponse {
    this.counts.count(res.req.method!, status)
    return res.writeHead(status, headers)
  }

  #handOver (res: ServerResponse, handover: Handover | Promise<Handover>): void {
    if (handover instanceof Promise) {
      handover.then((ready) => { this.#handOver(res, ready) }).catch((error: unknown) => { this.#refuse(res, error) })
      return
    }
    this.#head(res, handover.status, handover.headers).end(handover.body)
  }

  async #send (res: ServerResponse, blob: Blob, answer: BytesAnswer, whole: boolean): Promise<void> {
    const { blobs, logger } = this.#parts
    const bytes = whole ? await blobs.readSmall(blob) : null
    if (bytes !== null) {
      this.#head(res, 200, wholeHeaders(blob)).end(bytes)
      return
    }
    await sendSections(res, answer, (start, length) => blobs.read(blob, start, length), (error) => {
      this.counts.broken++
      logger.error({ err: error, sha256: blob.sha256 }, 'a blob broke off on its way out')
    })
    this.counts.count('GET', answer.status)
  }

  /** Made once for a blob whose row or bytes are in our memory: its answer is then one write. */
  #prepare (blob: Blob): { whole: string[], bare: string[] } {
    let headers = this.#prepared.get(blob)
    if (headers === undefined) {
      headers = { whole: wholeHeaders(blob), bare: blobHeaders(blob) }
      this.#prepared.set(blob, headers)
    }
    return headers
  }

  #refuse (res: ServerResponse, error: unknown): void {
    const failure = failureOf(error)
    if (failure.status >= 500) this.#parts.logger.error({ err: failure.cause ?? failure, code: failure.code }, failure.message)
    if (res.headersSent) {
      res.destroy()
      return
    }
    const { headers, body } = refusal(failure)
    this.#head(res, failure.status, headers).end(body)
  }

  #logAnswer (req: IncomingMessage, res: ServerResponse): void {
    const started = performance.now()
    res.once('close', () => {
      const ms = Math.round((performance.now() - started) * 10) / 10
      this.#parts.logger.debug({ method: req.method, path: req.url!.split('?', 1)[0], status: res.statusCode, ms, remote: req.socket.remoteAddress }, 'answered')
    })
  }
}
