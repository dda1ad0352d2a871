// One entry of the journal of small uploads, as bytes: `MQJ1`, length of the JSON, length of the blob, CRC-32 of both, then both. A torn or
// overwritten entry fails its sum, and reading stops there: what follows was never acknowledged. Pure.

import { crc32 } from 'node:zlib'
import type { Ownership } from '../owners.ts'

/** `keep`: a blob came, with its first owner. `own`: one more owner, or a better type. `drop`: an owner left. */
export type JournalEntry =
  | { op: 'keep', ownership: Ownership, inline: boolean, bytes: Buffer }
  | { op: 'own', ownership: Ownership }
  | { op: 'drop', sha256: string, owner: string }

const MAGIC = 0x4d514a31
const HEAD = 16

/** The entry's bytes at rest, in chunks for writev: the blob's own bytes are not copied. */
export function buildEntry (entry: JournalEntry): Buffer[] {
  const bytes = entry.op === 'keep' ? entry.bytes : Buffer.alloc(0)
  const { bytes: _, ...told } = { bytes: null, ...entry }
  const json = Buffer.from(JSON.stringify(told))
  const head = Buffer.allocUnsafe(HEAD + json.length)
  head.writeUInt32BE(MAGIC, 0)
  head.writeUInt32BE(json.length, 4)
  head.writeUInt32BE(bytes.length, 8)
  head.writeUInt32BE(crc32(bytes, crc32(json)), 12)
  json.copy(head, HEAD)
  return bytes.length === 0 ? [head] : [head, bytes]
}

/** The entry at `at` and where the next one begins; null where there is no whole entry. */
export function parseEntry (file: Buffer, at: number): { entry: JournalEntry, next: number } | null {
  if (at + HEAD > file.length || file.readUInt32BE(at) !== MAGIC) return null
  const jsonEnd = at + HEAD + file.readUInt32BE(at + 4)
  const next = jsonEnd + file.readUInt32BE(at + 8)
  if (next > file.length) return null
  const json = file.subarray(at + HEAD, jsonEnd)
  const bytes = file.subarray(jsonEnd, next)
  if (crc32(bytes, crc32(json)) !== file.readUInt32BE(at + 12)) return null
  const told = JSON.parse(json.toString('utf8')) as JournalEntry
  return { entry: told.op === 'keep' ? { ...told, bytes } : told, next }
}
