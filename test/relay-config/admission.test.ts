// The write policy in front of a real nostr-rs-relay, over gRPC, with the shipped relay-config/nostr-rs-relay.toml: who is let in, in whose words who
// is not, and that the relay fails open, which our own re-check meets (README.md there).

import { createServer } from 'node:net'
import t from 'tap'
import { isSigned } from '../../server/auth/signature.ts'
import { ADVERT_CAPS, judgeEvent } from '../../server/catalog/accept.ts'
import { Announcer } from '../../server/catalog/announcer.ts'
import { authorPolicy } from '../../server/catalog/authors.ts'
import { buildTitle } from '../../server/catalog/kinds/title.ts'
import { Outbox } from '../../server/catalog/outbox.ts'
import { RelayLink } from '../../server/catalog/relay-link.ts'
import { Relay } from '../../server/catalog/relay.ts'
import { openDatabase } from '../../server/database.ts'
import { Signer } from '../support/keys.ts'
import { freePort } from '../support/program.ts'
import { startNostrRelay } from '../support/nostr-relay.ts'
import { startRelayPolicy } from '../support/relay-policy.ts'
import type { AddressInfo, Socket } from 'node:net'
import type { Test } from 'tap'
import type { SignedEvent } from '../../server/auth/signature.ts'
import type { CatalogFault } from '../../server/catalog/faults.ts'

const creator = new Signer()
const stranger = new Signer()
const RULES = { creators: [creator.pubkey] }
const now = (): number => Math.floor(Date.now() / 1000)
let counter = 0
const titleOf = (signer: Signer): SignedEvent =>
  signer.sign(buildTitle({ d: `film-${++counter}`, title: 'A film', manifest: { sha256: 'ab'.repeat(32), blake3: 'cd'.repeat(32), size: 9 } }, now()))
const advertOf = (signer: Signer): SignedEvent => signer.sign({ kind: 30081, created_at: now(), tags: [['d', (++counter).toString(16).padStart(64, '0')]], content: '{"v":1}' })

async function linkTo (t: Test, url: string, answer = 60_000): Promise<RelayLink> {
  const link = new RelayLink({ url, sign: null, now: Date.now, limits: { answer } })
  t.teardown(() => { link.close() })
  await link.open()
  return link
}

t.test('a title of a named creator is let in, one of anybody else is refused in our words, and is not there', async t => {
  const policy = await startRelayPolicy(t, RULES)
  const relay = await startNostrRelay(t, { policy: policy.url })
  if (relay === null) return
  const link = await linkTo(t, relay.url)
  const [ours, theirs] = [titleOf(creator), titleOf(stranger)]
  t.same(await link.publish(ours), { accepted: true, words: '' })
  t.same(await link.publish(theirs), { accepted: false, words: 'blocked: events of kind 34235 are not taken from this key' })
  const found: string[] = []
  await link.ask({ kinds: [34235], limit: 10 }, ({ id }) => found.push(id), 10)
  t.same(found, [ours.id])
  t.same(await link.publish(creator.sign({ kind: 34235, created_at: now(), tags: [['d', 'x'], ['t', 'y'.repeat(1025)]], content: 'ü "\n\\' })),
    { accepted: false, words: 'blocked: invalid: an element of a tag is longer than is taken: of t, at most 1024 bytes' }, 'the relay puts blocked: before it')
  t.same(await link.publish(creator.sign({ kind: 34235, created_at: now(), tags: [['d', 'ü'], ['e'], ['', '']], content: '漢 "\n\\ \u0001' })), { accepted: true, words: '' })
})

t.test('adverts of a stranger are let in up to the cap; beyond it our announcer is told to slow down, and does', async t => {
  const policy = await startRelayPolicy(t, { ...RULES, strangers: { perKeyPerHour: 3, perHour: 5 } })
  const relay = await startNostrRelay(t, { policy: policy.url })
  if (relay === null) return
  const link = await linkTo(t, relay.url)
  const verdicts = []
  for (let i = 0; i < 4; i++) verdicts.push(await link.publish(advertOf(stranger)))
  t.same(verdicts.map(({ accepted }) => accepted), [true, true, true, false])
  t.equal(verdicts[3]!.words, 'blocked: rate-limited: 3 adverts an hour are taken from one key')

  const outbox = new Outbox(openDatabase(':memory:'))
  const away = new Relay({ url: relay.url, sign: null, now: Date.now })
  const announcer = new Announcer({ relay: away, outbox, now: Date.now })
  t.teardown(() => { announcer.close(); away.close() })
  const event = advertOf(stranger)
  outbox.queue(event, [relay.url], Date.now())
  await new Promise<void>((resolve) => {
    away.onOpen(() => { resolve() })
    away.start()
  })
  await announcer.settled()
  t.match(outbox.told(event.id), [{ state: 'waiting', attempts: 1, words: 'blocked: rate-limited: 3 adverts an hour are taken from one key' }], 'it is not given up')
})

t.test('while the policy is away the relay admits whatever is of an allowed kind, and when it is back it is asked again', async t => {
  const address = `127.0.0.1:${await freePort()}`
  const relay = await startNostrRelay(t, { policy: `http://${address}` })
  if (relay === null) return
  const link = await linkTo(t, relay.url)
  t.same(await link.publish(titleOf(stranger)), { accepted: true, words: '' }, 'it was never there')
  t.match(await link.publish(stranger.sign({ kind: 1, created_at: now(), tags: [], content: '' })), { accepted: false, words: /^blocked:/ }, 'but for the allow list')

  const policy = await startRelayPolicy(t, RULES, address)
  t.match(await link.publish(titleOf(stranger)), { accepted: false, words: /^blocked:/ }, 'it came')
  policy.kill('SIGKILL')
  await policy.ended
  t.same(await link.publish(titleOf(stranger)), { accepted: true, words: '' }, 'it was killed')
  await startRelayPolicy(t, RULES, address)
  let verdict = await link.publish(titleOf(stranger))
  // its connection is made again in the background
  for (let i = 0; verdict.accepted && i < 1200; i++) {
    await new Promise((resolve) => { setTimeout(resolve, 50) })
    verdict = await link.publish(titleOf(stranger))
  }
  t.match(verdict, { accepted: false, words: /^blocked:/ }, 'it is back')
  t.match(relay.logs(), /GRPC server error/)
})

t.test('what a relay let in while its policy was away is refused by the catalog itself', async t => {
  const relay = await startNostrRelay(t, { policy: `http://127.0.0.1:${await freePort()}` })
  if (relay === null) return
  const link = await linkTo(t, relay.url)
  const [ours, theirs] = [titleOf(creator), titleOf(stranger)]
  for (const event of [ours, theirs]) t.match(await link.publish(event), { accepted: true })
  const nobody = (): boolean => false
  const mayAuthor = authorPolicy({
    titlePubkeys: new Set([creator.pubkey]), ownPubkey: '', from: 'relay', mayUpload: nobody, publishedHere: nobody, mayRelease: nobody, maySnapshot: nobody
  })
  const verdicts = new Map<string, string>()
  await link.ask({ kinds: [34235], limit: 10 }, (event) => {
    try {
      judgeEvent(event, {
        now: now(), verify: isSigned, mayAuthor, standing: () => 'new', refuseOlder: false, advertsBeside: () => ({ ofAuthor: 0, fresherOfHash: 0 }), caps: ADVERT_CAPS
      })
      verdicts.set(event.id, 'taken')
    } catch (error) {
      verdicts.set(event.id, (error as CatalogFault).code)
    }
  }, 10)
  t.same([ours, theirs].map(({ id }) => verdicts.get(id)), ['taken', 'AUTHOR_REFUSED'])
})

t.test('a policy that is reached and never answers stops all writing, and no reading', async t => {
  const sockets = new Set<Socket>()
  const mute = createServer((socket) => { sockets.add(socket.on('error', () => {})) }).listen(0, '127.0.0.1')
  await new Promise((resolve) => { mute.once('listening', resolve) })
  const silence = (): Promise<void> => new Promise((resolve) => {
    for (const socket of sockets) socket.destroy()
    mute.close(() => { resolve() })
  })
  t.teardown(silence)
  const relay = await startNostrRelay(t, { policy: `http://127.0.0.1:${(mute.address() as AddressInfo).port}` })
  if (relay === null) return
  const writing = await linkTo(t, relay.url, 2000)
  await t.rejects(writing.publish(titleOf(creator)), { message: /no answer/ })
  const reading = await linkTo(t, relay.url)
  t.equal(await reading.ask({ kinds: [34235], limit: 1 }, () => {}, 1), 0)
})
