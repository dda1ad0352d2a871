// Every kind that the catalog keeps, in one table: what it is called, who reads it. A kind outside of it is not kept. Pure.

import { CatalogFault } from './faults.ts'
import { APPLICATION_DATA_KIND, carrierRole, parseCarrier } from './kinds/application-data.ts'
import { APPLICATION_KIND, parseApplication } from './kinds/application.ts'
import { ARTIFACT_KIND, parseArtifact } from './kinds/artifact.ts'
import { COLLECTION_KIND, parseCollection } from './kinds/collection.ts'
import { PROVIDER_ADVERT_KIND, parseProviderAdvert } from './kinds/provider-advert.ts'
import { RELAY_LIST_KIND, parseRelayList } from './kinds/relay-list.ts'
import { RELEASE_KIND, parseRelease } from './kinds/release.ts'
import { SERVER_LIST_KIND, parseServerList } from './kinds/server-list.ts'
import { parseSnapshot } from './kinds/snapshot.ts'
import { SHORT_TITLE_KIND, TITLE_KIND, parseTitle } from './kinds/title.ts'
import { WITHDRAWAL_KIND, parseWithdrawal } from './kinds/withdrawal.ts'
import { valueOf } from './tags.ts'
import type { SignedEvent } from '../auth/signature.ts'
import type { Carrier } from './kinds/application-data.ts'
import type { Application } from './kinds/application.ts'
import type { Artifact } from './kinds/artifact.ts'
import type { Collection } from './kinds/collection.ts'
import type { ProviderAdvert } from './kinds/provider-advert.ts'
import type { RelayList } from './kinds/relay-list.ts'
import type { Release } from './kinds/release.ts'
import type { ServerList } from './kinds/server-list.ts'
import type { Title } from './kinds/title.ts'
import type { Withdrawal } from './kinds/withdrawal.ts'

/** What each type of event says, once parsed. */
export interface CatalogFacts {
  title: Title
  collection: Collection
  advert: ProviderAdvert
  servers: ServerList
  relays: RelayList
  withdrawal: Withdrawal
  carrier: Carrier
  application: Application
  release: Release
  artifact: Artifact
}

export type CatalogType = keyof CatalogFacts

/** An accepted event with what it says. */
export type CatalogEvent = { [T in CatalogType]: { type: T, event: SignedEvent, facts: CatalogFacts[T] } }[CatalogType]

const PARSERS: { readonly [T in CatalogType]: (event: SignedEvent) => CatalogFacts[T] } = {
  title: parseTitle,
  collection: parseCollection,
  advert: parseProviderAdvert,
  servers: parseServerList,
  relays: parseRelayList,
  withdrawal: parseWithdrawal,
  carrier: parseKeptCarrier,
  application: parseApplication,
  release: parseRelease,
  artifact: parseArtifact
}

const TYPES: ReadonlyMap<number, CatalogType> = new Map<number, CatalogType>([
  [TITLE_KIND, 'title'], [SHORT_TITLE_KIND, 'title'], [COLLECTION_KIND, 'collection'], [PROVIDER_ADVERT_KIND, 'advert'], [SERVER_LIST_KIND, 'servers'],
  [RELAY_LIST_KIND, 'relays'], [WITHDRAWAL_KIND, 'withdrawal'], [APPLICATION_DATA_KIND, 'carrier'], [APPLICATION_KIND, 'application'],
  [RELEASE_KIND, 'release'], [ARTIFACT_KIND, 'artifact']
])

/** For filters to relays and their kind lists. */
export const CATALOG_KINDS: readonly number[] = [...TYPES.keys()].sort((a, b) => a - b)

/** What an event would be here; null when it is not kept: another kind, or a 30078 of another name. */
export function typeOf ({ kind, tags }: Pick<SignedEvent, 'kind' | 'tags'>): CatalogType | null {
  const type = TYPES.get(kind) ?? null
  return type === 'carrier' && carrierRole(valueOf(tags, 'd') ?? '') === null ? null : type
}

/** Reads an event of any kept kind; says nothing of its id and signature. Throws CatalogFault. */
export function parseCatalogEvent (event: SignedEvent): CatalogEvent {
  const type = typeOf(event)
  if (type === null) throw new CatalogFault('KIND_UNKNOWN', String(event.kind))
  return { type, event, facts: PARSERS[type](event) } as CatalogEvent
}

/** A snapshot must also say which blob it is. */
function parseKeptCarrier (event: SignedEvent): Carrier {
  const carrier = parseCarrier(event)
  if (carrier.role === 'snapshot') parseSnapshot(event)
  return carrier
}
