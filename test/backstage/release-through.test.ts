// `marquee release fetch --through`: where the latest cannot be upgraded to from what runs, the releases on the way there are found, verified and fetched, in
// order; what may not be installed is no way.

import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import t from 'tap'
import { fetchRelease } from '../../backstage/release/fetch.ts'
import { sha256Hex } from '../../server/stores/multihash.ts'
import { tellRelays } from '../../backstage/http/relays.ts'
import { startMarquee, upload } from '../support/app.ts'
import { newFolder } from '../support/both-stores.ts'
import { runInside } from '../support/command-inside.ts'
import { APP, CHANNEL, PINNED, bundleNow, operator, pointerEvent, releaseEvents, releaseNow, seconds, trustEvent } from '../support/live-release.ts'
import { STRANGER_KEY } from '../support/release-chain.ts'
import { startSecondRelay } from '../support/second-relay.ts'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import type { ReleaseManifest } from '../../server/release/manifest-v2.ts'
import type { TrustBundle } from '../../server/release/trust-bundle.ts'
import type { Change } from '../support/release-chain.ts'
import type { LiveRelease } from '../support/live-release.ts'

interface Told { verdict: string, version: string, sequence: number, faults: { code: string }[], files: { path: string }[] }

/** A server with all of these; the last is the latest. `hidden`: their events come, and their manifests are not to be had. */
async function announced (t: Test, releases: readonly { sequence: number, least: number, floor?: number, by?: Uint8Array, hidden?: true, change?: Change<ReleaseManifest> }[], bundle?: (bundle: TrustBundle) => void): Promise<{ url: string, releases: LiveRelease[] }> {
  const { url } = await startMarquee(t, { env: { RELEASE_ROOT: PINNED, RATE_LIMIT: 'off' } })
  const made = releases.map(({ sequence, least, floor = 1, by, change }) => releaseNow(sequence, {
    origin: url, size: 900, manifest: (manifest) => {
      Object.assign(manifest, { min_sequence_to_upgrade_from: least, rollback_floor: floor })
      change?.(manifest)
    }, ...(by === undefined ? {} : { manifestSeeds: [by] })
  }))
  t.equal((await fetch(`${url}/catalog/events`, { method: 'POST', body: JSON.stringify(trustEvent(bundleNow(bundle))) })).status, 201)
  for (const [i, { manifest, files }] of made.entries()) {
    for (const { bytes, sha256 } of files) await upload(url, operator, { bytes, sha256 })
    if (releases[i]!.hidden === undefined) await upload(url, operator, { bytes: manifest, sha256: sha256Hex(manifest) })
    // the application's event is a newer one each time
    for (const event of releaseEvents(manifest, seconds() - releases.length + i)) t.ok((await fetch(`${url}/catalog/events?allow-missing=1`, { method: 'POST', body: JSON.stringify(event) })).ok)
  }
  t.equal((await fetch(`${url}/catalog/events`, { method: 'POST', body: JSON.stringify(pointerEvent(made.at(-1)!.pointer)) })).status, 201)
  return { url, releases: made }
}

async function run (folder: string, url: string, ...more: string[]): Promise<{ code: number, err: string, told: Told[] }> {
  const { code, out, err } = await runInside(fetchRelease, [
    '--app', APP, '--channel', CHANNEL, '--root', PINNED, '--state', join(folder, 'state'), '--out', join(folder, 'out'), '--server', url, '--patience', '1', '--platform', 'linux-x86_64', '--json', ...more
  ])
  return { code, err, told: out.trim().split('\n').map((line) => JSON.parse(line) as Told) }
}

t.test('the releases on the way are fetched in order, as few as there must be, each into a folder of its own', async t => {
  const { url, releases } = await announced(t, [
    { sequence: 20, least: 0 }, { sequence: 24, least: 15 }, { sequence: 28, least: 22 }, { sequence: 32, least: 22 }, { sequence: 42, least: 30, floor: 38 }
  ])
  const folder = newFolder(t)
  t.match(await run(folder, url, '--installed', '10'), { code: 1, told: [{ verdict: 'refused', faults: [{ code: 'INTERMEDIATE_REQUIRED' }] }] }, 'without the word it stops')
  const { code, err, told } = await run(folder, url, '--installed', '10', '--through')
  t.equal(code, 0, err)
  // 24 wants 15, 32 wants 22: 28 is not needed
  t.strictSame(told.map(({ verdict, sequence }) => [verdict, sequence]), [['install', 20], ['install', 24], ['install', 32], ['install', 42]])
  t.match(err, /4 releases, to be installed in this order: 1\.8\.20 \(20\), 1\.8\.24 \(24\), 1\.8\.32 \(32\), 1\.8\.42 \(42\)/)
  for (const [i, version] of [[0, '1.8.20'], [1, '1.8.24'], [3, '1.8.32'], [4, '1.8.42']] as const) {
    const at = join(folder, 'out', version)
    t.ok(readFileSync(join(at, 'archipelago')).equals(releases[i]!.files[0]!.bytes), version)
    t.ok(readFileSync(join(at, '.release', 'manifest.json')).equals(releases[i]!.manifest))
  }
  t.notOk(existsSync(join(folder, 'out', '1.8.28')))
  t.match((await run(folder, url, '--installed', '24', '--through')).told.map(({ sequence }) => sequence), [32, 42], 'from higher up the way is shorter')
  t.match((await run(folder, url, '--installed', '30', '--through')).told, [{ sequence: 42, files: [{ path: join(folder, 'out', '1.8.42', 'archipelago') }] }], 'none is needed')
  t.match(await run(folder, url, '--installed', '42', '--through'), { code: 0, told: [{ verdict: 'stay' }] })
})

t.test('what is revoked, signed by nobody who may, or not to be had is no way; where none is left it stops and says so', async t => {
  const folder = newFolder(t)
  const revoked = await announced(t, [{ sequence: 31, least: 0 }, { sequence: 35, least: 0 }, { sequence: 42, least: 30 }], (bundle) => { bundle.revoked_versions = [{ app: APP, sequence: 35 }] })
  t.strictSame((await run(folder, revoked.url, '--installed', '10', '--through')).told.map(({ sequence }) => sequence), [31, 42])

  const other = newFolder(t)
  const none = await announced(t, [{ sequence: 33, least: 0, hidden: true }, { sequence: 35, least: 0, by: STRANGER_KEY }, { sequence: 36, least: 12 }, { sequence: 42, least: 30 }])
  const { code, err, told } = await run(other, none.url, '--installed', '10', '--through')
  t.equal(code, 1)
  t.match(told, [{ verdict: 'refused', sequence: 42, faults: [{ code: 'INTERMEDIATE_REQUIRED' }], files: [] }])
  t.match(err, /no way there is known/)
  t.notOk(existsSync(join(other, 'out', '1.8.42')), 'nothing is fetched that may not be installed')
  t.strictSame((await run(other, none.url, '--installed', '12', '--through')).told.map(({ sequence }) => sequence), [36, 42])
})

t.test('relays alone are enough: they tell where the manifests are', async t => {
  const relay = await startSecondRelay(t)
  const { url, releases } = await announced(t, [{ sequence: 31, least: 0 }, { sequence: 42, least: 30 }])
  const announcing = releases.flatMap(({ manifest }) => releaseEvents(manifest)).map((event, i, { length }) => (
    i < length - 1 ? event : operator.sign({ ...event, tags: event.tags.map((tag) => tag[0] === 'sequence' ? ['sequence', '43'] : tag) })))
  const events = [trustEvent(bundleNow()), ...announcing, pointerEvent(releases[1]!.pointer)]
  t.match(await tellRelays([relay.url], events, null), [{ accepted: true }])
  const folder = newFolder(t)
  const { code, out, err } = await runInside(fetchRelease, [
    '--app', APP, '--channel', CHANNEL, '--root', PINNED, '--state', join(folder, 'state'), '--out', join(folder, 'out'), '--relay', relay.url, '--patience', '1', '--platform', 'linux-x86_64', '--private-peers',
    '--installed', '10', '--through'
  ])
  t.equal(code, 0, err)
  t.match(err, /event: .*sequence/, 'an event that disagrees with the manifest is told')
  t.match(out, new RegExp(`archipelago: from ${url}\\n.* 1\\.8\\.31 .*: it may be installed\\n[^]* 1\\.8\\.42 `))
})

t.test('what a server makes up stands in nobody\'s way: it lists no events, or those of a listed key that this key did not sign', async t => {
  const { url, releases } = await announced(t, [{ sequence: 31, least: 0 }, { sequence: 42, least: 30 }])
  const real = releaseEvents(releases[0]!.manifest).find(({ kind }) => kind === 30063)!
  const made = (sequence: number, sha256: string): object => ({
    ...real, tags: real.tags.map((tag) => tag[0] === 'manifest' ? ['manifest', sha256, ...tag.slice(2)] : tag[0] === 'sequence' ? ['sequence', String(sequence)] : tag)
  })
  const lists: Record<string, unknown> = {
    'what is no event': { releases: [{ event: null }, {}, { event: { kind: 30063, pubkey: real.pubkey } }] },
    'more than are fetched': { releases: Array.from({ length: 150 }, (_, i) => ({ event: made(32 + i % 10, randomBytes(32).toString('hex')) })) },
    'the right manifest as another release': { releases: [{ event: made(12, sha256Hex(releases[0]!.manifest)) }] },
    'no list': { releases: 7 }
  }
  for (const [what, list] of Object.entries(lists)) {
    const liar = createServer(({ url }, response) => { response.writeHead(url!.startsWith('/catalog/releases?') ? 200 : 404).end(JSON.stringify(list)) }).listen(0, '127.0.0.1')
    t.teardown(() => { liar.close().closeAllConnections() })
    await once(liar, 'listening')
    const { code, told } = await run(newFolder(t), url, '--server', `http://127.0.0.1:${(liar.address() as AddressInfo).port}`, '--installed', '10', '--through')
    t.match({ code, told: told.map(({ sequence }) => sequence) }, { code: 0, told: [31, 42] }, what)
  }
})

t.test('a release that has nothing for this platform is no way, nor one of the version of another: each version is one folder', async t => {
  const { url } = await announced(t, [
    { sequence: 31, least: 0 }, { sequence: 35, least: 0, change: (manifest) => { manifest.components = manifest.components.filter(({ platform }) => platform !== 'linux-x86_64') } }, { sequence: 42, least: 30 }
  ])
  t.match((await run(newFolder(t), url, '--installed', '10', '--through')).told.map(({ sequence }) => sequence), [31, 42])
  // some disks have one folder for both
  const named = (version: string): Change<ReleaseManifest> => (manifest) => {
    manifest.version = version
    for (const component of manifest.components) component.new_version = version
  }
  const same = await announced(t, [{ sequence: 31, least: 0 }, { sequence: 35, least: 0, change: named('1.8.42-RC') }, { sequence: 42, least: 30, change: named('1.8.42-rc') }])
  t.match((await run(newFolder(t), same.url, '--installed', '10', '--through')).told.map(({ sequence }) => sequence), [31, 42])
})
