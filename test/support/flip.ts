// A file that rots: one bit of it is another.

import { chmodSync, readFileSync, writeFileSync } from 'node:fs'

/** In the middle of the file, whoever may write it. */
export function flipBit (path: string): void {
  const bytes = readFileSync(path)
  bytes[bytes.length >> 1]! ^= 1
  chmodSync(path, 0o600)
  writeFileSync(path, bytes)
}
