// Provider adverts (the issue's own sentences, nostr-and-releases.md §1.3): what the server says to have, when it says so anew, what it looks at before,
// and what it takes back. Real blobs in folders, and a clock that the test moves.

import t from 'tap'
import { StoreError } from '../../server/errors.ts'
import { dueAt } from '../../server/catalog/advert-times.ts'
import { Announcer } from '../../server/catalog/announcer.ts'
import { buildTitle, buildWithdrawnTitle } from '../../server/catalog/kinds/title.ts'
import { isReachable, parseProviderAdvert } from '../../server/catalog/kinds/provider-advert.ts'
import { parseWithdrawal } from '../../server/catalog/kinds/withdrawal.ts'
import { Possession } from '../../server/catalog/possession.ts'
import { Relay } from '../../server/catalog/relay.ts'
import { parseHashName } from '../../server/catalog/hash-name.ts'
import { ProviderViews } from '../../server/catalog/views/provider-views.ts'
import { diceOf } from '../support/catalog-histories.ts'
import { seededBlob } from '../support/keys.ts'
import { CREATOR, Provider } from '../support/provider.ts'
import { startScriptedRelay } from '../support/scripted-relay.ts'
import type { SignedEvent } from '../../server/auth/signature.ts'

const HOUR = 3600
const MIB = 1024 * 1024

const hashesOf = (events: readonly SignedEvent[]): (string | null)[] => events.filter(({ kind }) => kind === 30081).map((event) => parseProviderAdvert(event).sha256).sort()

t.test('the server advertises what it holds and what a public title or release names: manifests and hash sequences with coverage', async t => {
  const provider = await Provider.open(t.testdir({}))
  const { manifest, sequence, segments } = await provider.film('film', 10, 7)
  const said = await provider.round()
  t.strictSame(hashesOf(said), [manifest.sha256, sequence.sha256].sort(), 'two events, however many segments')
  const adverts = said.map(parseProviderAdvert)
  t.match(adverts.find(({ sha256 }) => sha256 === manifest.sha256), {
    blake3: manifest.blake3, scope: 'manifest', coverage: { held: 10, listed: 13 }, servers: ['https://blobs.example'], endpointId: null, size: manifest.size
  })
  t.match(adverts.find(({ sha256 }) => sha256 === sequence.sha256), { blake3: sequence.blake3, scope: 'hashseq', coverage: { held: 7, listed: 10 } })
  for (const event of said) t.equal(event.content, '{"v":1}', 'HTTP only')
  const providers = new ProviderViews(provider.node.database, () => false).of(parseHashName(segments[3]!.sha256), provider.seconds)
  t.match(providers, [{ pubkey: provider.key.pubkey, inherited: manifest.sha256 }], 'a segment is found by the list')
  t.equal(provider.advertiser.live, 2)
  t.strictSame(await provider.round(60), [], 'once')
})

t.test('a manifest that is not here, or cannot be read, is not advertised; nor a sequence of other hashes as one', async t => {
  const provider = await Provider.open(t.testdir({}))
  const absent = seededBlob('absent', 5000)
  const nonsense = await provider.put(Buffer.from('{"no":"manifest"}'))
  const other = await provider.put(Buffer.alloc(64, 7))
  provider.title({ d: 'a', title: 'a', manifest: { sha256: absent.sha256, blake3: absent.sha256, size: 5000 } })
  provider.title({ d: 'b', title: 'b', manifest: { sha256: nonsense.sha256, blake3: nonsense.blake3!, size: nonsense.size } })
  const { manifest } = await provider.film('film', 3, 3, { hashSequence: { sha256: other.sha256, blake3: other.blake3!, count: 2 } })
  const adverts = (await provider.round()).map(parseProviderAdvert)
  t.strictSame(adverts.map(({ sha256, scope }) => [sha256, scope]).sort(), [[manifest.sha256, 'manifest'], [other.sha256, 'blob']].sort())
})

t.test('single blobs are advertised where nothing lists them', async t => {
  const provider = await Provider.open(t.testdir({}))
  const trailer = await provider.put(seededBlob('trailer', 9000).bytes)
  const file = await provider.put(seededBlob('release', 9000).bytes)
  const media = [{ url: 'https://blobs.example/x', sha256: trailer.sha256, type: 'video/mp4', dim: null, duration: null, bitrate: null, size: null, images: [], fallbacks: [] }]
  const { manifest, sequence } = await provider.film('film', 2, 2, { media })
  provider.artifact(file)
  const adverts = (await provider.round()).map(parseProviderAdvert)
  t.strictSame(adverts.map(({ sha256, scope }) => `${sha256} ${scope}`).sort(), [
    `${manifest.sha256} manifest`, `${sequence.sha256} hashseq`, `${trailer.sha256} blob`, `${file.sha256} blob`
  ].sort(), 'the master playlist is listed by the manifest')
  for (const { scope, coverage } of adverts) t.equal(coverage === null, scope === 'blob')
  await provider.remove(manifest.sha256)
  const singly = hashesOf((await provider.round(60)).filter((event) => event.kind === 30081 && isReachable(parseProviderAdvert(event))))
  t.equal(singly.length, 1, 'without the manifest nothing lists the master playlist')
})

t.test('nothing private is ever advertised: only what a public title or release names, and never what is blocked or restricted', async t => {
  const provider = await Provider.open(t.testdir({}))
  const secret = await provider.put(seededBlob('nobody names this', 9000).bytes)
  const kept = await provider.put(seededBlob('restricted', 9000).bytes)
  const { manifest, sequence, segments } = await provider.film('film', 4)
  provider.artifact(kept)
  provider.hidden.add(kept.sha256)
  const withdrawn = await provider.film('withdrawn', 2)
  provider.add(CREATOR, buildWithdrawnTitle({ kind: 34235, d: 'withdrawn', title: '' }, null, provider.seconds + 1))
  const over = await provider.film('over', 2)
  const draft = buildTitle({ d: 'over', title: 'over', manifest: { sha256: over.manifest.sha256, blake3: over.manifest.blake3!, size: over.manifest.size } }, provider.seconds + 1)
  provider.add(CREATOR, { ...draft, tags: [...draft.tags, ['expiration', String(provider.seconds + 2)]] })
  provider.node.pass(5000)
  for (let day = 0; day < 4; day++) {
    for (let minute = 0; minute < 3; minute++) await provider.round(60)
    provider.node.pass(24 * HOUR * 1000)
  }
  t.same(new Set(hashesOf(provider.signed)), new Set([manifest.sha256, sequence.sha256]))
  const text = JSON.stringify(provider.signed)
  for (const { sha256, blake3 } of [secret, kept, withdrawn.manifest, withdrawn.sequence, over.manifest, over.sequence, ...segments]) {
    t.notOk(text.includes(sha256) || text.includes(blake3!), 'no event of ours has it in any tag')
  }
  // what is hidden later is taken back, and does not count as held
  provider.hidden.add(segments[0]!.sha256)
  provider.hidden.add(sequence.sha256)
  const after = await provider.round(11 * 60)
  t.strictSame(after.filter((event) => event.kind === 30081 && !isReachable(parseProviderAdvert(event))).map((event) => parseProviderAdvert(event).sha256), [sequence.sha256])
  t.match(after.map((event) => event.kind === 30081 ? parseProviderAdvert(event) : null).find((each) => each?.scope === 'manifest'), { coverage: { held: 6, listed: 7 } })
})

t.test('what is blocked while its bytes are looked at is not advertised', async t => {
  const provider = await Provider.open(t.testdir({}))
  const file = await provider.put(seededBlob('file', 9000).bytes)
  provider.artifact(file)
  const { possession } = provider
  const check = possession.check.bind(possession)
  possession.check = async (sha256) => {
    provider.hidden.add(sha256)
    return check(sha256)
  }
  t.strictSame(await provider.round(), [])
  t.strictSame(await provider.round(60), [])
})

t.test('48 h expiry, refreshed at 24 h ± 4 h', async t => {
  const dice = diceOf(7)
  const drawn = Array.from({ length: 10_000 }, () => dueAt(0, dice(2 ** 31) / 2 ** 31))
  t.ok(drawn.every((at) => at >= 20 * HOUR && at <= 28 * HOUR))
  t.ok(Math.min(...drawn) < 20.1 * HOUR && Math.max(...drawn) > 27.9 * HOUR, 'over the whole of the eight hours')
  for (const [random, hours] of [[0, 20], [0.5, 24], [1, 28]] as const) {
    const provider = await Provider.open(t.testdir({ [String(hours)]: {} }), { random: () => random })
    provider.artifact(await provider.put(seededBlob('file', 9000).bytes))
    const [first] = await provider.round()
    t.equal(Number(first!.tags.find(([name]) => name === 'expiration')![1]), first!.created_at + 48 * HOUR)
    t.strictSame(await provider.round(hours * HOUR - 60), [], `not before ${hours} hours`)
    const [second, ...more] = await provider.round(61)
    t.strictSame(more, [])
    t.match(second, { kind: 30081, tags: first!.tags.map((tag) => tag[0] === 'expiration' ? ['expiration', String(second!.created_at + 48 * HOUR)] : tag) })
    t.ok(second!.created_at > first!.created_at)
    t.equal(provider.advertiser.live, 1)
  }
})

t.test('each refresh only after a possession check: blobs up to 16 MiB re-hashed', async t => {
  const provider = await Provider.open(t.testdir({}))
  const [good, bad] = [await provider.put(seededBlob('good', 50_000).bytes), await provider.put(seededBlob('bad', 3 * MIB).bytes)]
  provider.artifact(good)
  provider.artifact(bad, '2.0.0')
  t.equal((await provider.round()).length, 2)
  t.equal(await provider.possession.check(bad.sha256), 'held')
  provider.damage(bad.sha256)
  t.equal(await provider.possession.check(bad.sha256), 'damaged', 'one bit of three MiB')
  const said = await provider.round(25 * HOUR)
  t.strictSame(said.filter((event) => event.kind === 30081 && isReachable(parseProviderAdvert(event))).map((event) => parseProviderAdvert(event).sha256), [good.sha256])
  t.strictSame(said.filter(({ kind }) => kind === 5).map((event) => parseWithdrawal(event).addresses), [[`30081:${provider.key.pubkey}:${bad.blake3}`]], 'and the other is taken back')
  t.match(provider.faults, [new RegExp(`${bad.sha256} is damaged`)])
  t.equal(provider.advertiser.live, 1)
  t.strictSame(await provider.round(HOUR), [], 'it is not read over and over')
})

t.test('larger ones must have been scrubbed within the last 7 days', async t => {
  let scrubbed: number | null = null
  const provider = await Provider.open(t.testdir({}), { lastScrubbed: () => scrubbed })
  const large = await provider.put(seededBlob('large', 16 * MIB + 1).bytes)
  const limit = await provider.put(seededBlob('limit', 16 * MIB).bytes)
  provider.artifact(large)
  provider.node.pass(8 * 24 * HOUR * 1000)
  t.equal(await provider.possession.check(large.sha256), 'unproven')
  t.equal(await provider.possession.check(limit.sha256), 'held', 'one byte less is read')
  t.strictSame(await provider.round(), [], 'it came eight days ago and was not read since')
  scrubbed = provider.seconds - 7 * 24 * HOUR - 1
  t.strictSame(await provider.round(HOUR), [])
  scrubbed = provider.seconds
  t.same(hashesOf(await provider.round(HOUR)), [large.sha256])
  t.equal((await provider.round(25 * HOUR)).length, 1, 'a day later it is still good')
  scrubbed -= 7 * 24 * HOUR
  t.strictSame(await provider.round(25 * HOUR), [], 'not refreshed')
  provider.node.pass(24 * HOUR * 1000)
  t.equal(provider.advertiser.live, 0, 'and over')

  const fresh = await provider.put(seededBlob('fresh', 17 * MIB).bytes)
  t.equal(await provider.possession.check(fresh.sha256), 'held', 'what has just come was hashed on its way')
  await provider.remove(fresh.sha256)
  t.equal(await provider.possession.check(fresh.sha256), 'gone')
})

t.test('a deleted blob\'s advert is withdrawn: replaced by one without any way to us, then kind 5 with a and e', async t => {
  const provider = await Provider.open(t.testdir({}))
  const files = await Promise.all(['one', 'two', 'three'].map((name) => provider.put(seededBlob(name, 9000).bytes)))
  for (const [index, file] of files.entries()) provider.artifact(file, `1.0.${index}`)
  const first = await provider.round()
  for (const file of files.slice(0, 2)) await provider.remove(file.sha256)
  const said = await provider.round(60)
  t.strictSame(said.map(({ kind }) => kind), [30081, 30081, 5])
  const [one, two, deletion] = said as [SignedEvent, SignedEvent, SignedEvent]
  for (const event of [one, two]) {
    t.match(event, { content: '{"v":1,"endpoint_id":""}' })
    t.equal(isReachable(parseProviderAdvert(event)), false)
    t.equal(parseProviderAdvert(event).endsAt, event.created_at + 60)
  }
  const { addresses, ids, kinds } = parseWithdrawal(deletion)
  t.strictSame([...addresses].sort(), files.slice(0, 2).map(({ blake3 }) => `30081:${provider.key.pubkey}:${blake3}`).sort())
  t.same(new Set(ids), new Set([one.id, two.id, ...first.filter((event) => parseProviderAdvert(event).sha256 !== files[2]!.sha256).map(({ id }) => id)]))
  t.strictSame(kinds, [30081])
  t.ok(deletion.created_at >= Math.max(one.created_at, two.created_at))
  t.equal(provider.advertiser.live, 1)
  t.strictSame(await provider.round(60), [], 'once')
  for (const { id } of said) t.match(provider.outbox.told(id), [{ relay: 'wss://relay.example/', state: 'waiting' }])

  await provider.node.put(seededBlob('one', 9000).bytes)
  t.same(hashesOf(await provider.round(60)), [files[0]!.sha256], 'what comes back is advertised again')
})

t.test('a title that is withdrawn takes its adverts with it', async t => {
  const provider = await Provider.open(t.testdir({}))
  await provider.film('film', 2)
  t.equal((await provider.round()).length, 2)
  provider.add(CREATOR, buildWithdrawnTitle({ kind: 34235, d: 'film', title: '' }, 'rights', provider.seconds + 1))
  t.strictSame((await provider.round(60)).map(({ kind }) => kind), [30081, 30081, 5])
  t.equal(provider.advertiser.live, 0)
})

t.test('changed coverage is told sooner, but not more often than every 10 minutes', async t => {
  const provider = await Provider.open(t.testdir({}))
  const film = await provider.film('film', 30, 0)
  await provider.round()
  const told: [number, string][] = []
  for (let minute = 1; minute <= 35; minute++) {
    if (minute <= 30) await film.later(minute - 1)
    for (const event of await provider.round(60)) {
      const { scope, coverage } = parseProviderAdvert(event)
      if (scope === 'hashseq') told.push([minute, `${coverage!.held}/${coverage!.listed}`])
    }
  }
  t.strictSame(told.at(-1)?.[1], '30/30')
  t.ok(told.length <= 4, `${told.length} versions in 35 minutes`)
  for (let i = 1; i < told.length; i++) t.ok(told[i]![0] - told[i - 1]![0] >= 10)
  t.equal((await provider.round(HOUR)).length, 0, 'and then nothing changes')
  await provider.remove(film.manifest.sha256)
  await provider.round(60)
  const again = await provider.film('film 2', 5, 0)
  t.equal((await provider.round(60)).length, 2)
  await again.later(0)
  const reborn = provider.restarted()
  t.strictSame(await reborn.round(8 * 60), [], 'nor after a restart')
  t.equal((await reborn.round(2 * 60)).length, 2)
})

t.test('a new public URL is told at once', async t => {
  const provider = await Provider.open(t.testdir({}))
  provider.artifact(await provider.put(seededBlob('file', 9000).bytes))
  await provider.round()
  provider.servers = ['https://new.example']
  t.match((await provider.round(HOUR)).map(parseProviderAdvert), [{ servers: ['https://new.example'] }])
})

t.test('after a restart nothing is said twice, and what is due is said', async t => {
  const provider = await Provider.open(t.testdir({}))
  await provider.film('film', 3)
  provider.artifact(await provider.put(seededBlob('file', 9000).bytes))
  t.equal((await provider.round()).length, 3)
  for (let i = 0; i < 5; i++) t.strictSame(await provider.restarted().round(HOUR), [])
  const again = provider.restarted()
  t.equal((await again.round(20 * HOUR)).length, 3)
  t.equal(provider.rows.standing(provider.seconds).size, 3)
})

t.test('a kill between any two steps leaves nothing unsaid', async t => {
  const provider = await Provider.open(t.testdir({}))
  const file = await provider.put(seededBlob('file', 9000).bytes)
  provider.artifact(file)
  const [advert] = await provider.round()
  provider.node.database.prepare('DELETE FROM outbox').run() // kept, and killed before it was queued
  const again = provider.restarted()
  again.advertiser.start()
  t.match(again.outbox.told(advert!.id), [{ state: 'waiting' }])
  await again.advertiser.close()

  await provider.remove(file.sha256)
  const dying = provider.restarted()
  const publishOwn = dying.publisher.publishOwn.bind(dying.publisher)
  dying.publisher.publishOwn = async (build) => {
    if (build(0).kind === 5) throw new StoreError('fs', 'put', 'state', new Error('killed'))
    return publishOwn(build)
  }
  await t.rejects(dying.round(60), { name: 'StoreError' })
  t.strictSame(dying.signed.map(({ kind }) => kind), [30081])
  t.strictSame((await provider.restarted().round(60)).map(({ kind }) => kind), [5], 'kind 5 follows in the next life')
  t.strictSame(await provider.restarted().round(60), [])
})

t.test('a relay that is new is told of what stands, and of no version that was replaced', async t => {
  const provider = await Provider.open(t.testdir({}))
  provider.artifact(await provider.put(seededBlob('file', 9000).bytes))
  await provider.round()
  const [second] = await provider.round(25 * HOUR)
  const again = await Provider.open(t.testdir({}))
  t.strictSame(provider.rows.untold('wss://new.example/', 0).map(({ id }) => id), [second!.id])
  t.strictSame(again.rows.untold('wss://new.example/', 0), [])
  t.equal(provider.outbox.summary()[0]?.waiting, 1, 'a relay that was away need not hear of the first')
})

t.test('hundreds of adverts are spread over seconds', async t => {
  const provider = await Provider.open(t.testdir({}))
  for (let i = 0; i < 120; i++) provider.artifact(await provider.put(Buffer.from(`file ${i}`)), `1.0.${i}`)
  const said = await provider.round()
  t.equal(said.length, 120)
  const perSecond = new Map<number, number>()
  for (const { created_at } of said) perSecond.set(created_at, (perSecond.get(created_at) ?? 0) + 1)
  t.ok(Math.max(...perSecond.values()) <= 10)
  t.ok(perSecond.size >= 12)
})

t.test('a store that does not answer says nothing of a blob: its advert is neither refreshed nor withdrawn', async t => {
  const provider = await Provider.open(t.testdir({}))
  provider.artifact(await provider.put(seededBlob('file', 9000).bytes))
  await provider.round()
  const { blobs } = provider.node
  const down = async (): Promise<never> => { throw new StoreError('fs', 'read', 'x', new Error('EIO')) }
  const possession = new Possession({ blobs: { find: (sha256) => blobs.find(sha256), read: down }, lastScrubbed: () => null, now: provider.node.now, sleep: async () => {} })
  Object.assign(provider, { possession })
  t.strictSame(await provider.round(25 * HOUR), [])
  t.match(provider.faults, [/EIO/])
  t.equal(provider.advertiser.live, 1)
  Object.assign(provider, { possession: provider.restarted().possession })
  t.equal((await provider.round(HOUR)).length, 1, 'when it answers again')
})

t.test('through the outbox to every relay, which has what we have', async t => {
  const have = new Map<string, SignedEvent>()
  const relay = await startScriptedRelay(t, (say, [word, event]) => {
    if (word !== 'EVENT') return
    have.set((event as SignedEvent).id, event as SignedEvent)
    say('OK', (event as SignedEvent).id, true, '')
  })
  const provider = await Provider.open(t.testdir({}), { relays: [relay.url] })
  const { manifest } = await provider.film('film', 3)
  await provider.round()
  await provider.remove(manifest.sha256)
  await provider.round(60)
  const link = new Relay({ url: relay.url, sign: null, now: Date.now })
  const announcer = new Announcer({ relay: link, outbox: provider.outbox, now: provider.node.now })
  t.teardown(() => { announcer.close(); link.close() })
  link.start()
  for (let i = 0; i < 6000 && (provider.outbox.summary()[0]?.waiting ?? 1) > 0; i++) await new Promise((resolve) => { setTimeout(resolve, 10) })
  t.match(provider.outbox.summary(), [{ waiting: 0, refused: 0 }])
  const live = [...have.values()].filter(({ kind }) => kind === 30081).sort((a, b) => a.created_at - b.created_at)
  t.ok([...have.values()].some(({ kind }) => kind === 5))
  t.ok(live.length >= 3)
  t.equal(have.size, relay.heard.length, 'nothing is told twice')
})

t.test('nothing of it runs on after close', async t => {
  const provider = await Provider.open(t.testdir({}))
  provider.artifact(await provider.put(seededBlob('file', 9000).bytes))
  provider.advertiser.start()
  provider.advertiser.wake()
  await provider.advertiser.close()
  const before = provider.signed.length
  provider.advertiser.wake()
  await new Promise((resolve) => { setTimeout(resolve, 50) })
  t.equal(provider.signed.length, before)
})
