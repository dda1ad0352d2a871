// Names that came by lately, so that a blob takes room in memory only when it is read a second time before that room would have gone round:
// somebody who reads through everything once would else push out what everybody reads, and each copy is work for the garbage collector. Pure.

export class Lately {
  readonly #limit: number
  #young = new Set<string>()
  #weight = 0
  #old = new Set<string>()

  /** @param limit names are remembered until the weight of those that came after reaches it, or at most twice it */
  constructor (limit: number) {
    this.#limit = limit
  }

  /** Did this name come by lately? It has now. */
  again (name: string, weight: number): boolean {
    if (this.#young.has(name)) return true
    const known = this.#old.has(name)
    if (this.#weight >= this.#limit) {
      this.#old = this.#young
      this.#young = new Set()
      this.#weight = 0
    }
    this.#young.add(name)
    this.#weight += weight
    return known
  }
}
