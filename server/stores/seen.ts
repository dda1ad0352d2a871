// A bounded memory of names until a moment: misses for two seconds, token ids for a minute. The oldest go first when it is full.

export class Seen {
  readonly #until = new Map<string, number>()
  readonly #limit: number

  constructor (limit: number) {
    this.#limit = limit
  }

  has (name: string, now: number): boolean {
    const until = this.#until.get(name)
    if (until === undefined) return false
    if (until > now) return true
    this.#until.delete(name)
    return false
  }

  add (name: string, until: number): void {
    this.#until.delete(name)
    this.#until.set(name, until)
    if (this.#until.size > this.#limit) {
      const oldest = this.#until.keys().next().value
      if (oldest !== undefined) this.#until.delete(oldest)
    }
  }

  delete (name: string): void {
    this.#until.delete(name)
  }
}
