// POST /catalog/verify: an event, a film manifest, or `{hash, url}`: which checks hold and which do not. Nothing is kept.

import { isSigned } from '../../auth/signature.ts'
import { parseJsonObject } from '../../json-body.ts'
import { Failure } from '../../errors.ts'
import { MANIFEST_SCHEMA_NAME } from '../manifest.ts'
import { checkEvent, checkManifest } from '../verifying.ts'
import { parseHashName } from '../hash-name.ts'
import type { FastifyInstance } from 'fastify'
import type { RateLimits } from '../../auth/rate-limits.ts'
import type { CatalogStore } from '../catalog-store.ts'
import type { HashName } from '../hash-name.ts'
import type { Check } from '../verifying.ts'

export interface VerifyParts {
  store: CatalogStore
  rates: RateLimits
  /** Fetches a URL through the address guard and checks what comes; the checks made. */
  checkUrl: (url: URL, hash: HashName) => Promise<Check[]>
  /** Unix milliseconds. */
  now: () => number
}

export async function verifyRoom (app: FastifyInstance, { store, rates, checkUrl, now }: VerifyParts): Promise<void> {
  // a fetch or a signature check for whoever asks: counted as a change
  app.post('/catalog/verify', { onRequest: async (request) => { rates.change(rates.addressOf(request.raw)) } }, async (request, reply) => {
    const value = parseJsonObject(request.body)
    let checks: Check[]
    if (value['schema'] === MANIFEST_SCHEMA_NAME) checks = checkManifest(request.body as Buffer)
    else if (typeof value['url'] === 'string' && typeof value['hash'] === 'string') checks = await checkUrl(urlIn(value['url']), parseHashName(value['hash']))
    else checks = checkEvent(value, { now: Math.floor(now() / 1000), verify: isSigned, standing: (event) => store.standing(event) })
    return reply.header('cache-control', 'no-store').send({ valid: checks.every(({ outcome }) => outcome === 'pass'), checks })
  })
}

function urlIn (text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null
  if (url === null || !/^https?:$/.test(url.protocol)) throw new Failure('URL_INVALID')
  return url
}
