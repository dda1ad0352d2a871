// The commands that need the root: offline, the mnemonic typed unseen or from a file descriptor, kept nowhere; bundles that only grow.

import { chmodSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { nextBundle } from '../../backstage/release/bundle-making.ts'
import { isSigned } from '../../server/auth/signature.ts'
import { didKeyOf } from '../../server/release/did-key.ts'
import { publicKeyOf } from '../../server/release/ed25519.ts'
import { addSignature } from '../../server/release/signatures.ts'
import { buildTrustBundle, parseTrustBundle } from '../../server/release/trust-bundle.ts'
import { verifyTrust } from '../../server/release/verify-trust.ts'
import { Checks } from '../../server/release/checks.ts'
import { emptyState } from '../../server/release/state.ts'
import { requirePart } from '../support/parts.ts'
import { publisherOf, typeAt } from '../support/release-command.ts'
import { APP, MNEMONIC, NEXT_MNEMONIC, NEXT_ROOT, RELEASE_KEY, ROOT, STRANGER_KEY, TIMESTAMP_KEY, didOf } from '../support/release-chain.ts'
import type { BundleDescription } from '../../backstage/release/bundle-description.ts'
import type { SignedEvent } from '../../server/auth/signature.ts'
import type { TrustBundle } from '../../server/release/trust-bundle.ts'
import type { Publisher, Ran } from '../support/release-command.ts'

const bundleAt = ({ folder }: Publisher, name: string): TrustBundle => parseTrustBundle(readFileSync(join(folder, name)))
const WITH_WORDS = ['--mnemonic-fd', '3']

interface WithBundle extends Publisher { keys: { release: string, timestamp: string } }

const description = ({ release, timestamp }: WithBundle['keys']): BundleDescription => ({
  roles: { release: { threshold: 1, keys: [release], nostr: [], apps: [APP] }, timestamp: { threshold: 1, keys: [timestamp], nostr: [], max_validity_s: 604800 } }, revoked_keys: [], revoked_versions: []
})

/** A publisher with keys and a first bundle that commits to the next root: made without the commands, which take their time. */
function publisherWithBundle (t: Parameters<typeof publisherOf>[0]): WithBundle {
  const publisher = publisherOf(t)
  const keys = { release: didOf(RELEASE_KEY), timestamp: didOf(TIMESTAMP_KEY) }
  writeFileSync(join(publisher.folder, 'trust.json'), JSON.stringify({ roles: { release: { keys: [keys.release], apps: [APP] }, timestamp: { keys: [keys.timestamp] } } }))
  const bundle = nextBundle({ previous: null, description: description(keys), root: ROOT, nextRoot: NEXT_ROOT.publicKey, now: Math.floor(Date.now() / 1000) - 60, validDays: 365 })
  writeFileSync(join(publisher.folder, '1.json'), buildTrustBundle(addSignature(bundle, ROOT.ed25519)))
  return { ...publisher, keys }
}

t.test('root shows the public keys of a mnemonic from a file descriptor', async (t) => {
  const { run } = publisherOf(t)
  const { code, out, err } = await run(['root', '--json', ...WITH_WORDS], [`${MNEMONIC}\n`])
  t.strictSame([code, err], [0, ''])
  t.match(JSON.parse(out), { ed25519: ROOT.publicKey, did: didKeyOf(ROOT.publicKey), nostr: ROOT.pubkey, npub: /^npub1/ })
  const shown = (await run(['root', ...WITH_WORDS], [MNEMONIC])).out
  t.match(shown, new RegExp(`^ed25519 +${ROOT.publicKey}$`, 'm'))
  t.strictSame(shown.match(/\b[0-9a-f]{64}\b/g), [ROOT.publicKey, ROOT.pubkey], 'no hash that could be taken for the key which --next-root wants')
})

t.test('the mnemonic is taken neither from arguments, nor from the environment, nor where there is no terminal', async (t) => {
  const { run } = publisherOf(t)
  const refused = async (args: string[], env: Record<string, string>, says: RegExp): Promise<void> => {
    const { code, out, err } = await run(args, [], env)
    t.strictSame([code, out], [2, ''], args.join(' '))
    t.match(err, says)
  }
  await Promise.all([
    refused(['root'], { RELEASE_MASTER_MNEMONIC: MNEMONIC, MNEMONIC }, /no terminal/),
    refused(['root', '--mnemonic', MNEMONIC], {}, /Unknown option/),
    refused(['root', '--mnemonic-fd', 'abandon'], {}, /number of an open file descriptor/),
    refused(['root', '--mnemonic-fd', '77'], {}, /cannot be read/),
    refused(['root', '--mnemonic-fd', '3'], {}, /3 is not open: --mnemonic-fd 3 3</),
    refused(['root', '--mnemonic-fd', '4'], {}, /is not open/),
    refused(['root', MNEMONIC], {}, /^(?![^]*abandon)[^]*everybody on this machine/)
  ])
})

t.test('words that are no mnemonic are refused without a word of them being told', async (t) => {
  const { code, out, err } = await publisherOf(t).run(['root', ...WITH_WORDS], [MNEMONIC.replace('art', 'hunter')])
  t.strictSame([code, out], [1, ''])
  t.match(err, 'MNEMONIC_INVALID')
  t.notMatch(err, /hunter|abandon/)
})

t.test('on a terminal the mnemonic is asked for, not shown, and the terminal is given back as it was', async (t) => {
  const python = requirePart(t, 'python3')
  if (python === null) return
  const typed = `${MNEMONIC.slice(0, -3)}axx\x7f\x7frt`
  const { code, shown, echoes } = await typeAt(python, ['root', '--json'], [['Mnemonic of the release root: ', `${typed}\r`]])
  t.equal(code, 0, shown)
  t.match(shown, ROOT.publicKey)
  t.notMatch(shown, /abandon|art/)
  t.equal(echoes, true)
  const broken = await typeAt(python, ['root'], [['Mnemonic of the release root: ', `${MNEMONIC}\x03`]])
  t.equal(broken.code, 1)
  t.notMatch(broken.shown, /abandon|[0-9a-f]{64}/)
})

t.test('on a terminal a rotation asks for both mnemonics, also when they are pasted at once', async (t) => {
  const python = requirePart(t, 'python3')
  if (python === null) return
  const publisher = publisherWithBundle(t)
  const at = (name: string): string => join(publisher.folder, name)
  const { code, shown } = await typeAt(python, ['rotate', '--previous', at('1.json'), '--out', at('2.json')], [['Mnemonic of the old root: ', `${MNEMONIC}\r${NEXT_MNEMONIC}\r`]])
  t.equal(code, 0, shown)
  t.notMatch(shown, /abandon|zoo/)
  t.equal(bundleAt(publisher, '2.json').root.ed25519, NEXT_ROOT.publicKey)
})

t.test('key makes a new key in a file with mode 0600, and never overwrites one', async (t) => {
  const { run, folder } = publisherOf(t)
  const { code, out } = await run(['key', 'a.key'])
  t.equal(code, 0)
  t.match(out, /^did:key:z6Mk\w{44}\n$/)
  t.equal(statSync(join(folder, 'a.key')).mode & 0o777, 0o600)
  const before = readFileSync(join(folder, 'a.key'), 'utf8')
  t.match(before, /^[0-9a-f]{64}\n$/)
  const again = await run(['key', 'a.key'])
  t.strictSame([again.code, again.out], [1, ''])
  t.match(again.err, 'not overwritten')
  t.equal(readFileSync(join(folder, 'a.key'), 'utf8'), before)
  t.equal((await run(['key', 'a.key', '--show'])).out, out)
  t.strictSame(readdirSync(folder), ['a.key'], 'nothing else is left')
})

t.test('a key file that others can read is refused', async (t) => {
  const { run, folder } = publisherOf(t)
  writeFileSync(join(folder, 'open.key'), `${'11'.repeat(32)}\n`)
  chmodSync(join(folder, 'open.key'), 0o644) // whatever the umask takes
  const { code, err } = await run(['key', 'open.key', '--show'])
  t.equal(code, 1)
  t.match(err, 'chmod 600')
})

t.test('trust makes the first bundle from a description, and an event of the root\'s npub that carries it', async (t) => {
  const publisher = publisherWithBundle(t)
  const { code, err } = await publisher.run(['trust', '--description', 'trust.json', '--out', 'first.json', '--next-root', NEXT_ROOT.publicKey, ...WITH_WORDS], [MNEMONIC])
  t.equal(code, 0, err)
  const bundle = bundleAt(publisher, 'first.json')
  t.match(bundle, {
    bundle_version: 1, root: { ed25519: ROOT.publicKey, nostr: ROOT.pubkey }, revoked_keys: [], next_root: bundleAt(publisher, '1.json').next_root,
    roles: { release: { threshold: 1, keys: [publisher.keys.release], apps: [APP] }, timestamp: { max_validity_s: 604800 } }
  })
  t.equal(bundle.expires_at - bundle.issued_at, 365 * 86400)
  const event = JSON.parse(readFileSync(join(publisher.folder, 'first.event.json'), 'utf8')) as SignedEvent
  t.ok(isSigned(event))
  t.match(event, { kind: 30078, pubkey: ROOT.pubkey, tags: [['d', 'archipelago/release/trust/v1']], content: readFileSync(join(publisher.folder, 'first.json'), 'utf8') })
})

t.test('a bundle is signed again one version higher; nothing is overwritten, and only its own root signs', async (t) => {
  const publisher = publisherWithBundle(t)
  const next = (args: string[], words = MNEMONIC): Promise<Ran> => publisher.call(['trust', '--previous', '1.json', ...args], [words])
  t.equal((await next(['--out', '2.json', '--valid-days', '30'])).code, 0)
  const [first, second] = [bundleAt(publisher, '1.json'), bundleAt(publisher, '2.json')]
  t.equal(second.bundle_version, 2)
  t.equal(second.expires_at - second.issued_at, 30 * 86400)
  t.strictSame([second.roles, second.next_root], [first.roles, first.next_root])
  t.match(await next(['--out', '2.json']), { code: 1, err: /not overwritten/ })
  t.match(await next(['--out', '3.json'], NEXT_MNEMONIC), { code: 2, err: /another root/ })
  t.match(await next(['--out', '3.json', '--next-root', publicKeyOf(STRANGER_KEY)]), { code: 1, err: /COMMITMENT_CHANGED/ }, 'a commitment cannot be taken back')
  t.match(await next(['--out', '3.json', '--next-root', ROOT.publicKey]), { code: 2, err: /must be another/ }, 'no other root could ever follow')
  t.match(await publisher.call(['trust', '--out', '3.json'], [MNEMONIC]), { code: 2, err: /--description FILE is missing/ })
  t.notOk(readdirSync(publisher.folder).includes('3.json'))
})

t.test('a description with a threshold that its keys cannot meet, with what is no key, or with a member of no meaning is refused', async (t) => {
  const publisher = publisherWithBundle(t)
  const { release, timestamp } = publisher.keys
  const roles = { release: { keys: [release], apps: [APP] }, timestamp: { keys: [timestamp] } }
  const cases: [object, RegExp][] = [
    [{ roles: { ...roles, release: { ...roles.release, threshold: 2 } } }, /BUNDLE_INVALID/], [{ roles: { ...roles, timestamp: { keys: ['did:key:z6Mkx'] } } }, /KEY_INVALID/],
    [{ roles, note: 'x' }, /BUNDLE_INVALID.*|note/], [{ roles: { ...roles, release: { ...roles.release, nostr: ['npub1x'] } } }, /KEY_INVALID/], [{}, /BUNDLE_INVALID/]
  ]
  await Promise.all(cases.map(async ([description, says], i) => {
    writeFileSync(join(publisher.folder, `bad-${i}.json`), JSON.stringify(description))
    t.match(await publisher.call(['trust', '--previous', '1.json', '--description', `bad-${i}.json`, '--out', 'x.json'], [MNEMONIC]), { code: 1, err: says })
  }))
})

t.test('revoke makes the next bundle without a key or a version; a role must keep its threshold; what was revoked stays so', async (t) => {
  const publisher = publisherWithBundle(t)
  const { release } = publisher.keys
  const revoke = (...args: string[]): Promise<Ran> => publisher.call(['revoke', ...args], [MNEMONIC])
  t.match(await revoke('--previous', '1.json', '--out', '2.json', '--key', release), { code: 2, err: /--replace/ })
  const other = didOf(STRANGER_KEY)
  t.match(await revoke('--previous', '1.json', '--out', '2.json', '--key', release, '--replace', other, '--reason', 'it leaked'), { code: 0 })
  t.match(bundleAt(publisher, '2.json'), { bundle_version: 2, roles: { release: { keys: [other] } }, revoked_keys: [{ key: release, reason: 'it leaked' }] })
  t.match(await revoke('--previous', '2.json', '--out', '3.json', '--version', `${APP}:40`, '--version', `${APP}/nightly:7`), { code: 0 })
  t.match(bundleAt(publisher, '3.json'), { revoked_keys: [{ key: release }], revoked_versions: [{ app: APP, sequence: 40 }, { app: APP, channel: 'nightly', sequence: 7 }] })
  // from a description that says nothing of it, but lists the key again
  t.match(await publisher.call(['trust', '--previous', '3.json', '--description', 'trust.json', '--out', '4.json'], [MNEMONIC]), { code: 1, err: /the role release has 0 keys that are not revoked.*BUNDLE_INVALID/ })
  writeFileSync(join(publisher.folder, 'trust.json'), JSON.stringify({ roles: { release: { keys: [other], apps: [APP] }, timestamp: { keys: [publisher.keys.timestamp] } } }))
  t.match(await publisher.call(['trust', '--previous', '3.json', '--description', 'trust.json', '--out', '4.json'], [MNEMONIC]), { code: 0 })
  t.match(bundleAt(publisher, '4.json'), { revoked_keys: [{ key: release }], revoked_versions: [{ sequence: 40 }, { sequence: 7 }] })
  t.match(await revoke('--previous', '1.json', '--out', '9.json'), { code: 2, err: /what\?/ })
})

t.test('rotate needs both mnemonics and the root that was committed to; nodes follow it', async (t) => {
  const publisher = publisherWithBundle(t)
  const rotate = (words: string[], previous = '1.json', out = '2.json'): Promise<Ran> =>
    publisher.call(['rotate', '--previous', previous, '--out', out], words)
  t.match(await rotate([NEXT_MNEMONIC, MNEMONIC]), { code: 2, err: /not that of the old root/ })
  t.match(await rotate([MNEMONIC, MNEMONIC]), { code: 1, err: /ROOT_NOT_COMMITTED/ })
  t.match(await rotate([MNEMONIC, NEXT_MNEMONIC]), { code: 0, err: /no next root/ })
  t.match(bundleAt(publisher, '2.json'), { bundle_version: 2, root: { ed25519: NEXT_ROOT.publicKey, nostr: NEXT_ROOT.pubkey } })
  const checks = new Checks()
  const bytes = (name: string): Buffer => readFileSync(join(publisher.folder, name))
  verifyTrust({ bundle: bytes('2.json'), older: [bytes('1.json')], roots: [ROOT.publicKey], state: emptyState(), now: Math.floor(Date.now() / 1000) }, checks)
  t.strictSame(checks.faults(), [])
  t.match(await rotate([NEXT_MNEMONIC, MNEMONIC], '2.json', '3.json'), { code: 1, err: /commits to none/ })
})

t.test('after all that, no word of a mnemonic and no secret of a root is in any file', async (t) => {
  const publisher = publisherWithBundle(t)
  await publisher.run(['rotate', '--previous', '1.json', '--out', '2.json', '--mnemonic-fd', '3', '--new-mnemonic-fd', '4'], [MNEMONIC, NEXT_MNEMONIC], { HOME: publisher.folder, TMPDIR: publisher.folder })
  const secrets = [ROOT, NEXT_ROOT].flatMap(({ ed25519, secp256k1 }) => [ed25519.toString('hex'), secp256k1.toString('hex')])
  const names = readdirSync(publisher.folder, { recursive: true, encoding: 'utf8' })
  t.ok(names.length >= 4, names.join(' '))
  for (const name of names) {
    const text = readFileSync(join(publisher.folder, name), 'utf8')
    for (const secret of ['abandon', 'zoo', ...secrets]) t.notOk(text.includes(secret), name)
  }
})

t.test('a write that fails leaves nothing behind', async (t) => {
  const publisher = publisherWithBundle(t)
  mkdirSync(join(publisher.folder, 'taken.json'))
  t.match(await publisher.run(['trust', '--previous', '1.json', '--out', 'taken.json', ...WITH_WORDS], [MNEMONIC]), { code: 1 })
  t.strictSame(readdirSync(publisher.folder).filter((name) => name.startsWith('taken')), ['taken.json'])
})
