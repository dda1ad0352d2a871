// GET /metrics, in Prometheus' text format: to this machine only, or with METRICS_TOKEN to whoever has it.

import { createHash, timingSafeEqual } from 'node:crypto'
import { BlockList, isIP } from 'node:net'
import { Failure } from '../errors.ts'
import { openExposition } from './exposition.ts'
import type { FastifyInstance } from 'fastify'
import type { IncomingMessage } from 'node:http'
import type { Exposition, Sources } from './exposition.ts'

export interface MetricsParts {
  sources: Sources
  /** `metricsToken`: bearer token; null for loopback only. */
  settings: { readonly current: { readonly metricsToken: string | null } }
}

const LOOPBACK = new BlockList()
LOOPBACK.addSubnet('127.0.0.0', 8)
LOOPBACK.addAddress('::1', 'ipv6')

function isLoopback (address: string): boolean {
  return isIP(address) !== 0 && LOOPBACK.check(address, address.includes(':') ? 'ipv6' : 'ipv4')
}

/** What proxies add, ours in front included: whoever comes through one is somebody else; and what a page of another site sends. */
const STRANGERS = ['x-forwarded-for', 'x-forwarded-host', 'forwarded', 'x-real-ip', 'via', 'x-marquee-offload', 'origin'] as const

function isLocal ({ headers, socket }: IncomingMessage): boolean {
  return isLoopback(socket.remoteAddress ?? '') && STRANGERS.every((name) => headers[name] === undefined)
}

function isToken (header: string | undefined, token: string): boolean {
  const given = /^Bearer +(\S+)\s*$/i.exec(header ?? '')?.[1]
  // hashed, since the comparison takes equal lengths only
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  return given !== undefined && timingSafeEqual(digest(given), digest(token))
}

export async function metrics (app: FastifyInstance, { sources, settings }: MetricsParts): Promise<void> {
  let exposition: Promise<Exposition> | null = null

  app.get('/metrics', async (request, reply) => {
    const { metricsToken: token } = settings.current
    if (token === null && !isLocal(request.raw)) throw new Failure('METRICS_LOCAL')
    if (token !== null && !isToken(request.headers.authorization, token)) {
      throw new Failure('METRICS_TOKEN', undefined, { headers: { 'www-authenticate': 'Bearer' } })
    }
    exposition ??= openExposition(sources)
    const { contentType, text } = await exposition
    return reply.header('cache-control', 'no-store').type(contentType).send(await text())
  })
}
