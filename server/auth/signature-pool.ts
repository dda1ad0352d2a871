// A second pair of hands for signatures. A check takes 0.3 ms, the largest part of a small upload; while uploads come one upon another a thread
// takes every one it has room for and the server's own takes the rest, so neither waits for the other.

import { Worker } from 'node:worker_threads'
import { isSigned } from './signature.ts'
import type { SignedEvent } from './signature.ts'

/** Checks that wait in the thread at most: enough to keep it busy, few enough not to be slower than doing it here. */
const AHEAD = 2
/** A lone upload is checked here: a thread's round trip would only add to it. */
const TOGETHER_MS = 5

export class SignaturePool {
  #thread: Worker | null = null
  #number = 0
  #last = -Infinity
  /** Null: the thread ended before it came to it. */
  readonly #waiting = new Map<number, (signed: boolean | null) => void>()

  /** As `isSigned`, here or in the thread. */
  check (event: SignedEvent): boolean | Promise<boolean> {
    const now = performance.now()
    const alone = now - this.#last > TOGETHER_MS
    this.#last = now
    if (alone || this.#waiting.size >= AHEAD) return isSigned(event)
    const thread = this.#thread ??= this.#start()
    return new Promise<boolean | null>((resolve) => {
      const number = ++this.#number
      this.#waiting.set(number, resolve)
      const { id, pubkey, sig, kind, created_at, tags, content } = event
      thread.postMessage({ number, event: { id, pubkey, sig, kind, created_at, tags, content } })
    }).then((signed) => signed ?? isSigned(event))
  }

  #start (): Worker {
    const thread = new Worker(new URL('./signature-thread.js', import.meta.url))
    thread.on('message', ({ number, signed }: { number: number, signed: boolean }) => {
      this.#waiting.get(number)?.(signed)
      this.#waiting.delete(number)
    })
    thread.on('error', () => { this.#thread = null })
    thread.on('exit', () => {
      this.#thread = null
      // what it had taken is done here
      for (const resolve of this.#waiting.values()) resolve(null)
      this.#waiting.clear()
    })
    thread.unref()
    return thread
  }

  async close (): Promise<void> {
    await this.#thread?.terminate()
  }
}
