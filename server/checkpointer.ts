// Brings the rows from SQLite's log (WAL) into the database file, and both to the disk, from a thread with a connection of its own. A checkpoint
// waits for the disk; on the server's thread, where SQLite makes one every 1,000 pages, it cost small uploads a tenth (bench/RESULTS.md).

import { statSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import type { CheckpointAnswer } from './checkpoint-thread.ts'

/** A log below this many bytes is left to grow: a server that takes few uploads needs no thread for it. */
const WORTH_BYTES = 4 * 1024 * 1024

/** Not what this process was started with: a preloaded module is for it alone, and would make the thread's start as long as the server's. */
const THREAD_FLAGS = ['--enable-source-maps']

export class Checkpointer {
  readonly #path: string
  #thread: Worker | null = null
  #running: Promise<boolean> | null = null

  /** @param path the database file; it is opened at the first run */
  constructor (path: string) {
    this.#path = path
  }

  /**
   * True when every row written before the call is on the disk; false when a reader or another checkpoint was in the way, and when one asked for
   * earlier still runs. Rejects with what the database said.
   */
  async run (): Promise<boolean> {
    if (this.#running !== null) return false
    this.#running = this.#ask()
    try {
      return await this.#running
    } finally {
      this.#running = null
    }
  }

  /** Is the log long enough for a thread? */
  get worthwhile (): boolean {
    return (statSync(`${this.#path}-wal`, { throwIfNoEntry: false })?.size ?? 0) >= WORTH_BYTES
  }

  #ask (): Promise<boolean> {
    const thread = this.#thread ??= new Worker(new URL('./checkpoint-thread.js', import.meta.url), { workerData: { checkpoints: this.#path }, execArgv: THREAD_FLAGS })
    thread.unref()
    return new Promise((resolve, reject) => {
      const gone = (): void => { fail(new Error('the thread of checkpoints ended')) }
      const fail = (error: Error): void => {
        this.#thread = null // the next run starts another
        done()
        reject(error)
      }
      const hear = (answer: CheckpointAnswer): void => {
        done()
        if (answer.error === null) resolve(answer.whole)
        else reject(new Error(answer.error))
      }
      const done = (): void => { thread.off('message', hear).off('error', fail).off('exit', gone) }
      thread.on('message', hear).on('error', fail).on('exit', gone)
      thread.postMessage('run')
    })
  }

  /** Ends the thread after what it is doing: before the database is closed, so that the last connection cleans up. */
  async close (): Promise<void> {
    await this.#running?.catch(() => false)
    await this.#thread?.terminate()
  }
}
