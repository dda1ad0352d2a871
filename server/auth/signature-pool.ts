// A second pair of hands for signatures. A check takes 0.3 ms, the largest part of a small upload; while uploads come one upon another a thread
// takes every one it has room for and the server's own takes the rest, so neither waits for the other.

import { Worker } from 'node:worker_threads'
import { isSigned } from './signature.ts'
import type { SignedEvent } from './signature.ts'

/** Checks that wait in the thread at most: enough to keep it busy, few enough not to be slower than doing it here. */
const AHEAD = 2
/** A lone upload is checked here: a thread's round trip would only add to it. */
const TOGETHER_MS = 5

interface Asked {
  event: SignedEvent
  resolve: (signed: boolean) => void
}

export class SignaturePool {
  #thread: Worker | null = null
  #number = 0
  #last = -Infinity
  readonly #waiting = new Map<number, Asked>()
  readonly #queue: Asked[] = []
  #helping = false

  /** As `isSigned`, here or in the thread. */
  check (event: SignedEvent): boolean | Promise<boolean> {
    const now = performance.now()
    const alone = now - this.#last > TOGETHER_MS
    this.#last = now
    if (alone && this.#queue.length === 0) return isSigned(event)
    return new Promise((resolve) => {
      this.#queue.push({ event, resolve })
      this.#feed()
      if (this.#queue.length > 0) this.#helpSoon()
    })
  }

  /** Gives the thread what it has room for. */
  #feed (): void {
    while (this.#queue.length > 0 && this.#waiting.size < AHEAD) {
      const asked = this.#queue.shift()!
      const thread = this.#thread ??= this.#start()
      const number = ++this.#number
      this.#waiting.set(number, asked)
      const { id, pubkey, sig, kind, created_at, tags, content } = asked.event
      thread.postMessage({ number, event: { id, pubkey, sig, kind, created_at, tags, content } })
    }
  }

  /** One check here a turn of the event loop: between them the thread's answers, and everybody else's work, get their turn. */
  #helpSoon (): void {
    if (this.#helping) return
    this.#helping = true
    setImmediate(() => {
      this.#helping = false
      const asked = this.#queue.shift()
      if (asked === undefined) return
      asked.resolve(isSigned(asked.event))
      if (this.#queue.length > 0) this.#helpSoon()
    })
  }

  #start (): Worker {
    const thread = new Worker(new URL('./signature-thread.js', import.meta.url))
    thread.on('message', ({ number, signed }: { number: number, signed: boolean }) => {
      const asked = this.#waiting.get(number)
      this.#waiting.delete(number)
      this.#feed()
      asked?.resolve(signed)
    })
    thread.on('error', () => { this.#thread = null })
    thread.on('exit', () => {
      this.#thread = null
      // what it had taken is done here
      for (const { event, resolve } of this.#waiting.values()) resolve(isSigned(event))
      this.#waiting.clear()
    })
    thread.unref()
    return thread
  }

  async close (): Promise<void> {
    await this.#thread?.terminate()
  }
}
