// What hash-stream's own tools write, byte by byte (hash-stream.md §2.1 and §2.2): a CAR of the blobs `hello` and `world!`, and index files of
// every kind about them. Written out here on their own, not with our builders, so that a mistake of ours shows.

import { base32 } from 'multiformats/bases/base32'
import { createHash } from 'node:crypto'

export interface TheirBlob {
  bytes: Buffer
  sha256: string
  /** Base64 of the multihash, without padding. */
  base64: string
  /** `bafkrei…` */
  key: string
}

function theirBlob (bytes: Buffer): TheirBlob {
  const digest = createHash('sha256').update(bytes).digest()
  const multihash = Buffer.concat([Buffer.from([0x12, 0x20]), digest])
  return {
    bytes, sha256: digest.toString('hex'), base64: multihash.toString('base64').replace(/=+$/, ''),
    key: base32.encode(Buffer.concat([Buffer.from([0x01, 0x55]), multihash]))
  }
}

export const HELLO = theirBlob(Buffer.from('hello'))
export const WORLD = theirBlob(Buffer.from('world!'))

function cid (blob: TheirBlob): Buffer {
  return Buffer.concat([Buffer.from([0x01, 0x55, 0x12, 0x20]), Buffer.from(blob.sha256, 'hex')])
}

function block (blob: TheirBlob): Buffer {
  return Buffer.concat([Buffer.from([36 + blob.bytes.length]), cid(blob), blob.bytes])
}

/** A CARv1 whose root is `root`, of the blobs `hello` (at byte 96) and `world!` (at byte 138): 144 bytes. */
function car (root: TheirBlob): Buffer {
  const header = Buffer.concat([
    Buffer.from([0x3a, 0xa2, 0x65]), Buffer.from('roots'), Buffer.from([0x81, 0xd8, 0x2a, 0x58, 0x25, 0x00]), cid(root),
    Buffer.from([0x67]), Buffer.from('version'), Buffer.from([0x01])
  ])
  return Buffer.concat([header, block(HELLO), block(WORLD)])
}

export const PACK = theirBlob(car(HELLO))
export const OFFSETS = { hello: 96, world: 138 } as const

/** What they call the root of the file that the two are chunks of; any multihash will do. */
export const ROOT = theirBlob(Buffer.from('the root block'))

function bytes (base64: string): string {
  return `{"/":{"bytes":"${base64}"}}`
}

function blobData (blob: TheirBlob, location: string, offset: number): string {
  return `{"length":${blob.bytes.length},"location":${bytes(location)},"multihash":${bytes(blob.base64)},"offset":${offset},"subRecords":[],"type":0}`
}

function packData (subRecords: string): string {
  return `{"location":${bytes(PACK.base64)},"multihash":${bytes(PACK.base64)},"subRecords":[${subRecords}],"type":1}`
}

const LEAVES = `${blobData(HELLO, PACK.base64, OFFSETS.hello)},${blobData(WORLD, PACK.base64, OFFSETS.world)}`

/** Text of a record at rest, by how it was written. */
export const THEIR_RECORDS = {
  /** `hello` stored as a pack of its own. */
  itself: `{"data":${blobData(HELLO, HELLO.base64, 0)},"type":"index/blob@0.1"}`,
  /** `hello` in the pack, by the single-level writer. */
  single: `{"data":${blobData(HELLO, PACK.base64, OFFSETS.hello)},"type":"index/blob@0.1"}`,
  /** The pack itself, by the single-level writer. */
  pack: `{"data":${packData('')},"type":"index/blob@0.1"}`,
  /** The pack with its blobs, by the multiple-level writer. */
  packTree: `{"data":${packData(LEAVES)},"type":"index/containing@0.1"}`,
  /** The root with the pack with its blobs: what their command line writes by default. */
  containing: `{"data":{"location":${bytes(ROOT.base64)},"multihash":${bytes(ROOT.base64)},"subRecords":[${packData(LEAVES)}],"type":2},"type":"index/containing@0.1"}`,
  /** `hello` at a path. */
  path: `{"data":{"length":5,"location":"dir/file.bin","multihash":${bytes(HELLO.base64)},"offset":0,"subRecords":[],"type":0},"type":"index/blob@0.1"}`,
  /** `hello` inside its record. */
  inline: `{"data":{"length":5,"location":${bytes('AAVoZWxsbw')},"multihash":${bytes(HELLO.base64)},"offset":0,"subRecords":[],"type":3},"type":"index/blob@0.1"}`
} as const

/** The key below which they file what is about a blob. */
export function theirFolder (blob: TheirBlob, doubled: boolean): string {
  return `index/${blob.key}/${doubled ? `${blob.key}/` : ''}`
}

/** The key of a record that has sub-records: named by the first of them. */
export function theirTreeKey (blob: TheirBlob, first: TheirBlob, doubled: boolean): string {
  return `${theirFolder(blob, doubled)}${first.key}${doubled ? `/${first.key}` : ''}`
}
