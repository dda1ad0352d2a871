// POST /catalog/verify: an event, a film manifest, a document of releases, or `{hash, url}`: which checks hold and which do not. Nothing is kept.

import { isSigned } from '../../auth/signature.ts'
import { parseJsonObject, takeBodiesAsBytes } from '../../json-body.ts'
import { Failure } from '../../errors.ts'
import { MANIFEST_SCHEMA_NAME } from '../manifest.ts'
import { checkEvent, checkManifest } from '../verifying.ts'
import { parseHashName } from '../hash-name.ts'
import { APPLICATION_DATA_KIND } from '../kinds/application-data.ts'
import { checkDocument } from '../releases/document-checks.ts'
import type { FastifyInstance, FastifyReply } from 'fastify'
import type { RateLimits } from '../../auth/rate-limits.ts'
import type { CatalogStore } from '../catalog-store.ts'
import type { HashName } from '../hash-name.ts'
import type { Releases } from '../releases/releases.ts'
import type { Check } from '../verifying.ts'

/** Bytes: the largest manifest of a release. A film's may be larger, and whoever has it can check it without asking. */
const BODY_LIMIT = 1024 * 1024

export interface VerifyParts {
  store: CatalogStore
  releases: Releases
  rates: RateLimits
  /** Fetches a URL through the address guard and checks what comes; the checks made. */
  checkUrl: (url: URL, hash: HashName) => Promise<Check[]>
  /** Unix milliseconds. */
  now: () => number
  /** `idleTimeout`: milliseconds a body may stand still. */
  settings: { readonly current: { readonly idleTimeout: number } }
}

export async function verifyRoom (app: FastifyInstance, { store, releases, rates, checkUrl, now, settings }: VerifyParts): Promise<void> {
  takeBodiesAsBytes(app, settings, BODY_LIMIT)
  // a fetch or a signature check for whoever asks: counted as a change
  app.post('/catalog/verify', { onRequest: async (request) => { rates.change(rates.addressOf(request.raw)) } }, async (request, reply) => {
    const value = parseJsonObject(request.body)
    const seconds = Math.floor(now() / 1000)
    let checks: Check[] | null = checkDocument(value['schema'], request.body as Buffer, releases.trust, seconds)
    if (checks !== null) return tell(reply, checks)
    if (value['schema'] === MANIFEST_SCHEMA_NAME) checks = checkManifest(request.body as Buffer)
    else if (typeof value['url'] === 'string' && typeof value['hash'] === 'string') checks = await checkUrl(urlIn(value['url']), parseHashName(value['hash']))
    else checks = [...checkEvent(value, { now: seconds, verify: isSigned, standing: (event) => store.standing(event) }), ...checkCarried(value, seconds)]
    return tell(reply, checks)
  })

  /** What a carrier carries is looked at as well. */
  function checkCarried (event: Record<string, unknown>, seconds: number): Check[] {
    const { kind, content } = event
    if (kind !== APPLICATION_DATA_KIND || typeof content !== 'string') return []
    const schema = /"schema":"([^"]{1,80})"/.exec(content)?.[1]
    return checkDocument(schema, Buffer.from(content), releases.trust, seconds) ?? []
  }
}

/** What was left out for a reason of its own says nothing against it. */
function tell (reply: FastifyReply, checks: readonly Check[]): FastifyReply {
  return reply.header('cache-control', 'no-store').send({ valid: checks.every(({ outcome }) => outcome !== 'fail'), checks })
}

function urlIn (text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null
  if (url === null || !/^https?:$/.test(url.protocol)) throw new Failure('URL_INVALID')
  return url
}
