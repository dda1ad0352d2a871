// Releases as they come and as they are told: from a relay in any order, to followers without end, and the latest pointer signed anew by a delegated key.

import { get as httpGet } from 'node:http'
import t from 'tap'
import { startMarquee, upload } from '../support/app.ts'
import { startNostrRelay } from '../support/nostr-relay.ts'
import { RELEASE_KEY, TIMESTAMP_KEY, didOf, seedNamed } from '../support/release-chain.ts'
import { APP, CHANNEL, DAY, PINNED, bundleNow, operator, pointerEvent, pointerNow, releaseEvents, releaseNow, seconds, trustEvent } from '../support/live-release.ts'
import { RelayLink } from '../../server/catalog/relay-link.ts'
import { PointerTimer } from '../../server/catalog/releases/pointer-timer.ts'
import { parseReleaseSet } from '../../server/release/release-set.ts'
import { parseLatestPointer } from '../../server/release/latest-pointer.ts'
import { sha256Hex } from '../../server/stores/multihash.ts'
import type { Test } from 'tap'
import type { IncomingMessage } from 'node:http'
import type { Running } from '../support/app.ts'
import type { SignedEvent } from '../../server/auth/signature.ts'
import type { TrustBundle } from '../../server/release/trust-bundle.ts'
import type { LatestPointer } from '../../server/release/latest-pointer.ts'

const ENV = { RELEASE_ROOT: PINNED, RATE_LIMIT: 'off' }
const LATEST = `/catalog/releases/latest?app=${APP}&channel=${CHANNEL}`

async function until (isSo: () => Promise<boolean> | boolean): Promise<boolean> {
  for (let i = 0; i < 3000; i++) {
    if (await isSo()) return true
    await new Promise((resolve) => { setTimeout(resolve, 20) })
  }
  return false
}

async function post (url: string, event: SignedEvent): Promise<number> {
  return (await fetch(`${url}/catalog/events`, { method: 'POST', body: JSON.stringify(event) })).status
}

async function pointerAt (url: string): Promise<LatestPointer | null> {
  const response = await fetch(`${url}${LATEST}`)
  return response.status === 200 ? parseLatestPointer(parseReleaseSet(Buffer.from(await response.arrayBuffer())).pointer!) : null
}

async function releasesAt (url: string): Promise<number> {
  return (await (await fetch(`${url}/catalog/releases`)).json() as { releases: unknown[] }).releases.length
}

t.test('a relay may bring pointer and releases before the bundle that lists their keys: they are read once more when it comes', async t => {
  const relay = await startNostrRelay(t)
  if (relay === null) return
  const link = new RelayLink({ url: relay.url, sign: null, now: Date.now })
  await link.open()
  t.teardown(() => { link.close() })
  const tell = async (event: SignedEvent): Promise<void> => { t.match(await link.publish(event), { accepted: true }) }
  const following = await startMarquee(t, { env: { ...ENV, RELAYS: relay.url } })
  t.ok(await until(() => following.marquee.catalog.followers[0]!.status.caughtUp))
  const { manifest, pointer } = releaseNow(42)
  await tell(pointerEvent(pointer))
  for (const event of releaseEvents(manifest).reverse()) await tell(event)
  t.ok(await until(() => following.marquee.catalog.followers[0]!.status.faults['AUTHOR_REFUSED']! >= 4))
  t.same([await releasesAt(following.url), await pointerAt(following.url)], [0, null], 'nothing of strangers is taken')
  await tell(trustEvent(bundleNow()))
  t.ok(await until(async () => await releasesAt(following.url) === 1 && await pointerAt(following.url) !== null))

  const late = await startMarquee(t, { env: { ...ENV, RELAYS: relay.url } })
  t.ok(await until(async () => await releasesAt(late.url) === 1 && await pointerAt(late.url) !== null), 'a server that comes later reads it all, the newest first')

  // a new bundle delegates to another timestamp key, whose pointer was on the relay before
  const other = seedNamed('another timestamp')
  const early = pointerEvent(pointerNow(manifest, (each) => { each.issued_at = seconds() - 5 }, [other]), seconds() + 1)
  await tell(early)
  t.ok(await until(() => late.marquee.catalog.followers[0]!.status.faults['KEY_NOT_LISTED'] === 1))
  await tell(trustEvent(bundleNow((bundle) => { bundle.bundle_version = 8; bundle.roles.timestamp.keys = [didOf(other)] }), seconds() + 1))
  for (const { url } of [following, late]) t.ok(await until(async () => (await pointerAt(url))?.signatures[0]?.key === didOf(other)))
})

/** Messages of a stream as they come. */
async function follow (t: Test, url: string, headers: Record<string, string> = {}): Promise<{ messages: { id: number, event: string, data: { event: SignedEvent } }[], response: IncomingMessage }> {
  const messages: { id: number, event: string, data: { event: SignedEvent } }[] = []
  const response = await new Promise<IncomingMessage>((resolve, reject) => { httpGet(url, { headers }, resolve).on('error', reject) })
  t.teardown(() => { response.destroy() })
  let text = ''
  response.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const found = /^id: (\d+)\nevent: (\w+)\ndata: (.*)$/.exec(text.slice(0, end))
      if (found !== null) messages.push({ id: Number(found[1]), event: found[2]!, data: JSON.parse(found[3]!) as { event: SignedEvent } })
      text = text.slice(end + 2)
    }
  })
  return { messages, response }
}

t.test('followers are told of releases as they are taken, and go on where they were', async t => {
  const { url } = await startMarquee(t, { env: ENV })
  const stream = `${url}/catalog/releases/follow`
  const [all, beta] = [await follow(t, stream), await follow(t, `${stream}?app=${APP}&channel=beta`)]
  t.match(all.response.headers, { 'content-type': 'text/event-stream; charset=utf-8', 'access-control-allow-origin': '*', 'cache-control': 'no-store' })
  const { manifest, pointer } = releaseNow(42)
  for (const event of [trustEvent(bundleNow()), ...releaseEvents(manifest), pointerEvent(pointer)]) t.equal(await post(url, event), 201)
  const kinds = ({ messages }: { messages: { event: string }[] }): string[] => messages.map(({ event }) => event)
  t.ok(await until(() => all.messages.length === 6))
  t.same(kinds(all), ['trust', 'application', 'artifact', 'artifact', 'release', 'pointer'])
  t.ok(await until(() => beta.messages.length === 4))
  t.same(kinds(beta), ['trust', 'application', 'artifact', 'artifact'], 'of another channel neither release nor pointer')
  const again = await follow(t, stream, { 'last-event-id': String(all.messages[3]!.id) })
  t.ok(await until(() => again.messages.length === 2))
  t.same(again.messages, all.messages.slice(4), 'the rest, after a break')
  t.same(kinds(await (async () => { const from = await follow(t, `${stream}?since_seq=0`); await until(() => from.messages.length === 6); return from })()), kinds(all))
  t.equal((await fetch(`${stream}?app=%20`)).status, 400)
})

async function publisher (t: Test, change: Parameters<typeof bundleNow>[0] = () => {}): Promise<Running> {
  const running = await startMarquee(t, { env: ENV })
  const release = releaseNow(42)
  await upload(running.url, operator, { bytes: release.manifest, sha256: sha256Hex(release.manifest) })
  const bundle = bundleNow((each) => { each.roles.timestamp.nostr.push(running.marquee.nodeKey.pubkey); change(each) })
  for (const event of [trustEvent(bundle), ...releaseEvents(release.manifest), pointerEvent(release.pointer)]) t.equal(await post(running.url, event), 201)
  await running.marquee.catalog.releases.settled()
  return running
}

/** Two nodes' timers on one store, at a time of ours. */
function timersOf ({ marquee: { catalog, stores } }: Running, days: number, seed: Buffer = TIMESTAMP_KEY): { timers: PointerTimer[], refusals: string[] } {
  const refusals: string[] = []
  const timer = (): PointerTimer => new PointerTimer({
    trust: catalog.releases.trust, publisher: catalog.publisher, state: stores.state, seed, manifestText: (sha256) => catalog.releases.manifestText(sha256), announce: async () => {},
    onRefusal: (_channel, why) => { refusals.push(why) }, now: () => Date.now() + days * DAY * 1000
  })
  return { timers: [timer(), timer()], refusals }
}

t.test('TIMESTAMP_KEY: the latest pointer is signed anew once a day, by one node of several', async t => {
  const running = await publisher(t)
  const first = await pointerAt(running.url)
  t.same(await Promise.all(timersOf(running, 0).timers.map((timer) => timer.round())), [0, 0], 'it is of today')
  // events may not be made for the future: what was issued yesterday stands for the day that passes
  const yesterday = pointerNow(Buffer.from(running.marquee.catalog.releases.manifestText(first!.manifest.sha256)!), (each) => { each.issued_at = seconds() - DAY - 60; each.expires_at = seconds() + DAY })
  const old = await startMarquee(t, { env: ENV })
  const text = running.marquee.catalog.releases.manifestText(first!.manifest.sha256)!
  await upload(old.url, operator, { bytes: Buffer.from(text), sha256: first!.manifest.sha256 })
  for (const event of [trustEvent(bundleNow((each) => { each.roles.timestamp.nostr.push(old.marquee.nodeKey.pubkey) })), ...releaseEvents(Buffer.from(text)), pointerEvent(yesterday)]) t.equal(await post(old.url, event), 201)
  await old.marquee.catalog.releases.settled()
  const { timers } = timersOf(old, 0)
  t.equal((await Promise.all(timers.map((timer) => timer.round()))).reduce((sum, each) => sum + each), 1, 'one of two nodes')
  const fresh = (await pointerAt(old.url))!
  t.match(fresh, { sequence: 42, manifest: first!.manifest, signatures: [{ key: didOf(TIMESTAMP_KEY) }] })
  t.ok(fresh.issued_at > seconds() - 60 && fresh.expires_at - fresh.issued_at <= 7 * DAY)
  t.same(await Promise.all(timers.map((timer) => timer.round())), [0, 0])
})

t.test('TIMESTAMP_KEY signs with what was delegated alone, and only for what verifies', async t => {
  for (const [words, why, change, seed] of [
    ['a release key', /does not list did:key/, null, RELEASE_KEY],
    ['a revoked key', /does not list did:key/, (bundle) => { bundle.bundle_version = 8; bundle.revoked_keys = [{ key: didOf(TIMESTAMP_KEY), since: 1, reason: '' }] }, TIMESTAMP_KEY],
    ['a node whose events nobody would take', /does not list the node key/, (bundle) => { bundle.bundle_version = 8; bundle.roles.timestamp.nostr = [operator.pubkey] }, TIMESTAMP_KEY],
    ['two keys are needed', /asks for 2/, (bundle) => { bundle.bundle_version = 8; bundle.roles.timestamp.keys.push(didOf(seedNamed('second clock'))); bundle.roles.timestamp.keys.sort(); bundle.roles.timestamp.threshold = 2 }, TIMESTAMP_KEY],
    ['a revoked release', /manifest\.revoked/, (bundle) => { bundle.bundle_version = 8; bundle.roles.timestamp.nostr.push(nodeKey); bundle.revoked_versions = [{ app: APP, sequence: 42 }] }, TIMESTAMP_KEY]
  ] as [string, RegExp, ((bundle: TrustBundle) => void) | null, Buffer][]) {
    const running = await publisher(t)
    nodeKey = running.marquee.nodeKey.pubkey
    if (change !== null) t.equal(await post(running.url, trustEvent(bundleNow(change), seconds() + 1)), 201)
    await running.marquee.catalog.releases.settled()
    const { timers: [timer], refusals } = timersOf(running, 2, seed)
    t.equal(await timer!.round(), 0, words)
    t.match(refusals.join(), why)
    await running.close()
  }
})
let nodeKey = ''
