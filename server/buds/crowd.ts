// How often each blob was asked for in this second.

export class Crowd {
  readonly #now: () => number
  readonly #asked = new Map<string, number>()
  #second = 0

  /** @param now milliseconds */
  constructor (now: () => number) {
    this.#now = now
  }

  /** Counts one request; how many there were since the second began. */
  count (sha256: string): number {
    const second = Math.floor(this.#now() / 1000)
    if (second !== this.#second) {
      this.#second = second
      this.#asked.clear()
    }
    const asked = (this.#asked.get(sha256) ?? 0) + 1
    this.#asked.set(sha256, asked)
    return asked
  }
}
