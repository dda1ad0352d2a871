// GET /healthz: the process answers. GET /readyz: database and store really answer, now; 503 names which does not. A node that is still catching up
// with others of its bucket is ready: it says how far it is.

import type { FastifyInstance } from 'fastify'
import type { CatchUp } from './stores/catch-up.ts'

export interface HealthParts {
  /** Each rejects or throws when its part does not answer. */
  checks: Readonly<Record<string, () => unknown>>
  catchUp?: CatchUp | null
}

const CHECK_MS = 3000

async function holds (check: () => unknown): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  try {
    // setImmediate: an answer that came while this process stood still is heard first
    await Promise.race([
      (async () => { await check() })(),
      new Promise((_resolve, reject) => { timer = setTimeout(() => setImmediate(reject, new Error('no answer')), CHECK_MS) })
    ])
    return true
  } catch {
    return false
  } finally {
    clearTimeout(timer)
  }
}

export async function health (app: FastifyInstance, { checks, catchUp = null }: HealthParts): Promise<void> {
  // load balancers ask by HEAD as well as by GET
  const method = ['GET', 'HEAD']

  app.route({ method, url: '/healthz', handler: async (_request, reply) => reply.header('cache-control', 'no-store').send({ status: 'ok' }) })

  app.route({
    method,
    url: '/readyz',
    handler: async (_request, reply) => {
      const found = await Promise.all(Object.entries(checks).map(async ([name, check]) => [name, await holds(check)] as const))
      const failed = found.filter(([, good]) => !good).map(([name]) => name)
      if (failed.length > 0) reply.code(503).headers({ 'x-reason': `not ready: ${failed.join(', ')}`, 'retry-after': '5' })
      reply.header('cache-control', 'no-store')
      return { status: failed.length === 0 ? 'ready' : 'not ready', ...Object.fromEntries(found.map(([name, good]) => [name, good ? 'ok' : 'failed'])), ...(catchUp?.progress == null ? {} : { catchingUp: catchUp.progress }) }
    }
  })
}
