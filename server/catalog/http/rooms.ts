// Every room of the catalog, by one visible line each, and what holds for all: faults of the catalog are told as refusals are.

import { takeBodiesAsBytes } from '../../json-body.ts'
import { feedRoom } from './feed-room.ts'
import { hashesRoom } from './hashes-room.ts'
import { mirrorRoom } from './mirror-room.ts'
import { publishRoom } from './publish-room.ts'
import { tellCatalogFaults } from './answering.ts'
import { releasesRoom } from './releases-room.ts'
import { titlesRoom } from './titles-room.ts'
import { verifyRoom } from './verify-room.ts'
import type { FastifyInstance } from 'fastify'
import type { Guard } from '../../auth/guard.ts'
import type { RateLimits } from '../../auth/rate-limits.ts'
import type { Blobs } from '../../stores/blobs.ts'
import type { Catalog } from '../catalog.ts'
import type { MirrorRoomParts } from './mirror-room.ts'
import type { VerifyParts } from './verify-room.ts'

export interface CatalogRoomsParts extends MirrorRoomParts {
  catalog: Catalog
  blobs: Blobs
  guard: Guard
  rates: RateLimits
  checkUrl: VerifyParts['checkUrl']
  /** Unix milliseconds. */
  now: () => number
  /** `idleTimeout`: milliseconds a body may stand still. */
  settings: { readonly current: { readonly idleTimeout: number, readonly adminPubkeys: readonly string[] } }
}

export async function catalogRooms (app: FastifyInstance, { catalog, ...parts }: CatalogRoomsParts): Promise<void> {
  const { store, publisher, manifests, reader, titles, collections, hashes, providers, snapshots, releases } = catalog
  tellCatalogFaults(app)
  takeBodiesAsBytes(app, parts.settings)
  const { rates } = parts
  // looks at the catalog count as looks: they cost a query or two
  app.addHook('onRequest', async (request) => {
    if (request.method === 'GET' || request.method === 'HEAD') rates.ask(rates.addressOf(request.raw))
  })
  await app.register(titlesRoom, { titles, collections, manifests, providers, now: parts.now })
  await app.register(hashesRoom, { hashes, providers, pubkey: publisher.pubkey, now: parts.now, rates })
  await app.register(feedRoom, { store, snapshots })
  await app.register(verifyRoom, { ...parts, store, releases })
  await app.register(releasesRoom, { releases, store, now: parts.now })
  await app.register(mirrorRoom, parts)
  await app.register(publishRoom, {
    ...parts, store, publisher, manifests, reader,
    announce: (event, patience) => catalog.announce(event, patience), told: (id) => catalog.outbox.told(id)
  })
}
