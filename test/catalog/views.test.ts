// What the catalog is asked (nostr-and-releases.md §3.1): lists of titles, which title names a hash, who provides it.

import t from 'tap'
import { openDatabase } from '../../server/database.ts'
import { CatalogStore } from '../../server/catalog/catalog-store.ts'
import { parseCatalogEvent } from '../../server/catalog/catalog-event.ts'
import { parseHashName } from '../../server/catalog/hash-name.ts'
import { buildArtifact } from '../../server/catalog/kinds/artifact.ts'
import { buildProviderAdvert, buildWithdrawnAdvert } from '../../server/catalog/kinds/provider-advert.ts'
import { buildTitle, buildWithdrawnTitle } from '../../server/catalog/kinds/title.ts'
import { buildManifest } from '../../server/catalog/manifest.ts'
import { ReleaseDocumentRows } from '../../server/catalog/rows/release-document-rows.ts'
import { ManifestRows } from '../../server/catalog/rows/manifest-rows.ts'
import { HashViews } from '../../server/catalog/views/hash-views.ts'
import { ProviderViews } from '../../server/catalog/views/provider-views.ts'
import { TitleViews } from '../../server/catalog/views/title-views.ts'
import { hashNamed, unsigned } from '../support/catalog-histories.ts'
import type { Database } from '../../server/database.ts'
import type { EventDraft, SignedEvent } from '../../server/auth/signature.ts'
import type { FilmManifest } from '../../server/catalog/manifest.ts'
import type { TitleFacts } from '../../server/catalog/kinds/title.ts'
import type { TitleQuery } from '../../server/catalog/views/title-views.ts'

const NOW = 1_700_000_000
const [ann, ben, cas] = ['ann', 'ben', 'cas'].map(hashNamed) as [string, string, string]
const blob = (name: string): { sha256: string, blake3: string, size: number } => ({ sha256: hashNamed(name), blake3: hashNamed(`${name} b3`), size: 1000 })

function manifestOf (name: string, segments: number): { manifest: FilmManifest, sha256: string, blake3: string } {
  const { manifest, sha256 } = buildManifest({
    title_ref: `34235:${ann}:${name}`, duration_ms: segments * 6000, master: blob(`${name} master`), poster: { ...blob(`${name} poster`), type: 'image/jpeg' },
    renditions: ['720p', '480p'].map((rendition) => ({
      name: rendition, kind: 'video', type: 'video/mp2t', playlist: blob(`${name} ${rendition} playlist`),
      segments: Array.from({ length: segments }, (_, i) => ({ ...blob(`${name} ${rendition} ${i}`), duration_ms: 6000 }))
    }))
  })
  return { manifest, sha256, blake3: hashNamed(`${name} manifest b3`) }
}

class Catalog {
  readonly database: Database = openDatabase(':memory:')
  readonly store = new CatalogStore(this.database)
  readonly manifests = new ManifestRows(this.database)
  readonly titles = new TitleViews(this.database)
  readonly hashes = new HashViews(this.database)
  readonly providers = new ProviderViews(this.database, (pubkey) => pubkey === cas)

  add (pubkey: string, draft: EventDraft): SignedEvent {
    const event = unsigned(pubkey, draft)
    this.store.add(parseCatalogEvent(event))
    return event
  }

  title (pubkey: string, d: string, facts: Partial<TitleFacts> = {}, createdAt = NOW): SignedEvent {
    return this.add(pubkey, buildTitle({ d, title: d, manifest: { sha256: hashNamed(`manifest ${d}`), blake3: hashNamed(`manifest b3 ${d}`), size: 10 }, ...facts }, createdAt))
  }

  list (query: Partial<TitleQuery>): string[] {
    return this.titles.list({ limit: 100, now: NOW, status: 'any', ...query }).titles.map(({ address }) => address.d)
  }
}

t.test('titles are listed newest first, by creator, topic, words, status and time', async t => {
  const catalog = new Catalog()
  catalog.title(ann, 'a', { title: 'The Long Night', synopsis: 'A lighthouse, and a storm', topics: ['Drama'] }, NOW)
  catalog.title(ann, 'b', { title: 'Night Train', topics: ['noir', 'drama'] }, NOW + 1)
  catalog.title(ben, 'c', { title: 'Été à Paris', synopsis: 'lighter' }, NOW + 2)
  catalog.add(ben, buildWithdrawnTitle({ kind: 34235, d: 'd', title: 'Gone by Night' }, 'rights', NOW + 3))
  t.same(catalog.list({}), ['d', 'c', 'b', 'a'])
  t.same(catalog.list({ creator: ann }), ['b', 'a'])
  t.same(catalog.list({ topic: 'DRAMA' }), ['b', 'a'])
  t.same(catalog.list({ words: 'night' }).sort(), ['a', 'b'], 'what was withdrawn is not found by its words')
  t.same(catalog.list({ words: 'NIGHT tra' }), ['b'], 'the last word may be a beginning')
  t.same(catalog.list({ words: 'ete' }), ['c'], 'without accents')
  t.same(catalog.list({ words: 'light' }).sort(), ['a', 'c'])
  t.same(catalog.list({ words: 'storm', creator: ben }), [])
  t.same(catalog.list({ status: 'withdrawn' }), ['d'])
  t.same(catalog.list({ status: 'published' }), ['c', 'b', 'a'])
  t.same(catalog.list({ updatedSince: NOW + 2 }), ['d', 'c'])
  for (const words of ['"', '*', 'AND OR NOT', 'title:night', '(', "'; DROP TABLE titles", '\u0000', '-night', 'night NEAR train', '']) t.doesNotThrow(() => catalog.list({ words }), words)
  t.same(catalog.list({ words: '"' }), [], 'words without any are found nowhere')
})

t.test('a title whose manifest was not read is incomplete', async t => {
  const catalog = new Catalog()
  const { manifest, sha256, blake3 } = manifestOf('film', 2)
  catalog.title(ann, 'film', { manifest: { sha256, blake3, size: 10 } })
  const status = (): string | undefined => catalog.titles.get({ kind: 34235, pubkey: ann, d: 'film' }, NOW)?.status
  t.equal(status(), 'incomplete')
  t.same(catalog.list({ status: 'incomplete' }), ['film'])
  t.same(catalog.manifests.missing('', NOW, 10), [sha256])
  catalog.manifests.put(sha256, blake3, manifest)
  t.equal(status(), 'published')
  t.same(catalog.list({ status: 'incomplete' }), [])
  t.same(catalog.manifests.missing('', NOW, 10), [])
})

t.test('pages hold every title once, ties included', async t => {
  const catalog = new Catalog()
  for (let i = 0; i < 25; i++) catalog.title(ann, `t${i}`, { synopsis: 'film' }, NOW + Math.floor(i / 10))
  for (const words of [undefined, 'film']) {
    const seen: string[] = []
    let cursor: string | undefined
    for (let pages = 0; pages < 10; pages++) {
      const page = catalog.titles.list({ limit: 7, now: NOW, words, cursor })
      seen.push(...page.titles.map(({ address }) => address.d))
      if (page.next === null) break
      cursor = page.next
    }
    t.equal(seen.length, 25)
    t.equal(new Set(seen).size, 25)
  }
  for (const cursor of ['x', '', Buffer.from('[1]').toString('base64url'), Buffer.from('["a","b"]').toString('base64url')]) {
    t.throws(() => catalog.titles.list({ limit: 1, now: NOW, cursor }), { code: 'CURSOR_UNREADABLE' })
  }
})

t.test('what more than 1,000 titles have in common is listed newest first, whole and each once, whatever filter comes with it', async t => {
  const { store, titles } = new Catalog()
  const events = Array.from({ length: 1100 }, (_, i) => unsigned(i % 3 === 0 ? ben : ann, buildTitle({
    d: `x${i}`, title: i === 500 ? 'Zebra zebra everywhere' : 'Everywhere', topics: ['All', ...(i % 5 === 0 ? ['fifth'] : [])], manifest: blob('m')
  }, NOW + i * 7 % 400)))
  store.addAll(events.map(parseCatalogEvent))
  const newest = (some: typeof events): string[] => [...some].sort((a, b) => b.created_at - a.created_at || (a.id < b.id ? -1 : 1)).map(({ id }) => id)
  const every = (query: Partial<TitleQuery>): string[] => {
    const found: string[] = []
    for (let cursor: string | undefined; ;) {
      const page = titles.list({ limit: 90, now: NOW, ...query, cursor })
      found.push(...page.titles.map(({ event }) => event.id))
      if (page.next === null) return found
      cursor = page.next
    }
  }
  const bens = events.filter(({ pubkey }) => pubkey === ben)
  for (const words of ['everywhere', 'every']) t.strictSame(every({ words }), newest(events), words)
  t.strictSame(every({ topic: 'all' }), newest(events))
  t.strictSame(every({ topic: 'all', words: 'everywhere', creator: ben }), newest(bens))
  t.strictSame(every({ topic: 'fifth', words: 'everywhere' }), newest(events.filter((_, i) => i % 5 === 0)))
  t.strictSame(every({ words: 'everywhere zebra' }), [events[500]!.id], 'few have both')
  const { next } = titles.list({ words: 'everywhere', limit: 5, now: NOW })
  t.throws(() => titles.list({ words: 'zebra', limit: 5, now: NOW, cursor: next! }), { code: 'CURSOR_UNREADABLE' }, 'a place of another search')
})

t.test('a title over its own time is not there', async t => {
  const catalog = new Catalog()
  const draft = buildTitle({ d: 'x', title: 'x', manifest: { sha256: ann, blake3: ben, size: 1 } }, NOW)
  catalog.add(ann, { ...draft, tags: [...draft.tags, ['expiration', String(NOW + 10)]] })
  t.same(catalog.list({ now: NOW + 9 }), ['x'])
  t.same(catalog.list({ now: NOW + 10 }), [])
  t.equal(catalog.titles.get({ kind: 34235, pubkey: ann, d: 'x' }, NOW + 10), null)
})

t.test('a hash is found in whatever names it, and as what, by either of its names', async t => {
  const catalog = new Catalog()
  const { manifest, sha256, blake3 } = manifestOf('film', 3)
  const master = hashNamed('film master')
  catalog.title(ann, 'film', { manifest: { sha256, blake3, size: 10 }, master, aggregate: manifest.aggregate, hashSequence: { ...blob('seq'), count: 6 } })
  catalog.manifests.put(sha256, blake3, manifest)
  const roles = (text: string): unknown[] => catalog.hashes.mentions(parseHashName(text), NOW, 10).map(({ of, role, rendition, number }) => [of.type, role, rendition, number])
  t.same(roles(sha256), [['title', 'manifest', null, null]])
  t.same(roles(`blake3:${blake3}`), [['title', 'manifest', null, null]])
  t.same(roles(manifest.aggregate), [['title', 'aggregate', null, null]])
  t.same(roles(master), [['title', 'master', null, null], ['title', 'master', null, null]], 'by the event and by the manifest')
  t.same(roles(hashNamed('film 480p 2')), [['title', 'segment', 1, 2]])
  t.same(roles(hashNamed('film 480p 2 b3')), [['title', 'segment', 1, 2]], 'bare hex may be either')
  t.same(roles(`sha256:${hashNamed('film 480p 2 b3')}`), [], 'but not when it says which')
  t.same(roles(hashNamed('film poster')), [['title', 'poster', null, null]])
  t.same(roles(hashNamed('nothing')), [])

  const file = blob('node.bin')
  catalog.add(ben, buildArtifact({ app: 'org.example', version: '1.0.0', ...file, type: 'application/octet-stream', platforms: ['linux-x86_64'] }, NOW))
  t.same(roles(file.sha256), [], 'of a key that no trust bundle lists')
  new ReleaseDocumentRows(catalog.database).replace([ben], [])
  t.same(roles(file.sha256), [['artifact', 'artifact', null, null]])
  t.match(catalog.hashes.mentions(parseHashName(file.blake3), NOW, 10), [{ of: { type: 'artifact', app: 'org.example', version: '1.0.0' }, sha256: file.sha256, size: 1000 }])

  catalog.add(ann, buildWithdrawnTitle({ kind: 34235, d: 'film', title: '' }, null, NOW + 1))
  t.same(roles(hashNamed('film 480p 2')), [], 'what was withdrawn names nothing')
  t.equal(catalog.manifests.sweep(10), 1)
  t.equal(catalog.manifests.get(sha256), null)
})

t.test('providers: of the blob, and of the manifest or hash sequence that lists it; the best first', async t => {
  const catalog = new Catalog()
  const { manifest, sha256, blake3 } = manifestOf('film', 3)
  const sequence = blob('seq')
  catalog.title(ann, 'film', { manifest: { sha256, blake3, size: 10 }, hashSequence: { ...sequence, count: 6 } })
  catalog.manifests.put(sha256, blake3, manifest)
  const segment = blob('film 720p 1')
  const [dan, eve] = [hashNamed('dan'), hashNamed('eve')]
  catalog.add(ann, buildProviderAdvert({ blake3: segment.blake3, sha256: segment.sha256, servers: ['https://ann.example'] }, NOW))
  catalog.add(ben, buildProviderAdvert({ blake3, sha256, scope: 'manifest', coverage: { held: 5, listed: 10 }, servers: ['https://ben.example'] }, NOW + 5))
  catalog.add(cas, buildProviderAdvert({ blake3: sequence.blake3, scope: 'hashseq', endpointId: 'abc' }, NOW))
  catalog.add(dan, buildProviderAdvert({ blake3, sha256, scope: 'blob', servers: ['https://dan.example'] }, NOW))
  const of = (text: string, now = NOW + 10): unknown[] => catalog.providers.of(parseHashName(text), now).map(({ pubkey, scope, inherited }) => [pubkey, scope, inherited])

  t.same(of(segment.sha256), [[cas, 'hashseq', sha256], [ben, 'manifest', sha256], [ann, 'blob', null]], 'trusted first, then the freshest; dan has the manifest alone')
  t.same(of(`blake3:${segment.blake3}`), of(segment.sha256))
  t.match(catalog.providers.of(parseHashName(segment.sha256), NOW + 10)[1], { servers: ['https://ben.example'], coverage: { held: 5, listed: 10 }, event: { kind: 30081, pubkey: ben } })
  t.same(of(sha256).map((row) => (row as string[])[0]), [ben, dan], 'of the manifest itself')

  const probe = catalog.database.prepare('INSERT INTO probes (server, sha256, at, ok, ms, words) VALUES (?, ?, ?, ?, ?, ?)')
  probe.run('https://ann.example', Buffer.from(sha256, 'hex'), NOW, 1, 12, '')
  probe.run('https://ben.example', Buffer.from(sha256, 'hex'), NOW, 0, 12, '404')
  t.same(of(segment.sha256).map((row) => (row as string[])[0]), [ann, cas, ben], 'found good by ourselves, not looked at, found bad')
  t.match(catalog.providers.of(parseHashName(segment.sha256), NOW + 10)[0], { probe: { ok: true, ms: 12, at: NOW } })

  catalog.add(ann, buildWithdrawnAdvert({ blake3: segment.blake3, sha256: segment.sha256 }, NOW + 6))
  t.same(of(segment.sha256).map((row) => (row as string[])[0]), [cas, ben], 'taken back')
  t.same(of(segment.sha256, NOW + 48 * 3600 + 1).map((row) => (row as string[])[0]), [ben], 'over its time')
  t.same(of(segment.sha256, NOW + 49 * 3600), [])
  t.equal(eve.length, 64)
})

t.test('what a manifest lists is read by rendition and place', async t => {
  const catalog = new Catalog()
  const { manifest, sha256, blake3 } = manifestOf('film', 4)
  catalog.title(ann, 'film', { manifest: { sha256, blake3, size: 10 } })
  catalog.manifests.put(sha256, blake3, manifest)
  catalog.manifests.put(sha256, blake3, manifest) // twice is once
  const read = catalog.manifests.get(sha256)!
  t.match(read, { fault: null, duration_ms: 24_000, aggregate: manifest.aggregate, renditions: [{ name: '720p', segments: 4 }, { name: '480p', segments: 4 }] })
  const listed = (query: object): unknown[] => catalog.manifests.listed(read.id, { rendition: null, segmentsOnly: true, from: 0, limit: 100, ...query }).map(({ rendition, number }) => [rendition, number])
  t.equal(listed({ segmentsOnly: false }).length, 12)
  t.same(listed({ rendition: 1 }), [[1, 0], [1, 1], [1, 2], [1, 3]])
  t.same(listed({ rendition: 1, limit: 2 }), [[1, 0], [1, 1]])
  t.same(catalog.manifests.coverage(read.id), { held: 0, listed: 12 })
})
