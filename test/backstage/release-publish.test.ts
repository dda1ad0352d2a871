// `marquee release publish`: what it makes passes zapstore's validators (reference §1.5), nothing is made or sent twice, what was broken off goes on, and
// what no node would install is not published at all.

import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { nsecEncode } from 'nostr-tools/nip19'
import t from 'tap'
import { startMarquee } from '../support/app.ts'
import { newFolder } from '../support/both-stores.ts'
import { runInside } from '../support/command-inside.ts'
import { Signer } from '../support/keys.ts'
import { CHANNEL, PINNED, bundleNow, operator, pointerNow, releaseNow, seconds } from '../support/live-release.ts'
import { STRANGER_KEY, TIMESTAMP_KEY } from '../support/release-chain.ts'
import { pointer as pointerCommand } from '../../backstage/release/pointer.ts'
import { publish as publishCommand } from '../../backstage/release/publish.ts'
import { PLATFORMS } from '../../server/catalog/kinds/platforms.ts'
import { sha256Hex } from '../../server/stores/multihash.ts'
import type { Test } from 'tap'
import type { SignedEvent } from '../../server/auth/signature.ts'
import type { LiveOptions, LiveRelease } from '../support/live-release.ts'

const ENV = { RELEASE_ROOT: PINNED, RATE_LIMIT: 'off' }

interface Ran { code: number, out: string, err: string }

interface Made {
  folder: string
  release: LiveRelease
  publish: (...args: string[]) => Promise<Ran>
}

/** A release in a folder as `make`, `sign` and `trust` leave it. */
function madeOf (t: Test, options: Omit<LiveOptions, 'pointer'> & { bundle?: Buffer, pointer?: Buffer | null } = {}): Made {
  const folder = newFolder(t)
  const { bundle, pointer, ...live } = options
  const release = releaseNow(42, live)
  mkdirSync(join(folder, 'r'))
  const write = (name: string, bytes: Buffer | string): void => { writeFileSync(join(folder, 'r', name), bytes) }
  for (const { platform, bytes } of release.files) write(platform, bytes)
  write('manifest.json', release.manifest)
  write('files.json', JSON.stringify({ schema: 'marquee.release-files/1', files: Object.fromEntries(release.files.map(({ platform, sha256 }) => [sha256, join(folder, 'r', platform)])) }))
  write('trust-bundle.json', bundle ?? bundleNow())
  if (pointer !== null) write('latest-pointer.json', pointer ?? release.pointer)
  writeFileSync(join(folder, 'key'), nsecEncode(operator.secret), { mode: 0o600 })
  writeFileSync(join(folder, 'timestamp'), TIMESTAMP_KEY.toString('hex'), { mode: 0o600 })
  return { folder: join(folder, 'r'), release, publish: (...args) => runInside(publishCommand, [join(folder, 'r'), '--key', join(folder, 'key'), '--patience', '1', ...args]) }
}

async function eventsAt (url: string): Promise<SignedEvent[]> {
  const text = await (await fetch(`${url}/catalog/events?limit=5000`)).text()
  return text.trim().split('\n').filter((line) => line !== '').map((line) => (JSON.parse(line) as { event: SignedEvent }).event)
}

/** What zapstore's relay asks of each kind, as its source has it (reference §1.5). */
function zapstoreFaults ({ kind, tags, content }: SignedEvent): string[] {
  const all = (name: string): string[] => tags.filter(([each]) => each === name).map(([, value = '']) => value)
  const faults: string[] = []
  const must = (holds: boolean, what: string): void => { if (!holds) faults.push(`${kind}: ${what}`) }
  const HEX64 = /^[0-9a-f]{64}$/
  if (kind === 32267) {
    for (const name of ['d', 'name']) must(all(name).length === 1 && all(name)[0] !== '', name)
    must(all('f').length >= 1 && all('f').every((each) => PLATFORMS.includes(each)), 'f')
    must(all('d')[0] === all('i')[0], 'd is i')
  } else if (kind === 30063) {
    for (const name of ['i', 'version', 'd', 'c']) must(all(name).length === 1 && all(name)[0] !== '', name)
    must(all('d')[0] === `${all('i')[0]}@${all('version')[0]}`, 'd is i@version')
    must(all('e').length >= 1 && all('e').every((each) => HEX64.test(each)), 'e')
  } else if (kind === 3063) {
    for (const name of ['i', 'x', 'version', 'm', 'size']) must(all(name).length === 1 && all(name)[0] !== '', name)
    must(HEX64.test(all('x')[0]!) && /^\d+$/.test(all('size')[0]!), 'x and size')
    must(all('f').length >= 1 && all('f').every((each) => PLATFORMS.includes(each)), 'f')
    must(content === '', 'no content')
  }
  return faults
}

t.test('every event passes zapstore\'s validators, agrees with the manifest, and is in the catalog of every server', async t => {
  const servers = [await startMarquee(t, { env: ENV }), await startMarquee(t, { env: ENV })]
  const { release, publish } = madeOf(t)
  const { code, out, err } = await publish(...servers.flatMap(({ url }) => ['--server', url]), '--name', 'Node', '--license', 'MIT')
  t.equal(code, 0, err)
  t.match(out, /10 of 10 blobs sent/)
  for (const { url, marquee } of servers) {
    const events = await eventsAt(url)
    t.same(events.map(({ kind }) => kind), [30078, 32267, 3063, 3063, 30063, 30078])
    t.same(events.flatMap(zapstoreFaults), [])
    t.ok(events.every(({ pubkey }) => pubkey === operator.pubkey))
    const release30063 = events[4]!
    t.same(release30063.tags.filter(([name]) => name === 'e').map(([, id]) => id), events.slice(2, 4).map(({ id }) => id))
    t.same(release30063.tags.find(([name]) => name === 'sequence'), ['sequence', '42'])
    t.ok(events.slice(2, 4).every(({ tags }) => tags.filter(([name]) => name === 'url').length === 3), 'where the publisher says, and each server')
    for (const bytes of [release.manifest, ...release.files.map((file) => file.bytes)]) t.equal((await fetch(`${url}/${sha256Hex(bytes)}`, { method: 'HEAD' })).status, 200)
    await marquee.catalog.releases.settled()
    t.match(await (await fetch(`${url}/catalog/releases`)).json(), { releases: [{ channel: CHANNEL, sequence: 42, verified: true }] })
  }
})

t.test('run again it makes and sends nothing; broken off it goes on with the same events', async t => {
  const { url } = await startMarquee(t, { env: ENV })
  const { folder, publish } = madeOf(t)
  const away = await publish('--server', url, '--server', 'http://127.0.0.1:1')
  t.equal(away.code, 1)
  t.match(away.err, /127\.0\.0\.1:1/)
  t.equal((await eventsAt(url)).length, 0, 'nothing is announced before every server has the files')
  t.equal((await publish('--server', url)).code, 0)
  const before = await eventsAt(url)
  const again = await publish('--server', url)
  t.match(again.out, /0 of 5 blobs sent/)
  t.same(await eventsAt(url), before)
  const other = await startMarquee(t, { env: ENV })
  t.equal((await publish('--server', url, '--server', other.url)).code, 0)
  const ids = async (at: string): Promise<string[]> => (await eventsAt(at)).filter(({ kind }) => kind === 3063).map(({ id }) => id)
  t.equal((await ids(url)).length, 4, 'one more server is one more URL in the events of files')
  rmSync(join(folder, 'published-events.json'))
  t.equal((await publish('--server', url, '--server', other.url)).code, 0, 'without what was noted too: what is newer there is passed')
})

t.test('a pointer is made of the manifest where a timestamp key is given, and the same one again while it is fresh', async t => {
  const { url } = await startMarquee(t, { env: ENV })
  const { folder, publish } = madeOf(t, { pointer: null })
  t.equal((await publish('--server', url)).code, 2, 'without one there is nothing to publish')
  t.equal((await publish('--server', url, '--timestamp', join(folder, '..', 'timestamp'))).code, 0)
  const made = readFileSync(join(folder, 'latest-pointer.json'), 'utf8')
  t.match(JSON.parse(made), { sequence: 42, version: '1.8.42' })
  t.equal((await publish('--server', url, '--timestamp', join(folder, '..', 'timestamp'))).code, 0)
  t.equal(readFileSync(join(folder, 'latest-pointer.json'), 'utf8'), made)
})

t.test('what no node would install is not published: no byte goes out', async t => {
  const { url } = await startMarquee(t, { env: ENV })
  const refused = async (words: string, made: Made, code: number, says: RegExp): Promise<void> => {
    const ran = await made.publish('--server', url)
    t.equal(ran.code, code, words)
    t.match(ran.err, says, words)
    for (const { sha256 } of made.release.files) t.equal((await fetch(`${url}/${sha256}`, { method: 'HEAD' })).status, 404)
  }
  await refused('a manifest that is not signed by a release key', madeOf(t, { manifestSeeds: [STRANGER_KEY] }), 1, /KEY_NOT_LISTED/)
  const { manifest } = releaseNow(42)
  await refused('a pointer that has run out', madeOf(t, { pointer: pointerNow(manifest, (each) => { each.issued_at = 1; each.expires_at = seconds() - 5 }) }), 1, /POINTER_EXPIRED|POINTER_TOO_LONG/)
  await refused('a pointer to another release', madeOf(t, { pointer: releaseNow(43).pointer }), 1, /MANIFEST_HASH/)
  await refused('a revoked release', madeOf(t, { bundle: bundleNow((bundle) => { bundle.revoked_versions = [{ app: bundle.roles.release.apps[0]!, sequence: 42 }] }) }), 1, /VERSION_REVOKED/)
  const changed = madeOf(t)
  writeFileSync(join(changed.folder, 'linux-x86_64'), 'another program')
  await refused('a file that is another by now', changed, 1, /ARTIFACT_WRONG/)
  const strangers = madeOf(t)
  writeFileSync(join(strangers.folder, '..', 'key'), nsecEncode(new Signer().secret))
  await refused('a key that the bundle does not list', strangers, 2, /does not list/)
  t.notOk(existsSync(join(strangers.folder, 'published-events.json')))
})

t.test('a trust bundle alone is published, and is in force at once', async t => {
  const { url } = await startMarquee(t, { env: ENV })
  const { folder, publish } = madeOf(t)
  t.equal((await publish('--server', url)).code, 0)
  const path = join(folder, '..', 'next.json')
  const alone = (...args: string[]): Promise<Ran> => runInside(publishCommand, ['--trust', path, '--key', join(folder, '..', 'key'), '--server', url, ...args])
  writeFileSync(path, bundleNow((bundle) => { bundle.bundle_version = 8; bundle.revoked_versions = [{ app: bundle.roles.release.apps[0]!, sequence: 42 }] }))
  t.match(await alone(), { code: 0, out: /trust bundle 8 is in force/ })
  t.match(await (await fetch(`${url}/catalog/releases`)).json(), { releases: [{ revoked: true }] })
  t.match(await (await fetch(`${url}/catalog/trust`)).json(), { bundles: [{ bundle_version: 8 }] })
  writeFileSync(path, bundleNow((bundle) => { bundle.bundle_version = 7 }))
  t.match(await alone(), { code: 1, err: /BUNDLE_OLDER/ })
})

t.test('pointer signs the latest of a folder offline, and of a server where it verifies', async t => {
  const { url } = await startMarquee(t, { env: ENV })
  const { folder, publish } = madeOf(t)
  const run = (args: string[]): Promise<Ran> => runInside(pointerCommand, args)
  const key = join(folder, '..', 'timestamp')
  t.match((await run([folder, '--key', key])).out, /42 is the latest, until/)
  t.equal((await publish('--server', url)).code, 0)
  const before = await (await fetch(`${url}/catalog/releases/latest?app=org.archipelago.node&channel=${CHANNEL}`)).json() as { pointer: string }
  await new Promise((resolve) => { setTimeout(resolve, 1100) })
  const which = ['--app', 'org.archipelago.node', '--channel', CHANNEL, '--server', url, '--nostr', join(folder, '..', 'key')]
  const { code, err } = await run(['--key', key, '--root', PINNED, ...which])
  t.equal(code, 0, err)
  const after = await (await fetch(`${url}/catalog/releases/latest?app=org.archipelago.node&channel=${CHANNEL}`)).json() as { pointer: string }
  const issued = (text: string): number => (JSON.parse(text) as { issued_at: number }).issued_at
  t.ok(issued(after.pointer) > issued(before.pointer))
  t.match((await run(['--key', key, '--root', 'ab'.repeat(32), ...which])).err, /ROOT_WRONG/)
})
