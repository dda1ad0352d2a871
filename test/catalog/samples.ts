// Samples of every kind: good ones, and bad ones with the code that each must give. A bad sample is a good one with one thing changed.

import { eventId } from '../../server/catalog/event-id.ts'
import type { EventDraft, SignedEvent } from '../../server/auth/signature.ts'
import type { CatalogFaultCode } from '../../server/catalog/faults.ts'

export const CREATOR = 'ab'.repeat(32)
export const NODE = 'cd'.repeat(32)
export const SHA = '11'.repeat(32)
export const B3 = '22'.repeat(32)
export const OTHER = '33'.repeat(32)
export const T0 = 1_795_000_000
export const ORIGIN = 'https://blossom.example'

/** An event of the right id; its signature is of the right form alone. */
export function eventOf (draft: Partial<EventDraft>, pubkey = CREATOR): SignedEvent {
  const whole: EventDraft = { kind: 1, created_at: T0, tags: [], content: '', ...draft }
  return { ...whole, pubkey, id: eventId(pubkey, whole), sig: 'f'.repeat(128) }
}

export interface KindSamples {
  /** The file of its schema. */
  schema: string
  good: Record<string, SignedEvent>
  bad: Record<string, readonly [CatalogFaultCode, SignedEvent]>
}

type Tags = string[][]

function sampler (base: Partial<EventDraft>): {
  event: SignedEvent
  /** Every tag of this name goes, and these come. */
  tag: (name: string, ...tags: Tags) => SignedEvent
  also: (...tags: Tags) => SignedEvent
  with: (change: Partial<EventDraft>) => SignedEvent
} {
  const tags = base.tags ?? []
  return {
    event: eventOf(base),
    tag: (name, ...more) => eventOf({ ...base, tags: [...tags.filter((tag) => tag[0] !== name), ...more] }),
    also: (...more) => eventOf({ ...base, tags: [...tags, ...more] }),
    with: (change) => eventOf({ ...base, ...change })
  }
}

const title = sampler({
  kind: 34235,
  content: 'A synopsis.',
  tags: [
    ['d', '01JD'], ['title', 'Film'], ['published_at', '1795000000'], ['alt', 'Film on IndeeHub: Film'], ['duration', '6000'], ['t', 'film'], ['t', 'drama'],
    ['i', 'imdb:tt15239678'], ['p', NODE, '', 'director'],
    ['imeta', `url ${ORIGIN}/${OTHER}.mp4`, `x ${OTHER}`, 'm video/mp4', 'dim 1280x720', 'duration 92', `image ${ORIGIN}/${OTHER}.jpg`],
    ['imeta', `url ${ORIGIN}/${SHA}.m3u8`, `x ${SHA}`, 'm application/x-mpegURL', 'bitrate 5000000', `fallback https://mirror.example/${SHA}.m3u8`],
    ['manifest', SHA, B3, '900000', 'application/vnd.indeehub.film+json'], ['hashseq', B3, SHA, '5000'],
    ['x', SHA, 'manifest'], ['x', OTHER, 'aggregate'], ['x', B3, 'master'], ['access', 'nip98', 'https://indeehub.example/keys'],
    ['server', ORIGIN], ['server', 'https://mirror.example/'], ['status', 'published']
  ]
})

const TITLES: KindSamples = {
  schema: 'title.json',
  good: {
    full: title.event,
    'a short': title.with({ kind: 34236 }),
    'without a status': title.tag('status'),
    'free, with manifest alone': eventOf({ kind: 34235, tags: [['d', 'x'], ['title', 'F'], ['manifest', SHA, B3, '1'], ['x', SHA, 'manifest']] }),
    'with a chapter and tags of others': title.also(['segment', '00:00:00.000', 'chapter', 'One'], ['whatever'], ['L', 'x']),
    withdrawn: eventOf({ kind: 34235, tags: [['d', '01JD'], ['status', 'withdrawn'], ['reason', 'rights']] })
  },
  bad: {
    'no d': ['TAG_MISSING', title.tag('d')],
    'an empty d': ['TAG_INVALID', title.tag('d', ['d', ''])],
    'a d without value': ['TAG_INVALID', title.tag('d', ['d'])],
    'two d': ['TAG_REPEATED', title.also(['d', 'other'])],
    'no title': ['TAG_MISSING', title.tag('title')],
    'no manifest': ['TAG_MISSING', title.tag('manifest')],
    'a manifest with one hash': ['TAG_INVALID', title.tag('manifest', ['manifest', SHA, '5'])],
    'a manifest of a size beyond 2^53': ['TAG_INVALID', title.tag('manifest', ['manifest', SHA, B3, '9999999999999999'])],
    'no x': ['TAG_MISSING', title.tag('x')],
    'no x of the manifest': ['TAGS_DISAGREE', title.tag('x', ['x', OTHER, 'aggregate'])],
    'another x of the manifest': ['TAGS_DISAGREE', title.tag('x', ['x', OTHER, 'manifest'])],
    'two aggregates': ['TAG_REPEATED', title.also(['x', SHA, 'aggregate'])],
    'an x in capitals': ['TAG_INVALID', title.tag('x', ['x', 'AB'.repeat(32), 'manifest'])],
    'a hash sequence without a count': ['TAG_INVALID', title.tag('hashseq', ['hashseq', B3, SHA])],
    'an unknown status': ['TAG_INVALID', title.tag('status', ['status', 'soon'])],
    'a withdrawn one without d': ['TAG_MISSING', eventOf({ kind: 34235, tags: [['status', 'withdrawn']] })],
    'a duration in words': ['TAG_INVALID', title.tag('duration', ['duration', 'long'])],
    'a time with a sign': ['TAG_INVALID', title.tag('published_at', ['published_at', '-1'])],
    'a person who is no key': ['TAG_INVALID', title.tag('p', ['p', 'npub1xyz'])],
    'imeta without url': ['TAG_INVALID', title.tag('imeta', ['imeta', `x ${SHA}`])],
    'imeta with a bad x': ['TAG_INVALID', title.tag('imeta', ['imeta', `url ${ORIGIN}/a.mp4`, 'x abc'])],
    'imeta with an ftp url': ['TAG_INVALID', title.tag('imeta', ['imeta', 'url ftp://a.example/x.mp4', 'm video/mp4'])],
    'access without a URL': ['TAG_INVALID', title.tag('access', ['access', 'nip98', 'soon'])],
    'a server with a password': ['TAG_INVALID', title.tag('server', ['server', 'https://a:b@c.example'])],
    'a server that is no URL': ['TAG_INVALID', title.tag('server', ['server', 'https://[oops'])],
    'another kind': ['KIND_UNKNOWN', title.with({ kind: 34237 })],
    'an id that is none': ['EVENT_MALFORMED', { ...title.event, id: 'x' }]
  }
}

const collection = sampler({ kind: 30005, tags: [['d', 'fest'], ['title', 'Festival'], ['description', 'All of it'], ['image', `${ORIGIN}/${SHA}.jpg`], ['a', `34235:${CREATOR}:01JD`]] })

const COLLECTIONS: KindSamples = {
  schema: 'collection.json',
  good: {
    full: collection.event,
    'with members of other kinds by e': collection.also(['e', SHA], ['a', `34236:${NODE}:x:y`, 'wss://relay.example']),
    empty: collection.tag('a'),
    withdrawn: eventOf({ kind: 30005, tags: [['d', 'fest'], ['status', 'withdrawn']] })
  },
  bad: {
    'no d': ['TAG_MISSING', collection.tag('d')],
    'no title': ['TAG_MISSING', collection.tag('title')],
    'two titles': ['TAG_REPEATED', collection.also(['title', 'Other'])],
    'a member of another kind': ['TAG_INVALID', collection.also(['a', `30023:${CREATOR}:x`])],
    'a member without d': ['TAG_INVALID', collection.also(['a', `34235:${CREATOR}:`])],
    'a picture without scheme': ['TAG_INVALID', collection.tag('image', ['image', 'a.example/x.jpg'])]
  }
}

const ENDPOINT = '5f'.repeat(32)
const advert = sampler({
  kind: 30081,
  content: `{"v":1,"endpoint_id":"${ENDPOINT}"}`,
  tags: [
    ['d', B3], ['x', SHA], ['scope', 'manifest'], ['coverage', '4987/5000'], ['server', 'https://node7.example'], ['size', '812345'],
    ['expiration', String(T0 + 48 * 3600)], ['alt', 'Blob provider advertisement']
  ]
})

const ADVERTS: KindSamples = {
  schema: 'provider-advert.json',
  good: {
    full: advert.event,
    'as Archipelago writes it': eventOf({ kind: 30081, tags: [['d', B3]], content: `{"v":1,"endpoint_id":"${ENDPOINT}"}` }),
    'of HTTP alone': advert.with({ content: '{"v":1}' }),
    'with members of a later writer': advert.with({ content: `{"v":1,"endpoint_id":"${ENDPOINT}","relay":"x"}` }),
    'taking back': eventOf({ kind: 30081, tags: [['d', B3], ['expiration', String(T0 + 60)]], content: '{"v":1,"endpoint_id":""}' })
  },
  bad: {
    'no d': ['TAG_MISSING', advert.tag('d')],
    'two d': ['TAG_REPEATED', advert.also(['d', OTHER])],
    'a d that is no hash': ['TAG_INVALID', advert.tag('d', ['d', 'film'])],
    'a d in capitals': ['TAG_INVALID', advert.tag('d', ['d', 'AB'.repeat(32)])],
    'two x': ['TAG_REPEATED', advert.also(['x', OTHER])],
    'an unknown scope': ['TAG_INVALID', advert.tag('scope', ['scope', 'all'])],
    'coverage of a blob': ['TAGS_DISAGREE', advert.tag('scope', ['scope', 'blob'])],
    'coverage of nothing': ['TAG_INVALID', advert.tag('coverage', ['coverage', '0/0'])],
    'coverage beyond the whole': ['TAG_INVALID', advert.tag('coverage', ['coverage', '6/5'])],
    'a relay as server': ['TAG_INVALID', advert.tag('server', ['server', 'wss://node7.example'])],
    'an expiration in words': ['TAG_INVALID', advert.tag('expiration', ['expiration', 'tomorrow'])],
    'no content': ['CONTENT_INVALID', advert.with({ content: '' })],
    'no JSON': ['CONTENT_INVALID', advert.with({ content: 'endpoint' })],
    'another version': ['CONTENT_INVALID', advert.with({ content: `{"v":2,"endpoint_id":"${ENDPOINT}"}` })],
    'an array': ['CONTENT_INVALID', advert.with({ content: '[1,2,3,4]' })],
    'an id that is no text': ['CONTENT_INVALID', advert.with({ content: '{"v":1,"endpoint_id":7}' })],
    'an id with a slash': ['CONTENT_INVALID', advert.with({ content: '{"v":1,"endpoint_id":"../x"}' })]
  }
}

const servers = sampler({ kind: 10063, tags: [['server', ORIGIN], ['server', 'https://b.example/path']] })
const relays = sampler({ kind: 10002, tags: [['r', 'wss://a.example'], ['r', 'wss://b.example/x', 'write'], ['r', 'ws://127.0.0.1:7000', 'read']] })
const withdrawal = sampler({ kind: 5, content: 'rights', tags: [['a', `34235:${CREATOR}:01JD`], ['e', SHA], ['k', '34235']] })

const LISTS: KindSamples[] = [
  {
    schema: 'server-list.json',
    good: { full: servers.event, 'with tags that name nothing': servers.also(['server', 'b.example'], ['server', '']) },
    bad: {
      'no server': ['TAG_MISSING', servers.tag('server')],
      'no server that is one': ['TAG_INVALID', servers.tag('server', ['server', 'b.example'], ['server', 'wss://b.example'])],
      'a server without value': ['TAG_INVALID', servers.also(['server'])]
    }
  },
  {
    schema: 'relay-list.json',
    good: { full: relays.event, 'with a mark of others': relays.also(['r', 'wss://c.example', 'both']), 'with tags that name nothing': relays.also(['r', 'https://d.example']) },
    bad: { 'no relay': ['TAG_MISSING', relays.tag('r')], 'no relay that is one': ['TAG_INVALID', relays.tag('r', ['r', 'a.example'])] }
  },
  {
    schema: 'withdrawal.json',
    good: { full: withdrawal.event, 'by id': withdrawal.tag('a'), 'by address': withdrawal.tag('e'), 'with an address of another': withdrawal.also(['a', `34235:${NODE}:x`]) },
    bad: {
      'of nothing': ['TAG_MISSING', eventOf({ kind: 5 })],
      'of another author\'s alone': ['TAG_MISSING', eventOf({ kind: 5, tags: [['a', `34235:${NODE}:x`]] })],
      'an id that is none': ['TAG_INVALID', withdrawal.also(['e', 'note1'])],
      'an address that is none': ['TAG_INVALID', withdrawal.also(['a', 'naddr1'])],
      'a kind in words': ['TAG_INVALID', withdrawal.also(['k', 'film'])]
    }
  }
]

const SNAPSHOT = { blake3: B3, events: 10, schema: 'indeehub.catalog-snapshot/1', seq: 12, sha256: SHA, size: 9000 }
const snapshot = sampler({ kind: 30078, content: JSON.stringify(SNAPSHOT), tags: [['d', 'indeehub/catalog/snapshot'], ['x', SHA], ['size', '9000']] })
const latest = sampler({ kind: 30078, content: '{"schema":"archipelago.release-latest/1"}', tags: [['d', 'archipelago/release/org.archipelago.node/stable/latest']] })

const CARRIERS: KindSamples = {
  schema: 'application-data.json',
  good: { snapshot: snapshot.event, latest: latest.event, trust: latest.tag('d', ['d', 'archipelago/release/trust/v1']) },
  bad: {
    'no d': ['KIND_UNKNOWN', latest.tag('d')],
    'a d of others': ['KIND_UNKNOWN', latest.tag('d', ['d', 'someapp/settings'])],
    'two d': ['TAG_REPEATED', latest.also(['d', 'archipelago/release/trust/v1'])],
    'no content': ['CONTENT_INVALID', latest.with({ content: '' })],
    'too much content': ['CONTENT_INVALID', latest.with({ content: 'x'.repeat(44 * 1024 + 1) })],
    'a snapshot that is no JSON': ['CONTENT_INVALID', snapshot.with({ content: 'soon' })],
    'a snapshot without seq': ['CONTENT_INVALID', snapshot.with({ content: JSON.stringify({ ...SNAPSHOT, seq: undefined }) })],
    'a snapshot of another schema': ['CONTENT_INVALID', snapshot.with({ content: JSON.stringify({ ...SNAPSHOT, schema: 'indeehub.catalog-snapshot/2' }) })]
  }
}

const APP = 'org.archipelago.node'
const application = sampler({
  kind: 32267, content: 'A node.', tags: [['d', APP], ['i', APP], ['name', 'Archipelago'], ['f', 'linux-x86_64'], ['icon', `${ORIGIN}/i.png`], ['license', 'MIT'], ['t', 'node']]
})
const release = sampler({
  kind: 30063,
  content: '- faster',
  tags: [['d', `${APP}@1.8.0`], ['i', APP], ['version', '1.8.0'], ['c', 'stable'], ['e', OTHER], ['a', `32267:${CREATOR}:${APP}`], ['manifest', SHA, B3, '4000'], ['sequence', '42']]
})
const artifact = sampler({
  kind: 3063,
  tags: [
    ['i', APP], ['x', SHA], ['version', '1.8.0'], ['m', 'application/octet-stream'], ['size', '15000000'], ['f', 'linux-x86_64'], ['f', 'linux-aarch64'],
    ['blake3', B3], ['component', 'frontend'], ['url', `${ORIGIN}/${SHA}.bin`]
  ]
})

const RELEASES: KindSamples[] = [
  {
    schema: 'application.json',
    good: { full: application.event, 'with a platform of others': application.also(['f', 'amiga']) },
    bad: {
      'no d': ['TAG_MISSING', application.tag('d')],
      'no name': ['TAG_MISSING', application.tag('name')],
      'two names': ['TAG_REPEATED', application.also(['name', 'Other'])],
      'no platform': ['TAG_MISSING', application.tag('f')],
      'no known platform': ['TAG_INVALID', application.tag('f', ['f', 'amiga'])],
      'two summaries': ['TAG_REPEATED', application.also(['summary', 'a'], ['summary', 'b'])]
    }
  },
  {
    schema: 'release.json',
    good: { full: release.event, 'with what zapstore asks alone': eventOf({ kind: 30063, tags: release.event.tags.slice(0, 5) }) },
    bad: {
      'another d': ['TAGS_DISAGREE', release.tag('d', ['d', `${APP}@1.7.0`])],
      'another application': ['TAGS_DISAGREE', release.tag('a', ['a', `32267:${CREATOR}:org.other`])],
      'an address of another kind': ['TAG_INVALID', release.tag('a', ['a', `34235:${CREATOR}:${APP}`])],
      'no i': ['TAG_MISSING', release.tag('i')],
      'no version': ['TAG_MISSING', release.tag('version')],
      'no channel': ['TAG_MISSING', release.tag('c')],
      'no artifact': ['TAG_MISSING', release.tag('e')],
      'an artifact that is no id': ['TAG_INVALID', release.also(['e', 'abc'])],
      'two sequences': ['TAG_REPEATED', release.also(['sequence', '43'])],
      'a sequence in words': ['TAG_INVALID', release.tag('sequence', ['sequence', 'next'])]
    }
  },
  {
    schema: 'artifact.json',
    good: {
      full: artifact.event,
      'for Android': artifact.also(['f', 'android-arm64-v8a'], ['version_code', '7'], ['apk_certificate_hash', SHA])
    },
    bad: {
      'some content': ['CONTENT_INVALID', artifact.with({ content: 'x' })],
      'two x, as a BLAKE3 would be': ['TAG_REPEATED', artifact.also(['x', B3])],
      'no size': ['TAG_MISSING', artifact.tag('size')],
      'no type': ['TAG_MISSING', artifact.tag('m')],
      'a type that is none': ['TAG_INVALID', artifact.tag('m', ['m', 'binary'])],
      'no known platform': ['TAG_INVALID', artifact.tag('f', ['f', 'linux'])],
      'for Android without a certificate': ['TAG_MISSING', artifact.also(['f', 'android-x86'], ['version_code', '7'])],
      'a bad url': ['TAG_INVALID', artifact.also(['url', 'blossom:x'])]
    }
  }
]

export const SAMPLES: readonly KindSamples[] = [TITLES, COLLECTIONS, ADVERTS, ...LISTS, CARRIERS, ...RELEASES]
