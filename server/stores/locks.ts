// One piece of work at a time on one name: two uploads of a blob, or an upload and a delete of it, take turns.

export class Locks {
  readonly #last = new Map<string, Promise<unknown>>()

  /** Runs `work` when everything asked for earlier under this name has ended. */
  async run<T> (name: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(name)
    const mine = before === undefined ? work() : before.then(work, work)
    this.#last.set(name, mine)
    try {
      return await mine
    } finally {
      if (this.#last.get(name) === mine) this.#last.delete(name)
    }
  }
}
