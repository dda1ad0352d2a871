// A pool of 1 MiB buffers for reading big packs. The buffer's size decides how fast Node serves a film: with 1 MiB nginx's own
// speed, with 64 KiB streams a fifth of it (reference peers.md §4).

export const POOLED_BYTES = 1024 * 1024
const KEPT = 32

const free: Buffer[] = []

/** A buffer of POOLED_BYTES, old bytes and all. */
export function takeBuffer (): Buffer {
  return free.pop() ?? Buffer.allocUnsafeSlow(POOLED_BYTES)
}

/** Gives a buffer back; nobody may touch it afterwards. */
export function giveBuffer (buffer: Buffer): void {
  if (free.length < KEPT) free.push(buffer)
}
