// The key room put together from the stores and the node key, and what holds for all of it: bodies are read as bytes, and no answer is kept by a cache.

import { takeBodiesAsBytes } from '../json-body.ts'
import { AccessLists } from './access-lists.ts'
import { AuditLog } from './audit-log.ts'
import { creatorRoom } from './creator-room.ts'
import { Deciding } from './deciding.ts'
import { keyRoom } from './key-room.ts'
import { KeyStore } from './key-store.ts'
import { Seal } from './sealing.ts'
import { Sessions } from './sessions.ts'
import { TitleStops } from './title-stops.ts'
import { UsedEvents } from './used-events.ts'
import type { FastifyInstance } from 'fastify'
import type { Policy } from '../auth/policy.ts'
import type { StateStore } from '../stores/state.ts'
import type { AskingParts } from './asking.ts'
import type { KeyLimits } from './key-store.ts'
import type { Standing } from './title-stops.ts'

export interface FilmKeysParts {
  state: StateStore
  /** Of the node key, 64 hex digits. */
  secret: string
  /** How the catalog has the title at an address, at a moment in unix seconds. */
  standing: (address: string, now: number) => Standing
  settings: { readonly current: KeyLimits }
  /** Milliseconds. */
  now: () => number
  /** Hears of what failed in the background. */
  onFault: (error: unknown) => void
}

/** What the rooms go by. */
export interface FilmKeys {
  keys: KeyStore
  access: AccessLists
  sessions: Sessions
  uses: UsedEvents
  stops: TitleStops
  audit: AuditLog
  deciding: Deciding
}

export function openFilmKeys ({ state, secret, standing, settings, now, onFault }: FilmKeysParts): FilmKeys {
  const access = new AccessLists(state)
  const keys = new KeyStore({ state, seal: new Seal(secret), settings, now })
  const stops = new TitleStops({ state, keys, standing, now, onFault })
  const audit = new AuditLog(state, now)
  return {
    keys, access, stops, audit,
    sessions: new Sessions(secret),
    uses: new UsedEvents(state, now),
    deciding: new Deciding({ access, stops, audit })
  }
}

export interface KeyRoomsParts extends Omit<AskingParts, 'uses'> {
  filmKeys: FilmKeys
  policy: Policy
  now: () => number
  /** `idleTimeout`: milliseconds a body may stand still. */
  settings: { readonly current: { readonly idleTimeout: number } }
}

export async function keyRooms (app: FastifyInstance, { filmKeys, ...parts }: KeyRoomsParts): Promise<void> {
  takeBodiesAsBytes(app, parts.settings)
  app.addHook('onRequest', async (_request, reply) => { reply.header('cache-control', 'no-store') })
  await app.register(keyRoom, { ...parts, ...filmKeys })
  await app.register(creatorRoom, { ...parts, ...filmKeys })
}
