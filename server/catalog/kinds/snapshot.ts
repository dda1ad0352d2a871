// The catalog's snapshot: a signed 30078 event of a server that names a blob with every live event of it, one a line, and how far it reaches. A
// cold start reads it first; its events are checked like any other. Pure.

import canonicalize from 'canonicalize'
import { CatalogFault } from '../faults.ts'
import { checkSchema } from '../schema-check.ts'
import { SNAPSHOT_SCHEMA } from '../schemas/snapshot.ts'
import { SNAPSHOT_NAME, buildCarrier, parseCarrier } from './application-data.ts'
import type { EventDraft, SignedEvent } from '../../auth/signature.ts'

export interface Snapshot {
  /** The last local sequence number of the server that is in it. */
  seq: number
  /** How many lines. */
  events: number
  sha256: string
  blake3: string
  /** Bytes. */
  size: number
}

/** Throws CatalogFault. */
export function parseSnapshot (event: SignedEvent): Snapshot {
  const carrier = parseCarrier(event)
  if (carrier.role !== 'snapshot') throw new CatalogFault('TAG_INVALID', `d must be ${SNAPSHOT_NAME}`)
  let value: unknown
  try {
    value = JSON.parse(carrier.content)
  } catch {
    throw new CatalogFault('CONTENT_INVALID', 'it is not JSON')
  }
  checkSchema(SNAPSHOT_SCHEMA, value)
  const { seq, events, sha256, blake3, size } = value as Snapshot
  return { seq, events, sha256, blake3, size }
}

/** `createdAt` in Unix seconds. */
export function buildSnapshot ({ seq, events, sha256, blake3, size }: Snapshot, createdAt: number): EventDraft {
  const content = canonicalize({ schema: 'indeehub.catalog-snapshot/1', seq, events, sha256, blake3, size })!
  return buildCarrier({ d: SNAPSHOT_NAME, content, tags: [['x', sha256], ['size', String(size)], ['alt', 'Snapshot of a film catalog']] }, createdAt)
}
