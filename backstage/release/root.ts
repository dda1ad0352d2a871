// `marquee release root`: the public keys of a mnemonic, which nodes pin and bundles name.

import { npubEncode } from 'nostr-tools/nip19'
import { didKeyOf } from '../../server/release/did-key.ts'
import { MNEMONIC_HELP, askRoot } from './mnemonic.ts'
import { noWords, releaseCommand } from './misuse.ts'

export const root = releaseCommand({
  help: `marquee release root [--mnemonic-fd N] [--json]

Shows the public keys of a release root; its secrets are kept nowhere. Nodes pin the first line, ed25519 (RELEASE_ROOT), and a bundle of an
earlier root commits to the same line of its successor (marquee release trust --next-root).
${MNEMONIC_HELP}
  --json            for programs`,
  options: { 'mnemonic-fd': { type: 'string' }, json: { type: 'boolean' } },
  words: true,
  run: async ({ values, words, terminal }) => {
    noWords(words)
    const { publicKey, pubkey } = await askRoot(terminal, values)
    const shown = { ed25519: publicKey, did: didKeyOf(publicKey), nostr: pubkey, npub: npubEncode(pubkey) }
    if (values['json'] === true) terminal.out(JSON.stringify(shown))
    else for (const [name, value] of Object.entries(shown)) terminal.out(`${name.padEnd(15)} ${value}`)
    return 0
  }
})
