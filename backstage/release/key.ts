// `marquee release key`: a new secret key of a role, in a file that only its owner reads.

import { didKeyOf } from '../../server/release/did-key.ts'
import { publicKeyOf } from '../../server/release/ed25519.ts'
import { newRoleKey, parseRoleKey } from '../../server/release/role-key.ts'
import { readRoleKey, writeNew } from './files.ts'
import { onlyWord, releaseCommand } from './misuse.ts'

export const key = releaseCommand({
  help: `marquee release key FILE [--show] [--json]

Makes a new Ed25519 key of a role (to sign releases, or latest pointers), writes the secret into FILE with mode 0600 and shows the public key, which a
trust bundle lists. A file that is there is never overwritten.
  --show   the public key of FILE, which is there
  --json   for programs`,
  options: { show: { type: 'boolean' }, json: { type: 'boolean' } },
  words: true,
  run: async ({ values, words, terminal }) => {
    const path = onlyWord(words, 'FILE')
    let seed: Buffer
    if (values['show'] === true) seed = await readRoleKey(path)
    else {
      const text = newRoleKey()
      await writeNew(path, text, 0o600)
      seed = parseRoleKey(text)
    }
    const publicKey = publicKeyOf(seed)
    terminal.out(values['json'] === true ? JSON.stringify({ did: didKeyOf(publicKey), ed25519: publicKey }) : didKeyOf(publicKey))
    return 0
  }
})
