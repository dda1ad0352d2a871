// Makes a data folder whose catalog has a long log, and manifests that were read: by the server's own modules, without blobs. The tables are then what
// `marquee rebuild --catalog` makes of the log. A program: node catalog-seeder.js DIST DATA_DIR TITLES SEGMENTS signed|unsigned. Ids are true; with
// `signed` signatures are too, which takes some tenths of a millisecond each.

import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { finalizeEvent, getPublicKey, setNostrWasm } from 'nostr-tools/wasm'
import { initNostrWasm } from 'nostr-wasm'
import { PROVIDERS, advertAt, catalogSize, manifestAt, nameOf, ownWord, segmentAt, wordsOf } from './catalog-names.ts'
import type { EventDraft, SignedEvent } from '../../server/auth/signature.ts'
import type { FilmManifest } from '../../server/catalog/manifest.ts'

/** Rows of one transaction. */
const TOGETHER = 5000
const CREATORS = 100

const [dist, dataDir, titles, segments, signing] = process.argv.slice(2) as [string, string, string, string, string]
const size = catalogSize(Number(titles), Number(segments))
const signed = signing === 'signed'
const now = Math.floor(Date.now() / 1000)

async function ofServer<T> (path: string): Promise<T> {
  return await import(pathToFileURL(join(dist, 'server', path)).href) as T
}

await ofServer('auth/signature.js') // sets the wasm up
setNostrWasm(await initNostrWasm())
const { openDatabase } = await ofServer<typeof import('../../server/database.ts')>('database.js')
const { databasePath } = await ofServer<typeof import('../../server/marquee.ts')>('marquee.js')
const { EventLog } = await ofServer<typeof import('../../server/catalog/event-log.ts')>('catalog/event-log.js')
const { eventId } = await ofServer<typeof import('../../server/catalog/event-id.ts')>('catalog/event-id.js')
const { ManifestRows } = await ofServer<typeof import('../../server/catalog/rows/manifest-rows.ts')>('catalog/rows/manifest-rows.js')
const { buildTitle } = await ofServer<typeof import('../../server/catalog/kinds/title.ts')>('catalog/kinds/title.js')
const { buildProviderAdvert } = await ofServer<typeof import('../../server/catalog/kinds/provider-advert.ts')>('catalog/kinds/provider-advert.js')

const keys = new Map<string, { secret: Buffer, pubkey: string }>()

function keyOf (name: string): { secret: Buffer, pubkey: string } {
  let key = keys.get(name)
  if (key === undefined) {
    const secret = Buffer.from(nameOf('key', name), 'hex')
    key = { secret, pubkey: getPublicKey(secret) }
    keys.set(name, key)
  }
  return key
}

function sign (draft: EventDraft, name: string): SignedEvent {
  const { secret, pubkey } = keyOf(name)
  return signed ? finalizeEvent(draft, secret) : { ...draft, pubkey, id: eventId(pubkey, draft), sig: '0'.repeat(128) }
}

function titleEvent (index: number): SignedEvent {
  const words = wordsOf(index, 36)
  return sign(buildTitle({
    d: `film-${index}`, title: [...words.slice(0, 5), ownWord(index)].join(' '), synopsis: words.slice(5, 33).join(' '), topics: words.slice(33), duration: 5400, publishedAt: now - 90 * 86_400,
    manifest: { ...manifestAt(index), size: 1_000_000 }, aggregate: nameOf('aggregate', index), servers: ['https://films.example']
  }, now - 86_400 - index % 8_000_000), `creator ${index % CREATORS}`)
}

function advertEvent (index: number): SignedEvent {
  const { sha256, blake3, film, key } = advertAt(index, size)
  const list = film === null ? {} : { scope: 'manifest', coverage: { held: size.segments, listed: size.segments } } as const
  return sign(buildProviderAdvert({ sha256, blake3, ...list, servers: [`https://node${key}.example`] }, now - index % 36_000), `provider ${key}`)
}

function manifestOf (film: number): FilmManifest {
  const ref = (what: string): { sha256: string, blake3: string, size: number } => ({ sha256: nameOf(what, film), blake3: nameOf(what, 'b', film), size: 1000 })
  return {
    schema: 'indeehub.film-manifest/1', title_ref: `34235:${keyOf(`creator ${film % CREATORS}`).pubkey}:film-${film}`, duration_ms: size.segments * 6000, master: ref('master'), aggregate: nameOf('aggregate', film),
    renditions: [{
      name: '720p', kind: 'video', type: 'video/mp2t', playlist: ref('playlist'),
      segments: Array.from({ length: size.segments }, (_, i) => ({ ...segmentAt(film, i), size: 1_500_000, duration_ms: 6000 }))
    }]
  }
}

const database = openDatabase(databasePath(dataDir))
database.pragma('cache_size = -1000000')
database.pragma('synchronous = OFF')
const log = new EventLog(database)
const append = (count: number, eventAt: (index: number) => SignedEvent): void => {
  for (let from = 0; from < count; from += TOGETHER) {
    database.transaction(() => {
      for (let i = from; i < Math.min(count, from + TOGETHER); i++) {
        const event = eventAt(i)
        log.append(event, event.tags.find(([name]) => name === 'd')![1]!)
      }
    })()
  }
}
append(size.titles, titleEvent)
append(size.adverts, advertEvent)
const manifests = new ManifestRows(database)
for (let film = 0; film < size.films; film++) manifests.put(manifestAt(film).sha256, manifestAt(film).blake3, manifestOf(film))
if (size.adverts < PROVIDERS) throw new Error('too few adverts')
database.close() // its log goes into it
