// A pool of 1 MiB buffers for reading big packs, and of halves for short readings. The buffer's size decides how fast Node serves a film: with
// 1 MiB nginx's own speed, with 64 KiB streams a fifth of it (reference peers.md §4).

export const POOLED_BYTES = 1024 * 1024
/** What a pool keeps while nobody reads: eight readings with one piece ahead. */
const KEPT_BYTES = 16 * POOLED_BYTES

const whole: Buffer[] = []
const halves: Buffer[] = []

/** A buffer of POOLED_BYTES, or half of it where that is enough; old bytes and all. */
export function takeBuffer (wanted: number): Buffer {
  return wanted > POOLED_BYTES / 2 ? whole.pop() ?? Buffer.allocUnsafeSlow(POOLED_BYTES) : halves.pop() ?? Buffer.allocUnsafeSlow(POOLED_BYTES / 2)
}

/** Gives a buffer back; nobody may touch it afterwards. */
export function giveBuffer (buffer: Buffer): void {
  const free = buffer.length === POOLED_BYTES ? whole : halves
  if (free.length * buffer.length < KEPT_BYTES) free.push(buffer)
}
