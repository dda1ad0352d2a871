// What the tests of tokens and policies share: the code of a refusal, and a generator whose seed is told.

import { randomInt } from 'node:crypto'
import { Failure } from '../../server/errors.ts'
import type { Test } from 'tap'

/** The code of the Failure that this throws; 'none' when it throws nothing. */
export function refusalOf (attempt: () => unknown): string {
  try {
    attempt()
    return 'none'
  } catch (error) {
    if (error instanceof Failure) return error.code
    throw error
  }
}

export interface Seeded {
  /** A whole number from 0 up to but not `limit`. */
  below: (limit: number) => number
  pick: <T>(items: readonly T[]) => T
  /** 64 hex digits, never zero. */
  hex: () => string
}

/** Random by SEED of the environment or a new one, which is printed. */
export function seeded (t: Test): Seeded {
  const seed = Number(process.env['SEED'] ?? randomInt(1, 2 ** 31))
  t.comment(`SEED=${seed}`)
  let state = seed >>> 0
  const next = (): number => { // mulberry32
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return (mixed ^ (mixed >>> 14)) >>> 0
  }
  const below = (limit: number): number => next() % limit
  return {
    below,
    pick: <T>(items: readonly T[]) => items[below(items.length)] as T,
    hex: () => `1${Array.from({ length: 63 }, () => below(16).toString(16)).join('')}`
  }
}
