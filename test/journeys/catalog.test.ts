// The main job of the catalog: two servers and a real nostr-rs-relay with our own configuration and policy. A title published at one is found at the other
// with its providers, each blob is fetched from whoever has it, and neither a relay that dies nor a node that comes later loses anything.

import t from 'tap'
import { startMarquee } from '../support/app.ts'
import { hashed } from '../support/asking.ts'
import { smallFilm, uploadFilm } from '../support/film-blobs.ts'
import { Signer } from '../support/keys.ts'
import { PINNED, bundleNow, trustEvent } from '../support/live-release.ts'
import { freePort } from '../support/program.ts'
import { startNostrRelay } from '../support/nostr-relay.ts'
import { startRelayPolicy } from '../support/relay-policy.ts'
import { soon } from '../support/soon.ts'
import { buildApplication } from '../../server/catalog/kinds/application.ts'
import { buildArtifact } from '../../server/catalog/kinds/artifact.ts'
import { buildCollection, buildWithdrawnCollection } from '../../server/catalog/kinds/collection.ts'
import { buildRelease } from '../../server/catalog/kinds/release.ts'
import { databasePath } from '../../server/marquee.ts'
import { openDatabase } from '../../server/database.ts'
import type { Test } from 'tap'
import type { Running } from '../support/app.ts'
import type { SmallFilm } from '../support/film-blobs.ts'
import type { SignedEvent } from '../../server/auth/signature.ts'

const seconds = (): number => Math.floor(Date.now() / 1000)

async function start (t: Test, relay: string, creator: Signer): Promise<Running> {
  const port = await freePort()
  return startMarquee(t, { env: { PORT: String(port), PUBLIC_URL: `http://127.0.0.1:${port}`, RELAYS: relay, TITLE_PUBKEYS: creator.pubkey, RELEASE_ROOT: PINNED } })
}

interface Told { relay: string, state: string, words: string }

async function publish (url: string, event: SignedEvent): Promise<Told[]> {
  const response = await fetch(`${url}/catalog/events`, { method: 'POST', body: JSON.stringify(event) })
  const body = await response.json() as { relays: Told[], reason?: string }
  if (response.status !== 201) throw new Error(`${response.status} ${body.reason}`)
  return body.relays
}

const addressOf = (creator: Signer, name: string): string => `34235:${creator.pubkey}:${name}`
const has = async (url: string, address: string): Promise<boolean> => (await fetch(`${url}/catalog/titles/${address}`)).status === 200

/** Fetches every blob of a film as a node would that knows `url` and nothing else: what it lists, who has each, and the bytes from there. */
async function fetchFilm (t: Test, url: string, address: string, film: SmallFilm): Promise<Set<string>> {
  const title = await (await fetch(`${url}/catalog/titles/${address}`)).json() as { event: SignedEvent, manifest: { sha256: string } }
  t.equal(title.event.pubkey, address.split(':')[1], 'the signed event is there to be checked')
  const from = new Set<string>()
  const wanted = [title.manifest.sha256, ...film.segments.map(({ sha256 }) => sha256)]
  const query = wanted.map((sha256) => `hash=${sha256}`).join('&')
  const { providers } = await (await fetch(`${url}/catalog/providers?${query}`)).json() as { providers: Record<string, { servers: string[] }[]> }
  for (const sha256 of wanted) {
    const server = providers[sha256]?.[0]?.servers[0]
    if (server === undefined) return t.fail(`nobody has ${sha256}`) as unknown as Set<string>
    from.add(server)
    t.match(await hashed(await fetch(`${server}/${sha256}`)), { status: 200, sha256 })
  }
  return from
}

/** What stands of titles, collections, releases and artifacts, whoever signed them but the servers themselves. */
function standing ({ dataDir }: Running): string {
  const database = openDatabase(databasePath(dataDir))
  try {
    const rows = ['titles', 'collections', 'releases', 'artifacts'].map((table) => database.prepare(`SELECT * FROM ${table} ORDER BY event`).all() as Record<string, unknown>[])
    const told = rows.map((each) => each.filter(({ kind }) => kind !== 30078).map(({ id, ...row }) => row))
    return JSON.stringify(told, (_key, value: unknown) => (value as { type?: string } | null)?.type === 'Buffer' ? Buffer.from((value as { data: number[] }).data).toString('hex') : value)
  } finally {
    database.close()
  }
}

t.test('a title published at one server is found at the other with its providers, and every blob is fetched from whoever has it', async t => {
  const [creator, operator] = [new Signer(), new Signer()]
  const { url: policy } = await startRelayPolicy(t, { creators: [creator.pubkey], releaseKeys: [operator.pubkey] })
  const relay = await startNostrRelay(t, { policy })
  if (relay === null) return
  const [a, b] = [await start(t, relay.url, creator), await start(t, relay.url, creator)]
  t.ok(await soon(() => [a, b].every(({ marquee }) => marquee.catalog.followers[0]!.status.caughtUp)))

  const film = smallFilm(creator.pubkey, 'night', 5)
  await uploadFilm(a.url, creator, film)
  t.match(await publish(a.url, creator.sign(film.title(seconds() - 1))), [{ state: 'done' }], 'the relay has it')
  const night = addressOf(creator, 'night')
  t.ok(await soon(() => has(b.url, night)), 'found at the other server')
  const { sha256 } = film.manifestBlob
  const providersAt = async (url: string): Promise<{ servers: string[] }[]> =>
    ((await (await fetch(`${url}/catalog/providers?hash=${sha256}`)).json()) as { providers: Record<string, { servers: string[] }[]> }).providers[sha256]!
  t.ok(await soon(async () => (await providersAt(b.url)).length > 0), 'with its provider')
  // b has not read the manifest, so it knows the providers of the manifest alone: it takes the film over
  await uploadFilm(b.url, creator, film)
  t.ok(await soon(async () => (await (await fetch(`${b.url}/catalog/titles/${night}`)).json() as { health: { held: number } }).health.held === film.segments.length + 2))
  t.same([...await fetchFilm(t, b.url, night, film)].length, 1)

  const words = await fetch(`${a.url}/catalog/events`, { method: 'POST', body: JSON.stringify(new Signer().sign(film.title(seconds()))) })
  t.equal(words.status, 403, 'a stranger publishes nothing')

  await relay.stop('SIGKILL')
  const day = smallFilm(creator.pubkey, 'day')
  await uploadFilm(a.url, creator, day)
  t.match(await publish(a.url, creator.sign(day.title(seconds()))), [{ state: 'waiting' }], 'the relay is away: it waits')
  t.ok(await has(a.url, addressOf(creator, 'day')), 'and is here')
  await relay.start()
  t.ok(await soon(() => has(b.url, addressOf(creator, 'day'))), 'told and followed when it is back')

  for (const draft of [
    buildCollection({ d: 'best', title: 'Best', titles: [night, addressOf(creator, 'day')] }, seconds() - 5), buildCollection({ d: 'worst', title: 'Worst', titles: [night] }, seconds() - 5),
    buildWithdrawnCollection({ d: 'worst', title: 'Worst' }, 'unkind', seconds())
  ]) await publish(a.url, creator.sign(draft))
  await publish(a.url, trustEvent(bundleNow((bundle) => { bundle.roles.release.nostr = [operator.pubkey] }), seconds(), Buffer.from(operator.secret).toString('hex')))
  const app = 'org.example.player'
  const artifact = operator.sign(buildArtifact({ app, version: '1.0.0', sha256, blake3: film.manifestBlob.blake3, size: 10, type: 'application/octet-stream', platforms: ['linux-x86_64'] }, seconds()))
  for (const event of [
    operator.sign(buildApplication({ app, name: 'Player', platforms: ['linux-x86_64'] }, seconds())), artifact,
    operator.sign(buildRelease({ app, version: '1.0.0', channel: 'stable', artifacts: [artifact.id], sequence: 1 }, seconds()))
  ]) await publish(a.url, event)

  const c = await start(t, relay.url, creator)
  t.ok(await soon(async () => await has(c.url, night) && await has(c.url, addressOf(creator, 'day'))), 'a node that comes later learns all from the relay alone')
  t.ok(await soon(() => standing(c) === standing(a)), 'the same live titles, collections and releases, byte for byte')
  t.match(standing(c), /Best.*org\.example\.player@1\.0\.0/s)
  await a.close()
  t.ok(await soon(async () => (await providersAt(c.url)).some(({ servers }) => servers[0] === b.url)), 'whoever took it over is a provider, too')
  t.match(await hashed(await fetch(`${b.url}/${sha256}`)), { sha256 }, 'and has it when the first is gone')
})
