// One file from whoever has it: peers first, the origin last, which always wins. Peers are strangers: one that is slow, breaks off, sends too much or other
// bytes is dropped, costs no more than the time for that, and is not asked again. What came goes on where it was, after a kill as well.

import http from 'node:http'
import https from 'node:https'
import { setTimeout as pause } from 'node:timers/promises'
import { DiskFault, PartFile, isThere } from './part-file.ts'
import type { IncomingMessage } from 'node:http'
import type { LookupFunction } from 'node:net'
import type { Wanted } from './part-file.ts'

export interface Source {
  /** Of this very file. */
  url: string
  /** Somebody who says to have it, rather than where the publisher says it is. */
  peer: boolean
}

export interface DownloadLimits {
  /** Milliseconds without a byte. */
  idle: number
  /** A peer must send so many bytes a second, looked at after so many milliseconds and from then on. */
  slow: number
  window: number
  /** How often an origin that breaks off is asked again, and the first pause, milliseconds. */
  attempts: number
  pause: number
}

export const DOWNLOAD_LIMITS: DownloadLimits = { idle: 15_000, slow: 32 * 1024, window: 5000, attempts: 4, pause: 500 }

export interface DownloadParts {
  wanted: Wanted
  /** In this order; peers before origins. */
  sources: readonly Source[]
  /** Servers that failed before, by their origin: they are not asked, and who fails now is added with why. */
  dropped: Map<string, string>
  /** May this address be asked? Rejects, or answers with why not. */
  mayAsk: (url: URL, peer: boolean) => Promise<string | null>
  /** How names of strangers become addresses: it judges them too, since a name may mean another a moment after it was judged. */
  lookup?: LookupFunction | undefined
  limits?: Partial<DownloadLimits>
  onProgress?: (bytes: number) => void
}

export interface Downloaded {
  /** Servers that gave bytes of it, in order; none: it was here. */
  from: string[]
  /** Bytes that were here of an earlier attempt. */
  resumed: number
}

/** Nobody gave this file as it must be. */
export class DownloadFailed extends Error {
  /** By server: why not. */
  readonly reasons: ReadonlyMap<string, string>

  constructor (wanted: Wanted, reasons: ReadonlyMap<string, string>) {
    super(`${wanted.sha256} could not be had${reasons.size === 0 ? ': nobody is known to have it' : `: ${[...reasons].map(([server, why]) => `${server} ${why}`).join('; ')}`}`)
    this.name = 'DownloadFailed'
    this.reasons = reasons
  }
}

const MOST_REDIRECTS = 3

/** Resolves when the file at `path` is whole, right and on the disk. Rejects with DownloadFailed, or what the disk said. */
export async function download (path: string, parts: DownloadParts): Promise<Downloaded> {
  const { wanted, sources, dropped } = parts
  if (await isThere(path, wanted)) return { from: [], resumed: 0 }
  const part = await PartFile.open(path, wanted)
  try {
    let resumed = part.size
    for (;;) {
      const from = await readAll(part, parts)
      if (part.isRight()) {
        await part.finish()
        return { from, resumed }
      }
      if (part.missing > 0) throw new DownloadFailed(wanted, reasonsOf(sources, dropped))
      // who gave all of it gave other bytes; of several, who broke off is not asked again anyway, and who ended it may do so alone
      const [only, ...more] = from
      if (only !== undefined && more.length === 0 && resumed === 0) dropped.set(only, 'gave other bytes')
      if (only === undefined && resumed === 0) throw new DownloadFailed(wanted, reasonsOf(sources, dropped))
      await part.discard()
      resumed = 0
    }
  } catch (error) {
    await part.close().catch(() => {})
    throw error
  }
}

function reasonsOf (sources: readonly Source[], dropped: ReadonlyMap<string, string>): Map<string, string> {
  const servers = new Set(sources.map(({ url }) => new URL(url).origin))
  return new Map([...dropped].filter(([server]) => servers.has(server)))
}

/** Reads on until nothing is missing or nobody is left; the servers that gave bytes. */
async function readAll (part: PartFile, { sources, dropped, mayAsk, lookup, limits: asked, onProgress }: DownloadParts): Promise<string[]> {
  const limits = { ...DOWNLOAD_LIMITS, ...asked }
  const from: string[] = []
  for (const source of sources) {
    const server = new URL(source.url).origin
    for (let attempt = 1; part.missing > 0 && !dropped.has(server); attempt++) {
      const before = part.size
      const why = await readFrom(source, part, { mayAsk, lookup, limits, onProgress })
      if (part.size > before && !from.includes(server)) from.push(server)
      if (why === null) break
      // an origin that breaks off gets its time anew with each byte that it gave
      if (!source.peer && part.size > before) attempt = 1
      if (source.peer || why.final || attempt >= limits.attempts) dropped.set(server, why.words)
      else await pause(limits.pause * 2 ** (attempt - 1))
    }
  }
  return from
}

interface Reading {
  mayAsk: DownloadParts['mayAsk']
  lookup: DownloadParts['lookup']
  limits: DownloadLimits
  onProgress: DownloadParts['onProgress']
}

/** Null when nothing is missing any more; else why not. */
async function readFrom ({ url, peer }: Source, part: PartFile, { mayAsk, lookup, limits, onProgress }: Reading): Promise<{ words: string, final: boolean } | null> {
  const control = new AbortController()
  let idle = setTimeout(() => { control.abort(new Error(`sent nothing for ${limits.idle} ms`)) }, limits.idle)
  const start = part.size
  const begun = Date.now()
  const watch = !peer ? null : setInterval(() => {
    const rate = (part.size - start) / (Date.now() - begun) * 1000
    if (rate < limits.slow) control.abort(new Error(`is slow: ${Math.round(rate)} bytes a second`))
  }, limits.window)
  try {
    const response = await open(new URL(url), peer, start, { mayAsk, lookup }, control.signal)
    if (typeof response === 'string') return { words: response, final: true }
    const { statusCode: status = 0, headers } = response
    if (status !== 200 && status !== 206) return { words: `answered ${status}`, final: status >= 400 && status < 500 && status !== 429 && status !== 408 }
    const range = /^bytes (\d+)-/.exec(headers['content-range'] ?? '')
    if (status === 206 && Number(range?.[1]) !== start) return { words: 'answered with another range', final: true }
    let skip = status === 200 ? start : 0 // it knows no ranges: what is here passes by
    for await (const piece of response as AsyncIterable<Buffer>) {
      clearTimeout(idle)
      idle = setTimeout(() => { control.abort(new Error(`sent nothing for ${limits.idle} ms`)) }, limits.idle)
      const bytes = piece.subarray(Math.min(skip, piece.length))
      skip -= piece.length - bytes.length
      if (bytes.length > part.missing) return { words: 'sent more than the file has', final: true }
      await part.append(bytes)
      onProgress?.(bytes.length)
    }
    return part.missing === 0 ? null : { words: 'broke off', final: false }
  } catch (error) {
    if (error instanceof DiskFault) throw error // nobody could be dropped for that
    return { words: wordsOf(control.signal.aborted ? control.signal.reason : error), final: false }
  } finally {
    clearTimeout(idle)
    if (watch !== null) clearInterval(watch)
    control.abort() // what is not read of an answer is let go
  }
}

/** Each hop is judged. Why not, in words, where it is not asked. */
async function open (url: URL, peer: boolean, from: number, { mayAsk, lookup }: Pick<Reading, 'mayAsk' | 'lookup'>, signal: AbortSignal): Promise<IncomingMessage | string> {
  const { host } = url
  // whither one that the whole net can reach sends us is a stranger's word, also where it is the origin
  const strange = peer || await mayAsk(url, true) === null
  for (let hop = 0; hop <= MOST_REDIRECTS; hop++) {
    const stranger = peer || (strange && url.host !== host)
    const refused = await mayAsk(url, stranger)
    if (refused !== null) return refused
    const headers: Record<string, string> = { 'accept-encoding': 'identity', ...(from > 0 ? { range: `bytes=${from}-` } : {}) }
    const response = await ask(url, { headers, signal, ...(stranger && lookup !== undefined ? { lookup } : {}) })
    const { statusCode: status = 0, headers: { location: next } } = response
    if (status < 300 || status > 399 || next === undefined || !URL.canParse(next, url.href)) return response
    response.destroy()
    url = new URL(next, url)
  }
  return 'redirects without end'
}

/** A connection of its own: one that is kept could be to an address that nobody judged. */
function ask (url: URL, options: http.RequestOptions): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    (url.protocol === 'https:' ? https : http).get(url, { ...options, agent: false }, resolve).on('error', reject)
  })
}

function wordsOf (error: unknown): string {
  const { message, code } = error as NodeJS.ErrnoException
  return code === 'ECONNRESET' ? 'broke off' : message
}
