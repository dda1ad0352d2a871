// How many multipart parts may be in memory on their way to the store at once, over all uploads: what bounds the memory of many
// films arriving together.

import { Silent } from './patience.ts'

interface Waiting {
  resolve: () => void
  reject: (error: unknown) => void
}

export class PartBudget {
  #free: number
  readonly #waiting: Waiting[] = []

  constructor (parts: number) {
    this.#free = parts
  }

  /** Resolves when a part may be held. Rejects with what `refuse` was told. */
  async take (): Promise<void> {
    if (this.#free > 0) {
      this.#free--
      return
    }
    await new Promise<void>((resolve, reject) => { this.#waiting.push({ resolve, reject }) })
  }

  give (): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#free++
    else next.resolve()
  }

  /** A part has failed. Where the store was silent all who wait are refused: each would wait as long, one after the other. */
  refuse (error: unknown): void {
    const silent = error instanceof Silent || (error instanceof Error && error.cause instanceof Silent)
    if (!silent) return
    for (const each of this.#waiting.splice(0)) each.reject(error)
  }
}
