// Opens a stranger's URL without being led astray: on every hop the scheme, the host and all its addresses are checked, and
// the connection goes to a checked address, not to what the name means a moment later. BUD-04, blossom.md T11, design §4.
// The body is a stream that asks the origin for no more than its reader takes, and ends only if all of it came.

import { lookup as resolveName } from 'node:dns/promises'
import http from 'node:http'
import type { IncomingMessage } from 'node:http'
import https from 'node:https'
import { isIP } from 'node:net'
import type { LookupFunction } from 'node:net'
import { Readable } from 'node:stream'
import { Failure } from '../errors.ts'
import { isPublicAddress } from './address.ts'

export interface OriginAddress { address: string, family: number }

export interface OriginOptions {
  /** True: any address will do (tests, LANs). */
  allowPrivate: boolean
  /** How many redirects are followed. */
  maxRedirects: number
  /** Milliseconds until the last hop's headers must be here: names, connections and redirects, all hops together. */
  connectTimeout: number
  /** Milliseconds the body may stand still while its reader waits; a slow reader does not count. */
  idleTimeout: number
  /** Asked once a hop, never for literal addresses. The system's resolver by default. */
  lookup?: (hostname: string) => Promise<OriginAddress[]>
  /** Which addresses may be reached unless `allowPrivate`. The public ones by default. */
  allow?: (address: string) => boolean
  /** URLs that lead back to this server, asked on every hop: those never go over the network. */
  refuse?: (url: URL) => boolean
  /** Ends everything, the body too, with its reason as the error. */
  signal?: AbortSignal
  /** GET by default; the answer to HEAD has no body. */
  method?: 'GET' | 'HEAD'
  /** First and last byte that are wanted, inclusive: the answer must be 206. */
  range?: readonly [first: number, last: number]
}

export interface Origin {
  /** 206 where a range was asked for, else 200. */
  status: 200 | 206
  /** Where the last redirect led. */
  url: URL
  /** `Content-Type` as sent, or null. */
  type: string | null
  /** `Content-Length` in bytes, or null when the origin does not say. */
  length: number | null
  /** `Content-Range` as sent, of a 206. */
  range?: string | null
  /** The reader must take it all or destroy it. Breaks with ORIGIN_FAILED. */
  body: Readable
}

/** The cause of an ORIGIN_FAILED whose origin answered, and not with the blob. */
export class OriginStatus extends Error {
  readonly status: number

  constructor (status: number) {
    super(`the origin answered ${status}`)
    this.name = 'OriginStatus'
    this.status = status
  }
}

const MAX_HEADER_BYTES = 16 * 1024
const BODY_BUFFER = 256 * 1024
/** Node's 250 ms for each of several addresses is too short for the far side of the world. */
const ATTEMPT_TIMEOUT = 1000
const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308]

/**
 * GETs a URL from wherever it leads and answers once the headers are here.
 * Throws URL_INVALID (scheme or credentials, of a redirect too), ORIGIN_FORBIDDEN (an address that is not public, or our own
 * host), ORIGIN_FAILED (all that the origin, its name or the network does wrong), or the signal's reason.
 */
export async function openOrigin (url: URL, options: OriginOptions): Promise<Origin> {
  const { signal } = options
  signal?.throwIfAborted()
  const cut = new AbortController()
  const abort = () => { cut.abort(signal?.reason) }
  const release = () => { signal?.removeEventListener('abort', abort) }
  const late = setTimeout(() => { cut.abort(failed('no answer in time')) }, options.connectTimeout)
  signal?.addEventListener('abort', abort)
  try {
    const origin = await follow(url, options, cut.signal)
    origin.body.once('close', release)
    return origin
  } catch (error) {
    release()
    cut.abort(error)
    throw error
  } finally {
    clearTimeout(late)
  }
}

async function follow (start: URL, options: OriginOptions, signal: AbortSignal): Promise<Origin> {
  let url = start
  for (let redirects = 0; redirects <= options.maxRedirects; redirects++) {
    checkUrl(url, options)
    const addresses = await resolveHost(url, options, signal)
    const { head, body } = await ask(url, addresses, options, signal)
    if (!REDIRECTS.includes(head.statusCode ?? 0)) return { ...readHead(head, options.range === undefined ? 200 : 206), url, body }
    body.destroy()
    url = parseLocation(head, url)
  }
  throw failed('too many redirects')
}

function checkUrl (url: URL, { refuse }: OriginOptions): void {
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw new Failure('URL_INVALID', `not ${url.protocol}`)
  if (url.username !== '' || url.password !== '') throw new Failure('URL_INVALID', 'without credentials')
  if (refuse?.(url) === true) throw new Failure('ORIGIN_FORBIDDEN', 'it leads back to this server')
}

/** All addresses of a URL's host, each of them allowed: a name with one bad address among good ones is refused. */
async function resolveHost (url: URL, options: OriginOptions, signal: AbortSignal): Promise<OriginAddress[]> {
  // URL has already written 0x7f.1 and 2130706433 as 127.0.0.1; Node never asks `lookup` about a literal, so it is judged here.
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  const found = isIP(host) !== 0 ? [host] : await lookUp(host, options, signal)
  if (found.length === 0) throw failed('its name has no address')
  const allow = options.allowPrivate ? () => true : options.allow ?? isPublicAddress
  return found.map(address => {
    // Which address it was is not the stranger's to learn.
    if (isIP(address) === 0 || !allow(address)) throw new Failure('ORIGIN_FORBIDDEN', `${url.hostname} is not on the public internet`)
    return { address, family: isIP(address) }
  })
}

/** A name's addresses; the system's resolver cannot be called off, so an abort only stops the waiting. */
function lookUp (host: string, { lookup }: OriginOptions, signal: AbortSignal): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const stop = () => { reject(signal.reason) }
    signal.addEventListener('abort', stop)
    const asked = lookup === undefined ? resolveName(host, { all: true }) : lookup(host)
    asked.then(found => { resolve(found.map(({ address }) => address)) })
      .catch((error: unknown) => { reject(failed('its name does not resolve', error)) })
      .finally(() => { signal.removeEventListener('abort', stop) })
  })
}

/** One request to one of these addresses, up to the headers. */
function ask (url: URL, addresses: OriginAddress[], { idleTimeout, method = 'GET', range }: OriginOptions, signal: AbortSignal): Promise<{ head: IncomingMessage, body: OriginBody }> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason)
    const sought: http.RequestOptions & { autoSelectFamilyAttemptTimeout: number } = {
      // No pooling: a connection kept for a name could outlive the check of its address. No proxy either.
      agent: false,
      method,
      host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
      port: url.port === '' ? null : url.port,
      path: url.pathname + url.search,
      headers: { Host: url.host, 'User-Agent': 'marquee', Accept: '*/*', 'Accept-Encoding': 'identity', ...(range === undefined ? {} : { Range: `bytes=${range[0]}-${range[1]}` }) },
      lookup: pin(addresses),
      autoSelectFamilyAttemptTimeout: ATTEMPT_TIMEOUT,
      maxHeaderSize: MAX_HEADER_BYTES,
      insecureHTTPParser: false,
    }
    const request = (url.protocol === 'https:' ? https : http).request(sought)
    const stop = () => {
      reject(signal.reason)
      request.destroy()
    }
    signal.addEventListener('abort', stop)
    request.on('response', head => {
      // Made here and now: a response that breaks while nobody listens would end without a word.
      const body = new OriginBody(head, idleTimeout)
      // Cutting the request instead would let a body that lies in memory end early as if it were whole.
      signal.removeEventListener('abort', stop)
      signal.addEventListener('abort', () => { body.destroy(signal.reason) })
      // Of a body without a length Node reports a reset here only, and then ends it as if it were whole.
      request.on('error', error => { if (!head.complete) body.destroy(failed('the body broke off', error)) })
      resolve({ head, body })
    })
    request.on('error', (error: NodeJS.ErrnoException) => { reject(failed(error.code ?? 'the connection broke', error)) })
    request.on('close', () => { reject(failed('no answer')) })
    request.end()
  })
}

/** A resolver that knows nothing but these addresses. */
function pin (addresses: OriginAddress[]): LookupFunction {
  return (_hostname, { all }, callback) => {
    const [first] = addresses
    // a resolver never answers before it is left
    queueMicrotask(() => {
      if (all === true) callback(null, addresses)
      else callback(null, first?.address ?? '', first?.family)
    })
  }
}

function parseLocation ({ headers }: IncomingMessage, from: URL): URL {
  const { location } = headers
  // Node reads headers byte by byte; what is not ASCII was UTF-8.
  const text = Buffer.from(location ?? '', 'latin1').toString()
  if (location === undefined || !URL.canParse(text, from.href)) throw failed('it redirects nowhere')
  return new URL(text, from)
}

function readHead ({ statusCode, headers }: IncomingMessage, wanted: Origin['status']): Pick<Origin, 'status' | 'type' | 'length' | 'range'> {
  if (statusCode !== wanted) throw failed(`the origin answered ${statusCode}`, new OriginStatus(statusCode ?? 0))
  // The hash is of the bytes as the origin holds them: what was packed for the way is not that.
  const encodings = [headers['content-encoding'] ?? 'identity', headers['transfer-encoding'] ?? 'chunked']
  if (!/^(identity)?,chunked$/i.test(encodings.map(text => text.trim()).join())) throw failed('the origin encodes what it sends')
  const declared = headers['content-length']
  const length = declared === undefined || headers['transfer-encoding'] !== undefined ? null : Number(declared)
  if (length !== null && !Number.isSafeInteger(length)) throw failed('the origin names no sensible length')
  return { status: wanted, type: headers['content-type']?.trim() || null, length, ...(wanted === 206 ? { range: headers['content-range'] ?? null } : {}) }
}

/** A response's bytes, pulled as they are read, with the origin's faults as failures. */
class OriginBody extends Readable {
  readonly #source: IncomingMessage
  readonly #idleTimeout: number
  #idle: NodeJS.Timeout | undefined
  #came = 0

  constructor (source: IncomingMessage, idleTimeout: number) {
    super({ highWaterMark: BODY_BUFFER })
    this.#source = source
    this.#idleTimeout = idleTimeout
    // It may break before its reader listens: a reader that comes later still finds the error.
    this.on('error', () => {})
    source.pause()
    source.on('data', (chunk: Buffer) => {
      this.#came += chunk.length
      if (this.push(chunk)) this.#idle?.refresh()
      else this.#rest()
    })
    source.on('end', () => {
      this.#came = Infinity // the last byte was not late
      clearTimeout(this.#idle)
      if (source.complete) this.push(null)
      else this.destroy(failed('the body broke off'))
    })
    source.on('error', error => { this.destroy(failed('the body broke off', error)) })
  }

  override _read (): void {
    this.#idle ??= setTimeout(() => {
      const before = this.#came
      // as in intake.ts: what came while this machine stood still is read first
      setImmediate(() => { if (this.#came === before) this.destroy(failed('the origin stalled')) })
    }, this.#idleTimeout)
    this.#source.resume()
  }

  override _destroy (error: Error | null, callback: (error?: Error | null) => void): void {
    clearTimeout(this.#idle)
    this.#source.destroy()
    callback(error)
  }

  #rest (): void {
    clearTimeout(this.#idle)
    this.#idle = undefined
    this.#source.pause()
  }
}

function failed (detail: string, cause?: unknown): Failure {
  return new Failure('ORIGIN_FAILED', detail, { cause })
}
