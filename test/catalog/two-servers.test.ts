// Two servers and a relay between them: what is published at one is found at the other with its provider, and what one deletes the other no longer names.

import t from 'tap'
import { startMarquee } from '../support/app.ts'
import { smallFilm, uploadFilm } from '../support/film-blobs.ts'
import { Signer } from '../support/keys.ts'
import { scrape, sampleOf } from '../support/metrics.ts'
import { freePort } from '../support/program.ts'
import { operate } from '../support/operator.ts'
import { startScriptedRelay } from '../support/scripted-relay.ts'
import type { Test } from 'tap'
import type { SignedEvent } from '../../server/auth/signature.ts'
import type { Filter } from '../../server/catalog/relay-link.ts'
import type { Running } from '../support/app.ts'
import type { ScriptedRelay } from '../support/scripted-relay.ts'

/** A relay that keeps all it is told, and tells it on. */
async function startKeeping (t: Test): Promise<ScriptedRelay & { kept: SignedEvent[] }> {
  const kept: SignedEvent[] = []
  const live = new Set<(event: SignedEvent) => void>()
  const relay = await startScriptedRelay(t, (say, [word, first, second], socket) => {
    if (word === 'EVENT') {
      const event = first as SignedEvent
      kept.push(event)
      say('OK', event.id, true, '')
      for (const tell of live) tell(event)
    } else if (word === 'REQ') {
      const { kinds, since = 0, until = Infinity, limit = 500 } = second as Filter
      const wanted = ({ kind, created_at: at }: SignedEvent): boolean => kinds!.includes(kind) && at >= since && at <= until
      for (const event of kept.filter(wanted).sort((a, b) => b.created_at - a.created_at).slice(0, limit)) say('EVENT', first, event)
      say('EOSE', first)
      if (limit !== 1) return
      const tell = (event: SignedEvent): void => { if (wanted(event) && socket.readyState === socket.OPEN) say('EVENT', first, event) }
      live.add(tell)
      socket.on('close', () => { live.delete(tell) })
    }
  })
  return { ...relay, kept }
}

async function until (isSo: () => Promise<boolean> | boolean): Promise<boolean> {
  for (let i = 0; i < 3000; i++) {
    if (await isSo()) return true
    await new Promise((resolve) => { setTimeout(resolve, 20) })
  }
  return false
}

async function start (t: Test, relay: string, creator: Signer, env: Record<string, string> = {}): Promise<Running> {
  const port = await freePort()
  return startMarquee(t, { env: { PORT: String(port), PUBLIC_URL: `http://127.0.0.1:${port}`, RELAYS: relay, TITLE_PUBKEYS: creator.pubkey, ...env } })
}

async function providersAt ({ url }: Running, hash: string): Promise<Record<string, any>[]> {
  const { providers } = await (await fetch(`${url}/catalog/providers?hash=${hash}`)).json() as { providers: Record<string, Record<string, any>[]> }
  return providers[hash]!
}

t.test('a title published at one is found at the other with its provider; what is deleted is no longer said', async t => {
  const creator = new Signer()
  const relay = await startKeeping(t)
  const [a, b] = [await start(t, relay.url, creator), await start(t, relay.url, creator, { PROBE_PROVIDERS: 'true' })]
  const film = smallFilm(creator.pubkey, 'night')
  await uploadFilm(a.url, creator, film)
  const title = creator.sign(film.title(Math.floor(Date.now() / 1000)))
  t.equal((await fetch(`${a.url}/catalog/events`, { method: 'POST', body: JSON.stringify(title) })).status, 201)
  const { sha256 } = film.manifestBlob
  t.ok(await until(async () => (await fetch(`${b.url}/catalog/titles/34235:${creator.pubkey}:night`)).status === 200), 'the title')
  t.ok(await until(async () => (await providersAt(b, sha256)).length > 0), 'its provider')
  t.match(await providersAt(b, sha256), [{ pubkey: a.marquee.nodeKey.pubkey, servers: [a.url], scope: 'manifest', coverage: { held: 5, listed: 5 }, source: 'relay' }])
  t.match((await providersAt(a, sha256)).map(({ pubkey }) => pubkey), [a.marquee.nodeKey.pubkey], 'and at home')
  const made = relay.kept.filter(({ pubkey }) => pubkey === a.marquee.nodeKey.pubkey).map(({ kind }) => kind)
  t.strictSame([...new Set(made)].filter((kind) => kind !== 30078).sort((x, y) => x - y), [10002, 10063, 30081])
  t.equal(relay.kept.filter(({ kind, pubkey }) => kind === 30081 && pubkey === b.marquee.nodeKey.pubkey).length, 0, 'who has nothing says nothing')

  const scraped = await scrape(a.url)
  t.equal(sampleOf(scraped, 'marquee_relay_up', { relay: a.marquee.catalog.relays[0]!.url }), 1)
  t.equal(sampleOf(scraped, 'marquee_adverts_live'), 2)
  const { relays } = await (await operate(a, 'GET', '/admin/relays')).json() as { relays: unknown[] }
  t.match(relays, [{ configured: true, link: { state: 'open' }, following: { caughtUp: true } }])

  const deleted = await fetch(`${a.url}/${sha256}`, { method: 'DELETE', headers: { authorization: creator.token('delete', { hashes: [sha256] }) } })
  t.equal(deleted.status, 204)
  for (const each of await a.marquee.blobs.find(sha256) === null ? [] : [a.marquee.nodeKey.pubkey]) await a.marquee.blobs.disown(sha256, each) // the server's own pin
  a.marquee.catalog.own!.wake()
  t.ok(await until(async () => (await providersAt(b, sha256)).length === 0), 'taken back')
  t.ok(relay.kept.some(({ kind, pubkey }) => kind === 5 && pubkey === a.marquee.nodeKey.pubkey))
})

t.test('nothing is advertised without a public URL, and where only some may read', async t => {
  const creator = new Signer()
  const relay = await startKeeping(t)
  const closed = await start(t, relay.url, creator, { READ_PUBKEYS: creator.pubkey })
  const nameless = await startMarquee(t, { env: { RELAYS: relay.url } })
  for (const { marquee } of [closed, nameless]) {
    t.ok(await until(() => marquee.catalog.followers[0]!.status.caughtUp))
    t.equal(marquee.catalog.own, null)
    t.equal(marquee.catalog.report.adverts, 0)
  }
  t.strictSame(relay.kept.filter(({ kind }) => kind === 30081 || kind === 10063), [])
})
