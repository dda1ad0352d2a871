// Collections as they are asked for: by creator, newest version first, a page at a time.

import { formatCursor, parseCursor } from '../cursor.ts'
import { formatAddress } from '../address.ts'
import { COLLECTION_KIND } from '../kinds/collection.ts'
import type { Database, Statement } from '../../database.ts'
import type { SignedEvent } from '../../auth/signature.ts'

export interface CollectionQuery {
  /** 64 hex digits. */
  creator?: string | undefined
  limit: number
  cursor?: string | undefined
}

export interface CollectionRow {
  address: string
  title: string
  /** Addresses of titles, in order. */
  items: string[]
  created_at: number
  event: SignedEvent
}

interface Row {
  pubkey: Buffer
  d: string
  created_at: number
  title: string
  items: string
  event: Buffer
  raw: string
}

export class CollectionViews {
  readonly #list: Statement<[{ creator: Buffer | null, before: number, before_event: Buffer, limit: number }], Row>

  constructor (database: Database) {
    this.#list = database.prepare(`
      SELECT c.pubkey, c.d, c.created_at, c.title, c.items, c.event, e.raw FROM collections c JOIN events e ON e.id = c.event
      WHERE c.status = 'published' AND (@creator IS NULL OR c.pubkey = @creator) AND (c.created_at < @before OR (c.created_at = @before AND c.event > @before_event))
      ORDER BY c.created_at DESC, c.event LIMIT @limit`)
  }

  /** `next` is null on the last page. Throws CURSOR_UNREADABLE. */
  list ({ creator, limit, cursor }: CollectionQuery): { collections: CollectionRow[], next: string | null } {
    const [before, event] = cursor === undefined ? [Number.MAX_SAFE_INTEGER, ''] : parseCursor(cursor, ['number', 'string']) as [number, string]
    const rows = this.#list.all({ creator: creator === undefined ? null : Buffer.from(creator, 'hex'), before, before_event: Buffer.from(event, 'hex'), limit: limit + 1 })
    const page = rows.slice(0, limit)
    const last = page.at(-1)
    return {
      collections: page.map(({ pubkey, d, created_at, title, items, raw }) => ({
        address: formatAddress({ kind: COLLECTION_KIND, pubkey: pubkey.toString('hex'), d }), title, items: JSON.parse(items) as string[], created_at, event: JSON.parse(raw) as SignedEvent
      })),
      next: rows.length > limit && last !== undefined ? formatCursor([last.created_at, last.event.toString('hex')]) : null
    }
  }
}
