// Ids of NIP-98 events that changed something, each until its window is over (design §4). Nothing is forgotten earlier: a bound on their number
// would let a flood of fresh tokens wash an old one out. Only verified signatures get here, so two minutes of them are all there can be. Pure.

export class Replays {
  /** In the order they came, which is the order they go. */
  readonly #until = new Map<string, number>()

  /** How many are remembered. */
  get size (): number {
    return this.#until.size
  }

  /** Notes that `id` is used, until the moment `until` (milliseconds, as `now`). False when it was used before. */
  spend (id: string, now: number, until: number): boolean {
    for (const [oldest, end] of this.#until) {
      if (end > now) break
      this.#until.delete(oldest)
    }
    if (this.#until.has(id)) return false
    this.#until.set(id, until)
    return true
  }
}
