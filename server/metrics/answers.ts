// How requests that Fastify routes were answered. Reads of blobs never get here: buds/read-counts.ts has them.

import type { FastifyReply, FastifyRequest } from 'fastify'

export interface Answered {
  method: string
  /** As docs/api.md writes it: `/list/<pubkey>`; `other` where nothing is served. */
  route: string
  status: number
  count: number
}

export class Answers {
  readonly #answered = new Map<string, Answered>()

  count (request: FastifyRequest, reply: FastifyReply): void {
    const { method, routeOptions: { url } } = request
    const key = `${method} ${reply.statusCode} ${url ?? ''}`
    const known = this.#answered.get(key)
    if (known !== undefined) known.count++
    else this.#answered.set(key, { method, route: routeName(url), status: reply.statusCode, count: 1 })
  }

  all (): Iterable<Answered> {
    return this.#answered.values()
  }
}

/** A path as Fastify has it, `/list/:pubkey`, as people read it. What a blob's path is called has a better name than Fastify's. */
export function routeName (url: string | undefined): string {
  return url?.replace('/:name', '/<sha256>').replace(/:(\w+)/g, '<$1>') ?? 'other'
}
