// One test on two relays of different makes: what a catalog may count on is what both do.

import { startNostrRelay } from './nostr-relay.ts'
import { startSecondRelay } from './second-relay.ts'
import type { Test } from 'tap'
import type { TestRelay } from './nostr-relay.ts'

/** `test` with a fresh nostr-rs-relay, as shipped but without a policy, and with a fresh second relay. */
export function onBothRelays (t: Test, name: string, test: (t: Test, relay: TestRelay) => Promise<void>): void {
  for (const [make, start] of [['nostr-rs-relay', startNostrRelay], ['@nostr-relay', startSecondRelay]] as const) {
    void t.test(`${name} (${make})`, async (t) => {
      const relay = await start(t)
      if (relay !== null) await test(t, relay)
    })
  }
}
