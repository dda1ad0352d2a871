// The blobs of a seeded folder: number i is always the same 32 to 64 bytes, of one owner, twenty a second, the last one an hour ago. A
// scenario knows them without asking anybody.

import { createHash } from 'node:crypto'
import { Signer } from '../../test/support/keys.ts'

/** Whose they all are: a key that anybody can make, for folders that hold nothing else. */
export const OWNER = new Signer(createHash('sha256').update('marquee bench owner').digest())

const PER_SECOND = 20
const AGE_SECONDS = 3600

export interface SeededBlob {
  sha256: string
  bytes: Buffer
  size: number
}

export function blobAt (index: number): SeededBlob {
  const head = createHash('sha256').update(`marquee bench ${index}`).digest()
  const size = 32 + index % 33
  const bytes = Buffer.concat([head, head]).subarray(0, size)
  return { sha256: createHash('sha256').update(bytes).digest('hex'), bytes, size }
}

/** Unix seconds when number `index` of `count` came; `now` likewise. */
export function uploadedAt (index: number, count: number, now: number): number {
  return now - AGE_SECONDS - Math.floor((count - 1 - index) / PER_SECOND)
}

/** `wanted` numbers below `count`, spread evenly. */
export function spreadOver (count: number, wanted: number): number[] {
  const number = Math.min(count, wanted)
  return Array.from({ length: number }, (_, i) => Math.floor(i * count / number))
}
