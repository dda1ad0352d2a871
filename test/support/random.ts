// Random by a seed, so that a run can be repeated: numbers, choices, text and noise.

export class Random {
  readonly seed: number
  #state: number

  constructor (seed: number) {
    this.seed = seed
    this.#state = seed >>> 0
  }

  /** From 0 up to but not 1 (mulberry32). */
  next (): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  /** A whole number from 0 up to but not `limit`. */
  below (limit: number): number {
    return Math.floor(this.next() * limit)
  }

  pick<T> (list: readonly T[]): T {
    return list[this.below(list.length)]!
  }

  /** One of these, made only when it is chosen. */
  make<T> (list: readonly (() => T)[]): T {
    return this.pick(list)()
  }

  chance (share: number): boolean {
    return this.next() < share
  }

  /** Any bytes, as latin1 text. */
  noise (length: number): string {
    return Array.from({ length }, () => String.fromCharCode(this.below(256))).join('')
  }

  printable (length: number): string {
    return Array.from({ length }, () => String.fromCharCode(33 + this.below(94))).join('')
  }

  /** A name or value that the parser takes. */
  word (length: number): string {
    return this.printable(length).replace(/[^\w-]/g, 'w')
  }

  hex (digits: number): string {
    return Array.from({ length: digits }, () => this.below(16).toString(16)).join('')
  }
}
