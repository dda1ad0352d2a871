// Trying again: a network that is away, a server that starts anew or says 429 or 503 is asked again with growing pauses, or when it says itself
// (Retry-After), for as long as our patience lasts. What a server refuses for good is not asked twice.

import { setTimeout as sleep } from 'node:timers/promises'
import { pauseAfter } from '../../server/catalog/backoff.ts'
import { AnswerFault, NetworkFault } from './exchange.ts'
import { ServerRefusal } from './refusal.ts'

export interface Patience {
  /** Milliseconds for which one thing is tried again after its first failure; being told to wait (429) counts as being served. */
  total: number
  /** Told before each pause. */
  onWait?: (error: Error, milliseconds: number) => void
  /** Nothing more is tried once it is aborted. */
  signal?: AbortSignal
}

export const PATIENCE: Patience = { total: 120_000 }

const BACKOFF = { first: 300, most: 15_000 }

/** What `attempt` resolves with. Rejects with its last error when patience is over, at once with an error that will not pass, and with AbortError. */
export async function persist<T> (attempt: () => Promise<T>, { total, onWait, signal }: Patience): Promise<T> {
  let since: number | null = null
  for (let failures = 1; ; failures++) {
    signal?.throwIfAborted()
    try {
      return await attempt()
    } catch (error) {
      signal?.throwIfAborted()
      const refusal = error instanceof ServerRefusal ? error : null
      const away = error instanceof NetworkFault && !(error instanceof AnswerFault)
      if (!away && refusal?.passes !== true) throw error
      const now = Date.now()
      if (refusal?.status === 429) since = null
      else since ??= now
      const pause = refusal?.retryAfter ?? pauseAfter(failures, BACKOFF, Math.random())
      if (since !== null && now + pause - since > total) throw error
      onWait?.(error as Error, pause)
      await sleep(pause, undefined, signal === undefined ? {} : { signal })
    }
  }
}
