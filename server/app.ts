// What exists: every room of the house registered by one visible line, and what holds for all of them: CORS, X-Reason, request ids, one
// log line a request. An app that does not listen yet; main.ts and the tests give it a port.

import { randomUUID } from 'node:crypto'
import { STATUS_CODES, createServer } from 'node:http'
import Fastify, { LogController } from 'fastify'
import { admin } from './admin.ts'
import { api } from './api/route.ts'
import { Retrieval } from './buds/bud-01-retrieval.ts'
import { bud02 } from './buds/bud-02-upload.ts'
import { bud04 } from './buds/bud-04-mirror.ts'
import { bud05 } from './buds/bud-05-media.ts'
import { bud06 } from './buds/bud-06-preflight.ts'
import { bud09 } from './buds/bud-09-report.ts'
import { bud12 } from './buds/bud-12-management.ts'
import { openReadGate } from './buds/read-gate.ts'
import { checkUrl } from './buds/url-check.ts'
import { parseAddressName } from './catalog/address.ts'
import { catalogRooms } from './catalog/http/rooms.ts'
import { CORS_HEADERS, PREFLIGHT_HEADERS } from './cors.ts'
import { Failure } from './errors.ts'
import { refuseFraming, takesFraming } from './framing.ts'
import { health } from './health.ts'
import { keyRooms } from './keys/rooms.ts'
import { Answers } from './metrics/answers.ts'
import { metrics } from './metrics/route.ts'
import { Traffic } from './metrics/traffic.ts'
import { wantsPage } from './pages/accepting.ts'
import { Pages } from './pages/pages.ts'
import { pagesRooms } from './pages/rooms.ts'
import { LINGER_MS, refusalBody, refusalHeaders, refuse } from './refusal.ts'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyBaseLogger, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Guard } from './auth/guard.ts'
import type { Policy } from './auth/policy.ts'
import type { FailureCode } from './errors.ts'
import type { MediaLine } from './media/line.ts'
import type { MediaWork } from './media/work.ts'
import type { RateLimits } from './auth/rate-limits.ts'
import type { BlobFetcher } from './buds/blob-fetcher.ts'
import type { Offload } from './buds/offload.ts'
import type { Room } from './buds/room.ts'
import type { UploadQueue } from './buds/upload-queue.ts'
import type { Catalog } from './catalog/catalog.ts'
import type { Mirrors } from './catalog/mirrors/mirrors.ts'
import type { RelayReport } from './catalog/relay-report.ts'
import type { FilmKeys } from './keys/rooms.ts'
import type { Sources } from './metrics/exposition.ts'
import type { Blobs } from './stores/blobs.ts'
import type { Care } from './stores/care.ts'
import type { CatchUp } from './stores/catch-up.ts'
import type { Blob } from './stores/descriptors.ts'
import type { Decisions } from './stores/decisions.ts'
import type { HashLists } from './stores/hash-lists.ts'
import type { Retention } from './stores/retention.ts'
import type { StateStore } from './stores/state.ts'
import type { StoreTimes } from './stores/store-times.ts'
import type { Settings } from './settings.ts'
import type { Traces } from './traces.ts'

export interface AppParts {
  blobs: Blobs
  catalog: Catalog
  mirrors: Mirrors
  filmKeys: FilmKeys
  fetcher: BlobFetcher
  guard: Guard
  policy: Policy
  rates: RateLimits
  room: Room
  queue: UploadQueue
  media: { line: MediaLine, work: MediaWork }
  state: StateStore
  /** Null where no other node writes to the store. */
  catchUp: CatchUp | null
  lists: HashLists
  retention: Retention
  logger: FastifyBaseLogger
  /** Who sends blobs in our place; null for nobody. */
  offload: Offload | null
  /** Fetches a blob that is not here and is asked for; null where nobody does. */
  fill: ((sha256: string) => Promise<Blob | null>) | null
  /** What the catalog fetched, for the metrics. */
  fetched: Sources['fetched']
  /** Milliseconds. */
  now: () => number
  /** The node key, 64 hex digits. */
  keeper: string
  decisions: Decisions
  /** What is configured: rooms look at `current` for each request, since it may change while they run. */
  settings: Settings
  /** Null, or left out: nothing is published or followed. */
  relays?: RelayReport | null
  times: StoreTimes
  /** Null: nobody collects traces. */
  traces: Traces | null
  care: Care
  checks: Readonly<Record<string, () => unknown>>
  /** What GET / says of this server. */
  about: () => { url: string, version: string } & Record<string, unknown>
}

/** H-16: a token of 800 x tags is about 100 KiB of header. */
const MAX_HEADER_BYTES = 128 * 1024

/** Longer than the idle time of common proxies, which must be the first to close. */
const KEEP_ALIVE_MS = 72_000
/** How often Node looks for heads that stand still, at most. */
const CHECK_MS = 5000

export async function build (parts: AppParts): Promise<FastifyInstance> {
  const { settings, traces } = parts
  const retrieval = new Retrieval({ ...parts, gate: openReadGate(parts.guard, settings.current.readPubkeys) })
  settings.follow(({ readPubkeys }) => { retrieval.reload(openReadGate(parts.guard, readPubkeys)) })
  // Node would refuse a missing Host without CORS or a reason; we ask below
  const options = {
    maxHeaderSize: MAX_HEADER_BYTES, requireHostHeader: false, keepAliveTimeout: KEEP_ALIVE_MS, requestTimeout: 0,
    // without a requestTimeout Node has none for heads either: one that never ends would hold its connection for ever
    headersTimeout: parts.settings.current.idleTimeout, connectionsCheckingInterval: Math.min(parts.settings.current.idleTimeout, CHECK_MS)
  }
  const app = Fastify({
    // reads of blobs are answered before Fastify (bud-01-retrieval.ts says why); the rest is its own
    serverFactory: (handler) => {
      const answer = (req: IncomingMessage, res: ServerResponse): boolean => {
        if (!takesFraming(req)) {
          refuseFraming(res)
          return true
        }
        const taken = retrieval.take(req, res)
        if (!taken) handler(req, res)
        return taken
      }
      return createServer(options, traces === null ? answer : (req, res) => { traces.request(req, res, answer) })
    },
    loggerInstance: parts.logger,
    logController: new LogController({ disableRequestLogging: true }), // one line of ours instead of two of Fastify's
    genReqId: () => randomUUID(),
    requestIdHeader: false,
    exposeHeadRoutes: false, // the automatic HEAD runs the GET handler and drains the whole blob (models.md §4, fact 12)
    bodyLimit: 1024 * 1024,
    forceCloseConnections: 'idle',
    // a signed event must not be edited: no coercion, nothing removed, no defaults
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false, useDefaults: false, allErrors: false } },
    routerOptions: { maxParamLength: 512 },
    frameworkErrors: (error, request, reply) => {
      reply.headers(CORS_HEADERS)
      void refuse(error, request, reply)
    },
    clientErrorHandler
  })

  if (traces !== null) app.addHook('onRequest', async (request) => { traces.routed(request) })
  app.addHook('onRequest', async (request, reply) => {
    if (request.method !== 'OPTIONS') {
      reply.headers(CORS_HEADERS)
      // RFC 9112 §3.2: an HTTP/1.1 request without Host MUST be answered with 400
      if (request.headers.host === undefined && request.raw.httpVersion === '1.1') throw new Failure('REQUEST_INVALID', 'Host is missing')
      // Fastify answers an empty Content-Type before any handler; it says as much as none
      if (request.raw.headers['content-type'] === '') delete request.raw.headers['content-type']
      return
    }
    // a bare OPTIONS, without Origin, is answered like any other: tools send it
    await reply.code(204).headers(PREFLIGHT_HEADERS).send()
  })
  // `Expect: 100-continue`: the body is asked for when the headers have been judged, so a refused film costs not one byte
  app.addHook('preParsing', async (_request, reply, payload) => {
    if (!awaited.delete(reply.raw)) return payload
    reply.raw.removeHeader('connection')
    reply.raw.writeContinue()
    return payload
  })
  const awaited = new WeakSet<object>()
  app.server.on('checkContinue', (request, response) => {
    awaited.add(response)
    // refused: what follows on this connection might be the body or the next request, so nothing may
    response.setHeader('connection', 'close')
    app.server.emit('request', request, response)
  })
  // any other expectation is ignored: Node would answer 417 without CORS
  app.server.on('checkExpectation', (request, response) => { app.server.emit('request', request, response) })
  app.addHook('preClose', async () => { retrieval.closing = true })
  const answers = new Answers()
  const traffic = new Traffic(app.server)
  app.addHook('onResponse', async (request, reply) => {
    answers.count(request, reply)
    logAnswer(request, reply)
  })
  app.setErrorHandler((error, request, reply) => refuse(error, request, reply))
  app.setNotFoundHandler((request, reply) => refuse(new Failure('PATH_UNKNOWN'), request, reply))

  const pages = new Pages()
  await app.register(api, { ...parts, maxHeaderSize: MAX_HEADER_BYTES, home: (request, reply) => wantsPage(request.headers.accept) ? pages.send(reply, 'home') : null })
  await app.register(health, parts)
  await app.register(bud02, parts)
  await app.register(bud04, parts)
  await app.register(bud05, parts)
  await app.register(bud06, parts)
  await app.register(bud09, parts)
  await app.register(bud12, parts)
  await app.register(catalogRooms, {
    ...parts,
    checkUrl: (url, name) => checkUrl(url, name, { allowPrivate: parts.settings.current.mirrorAllowPrivate, idleTimeout: parts.settings.current.idleTimeout })
  })
  await app.register(pagesRooms, { ...parts, pages, findTitle: (name) => parts.catalog.titles.get(parseAddressName(name), Math.floor(parts.now() / 1000)) })
  await app.register(keyRooms, parts)
  await app.register(admin, { ...parts, damaged: parts.care.damaged })
  await app.register(metrics, { settings, sources: { answers, traffic, reads: retrieval.counts, times: parts.times, guard: parts.guard, queue: parts.queue, media: parts.media, room: parts.room, catchUp: parts.catchUp, care: parts.care, relays: parts.relays ?? null, fetched: parts.fetched } })
  return app
}

/** Reads are told at `debug`: a busy server would write more log than blobs. */
function logAnswer (request: FastifyRequest, reply: FastifyReply): void {
  const { method, raw } = request
  const line = { method, path: raw.url?.split('?', 1)[0], status: reply.statusCode, ms: Math.round(reply.elapsedTime * 10) / 10, remote: request.ip }
  const quiet = method === 'GET' || method === 'HEAD' || method === 'OPTIONS'
  request.log[quiet ? 'debug' : 'info'](line, 'answered')
}

/** By Node's code; the rest is REQUEST_INVALID. */
const REFUSED_BY_PARSER: Readonly<Record<string, FailureCode>> = { HPE_HEADER_OVERFLOW: 'HEADERS_TOO_LARGE', ERR_HTTP_REQUEST_TIMEOUT: 'HEAD_STALLED' }

/** What Node's parser refuses before there is a request: told with CORS and a reason all the same. */
function clientErrorHandler (error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) return
  // a connection that was opened and never used, as browsers do: nobody waits for an answer there
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT' && socket.bytesRead === 0) return void socket.destroy()
  // an answer is on its way out: text in the middle of it would pass for the blob's bytes
  const { _httpMessage: answering, parser } = socket as Socket & { _httpMessage?: { headersSent: boolean } | null, parser?: { incoming?: { complete: boolean } | null } | null }
  if (answering?.headersSent === true) return void socket.destroy()
  // the body of a request that was answered already: a second answer would pass for that of the next request
  if (answering == null && parser?.incoming?.complete === false) return void socket.destroy()
  const failure = new Failure(REFUSED_BY_PARSER[error.code ?? ''] ?? 'REQUEST_INVALID')
  const body = refusalBody(failure)
  const headers = { ...CORS_HEADERS, ...refusalHeaders(failure), 'content-type': 'application/json; charset=utf-8', 'content-length': String(Buffer.byteLength(body)), 'connection': 'close' }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`).join('\r\n')
  socket.end(`HTTP/1.1 ${failure.status} ${STATUS_CODES[failure.status]}\r\n${lines}\r\n\r\n${body}`)
  setTimeout(() => { socket.destroy() }, LINGER_MS).unref() // a client that never closes is not waited for
}
