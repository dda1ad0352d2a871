// A hash-stream index record and its bytes at rest: DAG-JSON, map keys in byte order, no white space, bytes as
// `{"/":{"bytes":"<base64 without padding>"}}` (hash-stream.md §2.1). Pure. `JSON.stringify` with the keys written in that
// order gives the identical bytes, so no DAG-JSON package is needed.

import type { Multihash } from './multihash.ts'

/** hash-stream's numbers for what a record is about. */
export const RECORD_TYPES = { blob: 0, pack: 1, containing: 2, inline: 3 } as const
export type RecordType = typeof RECORD_TYPES[keyof typeof RECORD_TYPES]

export interface IndexRecord {
  multihash: Multihash
  type: RecordType
  /** A pack's multihash; for an inline blob the identity multihash that holds its bytes; text is a path of theirs. */
  location: Multihash | string
  offset?: number
  length?: number
  subRecords: IndexRecord[]
}

export const BLOB_SCHEMA = 'index/blob@0.1'
export const CONTAINING_SCHEMA = 'index/containing@0.1'

type EncodedBytes = { '/': { bytes: string } }

function encodeBytes (bytes: Uint8Array): EncodedBytes {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
  return { '/': { bytes: text.replace(/=+$/, '') } }
}

function encode (record: IndexRecord): object {
  return {
    ...(record.length === undefined ? {} : { length: record.length }),
    location: typeof record.location === 'string' ? record.location : encodeBytes(record.location),
    multihash: encodeBytes(record.multihash),
    ...(record.offset === undefined ? {} : { offset: record.offset }),
    subRecords: record.subRecords.map(encode),
    type: record.type
  }
}

/** The record's bytes at rest. */
export function buildRecord (record: IndexRecord): Buffer {
  const schema = record.subRecords.length > 0 ? CONTAINING_SCHEMA : BLOB_SCHEMA
  return Buffer.from(JSON.stringify({ data: encode(record), type: schema }))
}

function isObject (value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function decodeBytes (value: unknown): Uint8Array {
  const inner = isObject(value) ? value['/'] : undefined
  const text = isObject(inner) ? inner['bytes'] : undefined
  if (typeof text !== 'string' || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) throw new Error('index record: bytes expected')
  return Buffer.from(text, 'base64')
}

function count (value: unknown, name: string): number | undefined {
  if (value === undefined) return undefined
  if (!Number.isSafeInteger(value) || (value as number) < 0) throw new Error(`index record: ${name} is not a whole number`)
  return value as number
}

// Their writer nests two deep (CONTAINING, PACK, BLOB); a bound keeps a hostile record from exhausting the stack.
const MAX_DEPTH = 8

function decode (value: unknown, depth: number): IndexRecord {
  if (!isObject(value) || depth > MAX_DEPTH) throw new Error('index record: map expected')
  const { location, multihash, subRecords, type } = value
  if (type !== 0 && type !== 1 && type !== 2 && type !== 3) throw new Error('index record: unknown type')
  if (!Array.isArray(subRecords)) throw new Error('index record: subRecords missing')
  const offset = count(value['offset'], 'offset')
  const length = count(value['length'], 'length')
  return {
    multihash: decodeBytes(multihash),
    type,
    location: typeof location === 'string' ? location : decodeBytes(location),
    ...(offset === undefined ? {} : { offset }),
    ...(length === undefined ? {} : { length }),
    subRecords: subRecords.map((each) => decode(each, depth + 1))
  }
}

/**
 * Reads a record as hash-stream's own decoder does: any key order, white space, padded base64, unknown keys and any schema
 * text are taken. Throws Error on anything else.
 */
export function parseRecord (bytes: Uint8Array): IndexRecord {
  const value: unknown = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'))
  if (!isObject(value)) throw new Error('index record: map expected')
  return decode(value['data'], 0)
}
