// A large answer on its way from the store to whoever asked: pieces in pooled buffers, two read ahead. What is not taken stops the socket.

import type { PackReading, Piece } from '../pack-store.ts'

const AHEAD = 2

/** What fills a body. */
export interface BodySource {
  /** There is room again. */
  resume: () => void
  /** Nobody wants the rest. */
  abandon: () => void
}

export class Body implements PackReading {
  readonly #source: BodySource
  readonly #ready: Piece[] = []
  #wanted: { resolve: (piece: Piece | null) => void, reject: (error: unknown) => void } | null = null
  #state: 'coming' | 'whole' | 'closed' = 'coming'
  #fault: unknown = null

  constructor (source: BodySource) {
    this.#source = source
  }

  /** False when no more is wanted for now. */
  push (piece: Piece): boolean {
    if (this.#state === 'closed') {
      piece.release()
      return true
    }
    if (this.#wanted !== null) {
      this.#wanted.resolve(piece)
      this.#wanted = null
      return true
    }
    this.#ready.push(piece)
    return this.#ready.length < AHEAD
  }

  /** All bytes were pushed. */
  end (): void {
    if (this.#state === 'coming') this.#state = 'whole'
    this.#wanted?.resolve(null)
    this.#wanted = null
  }

  fail (error: unknown): void {
    this.#fault ??= error
    this.#wanted?.reject(error)
    this.#wanted = null
  }

  async next (): Promise<Piece | null> {
    const piece = this.#ready.shift()
    if (piece !== undefined) {
      if (this.#state === 'coming' && this.#ready.length === AHEAD - 1) this.#source.resume()
      return piece
    }
    if (this.#fault !== null) throw this.#fault
    if (this.#state !== 'coming') return null
    return new Promise((resolve, reject) => { this.#wanted = { resolve, reject } })
  }

  async close (): Promise<void> {
    const before = this.#state
    this.#state = 'closed'
    for (const piece of this.#ready.splice(0)) piece.release()
    if (before === 'coming') this.#source.abandon()
  }
}
