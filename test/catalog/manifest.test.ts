// The film manifest: canonical bytes, closed schema, the aggregate by NIP-5A's rule, the hash sequence, and which blobs it names.

import { createHash } from 'node:crypto'
import canonicalize from 'canonicalize'
import t from 'tap'
import { MANIFEST_LIMIT, SEGMENT_LIMIT, aggregateHash, buildHashSequence, buildManifest, namedHashes, parseHashSequence, parseManifest } from '../../server/catalog/manifest.ts'
import { checkSchema } from '../../server/catalog/schema-check.ts'
import { FILM_MANIFEST_SCHEMA } from '../../server/catalog/schemas/film-manifest.ts'
import { faultOf } from './faults.ts'
import { CREATOR } from './samples.ts'
import type { BlobRef, FilmManifest, Rendition } from '../../server/catalog/manifest.ts'

const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex')
const ref = (name: string, size = 100): BlobRef => ({ sha256: hashOf(`s ${name}`), blake3: hashOf(`b ${name}`), size })

function rendition (name: string, count: number, change: Partial<Rendition> = {}): Rendition {
  return { name, kind: 'video', type: 'video/mp2t', playlist: ref(`${name}.m3u8`), segments: Array.from({ length: count }, (_, i) => ({ ...ref(`${name}/${i}`), duration_ms: 6000 })), ...change }
}

const FILM: Omit<FilmManifest, 'schema' | 'aggregate'> = {
  title_ref: `34235:${CREATOR}:01JD`,
  duration_ms: 18_000,
  master: ref('master'),
  poster: { ...ref('poster'), type: 'image/jpeg' },
  trailer: { ...ref('trailer'), type: 'video/mp4' },
  renditions: [
    rendition('1080p', 3, { codecs: 'avc1.640028,mp4a.40.2', bandwidth: 5_000_000, width: 1920, height: 1080 }),
    rendition('en', 2, { kind: 'audio', type: 'video/iso.segment', init: ref('en init'), lang: 'en' }),
    rendition('subs-en', 1, { kind: 'subs', type: 'text/vtt' })
  ]
}

const { manifest: GOOD, bytes: BYTES } = buildManifest(FILM)
const spelled = (value: unknown): Buffer => Buffer.from(canonicalize(value)!)
/** The good one with something changed, in canonical JSON. */
const changed = (change: (manifest: FilmManifest) => void): Buffer => {
  const copy = structuredClone(GOOD)
  change(copy)
  return spelled(copy)
}

t.test('a manifest that is built is canonical JSON and read back the same, its name is the sha256 of the bytes', async (t) => {
  t.strictSame(parseManifest(BYTES), GOOD)
  t.equal(BYTES.toString(), canonicalize({ ...FILM, schema: 'indeehub.film-manifest/1', aggregate: GOOD.aggregate }))
  t.equal(buildManifest(FILM).sha256, createHash('sha256').update(BYTES).digest('hex'))
})

t.test('the aggregate is the sha256 of sorted lines of sha256 and path, without poster and trailer', async (t) => {
  const lines = [
    `${hashOf('s master')} /master.m3u8\n`, `${hashOf('s 1080p.m3u8')} /1080p/index.m3u8\n`, ...[0, 1, 2].map((i) => `${hashOf(`s 1080p/${i}`)} /1080p/0000${i}.ts\n`),
    `${hashOf('s en.m3u8')} /en/index.m3u8\n`, `${hashOf('s en init')} /en/init.mp4\n`, ...[0, 1].map((i) => `${hashOf(`s en/${i}`)} /en/0000${i}.m4s\n`),
    `${hashOf('s subs-en.m3u8')} /subs-en/index.m3u8\n`, `${hashOf('s subs-en/0')} /subs-en/00000.vtt\n`
  ]
  t.equal(GOOD.aggregate, hashOf(lines.sort().join('')))
  t.equal(aggregateHash({ ...FILM, renditions: [...FILM.renditions].reverse() }), GOOD.aggregate, 'the order of renditions does not matter')
  const { segments } = FILM.renditions[0]!
  t.not(aggregateHash({ ...FILM, renditions: [{ ...FILM.renditions[0]!, segments: [...segments].reverse() }, ...FILM.renditions.slice(1)] }), GOOD.aggregate, 'that of segments does')
})

const SPELLINGS: Record<string, Buffer> = {
  'white space': Buffer.from(JSON.stringify(GOOD, null, 1)),
  'another order of members': Buffer.from(JSON.stringify(Object.fromEntries(Object.entries(GOOD).reverse()))),
  'a newline at the end': Buffer.concat([BYTES, Buffer.from('\n')]),
  'a number in another spelling': Buffer.from(BYTES.toString().replace('"duration_ms":18000', '"duration_ms":1.8e4')),
  'a member twice': Buffer.from(BYTES.toString().replace('"duration_ms":18000', '"duration_ms":1,"duration_ms":18000')),
  'an escape that need not be': Buffer.from(BYTES.toString().replace('"1080p"', '"\\u0031080p"'))
}

for (const [name, bytes] of Object.entries(SPELLINGS)) {
  t.test(`received bytes must be their own canonical form: ${name}`, async (t) => {
    t.equal(faultOf(() => parseManifest(bytes)), 'MANIFEST_SPELLING')
  })
}

const BAD: Record<string, readonly [string, Buffer]> = {
  'no JSON': ['MANIFEST_INVALID', Buffer.from('film')],
  'no UTF-8': ['MANIFEST_INVALID', Buffer.from([0x7b, 0xff, 0x7d])],
  'a byte order mark': ['MANIFEST_INVALID', Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), BYTES])],
  'half a surrogate': ['MANIFEST_INVALID', Buffer.from(BYTES.toString().replace('"lang":"en"', '"lang":"\\ud800"'))],
  'an array': ['MANIFEST_INVALID', Buffer.from('[]')],
  'another schema': ['MANIFEST_INVALID', changed((each) => { (each as { schema: string }).schema = 'indeehub.film-manifest/2' })],
  'no title': ['MANIFEST_INVALID', changed((each) => { delete (each as Partial<FilmManifest>).title_ref })],
  'a title of another kind': ['MANIFEST_INVALID', changed((each) => { each.title_ref = `30023:${CREATOR}:x` })],
  'no rendition': ['MANIFEST_INVALID', changed((each) => { each.renditions = [] })],
  'a member of no meaning': ['MANIFEST_INVALID', changed((each) => { Object.assign(each.renditions[0]!, { note: 'x' }) })],
  'a segment without blake3': ['MANIFEST_INVALID', changed((each) => { delete (each.renditions[0]!.segments[0] as Partial<BlobRef>).blake3 })],
  'a size in text': ['MANIFEST_INVALID', changed((each) => { Object.assign(each.master, { size: '5' }) })],
  'a size below nothing': ['MANIFEST_INVALID', changed((each) => { each.master.size = -1 })],
  'a broken number': ['MANIFEST_INVALID', changed((each) => { each.duration_ms = 1.5 })],
  'a name with a slash': ['MANIFEST_INVALID', changed((each) => { each.renditions[0]!.name = '../x' })],
  'a name with a dot first': ['MANIFEST_INVALID', changed((each) => { each.renditions[0]!.name = '..' })],
  'two renditions of one name': ['MANIFEST_INVALID', changed((each) => { each.renditions[1]!.name = '1080p' })],
  'another aggregate': ['AGGREGATE_WRONG', changed((each) => { each.aggregate = hashOf('other') })],
  'a segment exchanged': ['AGGREGATE_WRONG', changed((each) => { each.renditions[0]!.segments.reverse() })],
  'a bomb of brackets': ['MANIFEST_INVALID', Buffer.from('['.repeat(1_000_000) + ']'.repeat(1_000_000))],
  'a bomb inside': ['MANIFEST_INVALID', Buffer.from(BYTES.toString().replace('"duration_ms":18000', `"duration_ms":${'['.repeat(200_000)}${']'.repeat(200_000)}`))]
}

for (const [name, [code, bytes]] of Object.entries(BAD)) {
  t.test(`a manifest with ${name} gives ${code}`, async (t) => {
    t.equal(faultOf(() => parseManifest(bytes)), code)
  })
}

t.test('the fault tells the place', async (t) => {
  t.throws(() => parseManifest(BAD['a size in text']![1]), { message: 'the film manifest does not say what it must: /master/size must be integer' })
})

t.test('8 MiB and 50,000 segments at most', async (t) => {
  t.equal(faultOf(() => parseManifest(Buffer.alloc(MANIFEST_LIMIT + 1, 0x20))), 'MANIFEST_TOO_LARGE')
  const short = { sha256: hashOf('a'), blake3: hashOf('b'), size: 1, duration_ms: 1 }
  const many = (count: number): Omit<FilmManifest, 'schema' | 'aggregate'> => ({ ...FILM, renditions: [rendition('v', 0, { segments: Array.from({ length: count }, () => short) })] })
  t.equal(faultOf(() => buildManifest(many(SEGMENT_LIMIT + 1))), 'SEGMENTS_TOO_MANY')
  t.equal(faultOf(() => buildManifest(many(SEGMENT_LIMIT))), 'MANIFEST_TOO_LARGE', 'so many do not fit in 8 MiB')
  t.equal(buildManifest(many(40_000)).manifest.renditions[0]!.segments.length, 40_000)
})

t.test('the hash sequence is the BLAKE3 of what plays, 32 bytes each, an init segment before its own', async (t) => {
  const expected = ['1080p/0', '1080p/1', '1080p/2', 'en init', 'en/0', 'en/1', 'subs-en/0'].map((name) => hashOf(`b ${name}`))
  const bytes = buildHashSequence(GOOD)
  t.equal(bytes.toString('hex'), expected.join(''))
  t.strictSame(parseHashSequence(bytes), expected)
  t.strictSame(parseHashSequence(new Uint8Array(bytes)), expected)
  for (const size of [0, 31, 33]) t.equal(faultOf(() => parseHashSequence(Buffer.alloc(size))), 'HASHSEQ_INVALID')
  t.equal(buildHashSequence({ master: ref('m'), renditions: Array.from({ length: 5 }, (_, i) => rendition(`r${i}`, 1000)) }).length, 160_000)
})

t.test('every blob that a manifest names is told with its role, rendition and place', async (t) => {
  const named = [...namedHashes(GOOD)]
  t.strictSame(named.map(({ role, rendition, seq }) => [role, rendition, seq]), [
    ['master', null, null], ['poster', null, null], ['trailer', null, null], ['playlist', 0, null], ['segment', 0, 0], ['segment', 0, 1], ['segment', 0, 2],
    ['playlist', 1, null], ['init', 1, null], ['segment', 1, 0], ['segment', 1, 1], ['playlist', 2, null], ['segment', 2, 0]
  ])
  t.strictSame(named[8], { ...ref('en init'), role: 'init', rendition: 1, seq: null })
})

t.test('the published schema takes what is built', async (t) => {
  t.doesNotThrow(() => checkSchema(FILM_MANIFEST_SCHEMA, GOOD))
})
