// Token buckets, one a name: so many a minute on average, and a minute's worth at once. A bucket is one number, the moment at which it is full
// again, so a thousand names cost a thousand numbers; the names used longest ago are forgotten first, which are the fullest. Pure.

export interface BucketSettings {
  perMinute: number
  /** How many may come at once; by default a minute's worth. */
  burst?: number
  /** How many names are remembered at most: a forgotten one starts anew, with a full bucket. */
  names?: number
}

export class RateBuckets {
  /** Milliseconds in which one comes back. */
  readonly #interval: number
  /** Milliseconds in which an empty bucket fills. */
  readonly #depth: number
  readonly #names: number
  /** When each is full again, in the order of their last use. */
  readonly #full = new Map<string, number>()

  constructor ({ perMinute, burst = perMinute, names = 50_000 }: BucketSettings) {
    this.#interval = 60_000 / perMinute
    this.#depth = burst * this.#interval
    this.#names = names
  }

  /** How many names are remembered. */
  get size (): number {
    return this.#full.size
  }

  /** Milliseconds until one may be taken from this bucket; 0 when there is one. Takes nothing. */
  wait (name: string, now: number): number {
    const wait = this.#next(name, now) - now - this.#depth
    return wait > this.#interval / 2 ? wait : 0 // thousands of sums of fractions: half of one is no difference
  }

  /** Takes one if there is one; as `wait`, which it returns. A refused one costs nothing. */
  take (name: string, now: number): number {
    const wait = this.wait(name, now)
    if (wait === 0) this.#keep(name, this.#next(name, now))
    return wait
  }

  /** When the bucket would be full again after one more. */
  #next (name: string, now: number): number {
    const full = this.#full.get(name) ?? now
    // a clock that was set back must not lock anybody out for longer than an empty bucket does
    return Math.min(Math.max(full, now), now + this.#depth) + this.#interval
  }

  #keep (name: string, full: number): void {
    this.#full.delete(name)
    this.#full.set(name, full)
    if (this.#full.size <= this.#names) return
    for (const oldest of this.#full.keys()) {
      this.#full.delete(oldest)
      break
    }
  }
}
