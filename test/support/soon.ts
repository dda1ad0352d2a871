// Waiting for what comes by itself: for the condition, and not for a time.

import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Asks again and again until it is so. False after a minute and more, however short the time is that a server promises: how busy this machine is with
 * other tests says nothing of that.
 */
export async function soon (isSo: () => Promise<boolean> | boolean, patience = 90_000): Promise<boolean> {
  const end = Date.now() + patience
  for (let pause = 10; ; pause = Math.min(pause * 1.5, 100)) {
    if (await isSo()) return true
    if (Date.now() > end) return false
    await sleep(pause)
  }
}
