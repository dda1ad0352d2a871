// Our write policy as a process of its own, for a nostr-rs-relay of a test to ask: startNostrRelay(t, { policy: (await startRelayPolicy(t, rules)).url }).

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { newFolder } from './both-stores.ts'
import { startCommand } from './command.ts'
import type { Test } from 'tap'
import type { Started } from './command.ts'

/** `marquee relay-policy --grpc` when it listens. @param rules a policy file's @param address `host:port`, by default any port of loopback */
export async function startRelayPolicy (t: Test, rules: object, address = '127.0.0.1:0'): Promise<Started & { url: string }> {
  const file = join(newFolder(t), 'policy.json')
  writeFileSync(file, JSON.stringify(rules))
  const started = startCommand(t, ['relay-policy', '--grpc', address, '--policy', file])
  const [, where] = await started.prints(/answers nostr-rs-relay on (\S+)\n/)
  return { ...started, url: `http://${where}` }
}
