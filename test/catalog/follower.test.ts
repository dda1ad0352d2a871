// Following a relay (nostr-and-releases.md §3.4): every stored event is read however the relay cuts its pages, then what comes; restarts, broken links and
// lies lose nothing and cost bounded work.

import t from 'tap'
import { openDatabase } from '../../server/database.ts'
import { AuthorRows } from '../../server/catalog/author-rows.ts'
import { backfill } from '../../server/catalog/backfill.ts'
import { CatalogStore } from '../../server/catalog/catalog-store.ts'
import { RelayCursors } from '../../server/catalog/cursors.ts'
import { Follower } from '../../server/catalog/follower.ts'
import { buildProviderAdvert } from '../../server/catalog/kinds/provider-advert.ts'
import { buildTitle } from '../../server/catalog/kinds/title.ts'
import { OwnClock } from '../../server/catalog/own-clock.ts'
import { Publisher } from '../../server/catalog/publish.ts'
import { Relay } from '../../server/catalog/relay.ts'
import { diceOf, hashNamed, unsigned } from '../support/catalog-histories.ts'
import { Signer } from '../support/keys.ts'
import { startScriptedRelay } from '../support/scripted-relay.ts'
import type { Test } from 'tap'
import type { SignedEvent } from '../../server/auth/signature.ts'
import type { Filter } from '../../server/catalog/relay-link.ts'
import type { Script, ScriptedRelay } from '../support/scripted-relay.ts'

const seconds = (): number => Math.floor(Date.now() / 1000)

/** What a relay with these events answers, the newest first, `cap` at most. */
function answer (events: readonly SignedEvent[], { kinds, authors, since = 0, until = Infinity, limit = Infinity }: Filter, cap: number): SignedEvent[] {
  return events
    .filter(({ kind, pubkey, created_at: at }) => (kinds?.includes(kind) ?? true) && (authors?.includes(pubkey) ?? true) && at >= since && at <= until)
    .sort((a, b) => b.created_at - a.created_at || (a.id < b.id ? -1 : 1))
    .slice(0, Math.min(limit, cap))
}

const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31))

t.test(`everything stored is read, wherever the relay cuts its pages (SEED=${seed})`, async t => {
  const dice = diceOf(seed)
  for (let round = 0; round < 60; round++) {
    const span = 1 + dice(200)
    const events = Array.from({ length: dice(300) }, (_, i) => unsigned(hashNamed(`key ${dice(20)}`), { kind: 30000 + dice(3), created_at: 1000 + dice(span), tags: [['d', String(i)]], content: '' }))
    const cap = 2 + dice(40)
    const got = new Map<string, number>()
    let progress = Infinity
    const found = await backfill({
      ask: async (filter, onEvent) => { for (const event of answer(events, filter, cap)) onEvent(event) },
      filter: { kinds: [30000, 30001, 30002] }, since: 0, until: 5000, page: 50,
      onPage: (page) => { for (const { id } of page) got.set(id, (got.get(id) ?? 0) + 1) },
      onProgress: (downTo) => {
        if (downTo > progress) t.fail(`progress went up, round ${round}`)
        progress = downTo
        const missed = events.filter(({ id, created_at: at }) => at >= downTo && !got.has(id))
        if (missed.length > 0 && missed.some(({ created_at: at }) => !crowdedAt(events, at, cap))) t.fail(`said to be read and was not, round ${round}`)
      }
    })
    const missed = events.filter(({ id, created_at: at }) => !got.has(id) && !found.crowded.includes(at))
    if (missed.length > 0) t.equal(missed.length, 0, `round ${round}: cap ${cap}, span ${span}, ${events.length} events`)
    if ([...got.values()].some((times) => times > 1)) t.fail(`told twice, round ${round}`)
    if (!found.complete) t.fail(`not complete, round ${round}`)
  }
  t.pass('60 relays')
})

const crowdedAt = (events: readonly SignedEvent[], at: number, cap: number): boolean => events.filter(({ created_at }) => created_at === at).length >= cap

t.test('a relay that tells of what was not asked for does not move the place of reading', async t => {
  const wanted = unsigned(hashNamed('a'), { kind: 34235, created_at: 100, tags: [], content: '' })
  const strays = [unsigned(hashNamed('a'), { kind: 1, created_at: 50, tags: [], content: '' }), unsigned(hashNamed('a'), { kind: 34235, created_at: 9_000_000, tags: [], content: '' })]
  const got: string[] = []
  const found = await backfill({
    ask: async (filter, onEvent) => { for (const event of [...answer([wanted], filter, 9), ...strays]) onEvent(event) },
    filter: { kinds: [34235] }, since: 10, until: 1000, onPage: (page) => { got.push(...page.map(({ id }) => id)) }, onProgress: () => {}
  })
  t.same(got, [wanted.id])
  t.ok(found.complete)
  t.ok(found.strays >= 2)
})

t.test('a relay that finds something more for ever is left', async t => {
  let at = 1_000_000
  const found = await backfill({
    ask: async (_filter, onEvent) => { onEvent(unsigned(hashNamed('a'), { kind: 1, created_at: --at, tags: [], content: '' })) },
    filter: {}, since: 0, until: 2_000_000, mostPages: 20, onPage: () => {}, onProgress: () => {}
  })
  t.match(found, { pages: 20, complete: false })
})

const creator = new Signer()

const titleOf = (d: string, createdAt: number, signer = creator): SignedEvent =>
  signer.sign(buildTitle({ d, title: d, manifest: { sha256: hashNamed('m'), blake3: hashNamed('b'), size: 1 } }, createdAt))

/** A relay of these events that tells new ones to whoever subscribed. */
async function startStoring (t: Test, events: SignedEvent[], cap = 500): Promise<ScriptedRelay & { add: (event: SignedEvent) => void, asked: Filter[] }> {
  const live = new Set<(event: SignedEvent) => void>()
  const asked: Filter[] = []
  const script: Script = (say, [word, id, first], socket) => {
    if (word !== 'REQ') return
    const filter = first as Filter
    asked.push(filter)
    for (const event of answer(events, filter, cap)) say('EVENT', id, event)
    say('EOSE', id)
    const tell = (event: SignedEvent): void => { if (answer([event], { ...filter, limit: 1 }, 1).length > 0) say('EVENT', id, event) }
    if (filter.limit !== 1) return
    live.add(tell)
    socket.on('close', () => { live.delete(tell) })
  }
  const relay = await startScriptedRelay(t, script)
  return { ...relay, asked, add: (event) => { events.push(event); for (const tell of live) tell(event) } }
}

interface Following {
  follower: Follower
  relay: Relay
  store: CatalogStore
  close: () => void
}

function follow (url: string, file = ':memory:', titlePubkeys = [creator.pubkey], patience = 60_000): Following {
  const database = openDatabase(file)
  const store = new CatalogStore(database)
  const node = new Signer()
  const state = { get: async () => null, put: async () => {}, remove: async () => true, list: async function * () {} }
  const publisher = new Publisher({
    store, authors: new AuthorRows(database), state, now: Date.now,
    clock: new OwnClock({ state, newest: () => null, now: Date.now }),
    signer: { pubkey: node.pubkey, sign: (draft) => node.sign(draft) },
    policy: { titlePubkeys: new Set(titlePubkeys), mayUpload: () => true, mayRelease: () => false, maySnapshot: () => false }
  })
  const relay = new Relay({ url, sign: null, now: Date.now, limits: { answer: patience }, backoff: { first: 20, most: 50 } })
  const follower = new Follower({
    relay, publisher, cursors: new RelayCursors(database), now: Date.now,
    topics: [{ name: 'titles', filter: { kinds: [34235, 5] }, reach: null }, { name: 'adverts', filter: { kinds: [30081] }, reach: 72 * 3600 }]
  })
  relay.start()
  return { follower, relay, store, close: () => { relay.close(); follower.close(); database.close() } }
}

async function until (isSo: () => boolean): Promise<boolean> {
  for (let i = 0; i < 6000; i++) {
    if (isSo()) return true
    await new Promise((resolve) => { setTimeout(resolve, 10) })
  }
  return false
}

t.test('what is stored is read, what comes is taken, and a forged event costs nothing but its look', async t => {
  const stored = Array.from({ length: 30 }, (_, i) => titleOf(`t${i}`, seconds() - 1000 + i))
  stored.push({ ...titleOf('forged', seconds() - 500), content: 'other' }, titleOf('foreign', seconds() - 400, new Signer()))
  const bad = titleOf('bad signature', seconds() - 300)
  stored.push({ ...bad, sig: bad.sig.replace(/^../, bad.sig.startsWith('00') ? '01' : '00') })
  const relay = await startStoring(t, stored, 7)
  const { follower, store, close } = follow(relay.url)
  t.teardown(close)
  t.ok(await until(() => follower.status.caughtUp))
  t.equal(store.log.last, 30)
  t.match(follower.status.faults, { ID_WRONG: Number, AUTHOR_REFUSED: Number, SIGNATURE_WRONG: Number })
  relay.add(titleOf('later', seconds() - 100_000))
  t.ok(await until(() => store.log.last === 31), 'published late, with an early time')
  const node = new Signer()
  relay.add(node.sign(buildProviderAdvert({ blake3: hashNamed('b'), servers: ['https://n.example'] }, seconds())))
  t.ok(await until(() => store.log.last === 32))
})

t.test('a second start asks for little more than what is new', async t => {
  const events = Array.from({ length: 50 }, (_, i) => titleOf(`t${i}`, seconds() - 100_000 + i))
  const relay = await startStoring(t, events)
  const file = `${t.testdir()}/marquee.db`
  const first = follow(relay.url, file)
  t.ok(await until(() => first.follower.status.caughtUp))
  first.close()
  events.push(titleOf('while away', seconds() - 10))
  relay.asked.length = 0
  const second = follow(relay.url, file)
  t.teardown(second.close)
  t.ok(await until(() => second.follower.status.caughtUp))
  t.equal(second.store.log.last, 51)
  const pages = relay.asked.filter(({ limit, kinds }) => limit !== 1 && kinds!.includes(34235))
  t.ok(pages.every(({ since }) => since! > seconds() - 2 * 3600), 'nothing of long ago')
})

t.test('a backfill whose link breaks goes on where it was, after a restart too', async t => {
  const events = Array.from({ length: 200 }, (_, i) => titleOf(`t${i}`, seconds() - 100_000 + i))
  let pages = 0
  const asked: Filter[] = []
  const relay = await startScriptedRelay(t, (say, [word, id, first], socket) => {
    if (word !== 'REQ') return
    const filter = first as Filter
    asked.push(filter)
    // the fifth page never ends: the link dies in the midst of it
    if (filter.limit !== 1 && ++pages === 5) return socket.terminate()
    for (const event of answer(events, filter, 20)) say('EVENT', id, event)
    say('EOSE', id)
  })
  const file = `${t.testdir()}/marquee.db`
  const first = follow(relay.url, file)
  t.ok(await until(() => pages >= 5))
  first.close()
  asked.length = 0
  const second = follow(relay.url, file)
  t.teardown(second.close)
  t.ok(await until(() => second.follower.status.caughtUp))
  t.equal(second.store.log.last, 200)
  const firstPage = asked.find(({ limit }) => limit !== 1)!
  t.ok(firstPage.until! < seconds() - 90_000, 'it began where the first had come to')
})

t.test('a relay that hangs in the midst of an answer is told, left, and asked again', async t => {
  let hangs = 2
  const events = [titleOf('x', seconds() - 10)]
  const relay = await startScriptedRelay(t, (say, [word, id, first]) => {
    if (word !== 'REQ') return
    const filter = first as Filter
    if (filter.limit !== 1 && hangs-- > 0) return
    for (const event of answer(events, filter, 20)) say('EVENT', id, event)
    say('EOSE', id)
  })
  const { follower, store, close } = follow(relay.url, undefined, undefined, 1000)
  t.teardown(close)
  t.ok(await until(() => follower.status.words.includes('no end of the answer')))
  t.ok(await until(() => follower.status.caughtUp))
  t.equal(store.log.last, 1)
})
