// `marquee restrict`, `unrestrict` and `restricted`: blobs that are served to their owners and the keys named alone.

import { MEANINGS } from '../config-values.ts'
import { change, HASHES, listing } from './hash-lists.ts'
import type { Command } from './terminal.ts'

export const restrict: Command = {
  help: `marquee restrict HASH… [--to NPUB]… [--reason WORDS] [--config FILE]

Serves blobs only with a \`get\` token of a key named here or of an owner: 401 without one, 403 for another key. Without --to the owners
alone may read. Asked again, it names others in place of those before. Other nodes on the same bucket follow within seconds. Where
READ_PUBKEYS is set, it holds besides. What caches and clients fetched before stays with them.
  --to       npub or 64 hex digits; several times, or separated by commas
  --reason   kept for you
${HASHES}`,
  options: { to: { type: 'string', multiple: true }, reason: { type: 'string' } },
  words: true,
  run: async (parts) => {
    const given = [parts.values['to'] ?? []].flat().flatMap((each) => String(each).split(',')).map((each) => each.trim())
    const keys = given.map((each) => MEANINGS['pubkey']!.parse(each) as string | undefined)
    if (keys.includes(undefined)) {
      // not repeated: it may be a secret key
      parts.terminal.err('each --to must be a public key: npub or 64 hex digits')
      return 2
    }
    return change(parts, 'restricted', true, 'restricted', [...new Set(keys as string[])])
  }
}

export const unrestrict: Command = {
  help: `marquee unrestrict HASH… [--config FILE]

Serves them to everybody again.
${HASHES}`,
  options: {},
  words: true,
  run: (parts) => change(parts, 'restricted', false, 'no longer restricted')
}

export const restricted = listing('restricted')
