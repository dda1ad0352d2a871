// The Blossom servers of a key, most trusted first: kind 10063. BUD-03, NIP-B7. Pure.

import { CatalogFault } from '../faults.ts'
import { checkSchema } from '../schema-check.ts'
import { SERVER_LIST_SCHEMA } from '../schemas/server-list.ts'
import { originIn, serverOrigin, valuesOf } from '../tags.ts'
import type { EventDraft, SignedEvent } from '../../auth/signature.ts'

export const SERVER_LIST_KIND = 10063

export interface ServerList {
  /** Origins, in order, each once. */
  servers: string[]
}

/** Tags that name no server are skipped; one must be left. Throws CatalogFault. */
export function parseServerList (event: SignedEvent): ServerList {
  checkSchema(SERVER_LIST_SCHEMA, event)
  const servers = valuesOf(event.tags, 'server').map(serverOrigin).filter((origin) => origin !== null)
  // The event MUST have at least one server tag, with a full URL and its scheme.
  if (servers.length === 0) throw new CatalogFault('TAG_INVALID', 'server must be the full URL of a server')
  return { servers: [...new Set(servers)] }
}

/** `createdAt` in Unix seconds. Throws TAG_INVALID or TAG_MISSING. */
export function buildServerList ({ servers }: ServerList, createdAt: number): EventDraft {
  if (servers.length === 0) throw new CatalogFault('TAG_MISSING', 'server, at least one')
  const origins = servers.map((server) => originIn('server', server))
  return { kind: SERVER_LIST_KIND, created_at: createdAt, tags: [...new Set(origins)].map((origin) => ['server', origin]), content: '' }
}
