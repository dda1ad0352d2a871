// Proves the test support itself: what tests hold for a relay is one, alone, restartable and gone afterwards.

import { readdirSync } from 'node:fs'
import t from 'tap'
import { RelayLink } from '../../server/catalog/relay-link.ts'
import { onBothRelays } from './both-relays.ts'
import { Signer } from './keys.ts'
import { shippedToml, startNostrRelay } from './nostr-relay.ts'
import { startSecondRelay } from './second-relay.ts'
import type { SignedEvent } from '../../server/auth/signature.ts'

const signer = new Signer()
const event = signer.sign({ kind: 30005, created_at: Math.floor(Date.now() / 1000), tags: [['d', 'a']], content: '' })

async function idsAt (url: string, publish: SignedEvent | null = null): Promise<string[]> {
  const link = new RelayLink({ url, sign: null, now: Date.now })
  await link.open()
  if (publish !== null) await link.publish(publish)
  const ids: string[] = []
  await link.ask({ kinds: [30005], limit: 10 }, ({ id }) => ids.push(id), 10)
  link.close()
  return ids
}

onBothRelays(t, 'a relay keeps its events through stop, kill and start, at the same URL, and is away in between', async (t, relay) => {
  t.match(relay.url, /^ws:\/\/127\.0\.0\.1:\d+$/)
  t.same(await idsAt(relay.url, event), [event.id])
  await t.rejects(relay.start(), /already running/)
  for (const signal of [undefined, 'SIGTERM', 'SIGKILL'] as const) {
    await relay.stop(signal)
    await t.rejects(idsAt(relay.url), { message: /ECONNREFUSED/ })
    await relay.start()
    t.same(await idsAt(relay.url), [event.id])
  }
})

t.test('two relays share nothing, and are gone with their folders after their test', async t => {
  const outside = process.env['TMPDIR']
  const inside = t.testdir()
  t.teardown(() => {
    if (outside === undefined) delete process.env['TMPDIR']
    else process.env['TMPDIR'] = outside
  })
  process.env['TMPDIR'] = inside
  const urls: string[] = []
  await t.test('while they run', async t => {
    for (const start of [startNostrRelay, startNostrRelay, startSecondRelay, startSecondRelay]) {
      const relay = await start(t)
      if (relay !== null) urls.push(relay.url)
    }
    t.equal(new Set(urls).size, readdirSync(inside).length)
    await idsAt(urls[0]!, event)
    for (const url of urls.slice(1)) t.same(await idsAt(url), [])
  })
  for (const url of urls) await t.rejects(idsAt(url), { message: /ECONNREFUSED/ })
  t.same(readdirSync(inside), [])
})

t.test('the shipped file is changed in the lines that are named, and in no other', async t => {
  const [shipped, changed] = [shippedToml([]), shippedToml(['port = 1', 'address = "127.0.0.1"'])].map((text) => text.split('\n')) as [string[], string[]]
  t.same(changed.filter((line, i) => line !== shipped[i]), ['address = "127.0.0.1"', 'port = 1'])
  t.equal(changed.length, shipped.length)
  t.throws(() => shippedToml(['ping_interval = 3']), /no ping_interval/)
})
