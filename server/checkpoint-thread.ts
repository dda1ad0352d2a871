// The thread of checkpointer.ts: one checkpoint a message. PASSIVE, which waits for nobody: the server goes on writing meanwhile.

import { parentPort, workerData } from 'node:worker_threads'
import { checkpoint, openDatabase } from './database.ts'
import type { Database } from './database.ts'

export interface CheckpointAnswer {
  /** Every row there was is on the disk. */
  whole: boolean
  error: string | null
}

const { checkpoints: path } = (workerData ?? {}) as { checkpoints?: string }

if (parentPort !== null && path !== undefined) {
  const port = parentPort
  let database: Database | null = null
  port.on('message', () => {
    let answer: CheckpointAnswer
    try {
      database ??= openDatabase(path)
      answer = { whole: checkpoint(database, 'PASSIVE'), error: null }
    } catch (error) {
      answer = { whole: false, error: String(error) }
    }
    port.postMessage(answer)
  })
}
