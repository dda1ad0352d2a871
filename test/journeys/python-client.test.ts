// What we publish as another author's program in another language reads it: the published `nostr-sdk` package of PyPI, unmodified
// (test/clients/nostr-sdk-py), over the real nostr-rs-relay.

import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import t from 'tap'
import { Announcer } from '../../server/catalog/announcer.ts'
import { buildProviderAdvert } from '../../server/catalog/kinds/provider-advert.ts'
import { buildServerList } from '../../server/catalog/kinds/server-list.ts'
import { buildTitle } from '../../server/catalog/kinds/title.ts'
import { Outbox } from '../../server/catalog/outbox.ts'
import { Relay } from '../../server/catalog/relay.ts'
import { openDatabase } from '../../server/database.ts'
import { Signer, seededBlob } from '../support/keys.ts'
import { startNostrRelay } from '../support/nostr-relay.ts'
import { requirePart } from '../support/parts.ts'
import { startScriptedRelay } from '../support/scripted-relay.ts'
import { ROOT } from '../support/source.ts'
import type { SignedEvent } from '../../server/auth/signature.ts'
import type { Filter } from '../../server/catalog/relay-link.ts'

const run = promisify(execFile)
const creator = new Signer()
const node = new Signer()
const NOW = Math.floor(Date.now() / 1000)
const hashes = (name: string): { sha256: string, blake3: string } => ({ sha256: seededBlob(name, 10).sha256, blake3: seededBlob(`${name}3`, 10).sha256 })

/** A line of read.py. */
interface Line {
  filter: number
  id: boolean
  signature: boolean
  event: SignedEvent
}

async function read (program: string, url: string, filters: Filter[]): Promise<Line[]> {
  const { stdout } = await run(program, [`${ROOT}test/clients/nostr-sdk-py/read.py`, url, ...filters.map((each) => JSON.stringify(each))], { env: {}, timeout: 200_000 })
  return stdout.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as Line)
}

t.test("python's nostr-sdk finds titles, adverts by #x and #d, and the server list that our announcer told a relay, and verifies them", async t => {
  const program = requirePart(t, 'nostr-sdk-py')
  const server = await startNostrRelay(t)
  if (program === null || server === null) return
  const [film, reel, other] = [hashes('film'), hashes('reel'), hashes('other')]
  const title = creator.sign(buildTitle({
    d: 'film', title: 'Der Film — “кино” 🎬', synopsis: 'a "quoted"\nline\twith \\ and \u0007', topics: ['drama'], manifest: { ...film, size: 4000 }, aggregate: other.sha256,
    servers: ['https://a.example'], media: []
  }, NOW))
  const adverts = [film, reel, other].map((each) => node.sign(buildProviderAdvert({ ...each, servers: ['https://a.example'], size: 10 }, NOW)))
  const list = node.sign(buildServerList({ servers: ['https://a.example', 'https://b.example'] }, NOW))

  const outbox = new Outbox(openDatabase(':memory:'))
  const relay = new Relay({ url: server.url, sign: null, now: Date.now })
  const announcer = new Announcer({ relay, outbox, now: Date.now })
  t.teardown(() => { announcer.close(); relay.close() })
  for (const event of [title, ...adverts, list]) outbox.queue(event, [server.url], Date.now())
  await new Promise<void>((resolve) => {
    relay.onOpen(() => { resolve() })
    relay.start()
  })
  await announcer.settled()
  t.match(outbox.summary(), [{ done: 5, waiting: 0, refused: 0 }])

  const lines = await read(program, server.url, [
    { kinds: [34235] }, { kinds: [30081], '#x': [film.sha256, reel.sha256] }, { kinds: [30081], '#d': [other.blake3] }, { kinds: [10063], authors: [node.pubkey] },
    { kinds: [34235], '#x': [other.sha256] }, { kinds: [30081], '#x': ['00'.repeat(32)] }
  ])
  t.ok(lines.every(({ id, signature }) => id && signature))
  const found = (filter: number): SignedEvent[] => lines.filter((line) => line.filter === filter).map(({ event }) => event).sort((a, b) => a.id < b.id ? -1 : 1)
  t.same(found(0), [title])
  t.same(found(1), adverts.slice(0, 2).sort((a, b) => a.id < b.id ? -1 : 1))
  t.same(found(2), [adverts[2]])
  t.same(found(3), [list])
  t.same(found(4), [title], 'by its aggregate hash')
  t.same(found(5), [])
})

t.test('a forged event does not get through to it', async t => {
  const program = requirePart(t, 'nostr-sdk-py')
  if (program === null) return
  const [good, other] = [creator.sign({ kind: 30005, created_at: NOW, tags: [['d', 'a']], content: '' }), creator.sign({ kind: 30005, created_at: NOW, tags: [['d', 'b']], content: '' })]
  const { url } = await startScriptedRelay(t, (say, [word, id]) => {
    if (word !== 'REQ') return
    for (const event of [{ ...other, sig: good.sig }, good]) say('EVENT', id, event)
    say('EOSE', id)
  })
  t.same((await read(program, url, [{ kinds: [30005] }])).map(({ event }) => event), [good])
})
