// How long the store may take. Every call to it has an end, so that a store which hangs is a store that fails: whoever waits is told 503 in
// time, and nothing that runs in turns (the look for changes of other nodes, the sweeper, a start) stands still for ever.

import { TLSSocket } from 'node:tls'
import type { Socket } from 'node:net'
import type { Readable } from 'node:stream'

export interface Patience {
  /** Milliseconds without a byte after which a read has failed. */
  readSilence: number
  /** The same for a write, which may wait for the store's disk. */
  writeSilence: number
  /** Milliseconds that a small answer may take, or one page of a list: a store that trickles is never silent. */
  answer: number
  /** Milliseconds for what the store does with gigabytes of its own: to put parts together, to copy. */
  assembly: number
}

export const PATIENCE: Patience = { readSilence: 30_000, writeSilence: 120_000, answer: 60_000, assembly: 600_000 }

/** The store has not answered in time. */
export class Silent extends Error {
  constructor () {
    super('the store says nothing')
    this.name = 'Silent'
  }
}

/**
 * Ends a connection on which the store was silent. By a reset, so that what has not left this machine yet never does. What has arrived may still be
 * done, however late (broken-off.ts).
 */
export function cut (socket: Socket, why: Error): void {
  if (!(socket instanceof TLSSocket) && !socket.connecting && !socket.destroyed) socket.resetAndDestroy() // TLS has no such call
  socket.destroy(why)
}

/** What `call` resolves with; rejects with Silent when that takes longer than `ms`. */
export async function within<T> (ms: number, call: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  try {
    return await Promise.race([call, new Promise<never>((_resolve, reject) => { timer = setTimeout(() => { reject(new Silent()) }, ms) })])
  } finally {
    clearTimeout(timer)
  }
}

/** The items of a list of the client library, each of which may take `ms`; the time between them is the caller's. */
export async function * eachWithin (ms: number, list: Readable): AsyncIterable<unknown> {
  // the library tells a fault of a list that nobody reads any more as well, and without a listener that ends the process
  list.on('error', () => {})
  const items = list[Symbol.asyncIterator]()
  try {
    for (;;) {
      const next = await within(ms, items.next())
      if (next.done === true) return
      yield next.value
    }
  } finally {
    list.destroy()
  }
}
