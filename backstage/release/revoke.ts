// `marquee release revoke`: the next trust bundle, in which a key counts for nothing any more or a release may not be installed.

import { didIn } from './bundle-description.ts'
import { OUT_HELP, nextBundle, readPrevious, writeBundle } from './bundle-making.ts'
import { MNEMONIC_HELP, askRoot } from './mnemonic.ts'
import { Misuse, needed, noWords, releaseCommand, textIn, textsIn, wholeIn } from './misuse.ts'
import type { RevokedVersion, Role } from '../../server/release/trust-bundle.ts'

export const revoke = releaseCommand({
  help: `marquee release revoke --previous FILE --out FILE [--key DID]… [--version APP[/CHANNEL]:SEQUENCE]… [--replace DID] [--reason WORDS] [--mnemonic-fd N]

Makes the next trust bundle without a key, or without a release. A revoked key counts for nothing, whatever date a document claims; the root must sign,
and nodes follow as soon as they see the bundle. Releases that only a revoked key signed must be signed again by another.
  --key DID       the key that leaked or is retired; it leaves every role
  --replace DID   the key that takes its place in the roles that it had
  --version …     as org.example.app:40, or org.example.app/beta:40 for one channel
  --reason WORDS  everybody reads them
${OUT_HELP}
${MNEMONIC_HELP}`,
  options: {
    'previous': { type: 'string' }, 'out': { type: 'string' }, 'key': { type: 'string', multiple: true }, 'version': { type: 'string', multiple: true }, 'replace': { type: 'string' },
    'reason': { type: 'string' }, 'valid-days': { type: 'string' }, 'mnemonic-fd': { type: 'string' }
  },
  words: true,
  run: async ({ values, words, terminal }) => {
    noWords(words)
    const now = Math.floor(Date.now() / 1000)
    const out = needed(values, 'out')
    const previous = await readPrevious(needed(values, 'previous'))
    const reason = textIn(values, 'reason') ?? ''
    const keys = textsIn(values, 'key').map(didIn)
    const versions = textsIn(values, 'version').map((text) => versionIn(text, reason))
    if (keys.length + versions.length === 0) throw new Misuse('what? --key DID or --version APP:SEQUENCE')
    const replacement = textIn(values, 'replace')
    const { release, timestamp } = previous.bundle.roles
    const without = <T extends Role> (name: string, role: T): T => ({ ...role, keys: left(name, role, keys, replacement === null ? null : didIn(replacement)) })
    const root = await askRoot(terminal, values)
    if (previous.bundle.root.ed25519 !== root.publicKey) throw new Misuse('this is the mnemonic of another root')
    await writeBundle(out, nextBundle({
      previous,
      description: { roles: { release: without('release', release), timestamp: without('timestamp', timestamp) }, revoked_keys: keys.map((key) => ({ key, since: now, reason })), revoked_versions: versions },
      root, nextRoot: null, now, validDays: wholeIn(values, 'valid-days', 1) ?? 365
    }), [root], previous, terminal)
    return 0
  }
})

function left (name: string, { keys, threshold }: Role, revoked: readonly string[], replacement: string | null): string[] {
  const kept = keys.filter((key) => !revoked.includes(key))
  if (kept.length < keys.length && replacement !== null && !kept.includes(replacement)) kept.push(replacement)
  if (kept.length < threshold) throw new Misuse(`the role ${name} would have ${kept.length} keys and a threshold of ${threshold}: --replace DID`)
  return kept
}

function versionIn (text: string, reason: string): RevokedVersion {
  const match = /^([^/:]+)(?:\/([^/:]+))?:(\d+)$/.exec(text)
  if (match === null) throw new Misuse('--version must be APP:SEQUENCE or APP/CHANNEL:SEQUENCE')
  const [, app, channel, sequence] = match
  return { app: app!, sequence: Number(sequence), ...(channel === undefined ? {} : { channel }), ...(reason === '' ? {} : { reason }) }
}
