// So many at a time under one name; the others wait in the order they came.

export class Slots {
  readonly #most: number
  readonly #taken = new Map<string, { count: number, waiting: (() => void)[] }>()

  /** @param most at a time under each name */
  constructor (most: number) {
    this.#most = most
  }

  isFree (name: string): boolean {
    return (this.#taken.get(name)?.count ?? 0) < this.#most
  }

  /** Resolves when there is a place; what it resolves with gives the place back, once. */
  async enter (name: string): Promise<() => void> {
    const slot = this.#taken.get(name) ?? { count: 0, waiting: [] }
    this.#taken.set(name, slot)
    if (slot.count < this.#most) slot.count++
    else await new Promise<void>((resolve) => { slot.waiting.push(resolve) })
    return () => {
      const next = slot.waiting.shift()
      if (next !== undefined) return next() // the place goes from hand to hand
      if (--slot.count === 0) this.#taken.delete(name)
    }
  }
}
