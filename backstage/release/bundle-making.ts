// The next trust bundle: what was in the one before, one version higher, signed by the root. What was revoked stays revoked, and which root follows
// stays as it was committed to. It is judged as a node would before anything is written.

import { signEvent } from '../../server/auth/signature.ts'
import { OUR_BUDGET, eventBytes } from '../../server/catalog/budget.ts'
import { TRUST_BUNDLE_NAME as CARRIER_NAME, buildCarrier } from '../../server/catalog/kinds/application-data.ts'
import { Checks } from '../../server/release/checks.ts'
import { didKeyOf } from '../../server/release/did-key.ts'
import { ReleaseFault } from '../../server/release/faults.ts'
import { addSignature, signersOf } from '../../server/release/signatures.ts'
import { emptyState } from '../../server/release/state.ts'
import { BUNDLE_LIMIT, TRUST_BUNDLE_NAME, buildTrustBundle, parseTrustBundle } from '../../server/release/trust-bundle.ts'
import { verifyTrust } from '../../server/release/verify-trust.ts'
import { sha256Hex } from '../../server/stores/multihash.ts'
import { readLimited, writeNew } from './files.ts'
import { Misuse } from './misuse.ts'
import type { Terminal } from '../../server/commands/terminal.ts'
import type { ReleaseRoot } from '../../server/release/derive.ts'
import type { TrustBundle } from '../../server/release/trust-bundle.ts'
import type { BundleDescription } from './bundle-description.ts'

const DAY = 86400

export const OUT_HELP = `  --out FILE        where the new bundle goes; FILE's name with .event.json gets the Nostr event (30078) that carries it, by the root's npub.
                    Neither may be there already
  --valid-days N    until when it is good (365): a bundle that has expired stops updates, not nodes`

export interface Previous {
  bundle: TrustBundle
  bytes: Buffer
}

/** Rejects with what is wrong with it, also when its own root did not sign it. */
export async function readPrevious (path: string): Promise<Previous> {
  const bytes = await readLimited(path, BUNDLE_LIMIT)
  const bundle = parseTrustBundle(bytes)
  if (!signersOf(bundle).has(didKeyOf(bundle.root.ed25519))) throw new ReleaseFault('ROOT_WRONG', path)
  return { bundle, bytes }
}

export interface NextBundle {
  previous: Previous | null
  /** Null: as before. */
  description: BundleDescription | null
  root: ReleaseRoot
  /** Of the root after this one, 64 hex digits: a public key. Null: as committed to before, or none. */
  nextRoot: string | null
  /** Unix seconds. */
  now: number
  validDays: number
}

/** Unsigned. Throws Misuse or a ReleaseFault. */
export function nextBundle ({ previous, description, root, nextRoot, now, validDays }: NextBundle): TrustBundle {
  const before = previous?.bundle ?? null
  const said = description ?? before
  if (said === null) throw new Misuse('the first bundle needs --description FILE')
  if (nextRoot !== null && !/^[0-9a-f]{64}$/.test(nextRoot)) throw new Misuse('--next-root must be a public key of 64 hex digits: marquee release root')
  // a commitment cannot be taken back: after this one no other root could follow
  if (nextRoot === root.publicKey || nextRoot === before?.root.ed25519) throw new Misuse('--next-root is a root that signs this bundle: it must be another, of a mnemonic of its own')
  const committed = nextRoot === null ? null : { ed25519_sha256: sha256Hex(Buffer.from(nextRoot, 'hex')) }
  const rotates = before !== null && before.root.ed25519 !== root.publicKey
  const next = committed ?? (rotates ? null : before?.next_root ?? null)
  const revoked = united(before?.revoked_keys ?? [], said.revoked_keys, ({ key }) => key)
  for (const [name, { keys, threshold }] of Object.entries(said.roles)) {
    const left = keys.filter((key) => !revoked.some((each) => each.key === key)).length
    if (left < threshold) throw new ReleaseFault('BUNDLE_INVALID', `the role ${name} has ${left} keys that are not revoked, and a threshold of ${threshold}`)
  }
  return {
    schema: TRUST_BUNDLE_NAME,
    bundle_version: (before?.bundle_version ?? 0) + 1,
    issued_at: now,
    expires_at: now + validDays * DAY,
    root: { ed25519: root.publicKey, nostr: root.pubkey },
    roles: said.roles,
    revoked_keys: revoked,
    revoked_versions: united(before?.revoked_versions ?? [], said.revoked_versions, ({ app, channel, sequence }) => JSON.stringify([app, channel, sequence])),
    ...(next === null ? {} : { next_root: next }),
    signatures: []
  }
}

/** What was revoked stays revoked. */
function united<T> (before: readonly T[], now: readonly T[], nameOf: (each: T) => string): T[] {
  return [...new Map([...before, ...now].map((each) => [nameOf(each), each])).values()]
}

/** Signs, judges it as a node would that has seen the one before, and writes. Rejects with a ReleaseFault, or when a file is there. */
export async function writeBundle (path: string, unsigned: TrustBundle, roots: readonly ReleaseRoot[], previous: Previous | null, terminal: Terminal): Promise<void> {
  const bytes = buildTrustBundle(roots.reduce((each, { ed25519 }) => addSignature(each, ed25519), unsigned))
  const checks = new Checks()
  verifyTrust({
    bundle: bytes, older: previous === null ? [] : [previous.bytes], roots: [previous?.bundle.root.ed25519 ?? unsigned.root.ed25519], state: emptyState(), now: unsigned.issued_at
  }, checks)
  const [fault] = checks.faults()
  if (fault !== undefined) throw new ReleaseFault(fault.code)
  const draft = buildCarrier({ d: CARRIER_NAME, content: bytes.toString('utf8') }, unsigned.issued_at)
  const carried = eventBytes(draft) <= OUR_BUDGET.bytes
  const eventPath = `${path.replace(/\.json$/, '')}.event.json`
  await writeNew(path, bytes)
  if (carried) await writeNew(eventPath, `${JSON.stringify(signEvent(draft, roots.at(-1)!.secp256k1.toString('hex')))}\n`)
  terminal.out(`trust bundle ${unsigned.bundle_version} of root ${unsigned.root.ed25519}, until ${new Date(unsigned.expires_at * 1000).toISOString().slice(0, 10)}: ${path}`)
  terminal.out(carried ? `the event that carries it: ${eventPath}` : 'it is too large for an event: nodes must get it over HTTP')
  if (unsigned.next_root === undefined) terminal.err('no next root is committed to: if this root leaks, nodes can only be told by hand. --next-root')
}
