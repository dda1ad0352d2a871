// Server-sent events without end for those who follow: what the log has after a place, and then whatever comes. What a reader has not read stays in the
// log, not in our memory; one that reads nothing for long is let go, and comes back with `Last-Event-ID`.

import { CORS_HEADERS } from '../../cors.ts'
import { Failure } from '../../errors.ts'
import type { FastifyInstance, FastifyReply } from 'fastify'
import type { ServerResponse } from 'node:http'

/** Some of what comes after a place: the message of each, and the place that was read to; no messages: there is no more. */
export interface StreamPage { to: number, messages: readonly string[] }

export interface StreamSource {
  /** Calls back when there may be more; call what comes back to end that. */
  onMore: (more: () => void) => () => void
  after: (place: number) => StreamPage
}

export interface StreamLimits {
  /** Readers at a time. */
  readers: number
  /** Milliseconds between comments, which keep proxies from closing a quiet stream. */
  beat: number
  /** Milliseconds for which a reader may take nothing of what waits for it. */
  patience: number
}

const LIMITS: StreamLimits = { readers: 1000, beat: 15_000, patience: 60_000 }

/** One message: `data` is one line. */
export function messageOf (id: number, event: string, data: string): string {
  return `id: ${id}\nevent: ${event}\ndata: ${data}\n\n`
}

/** Where a reader goes on, from its `Last-Event-ID`; null: it has none. */
export function lastEventId (header: string | string[] | undefined): number | null {
  return typeof header === 'string' && /^\d{1,15}$/.test(header) ? Number(header) : null
}

export class EventStreams {
  readonly #readers = new Set<ServerResponse>()
  readonly #limits: StreamLimits

  constructor (app: FastifyInstance, limits: Partial<StreamLimits> = {}) {
    this.#limits = { ...LIMITS, ...limits }
    app.addHook('preClose', async () => { for (const reader of this.#readers) reader.end() })
  }

  /** Answers with everything after `from`, and then whatever comes. Throws QUEUE_FULL where as many follow as may. */
  open (reply: FastifyReply, from: number, { onMore, after }: StreamSource): void {
    const { readers, beat, patience } = this.#limits
    if (this.#readers.size >= readers) throw new Failure('QUEUE_FULL', 'too many follow already')
    reply.hijack()
    const response = reply.raw
    response.writeHead(200, { ...CORS_HEADERS, 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-store', 'x-accel-buffering': 'no' })
    response.write(': \n\n') // some clients hear of the answer with its first bytes only
    this.#readers.add(response)
    let at = from
    let waiting = false
    let stuck: NodeJS.Timeout | null = null
    const more = (): void => {
      if (waiting || response.destroyed) return
      for (let page = after(at); ; page = after(at)) {
        at = page.to
        if (page.messages.length === 0) return
        if (response.write(page.messages.join(''))) continue
        waiting = true
        stuck = setTimeout(() => { response.destroy() }, patience)
        stuck.unref()
        response.once('drain', () => {
          waiting = false
          if (stuck !== null) clearTimeout(stuck)
          more()
        })
        return
      }
    }
    const stop = onMore(more)
    const beating = setInterval(() => { if (!waiting) response.write(': \n\n') }, beat)
    beating.unref()
    response.on('close', () => {
      stop()
      clearInterval(beating)
      if (stuck !== null) clearTimeout(stuck)
      this.#readers.delete(response)
    })
    more()
  }
}
