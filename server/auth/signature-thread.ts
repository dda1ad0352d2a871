// A thread that checks signatures, one after another, beside the server's own: see signature-pool.ts.

import { parentPort } from 'node:worker_threads'
import { isSigned } from './signature.ts'
import type { SignedEvent } from './signature.ts'

parentPort?.on('message', ({ number, event }: { number: number, event: SignedEvent }) => {
  parentPort!.postMessage({ number, signed: isSigned(event) })
})
