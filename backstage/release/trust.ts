// `marquee release trust`: the first trust bundle, or the next one, signed by the release root.

import { readDescription } from './bundle-description.ts'
import { OUT_HELP, nextBundle, readPrevious, writeBundle } from './bundle-making.ts'
import { MNEMONIC_HELP, askRoot } from './mnemonic.ts'
import { Misuse, needed, noWords, releaseCommand, textIn, wholeIn } from './misuse.ts'

export const trust = releaseCommand({
  help: `marquee release trust --out FILE [--previous FILE] [--description FILE] [--next-root HEX] [--valid-days N] [--mnemonic-fd N]

Makes a trust bundle, one version above the previous one, and signs it with the release root. Without a description it says again what the previous
one said, for another year. What was revoked before stays revoked.
  --previous FILE      the bundle in force; left out for the very first
  --description FILE   JSON: {"roles":{"release":{"threshold":1,"keys":["did:key:…"],"nostr":["npub1…"],"apps":["org.example.app"]},
                       "timestamp":{"threshold":1,"keys":["did:key:…"],"nostr":["npub1…"],"max_validity_s":604800}},
                       "revoked_keys":[{"key":"did:key:…","reason":"…"}],"revoked_versions":[{"app":"…","sequence":40}]}
  --next-root HEX      commits to the root after this one, by its public key (marquee release root). A commitment cannot be taken back
${OUT_HELP}
${MNEMONIC_HELP}`,
  options: {
    'out': { type: 'string' }, 'previous': { type: 'string' }, 'description': { type: 'string' }, 'next-root': { type: 'string' }, 'valid-days': { type: 'string' },
    'mnemonic-fd': { type: 'string' }
  },
  words: true,
  run: async ({ values, words, terminal }) => {
    noWords(words)
    const now = Math.floor(Date.now() / 1000)
    const out = needed(values, 'out')
    const [previousPath, descriptionPath] = [textIn(values, 'previous'), textIn(values, 'description')]
    if (previousPath === null && descriptionPath === null) throw new Misuse('--description FILE is missing, or --previous FILE')
    const validDays = wholeIn(values, 'valid-days', 1) ?? 365
    const description = descriptionPath === null ? null : await readDescription(descriptionPath, now)
    const previous = previousPath === null ? null : await readPrevious(previousPath)
    const root = await askRoot(terminal, values)
    const bundle = nextBundle({ previous, description, root, nextRoot: textIn(values, 'next-root'), now, validDays })
    if (previous !== null && previous.bundle.root.ed25519 !== root.publicKey) throw new Misuse('this is the mnemonic of another root; a change of root is `marquee release rotate`')
    await writeBundle(out, bundle, [root], previous, terminal)
    return 0
  }
})
