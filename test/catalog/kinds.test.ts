// Every kind of the catalog: its good samples are read, each bad one gives its code, and what is built is read back.

import { Ajv2020 } from 'ajv/dist/2020.js'
import t from 'tap'
import { CATALOG_KINDS, parseCatalogEvent } from '../../server/catalog/catalog-event.ts'
import { buildCarrier, latestPointerName } from '../../server/catalog/kinds/application-data.ts'
import { buildApplication } from '../../server/catalog/kinds/application.ts'
import { buildArtifact } from '../../server/catalog/kinds/artifact.ts'
import { buildCollection, buildWithdrawnCollection } from '../../server/catalog/kinds/collection.ts'
import { advertEnd, buildProviderAdvert, buildWithdrawnAdvert, isReachable, parseProviderAdvert } from '../../server/catalog/kinds/provider-advert.ts'
import { buildRelayList, parseRelayList } from '../../server/catalog/kinds/relay-list.ts'
import { buildRelease } from '../../server/catalog/kinds/release.ts'
import { buildServerList, parseServerList } from '../../server/catalog/kinds/server-list.ts'
import { buildSnapshot, parseSnapshot } from '../../server/catalog/kinds/snapshot.ts'
import { buildTitle, buildWithdrawnTitle, parseTitle } from '../../server/catalog/kinds/title.ts'
import { buildWithdrawal, parseWithdrawal } from '../../server/catalog/kinds/withdrawal.ts'
import { SCHEMAS } from '../../server/catalog/schemas/published.ts'
import { versionOf } from '../../server/catalog/versions.ts'
import { faultOf } from './faults.ts'
import { B3, CREATOR, NODE, ORIGIN, OTHER, SAMPLES, SHA, T0, eventOf } from './samples.ts'
import type { EventDraft } from '../../server/auth/signature.ts'

/** A reader who knows the draft and nothing of ours: unknown words are annotations. */
const reader = new Ajv2020({ strict: false })

for (const { schema: file, good, bad } of SAMPLES) {
  t.test(`${file}: good samples are read, bad ones give their code`, async (t) => {
    const holds = reader.compile(SCHEMAS[file]!)
    for (const [name, event] of Object.entries(good)) {
      t.equal(faultOf(() => parseCatalogEvent(event)), 'none', name)
      t.ok(holds(event), `${name}: the published schema takes it`)
    }
    let refusedByReader = 0
    for (const [name, [code, event]] of Object.entries(bad)) {
      t.equal(faultOf(() => parseCatalogEvent(event)), code, name)
      if (!holds(event)) refusedByReader++
    }
    t.ok(refusedByReader * 2 >= Object.keys(bad).length, `the published schema refuses ${refusedByReader} of them by itself`)
  })
}

t.test('a fault tells which tag it is, in one sentence', async (t) => {
  const [, event] = SAMPLES[0]!.bad['no manifest']!
  t.throws(() => parseCatalogEvent(event), { message: 'a tag is missing: manifest, the manifest blob', status: 400 })
})

t.test('there are samples of every kind that is kept', async (t) => {
  const kinds = new Set(SAMPLES.flatMap(({ good }) => Object.values(good).map(({ kind }) => kind)))
  t.strictSame([...kinds].sort((a, b) => a - b), [...CATALOG_KINDS])
})

t.test('every schema has its own $id below /schemas/, and is one that a reader of draft 2020-12 compiles', async (t) => {
  t.equal(Object.keys(SCHEMAS).length, 15)
  for (const [file, schema] of Object.entries(SCHEMAS)) {
    t.equal(schema['$id'], `/schemas/${file}`)
    t.doesNotThrow(() => new Ajv2020({ strict: false }).compile(schema), file)
  }
})

const facts = (draft: EventDraft): unknown => parseCatalogEvent(eventOf(draft)).facts

t.test('a title that is built is read back the same, and is found by #x', async (t) => {
  const title = parseTitle(SAMPLES[0]!.good['full']!)
  const draft = buildTitle({ ...title, manifest: title.manifest! }, T0)
  t.strictSame(facts(draft), title)
  t.strictSame(draft.tags.filter(([name]) => name === 'x'), [['x', SHA, 'manifest'], ['x', OTHER, 'aggregate'], ['x', B3, 'master']])
  t.notOk(draft.tags.some(([name]) => name === 'segment'), 'segment is a chapter (NIP-71)')
  t.equal(title.duration, 6000)
  t.strictSame(title.people, [{ pubkey: NODE, relay: null, role: 'director' }])
  t.strictSame(title.servers, [ORIGIN, 'https://mirror.example'])
})

t.test('withdrawal by replacement: the same address, a status, no imeta, no manifest', async (t) => {
  const draft = buildWithdrawnTitle({ kind: 34235, d: '01JD', title: 'Film' }, 'rights', T0)
  t.strictSame(draft.tags.map(([name]) => name), ['d', 'title', 'alt', 'status', 'reason'])
  t.match(facts(draft), { status: 'withdrawn', manifest: null, media: [], reason: 'rights' })
  t.match(facts(buildWithdrawnTitle({ kind: 34236, d: 'x', title: '' }, null, T0)), { kind: 34236, status: 'withdrawn', title: '', reason: null })
  t.match(facts(buildWithdrawnCollection({ d: 'fest', title: 'F' }, 'over', T0)), { status: 'withdrawn', titles: [], reason: 'over' })
})

t.test('a collection keeps the order of its titles, each once', async (t) => {
  const [a, b] = [`34235:${CREATOR}:b`, `34235:${NODE}:a:x`]
  const draft = buildCollection({ d: 'fest', title: 'Festival', titles: [a, b, a], image: `${ORIGIN}/x.jpg` }, T0)
  t.match(facts(draft), { d: 'fest', title: 'Festival', titles: [a, b], description: null })
})

t.test('a provider advert is Archipelago\'s byte for byte: d is the BLAKE3, content v and endpoint_id in this order', async (t) => {
  const draft = buildProviderAdvert({ blake3: B3, sha256: SHA, endpointId: 'abc', servers: [ORIGIN], size: 5 }, T0)
  t.equal(draft.kind, 30081)
  t.equal(draft.content, '{"v":1,"endpoint_id":"abc"}')
  t.strictSame(draft.tags[0], ['d', B3])
  t.strictSame(facts(draft), {
    blake3: B3, sha256: SHA, scope: 'blob', coverage: null, servers: [ORIGIN], endpointId: 'abc', size: 5, endsAt: T0 + 48 * 3600
  })
})

t.test('with HTTP alone the endpoint_id is absent', async (t) => {
  const draft = buildProviderAdvert({ blake3: B3, scope: 'hashseq', coverage: { held: 3, listed: 5 }, servers: [ORIGIN] }, T0)
  t.equal(draft.content, '{"v":1}')
  t.match(facts(draft), { endpointId: null, coverage: { held: 3, listed: 5 }, scope: 'hashseq' })
})

t.test('an advert is over after 72 hours whatever it says, and what takes it back after 60 seconds', async (t) => {
  const long = eventOf(buildProviderAdvert({ blake3: B3 }, T0, 30 * 24 * 3600))
  t.equal(parseProviderAdvert(long).endsAt, T0 + 72 * 3600)
  for (const event of [long, eventOf({ kind: 30081, tags: [['d', B3]], content: '{"v":1}' }), eventOf(buildProviderAdvert({ blake3: B3 }, T0))]) {
    t.equal(versionOf(event).endsAt, advertEnd(event), 'both tell the same end')
  }
  const back = parseProviderAdvert(eventOf(buildWithdrawnAdvert({ blake3: B3, sha256: SHA }, T0)))
  t.equal(back.endsAt, T0 + 60)
  t.notOk(isReachable(back))
})

t.test('a server list names origins in order, each once; one without a server is not built', async (t) => {
  t.strictSame(parseServerList(eventOf(buildServerList({ servers: ['https://B.example/x', ORIGIN, 'https://b.example'] }, T0))), { servers: ['https://b.example', ORIGIN] })
  t.equal(faultOf(() => buildServerList({ servers: [] }, T0)), 'TAG_MISSING')
  t.equal(faultOf(() => buildServerList({ servers: ['b.example'] }, T0)), 'TAG_INVALID')
})

t.test('a relay list without a mark is for both ways', async (t) => {
  const relays = [{ url: 'wss://a.example/', read: true, write: true }, { url: 'wss://b.example/x', read: false, write: true }, { url: 'ws://c.example/', read: true, write: false }]
  const draft = buildRelayList({ relays }, T0)
  t.strictSame(draft.tags, [['r', 'wss://a.example/'], ['r', 'wss://b.example/x', 'write'], ['r', 'ws://c.example/', 'read']])
  t.strictSame(parseRelayList(eventOf(draft)), { relays })
  t.strictSame(parseRelayList(eventOf({ kind: 10002, tags: [['r', 'wss://a.example', 'read'], ['r', 'WSS://A.example/', 'write']] })).relays, [relays[0]])
  t.equal(faultOf(() => buildRelayList({ relays: [] }, T0)), 'TAG_MISSING')
  t.equal(faultOf(() => buildRelayList({ relays: [{ url: 'wss://a.example', read: false, write: false }] }, T0)), 'TAG_INVALID')
})

t.test('kind 5 carries a, every known e, and k; addresses of others are passed over', async (t) => {
  const address = `34235:${CREATOR}:01JD`
  const draft = buildWithdrawal({ addresses: [address], ids: [SHA, OTHER], reason: 'rights' }, T0)
  t.strictSame(draft.tags, [['a', address], ['e', SHA], ['e', OTHER], ['k', '34235']])
  t.strictSame(parseWithdrawal(eventOf(draft)), { ids: [SHA, OTHER], addresses: [address], kinds: [34235], reason: 'rights' })
  t.strictSame(parseWithdrawal(eventOf({ kind: 5, tags: [['a', address], ['e', SHA]] }, NODE)).addresses, [])
  t.equal(faultOf(() => buildWithdrawal({}, T0)), 'TAG_MISSING')
  t.equal(faultOf(() => buildWithdrawal({ addresses: ['x'] }, T0)), 'TAG_INVALID')
})

t.test('a snapshot names its blob in canonical JSON', async (t) => {
  const snapshot = { seq: 12, events: 10, sha256: SHA, blake3: B3, size: 9000 }
  const draft = buildSnapshot(snapshot, T0)
  t.equal(draft.content, `{"blake3":"${B3}","events":10,"schema":"indeehub.catalog-snapshot/1","seq":12,"sha256":"${SHA}","size":9000}`)
  t.strictSame(parseSnapshot(eventOf(draft)), snapshot)
})

t.test('a carrier brings its content byte for byte', async (t) => {
  const content = ' {"b":1, "a":2}\n'
  t.strictSame(facts(buildCarrier({ d: latestPointerName('app', 'beta'), content }, T0)), { role: 'latest', app: 'app', channel: 'beta', d: 'archipelago/release/app/beta/latest', content })
  t.equal(faultOf(() => buildCarrier({ d: 'x', content }, T0)), 'TAG_INVALID')
  t.equal(faultOf(() => buildCarrier({ d: latestPointerName('a', 'b'), content: 'ü'.repeat(22 * 1024 + 1) }, T0)), 'CONTENT_INVALID')
})

t.test('release events are built as zapstore takes them', async (t) => {
  const app = 'org.archipelago.node'
  const application = { app, name: 'Archipelago', platforms: ['linux-x86_64'], summary: 'S', icon: null, repository: null, license: 'MIT', topics: ['node'], description: 'D' }
  t.strictSame(facts(buildApplication(application, T0)), application)
  const release = {
    app, version: '1.8.0', channel: 'stable', artifacts: [SHA], application: `32267:${CREATOR}:${app}`, manifest: { sha256: SHA, blake3: B3, size: 4000 }, sequence: 42, changelog: '- x'
  }
  const draft = buildRelease(release, T0)
  t.strictSame(facts(draft), release)
  t.ok(draft.tags.some(([name, value]) => name === 'd' && value === `${app}@1.8.0`), 'd is i@version')
  const artifact = { app, version: '1.8.0', sha256: SHA, blake3: B3, type: 'application/zip', size: 7, platforms: ['linux-armv7l'], urls: [`${ORIGIN}/x.zip`], component: 'frontend' }
  const built = buildArtifact(artifact, T0)
  t.strictSame(facts(built), artifact)
  t.equal(built.content, '')
  t.equal(built.tags.filter(([name]) => name === 'x').length, 1, 'a second x is refused there')
  t.equal(faultOf(() => buildArtifact({ ...artifact, platforms: ['linux'] }, T0)), 'TAG_INVALID')
  t.equal(faultOf(() => buildApplication({ ...application, platforms: [] }, T0)), 'TAG_INVALID')
  t.equal(faultOf(() => buildRelease({ ...release, artifacts: [] }, T0)), 'TAG_MISSING')
})
