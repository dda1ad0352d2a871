// Server list 10063 and relay list 10002 of our own key: signed when they differ from what stands, and anew every year.

import t from 'tap'
import { OwnEvents } from '../../server/catalog/own-events.ts'
import { OwnLists } from '../../server/catalog/own-lists.ts'
import { buildServerList, parseServerList } from '../../server/catalog/kinds/server-list.ts'
import { parseRelayList } from '../../server/catalog/kinds/relay-list.ts'
import { Provider } from '../support/provider.ts'
import type { SignedEvent } from '../../server/auth/signature.ts'

const DAY = 24 * 3600
const RELAYS = ['wss://one.example/', 'wss://two.example/']

function listsOf (provider: Provider, relays: readonly string[]): OwnLists {
  const { node: { database, now }, store: { log }, publisher, outbox } = provider
  return new OwnLists({ database, log, publisher, outbox, relays, onQueued: () => {}, servers: () => provider.servers, now })
}

t.test('server list and relay list are published, to every relay, and only when they differ from what stands', async t => {
  const provider = await Provider.open(t.testdir({}))
  t.equal(await listsOf(provider, RELAYS).refresh(), 2)
  const [servers, relays] = provider.signed as [SignedEvent, SignedEvent]
  t.strictSame(parseServerList(servers).servers, ['https://blobs.example'])
  t.strictSame(parseRelayList(relays).relays, RELAYS.map((url) => ({ url, read: true, write: true })))
  for (const { id } of provider.signed) t.strictSame(provider.outbox.told(id).map(({ relay }) => relay), RELAYS)

  for (let life = 0; life < 3; life++) t.equal(await listsOf(provider.restarted(), RELAYS).refresh(), 0)
  provider.servers = ['https://new.example']
  t.equal(await listsOf(provider, RELAYS).refresh(), 1)
  t.match(provider.signed.at(-1), { kind: 10063, tags: [['server', 'https://new.example']] })
  t.ok(provider.signed.at(-1)!.created_at > servers.created_at, 'also within the same second')
  t.equal(provider.outbox.told(servers.id).length, 0, 'nobody need hear of the one before')
  t.equal(await listsOf(provider, RELAYS.slice(0, 1)).refresh(), 1, 'one relay less')
  t.strictSame(parseRelayList(provider.signed.at(-1)!).relays.map(({ url }) => url), RELAYS.slice(0, 1))
})

t.test('they are signed anew every year', async t => {
  const provider = await Provider.open(t.testdir({}))
  const lists = listsOf(provider, RELAYS)
  await lists.refresh()
  provider.node.pass(364 * DAY * 1000)
  t.equal(await lists.refresh(), 0)
  provider.node.pass(DAY * 1000)
  t.equal(await lists.refresh(), 2)
  t.same(provider.signed.map(({ kind }) => kind), [10063, 10002, 10063, 10002])
})

t.test('a relay that is new is told of the list that stands; without relays there is no relay list', async t => {
  const provider = await Provider.open(t.testdir({}))
  t.equal(await listsOf(provider, []).refresh(), 1)
  const [servers] = provider.signed as [SignedEvent]
  t.equal(await listsOf(provider, RELAYS).refresh(), 1)
  t.strictSame(provider.outbox.told(servers.id).map(({ relay }) => relay), RELAYS)
})

t.test('a list of our key that came from elsewhere is replaced where it differs', async t => {
  const provider = await Provider.open(t.testdir({}))
  const other = provider.key.sign(buildServerList({ servers: ['https://old.example'] }, provider.seconds + 30))
  provider.publisher.takeBatch([other])
  t.equal(await listsOf(provider, RELAYS).refresh(), 2)
  const ours = provider.signed.find(({ kind }) => kind === 10063)!
  t.ok(ours.created_at > other.created_at)
})

t.test('lists and adverts begin and end together, and what is deleted is taken back soon after', async t => {
  const provider = await Provider.open(t.testdir({}))
  const { node: { database, blobs, now }, store: { log }, publisher, outbox, faults } = provider
  const file = await provider.put(Buffer.alloc(9000, 1))
  provider.artifact(file)
  let queued = 0
  const own = new OwnEvents({
    database, log, publisher, outbox, blobs, now, relays: RELAYS, servers: () => provider.servers, lastScrubbed: () => null, mayTell: () => true,
    onQueued: () => { queued++ }, onFault: (error) => { faults.push(String(error)) }, sleep: async (ms) => { provider.node.pass(ms) }
  })
  const until = async (isSo: () => boolean): Promise<boolean> => {
    for (let i = 0; i < 6000 && !isSo(); i++) await new Promise((resolve) => { setTimeout(resolve, 10) })
    return isSo()
  }
  own.start()
  t.ok(await until(() => own.adverts === 1))
  t.strictSame(provider.signed.map(({ kind }) => kind).sort(), [10002, 10063, 30081])
  for (const { id } of provider.signed) t.equal(outbox.told(id).length, 2)
  t.ok(queued >= 3)
  await provider.remove(file.sha256)
  t.ok(await until(() => { own.wake(); return provider.signed.some(({ kind }) => kind === 5) }))
  t.equal(own.adverts, 0)
  await own.close()
  t.strictSame(faults, [])
})
