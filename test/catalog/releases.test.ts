// Releases on the server (issue 8, "Serving"): the trust bundle says whose releases are taken, documents come by carriers in any order, each way of cheating
// is refused with its own fault, what is live is pinned, and neither a rebuild nor a lost database takes trust and floor back.

import { readdirSync, renameSync, rmSync } from 'node:fs'
import t from 'tap'
import { startMarquee, upload } from '../support/app.ts'
import { Signer } from '../support/keys.ts'
import { RELEASE_KEY, SECOND_RELEASE_KEY, STRANGER_KEY, TIMESTAMP_KEY, didOf, seedNamed } from '../support/release-chain.ts'
import {
  APP, CHANNEL, DAY, PINNED, bundleNow, operator, pointerEvent, pointerNow, releaseEvents, releaseNow, seconds, trustEvent
} from '../support/live-release.ts'
import { databasePath } from '../../server/marquee.ts'
import { parseReleaseSet } from '../../server/release/release-set.ts'
import { emptyState } from '../../server/release/state.ts'
import { verifyRelease } from '../../server/release/verify.ts'
import { sha256Hex } from '../../server/stores/multihash.ts'
import { signEvent } from '../../server/auth/signature.ts'
import type { Test } from 'tap'
import type { Running } from '../support/app.ts'
import type { SignedEvent } from '../../server/auth/signature.ts'
import type { LiveRelease } from '../support/live-release.ts'

const ENV = { RELEASE_ROOT: PINNED, RATE_LIMIT: 'off' }
const LATEST = `/catalog/releases/latest?app=${APP}&channel=${CHANNEL}`

async function post (url: string, event: SignedEvent): Promise<string> {
  const response = await fetch(`${url}/catalog/events`, { method: 'POST', body: JSON.stringify(event) })
  const { code } = await response.json() as { code?: string }
  return code ?? String(response.status)
}

async function put (url: string, bytes: Buffer): Promise<void> {
  const { status } = await upload(url, operator, { bytes, sha256: sha256Hex(bytes) })
  if (status !== 201 && status !== 200) throw new Error(`upload: ${status}`)
}

/** Everything of a release, in order. */
async function publish (url: string, release: LiveRelease, bundle: Buffer | null): Promise<void> {
  for (const bytes of [...release.files.map((file) => file.bytes), release.manifest]) await put(url, bytes)
  const events = [...(bundle === null ? [] : [trustEvent(bundle)]), ...releaseEvents(release.manifest), pointerEvent(release.pointer)]
  for (const event of events) {
    const said = await post(url, event)
    if (said !== '201' && said !== '200' && said !== 'EVENT_OLDER') throw new Error(`${event.kind}: ${said}`)
  }
}

const get = async <T>(url: string, path: string): Promise<T> => await (await fetch(`${url}${path}`)).json() as T

async function latest (url: string): Promise<{ code?: string, verdict?: string, sequence?: number, checks?: unknown }> {
  const response = await fetch(`${url}${LATEST}`)
  const bytes = Buffer.from(await response.arrayBuffer())
  if (response.status !== 200) return { code: (JSON.parse(bytes.toString()) as { code: string }).code }
  const { verdict, manifest, checks } = verifyRelease({ ...parseReleaseSet(bytes), roots: [PINNED], state: emptyState(), now: seconds(), installed: null })
  return { verdict, checks, ...(manifest === null ? {} : { sequence: manifest.sequence }) }
}

t.test('without a pinned root no releases are taken, whoever signs them', async t => {
  const { url } = await startMarquee(t, { env: { RATE_LIMIT: 'off', ADMIN_PUBKEYS: operator.pubkey } })
  const { manifest, pointer } = releaseNow(42)
  for (const event of [trustEvent(bundleNow()), ...releaseEvents(manifest), pointerEvent(pointer)]) t.equal(await post(url, event), 'AUTHOR_REFUSED', String(event.kind))
})

t.test('all that a node needs is in one answer, and verifies', async t => {
  const { url } = await startMarquee(t, { env: ENV })
  t.same([(await latest(url)).code, (await get<{ bundles: unknown[] }>(url, '/catalog/trust')).bundles], ['BUNDLE_MISSING', []])
  const bundle = bundleNow()
  t.equal(await post(url, trustEvent(bundle)), '201')
  t.equal((await latest(url)).code, 'POINTER_MISSING')
  const release = releaseNow(42)
  await publish(url, release, null)
  t.match(await latest(url), { verdict: 'install', sequence: 42 })
  const { checks } = await latest(url)
  t.same((checks as { result: string }[]).filter(({ result }) => result === 'failed'), [])
  t.ok((checks as { name: string, result: string }[]).filter(({ name, result }) => name === 'event' && result === 'passed').length >= 5, 'the events agree')
  t.match(await get(url, '/catalog/trust'), { bundles: [{ root: PINNED, bundle_version: 7, expired: false, bundle: bundle.toString(), older: [], event: { pubkey: operator.pubkey } }] })
  const list = await get<{ releases: object[], cursor: string | null }>(url, `/catalog/releases?app=${APP}&channel=${CHANNEL}`)
  t.match(list, { cursor: null, releases: [{ app: APP, channel: CHANNEL, version: '1.8.42', sequence: 42, verified: true, revoked: false, manifest: { sha256: sha256Hex(release.manifest) } }] })
  t.same((await get<{ releases: object[] }>(url, '/catalog/releases?app=other')).releases, [])
  const first = await fetch(`${url}${LATEST}`)
  t.match([first.headers.get('access-control-allow-origin'), first.headers.get('cache-control')], ['*', 'public, no-cache'])
  t.equal((await fetch(`${url}${LATEST}`, { headers: { 'if-none-match': first.headers.get('etag')! } })).status, 304)
  t.equal((await fetch(`${url}${LATEST}`, { method: 'HEAD' })).status, 200)
  for (const path of ['/catalog/releases/latest', `/catalog/releases/latest?app=${APP}`, '/catalog/releases?limit=x', '/catalog/releases?cursor=x', `/catalog/releases/latest?app=..&channel=${CHANNEL}`]) {
    t.equal((await fetch(`${url}${path}`)).status, 400, path)
  }
})

t.test('releases are told a page at a time, the highest sequence first', async t => {
  const { url } = await startMarquee(t, { env: ENV })
  t.equal(await post(url, trustEvent(bundleNow())), '201')
  for (const sequence of [3, 1, 5, 2, 4]) for (const event of releaseEvents(releaseNow(sequence).manifest, seconds() - 10 + sequence)) await post(url, event)
  const seen: number[] = []
  for (let cursor: string | null = ''; cursor !== null;) {
    const page: { releases: { sequence: number, verified: boolean | null }[], cursor: string | null } = await get(url, `/catalog/releases?limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`)
    seen.push(...page.releases.map(({ sequence }) => sequence))
    t.ok(page.releases.every(({ verified }) => verified === null), 'their manifests are not here')
    cursor = page.cursor
  }
  t.same(seen, [5, 4, 3, 2, 1])
})

t.test('a node of version 1 reads its file at one URL, and nothing that another would not install', async t => {
  const { url } = await startMarquee(t, { env: ENV })
  const file = (platform: string): Promise<Response> => fetch(`${url}/catalog/releases/${APP}/${CHANNEL}/${platform}/manifest.json`)
  t.equal((await file('linux-x86_64')).status, 404)
  const release = releaseNow(42)
  await publish(url, release, bundleNow())
  const [x86] = release.files
  t.match(await (await file('linux-x86_64')).json(), {
    version: '1.8.42', components: [{ name: 'archipelago', new_version: '1.8.42', sha256: x86!.sha256, blake3: x86!.blake3, size_bytes: 5000, download_url: /^http/ }]
  })
  t.equal((await file('windows-x86_64')).status, 404)
  t.equal(await post(url, trustEvent(bundleNow((bundle) => { bundle.bundle_version = 8; bundle.revoked_versions = [{ app: APP, sequence: 42, reason: 'it burns' }] }), seconds() + 1)), '201')
  const revoked = await file('linux-x86_64')
  t.match([revoked.status, await revoked.json()], [409, { code: 'VERSION_REVOKED' }])
  t.match(await get(url, `/catalog/releases?app=${APP}`), { releases: [{ revoked: true }] })
  t.equal((await latest(url)).verdict, 'refused')
})

t.test('each way of cheating is refused with its own fault, and changes nothing', async t => {
  const { url } = await startMarquee(t, { env: ENV })
  const bundle = bundleNow()
  const release = releaseNow(42, { manifest: (manifest) => { manifest.rollback_floor = 40 } })
  await publish(url, release, bundle)
  const stranger = new Signer()
  const strangerSecret = Buffer.from(stranger.secret).toString('hex')
  const later = seconds() + 5
  const text = bundle.toString()
  const trust = (bytes: Buffer, secret?: string): Promise<string> => post(url, trustEvent(bytes, later, secret))
  const carried = (content: string, d: string): Promise<string> => post(url, operator.sign({ kind: 30078, created_at: later, content, tags: [['d', d]] }))
  const pointer = (bytes: Buffer, secret?: string): Promise<string> => post(url, pointerEvent(bytes, later, secret))
  const d = `archipelago/release/${APP}/${CHANNEL}/latest`
  const cases: [said: string, expected: string, words: string][] = [
    [await trust(bundleNow((b) => { b.bundle_version = 6 })), 'BUNDLE_OLDER', 'an older bundle'],
    [await trust(bundleNow((b) => { b.revoked_versions = [{ app: APP, sequence: 1 }] })), 'BUNDLE_FORKED', 'another bundle of the same version'],
    [await trust(bundleNow((b) => { b.bundle_version = 9 }, [STRANGER_KEY])), 'ROOT_WRONG', 'another root'],
    [await trust(bundleNow((b) => { b.bundle_version = 9; b.expires_at = seconds() - 1 })), 'BUNDLE_EXPIRED', 'an expired bundle'],
    [await trust(bundleNow((b) => { b.bundle_version = 9; b.issued_at = seconds() + DAY })), 'BUNDLE_FUTURE', 'a bundle from the future'],
    [await trust(bundleNow((b) => { b.bundle_version = 9 }), strangerSecret), 'AUTHOR_REFUSED', 'a good bundle brought by a stranger'],
    [await carried(text.replace('"bundle_version":7', '"bundle_version":8'), 'archipelago/release/trust/v1'), 'SIGNATURE_WRONG', 'a changed byte'],
    [await carried(`${text} `, 'archipelago/release/trust/v1'), 'NOT_CANONICAL', 'white space'],
    [await carried(text.replace('{', '{"bundle_version":9,'), 'archipelago/release/trust/v1'), 'MEMBER_REPEATED', 'a member twice'],
    [await carried(text.replace('"bundle_version":7', '"bundle_version":7.0'), 'archipelago/release/trust/v1'), 'NUMBER_INVALID', 'another number'],
    [await carried(text, d), 'SCHEMA_OTHER', 'a bundle for a pointer'],
    [await pointer(pointerNow(release.manifest, (p) => { p.sequence = 41 })), 'POINTER_OLDER', 'a replayed pointer'],
    [await pointer(pointerNow(release.manifest, (p) => { p.issued_at = seconds() - 3 * DAY; p.expires_at = seconds() - DAY })), 'POINTER_EXPIRED', 'an expired pointer'],
    [await pointer(pointerNow(release.manifest, (p) => { p.expires_at = seconds() + 30 * DAY })), 'POINTER_TOO_LONG', 'a pointer for too long'],
    [await pointer(pointerNow(release.manifest, undefined, [STRANGER_KEY])), 'KEY_NOT_LISTED', 'a pointer by a key that is not listed'],
    [await pointer(pointerNow(release.manifest, undefined, [RELEASE_KEY])), 'KEY_NOT_LISTED', 'a release key is no timestamp key'],
    [await pointer(pointerNow(release.manifest), strangerSecret), 'AUTHOR_REFUSED', 'a good pointer brought by a stranger'],
    [await carried(pointerNow(release.manifest).toString(), `archipelago/release/${APP}/beta/latest`), 'CHANNEL_OTHER', 'a pointer of another channel'],
    [await carried(pointerNow(release.manifest).toString(), `archipelago/release/other/${CHANNEL}/latest`), 'APP_OTHER', 'a pointer of another application'],
    [await post(url, releaseEvents(releaseNow(43).manifest, later, strangerSecret).at(-1)!), 'AUTHOR_REFUSED', 'a release by a stranger']
  ]
  for (const [said, expected, words] of cases) t.equal(said, expected, words)
  t.match(await latest(url), { verdict: 'install', sequence: 42 })
})

t.test('a stolen operating key alone moves nobody: its release is listed as not verified, and the latest stays', async t => {
  const { url } = await startMarquee(t, { env: ENV })
  await publish(url, releaseNow(42), bundleNow())
  const forged = releaseNow(43, { manifestSeeds: [STRANGER_KEY] })
  await put(url, forged.manifest)
  for (const event of releaseEvents(forged.manifest, seconds() + 1)) t.match(await post(url, event), /^20/)
  t.equal(await post(url, pointerEvent(pointerNow(forged.manifest, undefined, [STRANGER_KEY]), seconds() + 1)), 'KEY_NOT_LISTED')
  t.match(await latest(url), { verdict: 'install', sequence: 42 })
  const listed = async (): Promise<unknown> => (await get<{ releases: { sequence: number, verified: boolean }[] }>(url, '/catalog/releases')).releases.map(({ sequence, verified }) => [sequence, verified])
  for (let i = 0; i < 1200 && !JSON.stringify(await listed()).includes('43,false'); i++) await new Promise((resolve) => { setTimeout(resolve, 50) })
  t.same(await listed(), [[43, false], [42, true]])
})

t.test('a new bundle is in force at once: keys that it drops no longer release, and what they announced is live no more', async t => {
  const { url, marquee } = await startMarquee(t, { env: ENV })
  const release = releaseNow(42)
  await publish(url, release, bundleNow())
  const other = new Signer()
  const names = (sha256: string): boolean => marquee.catalog.hashes.names(sha256, seconds())
  t.ok(names(release.files[0]!.sha256))
  const dropped = bundleNow((bundle) => {
    bundle.bundle_version = 8
    bundle.roles.release = { ...bundle.roles.release, nostr: [other.pubkey], keys: [didOf(SECOND_RELEASE_KEY)] }
    bundle.roles.timestamp.nostr = [other.pubkey]
    bundle.revoked_keys = [{ key: didOf(RELEASE_KEY), since: seconds(), reason: 'it leaked' }]
  })
  t.equal(await post(url, trustEvent(dropped, seconds(), Buffer.from(other.secret).toString('hex'))), '201')
  await marquee.catalog.releases.settled()
  t.same((await get<{ releases: unknown[] }>(url, '/catalog/releases')).releases, [])
  t.notOk(names(release.files[0]!.sha256), 'its files are pinned no more')
  t.equal(await post(url, releaseEvents(releaseNow(43).manifest, seconds() + 2)[0]!), 'AUTHOR_REFUSED')
  t.equal((await latest(url)).verdict, 'refused', 'a revoked key counts for nothing, whatever it signed before')
})

t.test('a stolen timestamp key hides releases until it is revoked, and no longer: the next pointer takes the place of the thief\'s, however high that one is', async t => {
  const { url } = await startMarquee(t, { env: ENV })
  const release = releaseNow(42)
  await publish(url, release, bundleNow())
  t.equal(await post(url, pointerEvent(pointerNow(release.manifest, (p) => { p.sequence = Number.MAX_SAFE_INTEGER; p.manifest.sha256 = 'ab'.repeat(32) }), seconds() + 1)), '201')
  t.equal((await latest(url)).verdict, 'stale', 'what it names is nowhere')
  const next = seedNamed('next timestamp')
  const bundle = bundleNow((each) => {
    each.bundle_version = 8
    each.roles.timestamp.keys = [didOf(next)]
    each.revoked_keys = [{ key: didOf(TIMESTAMP_KEY), since: seconds(), reason: 'stolen' }]
  })
  t.equal(await post(url, trustEvent(bundle, seconds() + 1)), '201')
  t.equal(await post(url, pointerEvent(pointerNow(release.manifest, undefined, [next]), seconds() + 2)), '201')
  t.match(await latest(url), { verdict: 'install', sequence: 42 })
})

t.test('what live releases name stays when its owner leaves: files, manifest, bundle and pointer', async t => {
  const { url, marquee } = await startMarquee(t, { env: ENV })
  const release = releaseNow(42)
  const bundle = bundleNow()
  await publish(url, release, bundle)
  const stray = Buffer.from('not of a release')
  for (const bytes of [bundle, release.pointer, stray]) await put(url, bytes)
  await marquee.catalog.releases.round()
  const gone = async (bytes: Buffer): Promise<number> => {
    const sha256 = sha256Hex(bytes)
    await fetch(`${url}/${sha256}`, { method: 'DELETE', headers: { authorization: operator.token('delete', { hashes: [sha256] }) } })
    return (await fetch(`${url}/${sha256}`)).status
  }
  for (const [what, bytes] of Object.entries({ file: release.files[0]!.bytes, manifest: release.manifest, bundle, pointer: release.pointer })) t.equal(await gone(bytes), 200, what)
  t.equal(await gone(stray), 404)
  t.equal(await post(url, trustEvent(bundleNow((each) => { each.bundle_version = 8; each.roles.release.keys = [didOf(SECOND_RELEASE_KEY)] }), seconds() + 1)), '201')
  await marquee.catalog.releases.settled()
  t.equal((await fetch(`${url}/${release.files[0]!.sha256}`)).status, 404, 'what is live no more is let go of')
  t.equal((await fetch(`${url}/${sha256Hex(bundle)}`)).status, 200, 'a bundle that others walk by is not')
})

/** The same server again, without its database. */
async function again (t: Test, before: Running, lose: 'nothing' | 'database' | 'events'): Promise<Running> {
  await before.close()
  if (lose !== 'nothing') for (const part of ['', '-wal', '-shm']) rmSync(`${databasePath(before.dataDir)}${part}`, { force: true })
  if (lose === 'events') {
    // what came from relays alone was never kept in the store
    t.ok(readdirSync(`${before.dataDir}/store/state`).includes('events'))
    renameSync(`${before.dataDir}/store/state/events`, `${before.dataDir}/events-that-are-gone`)
  }
  return startMarquee(t, { env: ENV, dataDir: before.dataDir })
}

t.test('trust, sequence and floor survive a restart, a lost database, and the loss of every event', async t => {
  let running = await startMarquee(t, { env: ENV })
  t.teardown(() => { rmSync(running.dataDir, { recursive: true, force: true }) })
  const release = releaseNow(42, { manifest: (manifest) => { manifest.rollback_floor = 40 } })
  const old = { bundle: bundleNow((bundle) => { bundle.bundle_version = 6 }), pointer: releaseNow(41).pointer }
  await publish(running.url, release, bundleNow())
  for (const lose of ['nothing', 'database', 'events'] as const) {
    running = await again(t, running, lose)
    for (let i = 0; i < 1200 && (await latest(running.url)).verdict !== 'install'; i++) await new Promise((resolve) => { setTimeout(resolve, 50) })
    t.match(await latest(running.url), { verdict: 'install', sequence: 42 }, lose)
    t.match(running.marquee.catalog.releases.trust.state.channels, { [`${APP}/${CHANNEL}`]: { sequence: 42, rollback_floor: 40 } })
    t.equal(await post(running.url, trustEvent(old.bundle, seconds() + 3)), 'BUNDLE_OLDER', `${lose}: an older bundle`)
    t.equal(await post(running.url, pointerEvent(old.pointer, seconds() + 3)), 'POINTER_OLDER', `${lose}: an older pointer`)
  }
})

t.test('a root is changed by a bundle that both sign, and a node that was not there walks by the bundles before it', async t => {
  const { url } = await startMarquee(t, { env: ENV })
  const { NEXT_ROOT, ROOT } = await import('../support/release-chain.ts')
  t.equal(await post(url, trustEvent(bundleNow(), seconds() - 5)), '201')
  const half = bundleNow((bundle) => { bundle.bundle_version = 8; bundle.root.ed25519 = NEXT_ROOT.publicKey; delete bundle.next_root })
  t.equal(await post(url, trustEvent(half, seconds() - 4)), 'ROOT_HALF_SIGNED')
  const other = bundleNow((bundle) => { bundle.bundle_version = 8; bundle.root.ed25519 = '00'.repeat(32) }, [ROOT.ed25519, seedNamed('other')])
  t.match(await post(url, trustEvent(other, seconds() - 4)), /ROOT|SIGNATURE|KEY/)
  const changed = bundleNow((bundle) => { bundle.bundle_version = 8; bundle.root = { ed25519: NEXT_ROOT.publicKey, nostr: NEXT_ROOT.pubkey }; delete bundle.next_root }, [ROOT.ed25519, NEXT_ROOT.ed25519])
  t.equal(await post(url, trustEvent(changed, seconds() - 3)), '201')
  const after = bundleNow((bundle) => { bundle.bundle_version = 9; bundle.root = { ed25519: NEXT_ROOT.publicKey, nostr: NEXT_ROOT.pubkey }; delete bundle.next_root }, [NEXT_ROOT.ed25519])
  t.equal(await post(url, trustEvent(after, seconds() - 2)), '201')
  t.equal(await post(url, trustEvent(bundleNow((bundle) => { bundle.bundle_version = 10 }), seconds() - 1)), 'ROOT_WRONG', 'the old root alone is over')
  await publish(url, releaseNow(42), null)
  t.match(await latest(url), { verdict: 'install', sequence: 42 }, 'a node that pins the old root and knows nothing')
})

t.test('what is carried, and a document alone, are checked one check after the other', async t => {
  const { url } = await startMarquee(t, { env: ENV })
  interface Answer { valid: boolean, checks: { check: string, outcome: string, reason: string, code?: string }[] }
  const verify = async (body: Buffer | string): Promise<Answer> => await (await fetch(`${url}/catalog/verify`, { method: 'POST', body: body as string })).json() as Answer
  const failed = ({ checks }: Answer): unknown => checks.filter(({ outcome }) => outcome === 'fail').map(({ check, code }) => [check, code])
  const release = releaseNow(42, { manifest: (manifest) => { manifest.rollback_floor = 41 } })
  const bundle = bundleNow()
  t.match(failed(await verify(release.manifest)), [['bundle.document', 'BUNDLE_MISSING']])
  t.match(await verify(bundle), { valid: true, checks: [{ check: 'bundle.document', outcome: 'pass' }, { check: 'bundle.root', outcome: 'pass' }] })
  await publish(url, release, bundle)
  t.match(await verify(release.manifest), { valid: true })
  t.ok((await verify(release.manifest)).checks.some(({ check, outcome }) => check === 'manifest.signature' && outcome === 'pass'))
  t.match(await verify(release.pointer), { valid: true })
  t.same(failed(await verify(releaseNow(43, { manifestSeeds: [STRANGER_KEY] }).manifest)), [['manifest.signature', 'KEY_NOT_LISTED']])
  t.same(failed(await verify(releaseNow(40).manifest)), [['manifest.floor', 'BELOW_FLOOR']])
  t.same(failed(await verify(pointerNow(release.manifest, undefined, [STRANGER_KEY]))), [['pointer.signature', 'KEY_NOT_LISTED']])
  t.same(failed(await verify(bundleNow((each) => { each.bundle_version = 5 }))), [['bundle.version', 'BUNDLE_OLDER']])
  const skipped = (await verify(release.manifest.toString().replace('"sequence":42', '"sequence":43'))).checks
  t.match(skipped.find(({ check }) => check === 'manifest.signature'), { outcome: 'fail', code: 'SIGNATURE_WRONG' })
  t.match(skipped.find(({ check }) => check === 'manifest.revoked'), { outcome: 'skip', reason: 'manifest.signature did not pass' })
  t.match(await verify(JSON.stringify(trustEvent(bundle))), { checks: [{ check: 'shape', outcome: 'pass' }] })
  t.ok((await verify(JSON.stringify(signEvent({ ...trustEvent(bundle), content: bundle.toString().replace('"threshold":1', '"threshold":2') }, '11'.repeat(32))))).checks.some(({ check, code }) => check === 'bundle.root' && code === 'SIGNATURE_WRONG'))
  const set = await (await fetch(`${url}${LATEST}`)).text()
  t.match(await verify(set), { valid: true })
})
