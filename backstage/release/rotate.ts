// `marquee release rotate`: the next trust bundle under a new root, signed by the old and the new one. Nodes follow when a bundle before committed to
// the new root, and to no other.

import { sha256Hex } from '../../server/stores/multihash.ts'
import { ReleaseFault } from '../../server/release/faults.ts'
import { OUT_HELP, nextBundle, readPrevious, writeBundle } from './bundle-making.ts'
import { askRoot } from './mnemonic.ts'
import { Misuse, needed, noWords, releaseCommand, textIn, wholeIn } from './misuse.ts'

export const rotate = releaseCommand({
  help: `marquee release rotate --previous FILE --out FILE [--next-root HEX] [--mnemonic-fd N] [--new-mnemonic-fd N]

Makes the next trust bundle with a new root: the one that the previous bundle committed to (--next-root of \`marquee release trust\`). It is signed by both,
so both mnemonics are needed once more. Keep the previous bundle: nodes that were away walk over it.
  --next-root HEX        commits to the root after the new one, by its public key
${OUT_HELP}
The mnemonics are asked for at the terminal, which does not show them.
  --mnemonic-fd N        that of the old root is read from file descriptor N instead
  --new-mnemonic-fd N    that of the new root`,
  options: {
    'previous': { type: 'string' }, 'out': { type: 'string' }, 'next-root': { type: 'string' }, 'valid-days': { type: 'string' }, 'mnemonic-fd': { type: 'string' },
    'new-mnemonic-fd': { type: 'string' }
  },
  words: true,
  run: async ({ values, words, terminal }) => {
    noWords(words)
    const out = needed(values, 'out')
    const previous = await readPrevious(needed(values, 'previous'))
    const committed = previous.bundle.next_root?.ed25519_sha256
    if (committed === undefined) throw new ReleaseFault('ROOT_NOT_COMMITTED', 'the previous bundle commits to none')
    const old = await askRoot(terminal, values, { question: 'Mnemonic of the old root: ' })
    if (previous.bundle.root.ed25519 !== old.publicKey) throw new Misuse('the first mnemonic is not that of the old root')
    const root = await askRoot(terminal, values, { name: 'new-mnemonic-fd', question: 'Mnemonic of the new root: ' })
    if (sha256Hex(Buffer.from(root.publicKey, 'hex')) !== committed) throw new ReleaseFault('ROOT_NOT_COMMITTED')
    const now = Math.floor(Date.now() / 1000)
    await writeBundle(out, nextBundle({
      previous, description: null, root, nextRoot: textIn(values, 'next-root'), now, validDays: wholeIn(values, 'valid-days', 1) ?? 365
    }), [old, root], previous, terminal)
    return 0
  }
})
