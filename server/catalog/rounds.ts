// Looks through a list that may be long some names at a time, round after round: what cannot be had yet must not hide what stands behind it.

/** A list in the order of its names: at most `limit` that come after `from`. */
export type After = (from: string, limit: number) => string[]

export class Rounds {
  readonly #step: number
  #from = ''

  /** @param step how many names a round has */
  constructor (step: number) {
    this.#step = step
  }

  /** The names of the next round; after the list's end it begins anew. */
  next (after: After): string[] {
    const names = after(this.#from, this.#step)
    this.#from = names.length < this.#step ? '' : names.at(-1)!
    return names
  }

  /** Plays rounds until the list has been seen to its end; the sum of what they gave. */
  async all (round: () => Promise<number>): Promise<number> {
    let sum = 0
    do sum += await round()
    while (this.#from !== '')
    return sum
  }
}
