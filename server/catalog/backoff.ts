// How long to wait before something that failed is tried again: twice as long each time, with jitter so that many who failed together do not
// come back together. Pure.

/** Milliseconds. */
export interface Backoff {
  first: number
  most: number
}

/** @param failures in a row, from 1 @param random from 0 to 1 */
export function pauseAfter (failures: number, { first, most }: Backoff, random: number): number {
  const full = Math.min(most, first * 2 ** Math.min(failures - 1, 30))
  return Math.round(full / 2 + full / 2 * random)
}
