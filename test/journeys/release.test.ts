// The main job of releases (issue 8): two real binaries are made into a release, signed, uploaded and announced on a real nostr-rs-relay, found by another
// node through the relay, verified, and fetched from a peer, with the origin where peers fail; and who cheats on the way moves nobody.

import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { once } from 'node:events'
import { join } from 'node:path'
import { blake3 } from '@napi-rs/blake-hash'
import { nsecEncode } from 'nostr-tools/nip19'
import t from 'tap'
import { startMarquee } from '../support/app.ts'
import { runMarquee, storeEnv } from '../support/children.ts'
import { Signer } from '../support/keys.ts'
import { freePort } from '../support/program.ts'
import { pointerNow } from '../support/live-release.ts'
import { startNostrRelay } from '../support/nostr-relay.ts'
import { MNEMONIC, ROOT, STRANGER_KEY } from '../support/release-chain.ts'
import { publisherOf } from '../support/release-command.ts'
import { startRelayPolicy } from '../support/relay-policy.ts'
import { RelayLink } from '../../server/catalog/relay-link.ts'
import { buildProviderAdvert } from '../../server/catalog/kinds/provider-advert.ts'
import { pointerDraft, releaseDraft } from '../../backstage/release/release-events.ts'
import { databasePath } from '../../server/marquee.ts'
import { parseLatestPointer } from '../../server/release/latest-pointer.ts'
import { buildReleaseManifest, nameOfBytes, parseReleaseManifest } from '../../server/release/manifest-v2.ts'
import { buildReleaseSet, parseReleaseSet } from '../../server/release/release-set.ts'
import { parseRoleKey } from '../../server/release/role-key.ts'
import { addSignature } from '../../server/release/signatures.ts'
import { sha256Hex } from '../../server/stores/multihash.ts'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import type { Running } from '../support/app.ts'
import type { SignedEvent } from '../../server/auth/signature.ts'

const APP = 'org.example.node'
const WHICH = ['--app', APP, '--channel', 'stable']
const LATEST = `/catalog/releases/latest?app=${APP}&channel=stable`
const seconds = (): number => Math.floor(Date.now() / 1000)

async function until (isSo: () => Promise<boolean> | boolean): Promise<boolean> {
  for (let i = 0; i < 2000; i++) {
    if (await isSo()) return true
    await new Promise((resolve) => { setTimeout(resolve, 30) })
  }
  return false
}

/** A place that answers any path with these bytes, and counts how often. */
async function serve (t: Test, bytes: () => Uint8Array): Promise<{ url: string, asked: () => number }> {
  let asked = 0
  const server = createServer((_request, response) => { asked++; response.end(bytes()) })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => { server.closeAllConnections(); server.close() })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked: () => asked }
}

interface Told { verdict: string, sequence: number | null, faults: { check: string, code: string }[], files: { path: string, sha256: string, from: string[] }[] }

t.test('a release from the publisher to a node, and everybody who would cheat on the way', async t => {
  const operator = new Signer()
  const nodes = [new Signer(), new Signer()] as const
  const { url: policy } = await startRelayPolicy(t, { creators: [], releaseKeys: [operator.pubkey, ROOT.pubkey] })
  const relay = await startNostrRelay(t, { policy })
  if (relay === null) return
  const start = async (dataDir?: string): Promise<Running> => {
    const port = await freePort()
    return startMarquee(t, { env: { PORT: String(port), PUBLIC_URL: `http://127.0.0.1:${port}`, RELAYS: relay.url, RELEASE_ROOT: ROOT.publicKey, RATE_LIMIT: 'off' }, ...(dataDir === undefined ? {} : { dataDir }) })
  }
  let origin = await start()
  const [originUrl, originFolder] = [origin.url, origin.dataDir]
  const peer = await start()
  t.ok(await until(() => [origin, peer].every(({ marquee }) => marquee.catalog.followers[0]!.status.caughtUp)))

  // the ceremony: role keys, and a bundle that the root signs offline
  const { run, folder } = publisherOf(t)
  const at = (...names: string[]): string => join(folder, ...names)
  const good = async (args: string[], secrets?: string[]): Promise<string> => {
    const { code, out, err } = await run(args, secrets)
    if (code !== 0) throw new Error(`release ${args.join(' ')}: ${code}\n${out}\n${err}`)
    return out
  }
  const [releaseDid, timestampDid] = await Promise.all([good(['key', 'release.key']), good(['key', 'timestamp.key'])])
  writeFileSync(at('operator.nsec'), nsecEncode(operator.secret), { mode: 0o600 })
  writeFileSync(at('roles.json'), JSON.stringify({ roles: {
    release: { threshold: 1, keys: [releaseDid.trim()], nostr: [operator.pubkey], apps: [APP] },
    timestamp: { threshold: 1, keys: [timestampDid.trim()], nostr: [operator.pubkey, origin.marquee.nodeKey.pubkey] }
  } }))
  await good(['trust', '--out', 'trust-bundle.json', '--description', 'roles.json', '--mnemonic-fd', '3'], [MNEMONIC])

  /** Two real programs of this machine, with something of their own at the end. */
  const make = async (sequence: number): Promise<void> => {
    mkdirSync(at(`v${sequence}`))
    for (const [name, program] of [['node', '/usr/bin/env'], ['cli', '/usr/bin/true']] as const) {
      const path = at(`v${sequence}`, name)
      copyFileSync(program, path)
      chmodSync(path, 0o755)
      writeFileSync(path, `\n${sequence}`, { flag: 'a' })
    }
    for (const name of ['trust-bundle.json', 'trust-bundle.event.json']) copyFileSync(at(name), at(`v${sequence}`, name))
    await good([
      'make', ...WHICH, '--version', `1.0.${sequence}`, '--sequence', String(sequence), '--server', originUrl, '--out', `v${sequence}`,
      '--component', `node:linux-x86_64:v${sequence}/node`, '--component', `cli:linux-x86_64:v${sequence}/cli`, '--rollback-floor', '42', '--changelog', 'Better.'
    ])
    await good(['sign', `v${sequence}`, '--key', 'release.key'])
  }
  const publish = (sequence: number): Promise<string> => good(['publish', `v${sequence}`, '--server', originUrl, '--key', 'operator.nsec', '--timestamp', 'timestamp.key', '--name', 'Node'])
  await make(42)
  await publish(42)
  t.match(await publish(42), /0 of 5 blobs sent/, 'published again: nothing is sent twice')

  // found by others through the relay alone
  const sequencesAt = async (url: string): Promise<(number | null)[]> =>
    (await (await fetch(`${url}/catalog/releases?app=${APP}`)).json() as { releases: { sequence: number }[] }).releases.map(({ sequence }) => sequence)
  t.ok(await until(async () => (await sequencesAt(peer.url)).includes(42)), 'the other server has it from the relay')

  let homes = 0
  const newHome = (): string => at(`home${homes++}`)
  const fetchInto = async (home: string, args: string[]): Promise<{ code: number | null, told: Told, err: string }> => {
    const { code, out, err } = await run(['fetch', ...WHICH, '--platform', 'linux-x86_64', '--root', ROOT.publicKey, '--state', `${home}.state`, '--out', home, '--private-peers', '--json', '--patience', '1', ...args])
    return { code, err, told: (out === '' ? {} : JSON.parse(out)) as Told }
  }
  const isWhole = (home: string, sequence: number): boolean => ['node', 'cli'].every((name) => readFileSync(join(home, name)).equals(readFileSync(at(`v${sequence}`, name))))
  const [first, second] = [newHome(), newHome()]

  // a node with the relay alone: verified, files from the origin, and a provider itself from then on
  writeFileSync(at('first.nsec'), nsecEncode(nodes[0].secret), { mode: 0o600 })
  const one = await fetchInto(first, ['--relay', relay.url, '--advertise', peer.url, '--key', 'first.nsec'])
  t.match([one.code, one.told.verdict, one.told.sequence, one.told.files.map(({ from }) => from)], [0, 'install', 42, [[originUrl], [originUrl]]], one.err)
  t.ok(isWhole(first, 42))
  t.match((await run(['verify', join(first, '.release'), '--root', ROOT.publicKey, '--state', `${first}.state`])).code, 0, 'what it got verifies by itself')

  // a second node: a liar's advert is the freshest, so it is asked first; what it gives is thrown away, and the honest peer gives the file
  const liar = await serve(t, () => Buffer.from('not the program'))
  const link = new RelayLink({ url: relay.url, sign: null, now: Date.now })
  await link.open()
  t.teardown(() => { link.close() })
  const tell = async (event: SignedEvent): Promise<boolean> => (await link.publish(event)).accepted
  for (const name of ['node', 'cli']) {
    const bytes = readFileSync(at('v42', name))
    t.ok(await tell(nodes[1].sign(buildProviderAdvert({ blake3: blake3(bytes).toString('hex'), sha256: sha256Hex(bytes), size: bytes.length, servers: [liar.url] }, seconds() + 5))))
  }
  const two = await fetchInto(second, ['--server', peer.url, '--relay', relay.url])
  t.match([two.code, two.told.files.map(({ from }) => from.at(-1))], [0, [peer.url, peer.url]], two.err)
  t.ok(isWhole(second, 42), 'a substituted file is not kept')
  t.ok(liar.asked() > 0)
  t.match(two.err, `${liar.url} broke off`)

  // the peers are gone: the origin
  await peer.close()
  const third = newHome()
  const three = await fetchInto(third, ['--relay', relay.url])
  t.match([three.code, three.told.files.map(({ from }) => from.at(-1))], [0, [originUrl, originUrl]], three.err)
  t.ok(isWhole(third, 42))

  // a stolen npub alone: events that look right, documents that are not
  const before = Buffer.from(await (await fetch(`${originUrl}${LATEST}`)).arrayBuffer())
  const forged = buildReleaseManifest(addSignature({ ...parseReleaseManifest(readFileSync(at('v42', 'manifest.json'))), version: '6.6.6', sequence: 66, signatures: [] }, STRANGER_KEY))
  const forgedPointer = pointerNow(forged, undefined, [STRANGER_KEY])
  t.ok(await tell(operator.sign(releaseDraft(parseReleaseManifest(forged), nameOfBytes(forged), [sha256Hex(forged)], operator.pubkey, seconds() + 5))), 'the relay cannot know')
  t.ok(await tell(operator.sign(pointerDraft(parseLatestPointer(forgedPointer), forgedPointer.toString(), seconds() + 5))))
  const stolen = await fetchInto(third, ['--relay', relay.url, '--server', originUrl, '--installed', '42'])
  t.match([stolen.code, stolen.told.verdict, stolen.told.sequence], [0, 'stay', 42], stolen.err)
  t.same((await (await fetch(`${originUrl}${LATEST}`)).json() as { pointer: string }).pointer, JSON.parse(before.toString()).pointer, 'and the origin takes none of it')

  // the next release
  await make(43)
  await publish(43)
  const next = await fetchInto(third, ['--relay', relay.url, '--server', originUrl, '--installed', '42'])
  t.match([next.code, next.told.verdict, next.told.sequence], [0, 'install', 43], next.err)
  t.ok(isWhole(third, 43))

  // a mirror that shows what was the latest before; a node that was installed anew has its state
  const mirror = await serve(t, () => before)
  rmSync(third, { recursive: true })
  const back = await fetchInto(third, ['--server', mirror.url])
  t.match([back.code, back.told.verdict, back.told.faults.map(({ code }) => code)], [1, 'refused', ['POINTER_OLDER']], back.err)
  t.notOk(existsSync(join(third, 'node')), 'nothing was fetched')

  // one that withholds news: what it has runs out, and that shows
  const old = parseReleaseSet(Buffer.from(await (await fetch(`${originUrl}${LATEST}`)).arrayBuffer()))
  const expired = pointerNow(old.manifest!, (pointer) => { pointer.issued_at = seconds() - 8 * 86400; pointer.expires_at = seconds() - 86400 }, [parseRoleKey(readFileSync(at('timestamp.key'), 'utf8'))])
  const frozen = await serve(t, () => buildReleaseSet({ ...old, pointer: expired, events: [] }))
  const stale = await fetchInto(third, ['--server', frozen.url])
  t.match([stale.code, stale.told.verdict, stale.told.faults.map(({ code }) => code)], [1, 'stale', ['POINTER_EXPIRED']], stale.err)
  t.match((await fetchInto(third, ['--server', frozen.url, '--server', originUrl])).told, { verdict: 'install', sequence: 43 }, 'one honest server is enough')

  // the origin loses its database: trust and floor do not go with it
  const kept = origin.marquee.catalog.releases.trust.state
  await origin.close()
  for (const part of ['', '-wal', '-shm']) rmSync(`${databasePath(originFolder)}${part}`, { force: true })
  const rebuilt = await runMarquee(t, ['rebuild'], { ...storeEnv(originFolder, null), RELEASE_ROOT: ROOT.publicKey })
  t.equal(rebuilt.code, 0, rebuilt.output)
  origin = await start(originFolder)
  t.same(origin.marquee.catalog.releases.trust.state, kept)
  t.match(await (await fetch(`${origin.url}${LATEST}`)).json(), { manifest: readFileSync(at('v43', 'manifest.json'), 'utf8') })
  const replayed = await fetch(`${origin.url}/catalog/events`, { method: 'POST', body: JSON.stringify(operator.sign(pointerDraft(parseLatestPointer(readFileSync(at('v42', 'latest-pointer.json'))), readFileSync(at('v42', 'latest-pointer.json'), 'utf8'), seconds() + 10))) })
  t.match(await replayed.json(), { code: 'POINTER_OLDER' })
})
