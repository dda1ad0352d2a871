// The key room put together from the stores and the node key, and what holds for all of it: bodies are read as bytes, and no answer is kept by a cache.

import { takeBodiesAsBytes } from '../json-body.ts'
import { AccessLists } from './access-lists.ts'
import { creatorRoom } from './creator-room.ts'
import { Deciding } from './deciding.ts'
import { keyRoom } from './key-room.ts'
import { KeyStore } from './key-store.ts'
import { Seal } from './sealing.ts'
import { Sessions } from './sessions.ts'
import type { FastifyInstance } from 'fastify'
import type { Policy } from '../auth/policy.ts'
import type { StateStore } from '../stores/state.ts'
import type { AskingParts } from './asking.ts'
import type { KeyLimits } from './key-store.ts'

export interface FilmKeysParts {
  state: StateStore
  /** Of the node key, 64 hex digits. */
  secret: string
  /** How a title at this address stands here, at a moment in unix seconds. */
  standing: (address: string, now: number) => { standing: 'live' | 'gone', at: number } | { standing: 'unknown' }
  settings: { readonly current: KeyLimits }
  /** Milliseconds. */
  now: () => number
}

/** What the rooms go by. */
export interface FilmKeys {
  keys: KeyStore
  access: AccessLists
  sessions: Sessions
  deciding: Deciding
}

export function openFilmKeys ({ state, secret, standing, settings, now }: FilmKeysParts): FilmKeys {
  const access = new AccessLists(state)
  return {
    keys: new KeyStore({ state, seal: new Seal(secret), settings, now }),
    access,
    sessions: new Sessions(secret),
    deciding: new Deciding({ access, isGone: async ({ address }) => standing(address, Math.floor(now() / 1000)).standing === 'gone' })
  }
}

export interface KeyRoomsParts extends AskingParts {
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
