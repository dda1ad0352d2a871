// The tables of the catalog as text, to be compared byte for byte.

import type { Database } from '../../server/database.ts'

/** Every projected table as text, without local numbers. Bytes are written in hex. */
export function tablesOf (database: Database): string {
  const queries = [
    'SELECT event, kind, pubkey, d, created_at, expires_at, title, status, published_at, duration, manifest FROM titles ORDER BY kind, pubkey, d',
    'SELECT tag, t.event FROM title_tags g JOIN titles t ON t.id = g.title ORDER BY tag, t.event',
    'SELECT h.sha256, h.role, h.blake3, t.event FROM title_hashes h JOIN titles t ON t.id = h.title ORDER BY h.sha256, h.role, t.event',
    "SELECT t.event FROM title_words w JOIN titles t ON t.id = w.rowid WHERE title_words MATCH 'words' ORDER BY t.event",
    'SELECT * FROM collections ORDER BY pubkey, d',
    'SELECT * FROM adverts ORDER BY blake3, pubkey',
    'SELECT * FROM lists ORDER BY kind, pubkey',
    'SELECT * FROM releases ORDER BY kind, pubkey, d',
    'SELECT * FROM artifacts ORDER BY event',
    'SELECT * FROM deleted_ids ORDER BY id, pubkey',
    'SELECT * FROM deleted_addresses ORDER BY kind, pubkey, d'
  ]
  return JSON.stringify(queries.map((sql) => database.prepare(sql).all()), (_key, value: unknown) => {
    const bytes = value as { type?: string, data?: number[] } | null
    return bytes?.type === 'Buffer' ? Buffer.from(bytes.data!).toString('hex') : value
  })
}
