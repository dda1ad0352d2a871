// A provider advert: kind 30081, "I have blob X", one current advert by (key, BLAKE3). `d` and content are Archipelago's, byte for byte; the tags
// are ours, and its readers pass over them. Those skip an advert without an `endpoint_id`: one of a provider that has HTTP alone. Pure.

import { CatalogFault } from '../faults.ts'
import { checkSchema } from '../schema-check.ts'
import { PROVIDER_ADVERT_SCHEMA } from '../schemas/provider-advert.ts'
import { maybe, serversOf, valueOf, wholeOf } from '../tags.ts'
import type { EventDraft, SignedEvent } from '../../auth/signature.ts'

export const PROVIDER_ADVERT_KIND = 30081

/** Readers let go of an advert after this many seconds, whatever it says itself: relays go on returning expired ones (NIP-40). */
export const ADVERT_MAX_AGE = 72 * 3600

/** Seconds for which our own adverts are good; they are refreshed at half of it. */
export const ADVERT_LIFETIME = 48 * 3600

/** Seconds for which the advert that takes another back stays on relays. */
export const WITHDRAWN_LIFETIME = 60

export interface ProviderAdvert {
  /** The `d` tag. */
  blake3: string
  sha256: string | null
  /** What it says to have: the blob alone, or all that this manifest or hash sequence lists. */
  scope: 'blob' | 'manifest' | 'hashseq'
  /** How much of the list; null: all, or a single blob. */
  coverage: { held: number, listed: number } | null
  /** Origins of Blossom servers, in order. */
  servers: string[]
  /** Iroh's id of the node; null when it has HTTP alone. */
  endpointId: string | null
  /** Bytes. */
  size: number | null
  /** Unix seconds: the `expiration` tag, and never later than 72 hours after created_at. */
  endsAt: number
}

export type AdvertFacts = Pick<ProviderAdvert, 'blake3'> & Partial<Omit<ProviderAdvert, 'endsAt'>>

/** Is there any way to reach the provider? An advert without one takes back what its key said before. */
export function isReachable ({ servers, endpointId }: Pick<ProviderAdvert, 'servers' | 'endpointId'>): boolean {
  return servers.length > 0 || endpointId !== null
}

/** Throws CatalogFault. */
export function parseProviderAdvert (event: SignedEvent): ProviderAdvert {
  checkSchema(PROVIDER_ADVERT_SCHEMA, event)
  const { tags, content } = event
  const scope = (valueOf(tags, 'scope') ?? 'blob') as ProviderAdvert['scope']
  const coverage = coverageOf(valueOf(tags, 'coverage'))
  if (coverage !== null && scope === 'blob') throw new CatalogFault('TAGS_DISAGREE', 'coverage is of a manifest or a hash sequence')
  return {
    blake3: valueOf(tags, 'd')!,
    sha256: valueOf(tags, 'x'),
    scope,
    coverage,
    servers: serversOf(tags),
    endpointId: endpointIn(content),
    size: wholeOf(tags, 'size'),
    endsAt: advertEnd(event)
  }
}

/** When an advert is over, in Unix seconds. */
export function advertEnd ({ created_at: createdAt, tags }: Pick<SignedEvent, 'created_at' | 'tags'>): number {
  return Math.min(wholeOf(tags, 'expiration') ?? Infinity, createdAt + ADVERT_MAX_AGE)
}

function coverageOf (text: string | null): ProviderAdvert['coverage'] {
  if (text === null) return null
  const [held = 0, listed = 0] = text.split('/').map(Number)
  if (held > listed) throw new CatalogFault('TAG_INVALID', 'coverage cannot pass the whole')
  return { held, listed }
}

function endpointIn (content: string): string | null {
  let value: unknown
  try {
    value = JSON.parse(content)
  } catch {
    throw new CatalogFault('CONTENT_INVALID', 'it is not JSON')
  }
  const { v, endpoint_id: id } = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>
  if (v !== 1) throw new CatalogFault('CONTENT_INVALID', 'v must be 1')
  if (id === undefined || id === null || id === '') return null
  if (typeof id !== 'string' || !/^[0-9A-Za-z]{1,128}$/.test(id)) throw new CatalogFault('CONTENT_INVALID', 'endpoint_id must be letters and digits')
  return id
}

/** An advert that is good for 48 hours; `createdAt` in Unix seconds. */
export function buildProviderAdvert (facts: AdvertFacts, createdAt: number, lifetime: number = ADVERT_LIFETIME): EventDraft {
  const { blake3, sha256, scope = 'blob', coverage, servers = [], endpointId = null, size } = facts
  return {
    kind: PROVIDER_ADVERT_KIND,
    created_at: createdAt,
    // member by member as their writer has them
    content: JSON.stringify(endpointId === null ? { v: 1 } : { v: 1, endpoint_id: endpointId }),
    tags: [
      ['d', blake3],
      ...maybe('x', sha256),
      ['scope', scope],
      ...(coverage == null ? [] : [['coverage', `${coverage.held}/${coverage.listed}`]]),
      ...servers.map((server) => ['server', server]),
      ...maybe('size', size),
      ['expiration', String(createdAt + lifetime)],
      ['alt', 'Blob provider advertisement']
    ]
  }
}

/** What takes an advert back: no way to the provider, an empty endpoint_id, over in a minute. Kind 5 follows it. */
export function buildWithdrawnAdvert ({ blake3, sha256 = null }: Pick<AdvertFacts, 'blake3' | 'sha256'>, createdAt: number): EventDraft {
  return { ...buildProviderAdvert({ blake3, sha256 }, createdAt, WITHDRAWN_LIFETIME), content: '{"v":1,"endpoint_id":""}' }
}
