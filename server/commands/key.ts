// `marquee key`: the server's own npub; `--make` a key pair for somebody who has none.

import { npubEncode, nsecEncode } from 'nostr-tools/nip19'
import { pubkeyOf } from '../auth/signature.ts'
import { makeSecret, openNodeKey } from '../node-key.ts'
import { mkdir } from 'node:fs/promises'
import type { Command } from './terminal.ts'

export const key: Command = {
  help: `marquee key [--make] [--config FILE]

Shows the npub of this server's node key, making the key if there is none yet.
  --make   prints a new key pair instead, npub and nsec, and keeps nothing`,
  options: { make: { type: 'boolean' } },
  run: async ({ config, values, terminal }) => {
    if (values['make'] === true) {
      const secret = makeSecret()
      terminal.out(npubEncode(pubkeyOf(secret)))
      terminal.out(nsecEncode(Buffer.from(secret, 'hex')))
      return 0
    }
    await mkdir(config.dataDir, { recursive: true })
    terminal.out((await openNodeKey(config.dataDir, config.nodeKey)).npub)
    return 0
  }
}
