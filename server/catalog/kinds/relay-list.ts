// Where a key writes and where it reads: kind 10002. NIP-65. Pure.

import { CatalogFault } from '../faults.ts'
import { checkSchema } from '../schema-check.ts'
import { RELAY_LIST_SCHEMA } from '../schemas/relay-list.ts'
import { tagsNamed } from '../tags.ts'
import type { EventDraft, SignedEvent } from '../../auth/signature.ts'

export const RELAY_LIST_KIND = 10002

export interface ListedRelay {
  /** As `wss://relay.example/`, written as URL does. */
  url: string
  read: boolean
  write: boolean
}

export interface RelayList {
  /** In order, each once. */
  relays: ListedRelay[]
}

/** Tags that name no relay are skipped; one must be left. Throws CatalogFault. */
export function parseRelayList (event: SignedEvent): RelayList {
  checkSchema(RELAY_LIST_SCHEMA, event)
  const relays = new Map<string, ListedRelay>()
  for (const [, text, mark] of tagsNamed(event.tags, 'r')) {
    const url = relayUrl(text!)
    if (url === null) continue
    // without a mark it is for both; so is one that stands twice, once for each
    const both = mark === undefined || mark === '' || (mark !== 'read' && mark !== 'write')
    const before = relays.get(url)
    relays.set(url, { url, read: both || mark === 'read' || before?.read === true, write: both || mark === 'write' || before?.write === true })
  }
  if (relays.size === 0) throw new CatalogFault('TAG_INVALID', 'r must be the URL of a relay')
  return { relays: [...relays.values()] }
}

/** `createdAt` in Unix seconds. Throws TAG_INVALID or TAG_MISSING. */
export function buildRelayList ({ relays }: RelayList, createdAt: number): EventDraft {
  if (relays.length === 0) throw new CatalogFault('TAG_MISSING', 'r, at least one')
  const tags = relays.map(({ url, read, write }) => {
    const text = relayUrl(url)
    if (text === null || !(read || write)) throw new CatalogFault('TAG_INVALID', 'r must be the URL of a relay, to read or to write')
    return read && write ? ['r', text] : ['r', text, read ? 'read' : 'write']
  })
  return { kind: RELAY_LIST_KIND, created_at: createdAt, tags, content: '' }
}

function relayUrl (text: string): string | null {
  return /^wss?:\/\//i.test(text) && URL.canParse(text) ? new URL(text).href : null
}
