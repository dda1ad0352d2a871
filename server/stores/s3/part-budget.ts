// How many multipart parts may be in memory on their way to the store at once, over all uploads: what bounds the memory of many
// films arriving together.

export class PartBudget {
  #free: number
  readonly #waiting: (() => void)[] = []

  constructor (parts: number) {
    this.#free = parts
  }

  /** Resolves when a part may be held. */
  async take (): Promise<void> {
    if (this.#free > 0) {
      this.#free--
      return
    }
    await new Promise<void>((resolve) => { this.#waiting.push(resolve) })
  }

  give (): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#free++
    else next()
  }
}
