// Carriers: kind 30078 (NIP-78) of whose names three are ours to read: the catalog's snapshot, and releases' trust bundle and latest pointer, whose
// contents carry signatures of their own and are read elsewhere. Pure.

import { CatalogFault } from '../faults.ts'
import { checkSchema } from '../schema-check.ts'
import { APPLICATION_DATA_SCHEMA } from '../schemas/application-data.ts'
import { valueOf } from '../tags.ts'
import type { EventDraft, SignedEvent } from '../../auth/signature.ts'

export const APPLICATION_DATA_KIND = 30078
export const SNAPSHOT_NAME = 'indeehub/catalog/snapshot'
export const TRUST_BUNDLE_NAME = 'archipelago/release/trust/v1'

/** Bytes of content at most: the event stays in our budget with its tags. */
export const CARRIED_BYTES = 44 * 1024

export type CarrierRole = { role: 'snapshot' } | { role: 'trust' } | { role: 'latest', app: string, channel: string }

export type Carrier = CarrierRole & {
  d: string
  /** As it came: what is signed in it is signed over its bytes. */
  content: string
}

/** What a `d` of kind 30078 is for; null: nothing of ours. */
export function carrierRole (d: string): CarrierRole | null {
  if (d === SNAPSHOT_NAME) return { role: 'snapshot' }
  if (d === TRUST_BUNDLE_NAME) return { role: 'trust' }
  const match = /^archipelago\/release\/([^/]+)\/([^/]+)\/latest$/.exec(d)
  return match === null ? null : { role: 'latest', app: match[1]!, channel: match[2]! }
}

export function latestPointerName (app: string, channel: string): string {
  return `archipelago/release/${app}/${channel}/latest`
}

/** Throws CatalogFault. */
export function parseCarrier (event: SignedEvent): Carrier {
  checkSchema(APPLICATION_DATA_SCHEMA, event)
  const d = valueOf(event.tags, 'd')!
  const role = carrierRole(d)
  if (role === null) throw new CatalogFault('TAG_INVALID', 'd names nothing that is read here')
  if (Buffer.byteLength(event.content) > CARRIED_BYTES) throw new CatalogFault('CONTENT_INVALID', `at most ${CARRIED_BYTES} bytes`)
  return { ...role, d, content: event.content }
}

/** `content` goes out byte for byte; `tags` besides `d` are for those who search. `createdAt` in Unix seconds. Throws CatalogFault. */
export function buildCarrier ({ d, content, tags = [] }: { d: string, content: string, tags?: string[][] }, createdAt: number): EventDraft {
  if (carrierRole(d) === null) throw new CatalogFault('TAG_INVALID', 'd names nothing that is read here')
  if (Buffer.byteLength(content) > CARRIED_BYTES) throw new CatalogFault('CONTENT_INVALID', `at most ${CARRIED_BYTES} bytes`)
  return { kind: APPLICATION_DATA_KIND, created_at: createdAt, content, tags: [['d', d], ...tags] }
}
