// Who may import whom (design §2), as sentences over the source. A break is told as file:line and rule. Each rule is first shown a planted
// break, so that none of them passes because it looks at nothing.

import t from 'tap'
import { lineAt, parseSource, sourcesIn } from './support/source.ts'
import type { Import, Source } from './support/source.ts'

type Check = (sources: Source[]) => string[]

const LAYERS: readonly (readonly [layer: string, is: RegExp])[] = [
  ['main', /^server\/main\.ts$/],
  ['commands', /^server\/commands\//],
  ['marquee', /^server\/(marquee|catalog-policy|last-run|node-key|data-folder|upkeep)\.ts$/],
  ['app', /^server\/((app|admin|health|reports|traces)\.ts$|(metrics|api)\/)/],
  ['rooms', /^server\/(buds|catalog|gateway|keys|pages)\//],
  ['documents', /^server\/(release|media)\//],
  ['auth', /^server\/auth\//],
  ['stores', /^server\/stores\//],
  ['ground', /^server\/(errors|refusal|framing|cors|json-body|config|config-fields|config-layers|config-values|settings|database|checkpointer|checkpoint-thread|version)\.ts$/]
]

const layerOf = (path: string): string => LAYERS.find(([, is]) => is.test(path))?.[0] ?? 'nowhere'
const rankOf = (layer: string): number => LAYERS.findIndex(([name]) => name === layer)

/** Files that only think: no I/O, no database, no clock of their own. */
const PURE = [
  'auth/token', 'auth/blossom-token', 'auth/nip98', 'auth/our-names', 'auth/policy', 'auth/replays', 'auth/rate-buckets', 'auth/client-address', 'auth/rate-limits',
  'catalog/accept', 'catalog/address', 'catalog/advert-times', 'catalog/authors', 'catalog/backfill', 'catalog/backoff', 'catalog/budget', 'catalog/catalog-event', 'catalog/cursor', 'catalog/event-id', 'catalog/faults',
  'catalog/fold', 'catalog/hash-name', 'catalog/kinds/application', 'catalog/kinds/application-data', 'catalog/kinds/artifact',
  'catalog/kinds/collection', 'catalog/kinds/media', 'catalog/kinds/platforms', 'catalog/kinds/provider-advert', 'catalog/kinds/relay-list',
  'catalog/kinds/release', 'catalog/kinds/server-list', 'catalog/kinds/snapshot', 'catalog/kinds/title', 'catalog/kinds/withdrawal',
  'catalog/manifest', 'catalog/rounds', 'catalog/schema-check', 'catalog/schemas/application', 'catalog/schemas/application-data', 'catalog/schemas/artifact', 'catalog/schemas/collection', 'catalog/schemas/event-schema',
  'catalog/schemas/film-manifest', 'catalog/schemas/provider-advert', 'catalog/schemas/published', 'catalog/schemas/relay-list',
  'catalog/schemas/release', 'catalog/schemas/server-list', 'catalog/schemas/snapshot', 'catalog/schemas/title', 'catalog/schemas/withdrawal', 'catalog/sign-template',
  'catalog/mirrors/server-memory', 'catalog/mirrors/slots', 'catalog/releases/topics',
  'catalog/tags', 'catalog/versions',
  'catalog/write-policy', 'catalog/write-rules',
  'keys/title-name', 'keys/sessions', 'keys/sealing',
  'buds/active-content', 'buds/address', 'buds/blob-path', 'buds/bud-03-server-list', 'buds/bud-08-file-tags', 'buds/bud-10-uri', 'buds/bud-11-authorization',
  'buds/conditions', 'buds/descriptor', 'buds/multipart-ranges', 'buds/range', 'media/faults', 'media/kinds', 'media/limits', 'media/line', 'media/probe',
  'pages/accepting', 'pages/policy',
  'release/canonical', 'release/checks', 'release/derive', 'release/did-key', 'release/document-check', 'release/ed25519', 'release/event-agreement', 'release/faults', 'release/latest-pointer',
  'release/manifest-v2', 'release/next-pointer', 'release/release-set', 'release/role-key', 'release/schemas/latest-pointer', 'release/schemas/release-manifest', 'release/schemas/trust-bundle', 'release/schemas/words',
  'release/signatures', 'release/spelling', 'release/state', 'release/trust-bundle', 'release/v1', 'release/verify', 'release/verify-trust',
  'media/whole',
  'stores/broken-off', 'stores/layout', 'stores/media-type', 'stores/multihash', 'stores/record', 'stores/seen', 'stores/lately', 'stores/retention-rules', 'errors', 'cors', 'config-fields'
].map((name) => `server/${name}.ts`)

/** What rooms may run of stores/ besides its door, blobs.ts: pure modules, or single constants. */
const OPEN_TO_ROOMS: Readonly<Record<string, readonly string[] | 'all'>> = {
  'server/stores/blobs.ts': 'all', 'server/stores/media-type.ts': 'all', 'server/stores/multihash.ts': 'all',
  'server/stores/owners.ts': ['NO_OWNER'], 'server/stores/pack-store.ts': ['readWhole'], 'server/stores/locks.ts': 'all', 'server/stores/intake.ts': ['takeIn'], 'server/stores/seen.ts': 'all', 'server/stores/descriptors.ts': []
}

/** What backstage/ may run of server/ besides what is pure. */
const OPEN_TO_BACKSTAGE = ['server/auth/signature.ts', 'server/catalog/relay-link.ts', 'server/commands/terminal.ts', 'server/stores/intake.ts', 'server/version.ts']

/** Modules with one importer each. */
const SINGLE: Readonly<Record<string, RegExp>> = {
  'minio': /^server\/stores\/s3\//,
  'better-sqlite3': /^server\/database\.ts$/,
  '@noble/secp256k1': /^server\/auth\/signature\.ts$/,
  'nostr-tools/pool': /^$/, 'nostr-tools/relay': /^$/, 'nostr-tools/abstract-pool': /^$/, 'nostr-tools/abstract-relay': /^$/, 'ws': /^server\/catalog\/relay-link\.ts$/,
  '@grpc/grpc-js': /^server\/catalog\/admission-service\.ts$/
}

/** Node's own ways out; what only looks at text is none. */
const IMPURE = /^(node:)?(fs|fs\/promises|net|http|https|http2|tls|dns|dns\/promises|dgram|child_process|worker_threads|cluster|timers|timers\/promises|os|process)$/

function perImport (broken: (source: Source, each: Import) => boolean): Check {
  return (sources) => sources.flatMap((source) => source.imports.filter((each) => broken(source, each)).map(({ of, line }) => `${source.path}:${line} imports ${of}`))
}

function perWord (word: RegExp, concerns: (path: string) => boolean): Check {
  return (sources) => sources.filter(({ path }) => concerns(path)).flatMap(({ path, code }) =>
    [...code.matchAll(word)].map((match) => `${path}:${lineAt(code, match.index)} says ${match[0].trim()}`))
}

function cyclesIn (sources: Source[], types: boolean): string[] {
  const edges = new Map(sources.map(({ path, imports }) => [path, imports.filter(({ type }) => types || !type).map(({ of }) => of)]))
  const done = new Set<string>()
  const found: string[] = []
  const visit = (path: string, way: string[]): void => {
    const before = way.indexOf(path)
    if (before >= 0) found.push([...way.slice(before), path].join(' → '))
    if (before >= 0 || done.has(path)) return
    for (const next of edges.get(path) ?? []) visit(next, [...way, path])
    done.add(path)
  }
  for (const path of edges.keys()) visit(path, [])
  return found
}

/** Does it open with a comment, after the #! line of a program? */
function opens (text: string): boolean {
  return /^(#![^\n]*\n)?\/\/ \S/.test(text)
}

const plant = (path: string, text = ''): Source => parseSource(path, `// Planted.\n\n${text}\n`)

/** A rule as a sentence, planted sources that break it, and the check. */
const RULES: readonly (readonly [rule: string, planted: Source[], check: Check])[] = [
  ['every server file lies in a layer', [plant('server/odds.ts')], (sources) => sources.filter(({ path }) => path.startsWith('server/') && layerOf(path) === 'nowhere').map(({ path }) => `${path}:1`)],
  ['main → commands → marquee → app → buds, catalog, gateway → auth → stores → ground: nobody imports upwards',
    [plant('server/stores/x.ts', "import { a } from '../marquee.ts'")],
    perImport(({ path }, { of }) => {
      if (!of.startsWith('server/')) return false
      return rankOf(layerOf(of)) < rankOf(layerOf(path))
    })],
  ['commands and marquee put the parts together; rooms, auth and stores know neither them nor the configuration',
    [plant('server/buds/x.ts', "import type { Config } from '../config.ts'"), plant('server/auth/y.ts', "import { VERSION } from '../version.ts'")],
    perImport(({ path }, { of, type }) => ['rooms', 'auth', 'stores'].includes(layerOf(path)) && layerOf(of) === 'ground' && of !== 'server/errors.ts' &&
      !(layerOf(path) === 'rooms' && ['server/cors.ts', 'server/refusal.ts', 'server/json-body.ts'].includes(of)) && !(type && (layerOf(path) === 'stores' || path.startsWith('server/catalog/')) && of === 'server/database.ts'))],
  ['rooms see bytes only through blobs.ts: of stores/ they run nothing else but pure modules and constants',
    [plant('server/buds/x.ts', "import { OwnerStore } from '../stores/owners.ts'"), plant('server/gateway/y.ts', "import { openStores } from '../stores/open.ts'")],
    perImport(({ path }, { of, type, names }) => {
      if (layerOf(path) !== 'rooms' || type || layerOf(of) !== 'stores') return false
      const open = OPEN_TO_ROOMS[of]
      return open === undefined || (open !== 'all' && !names.every((name) => open.includes(name)))
    })],
  ['rooms do not know each other: nothing of buds/, catalog/ and gateway/ imports from another of them',
    [plant('server/catalog/x.ts', "import { bud01 } from '../buds/bud-01-retrieval.ts'")],
    perImport(({ path }, { of }) => layerOf(path) === 'rooms' && layerOf(of) === 'rooms' && path.split('/')[1] !== of.split('/')[1])],
  ['stores/ knows neither Fastify nor Nostr, nor who asks',
    [plant('server/stores/x.ts', "import type { FastifyInstance } from 'fastify'"), plant('server/stores/fs/y.ts', "import { verifyEvent } from 'nostr-tools/pure'")],
    perImport(({ path }, { of }) => layerOf(path) === 'stores' && (/^(fastify|@fastify\/|nostr-|@noble\/secp)/.test(of) || ['auth', 'rooms'].includes(layerOf(of))))],
  ['auth/ knows no Fastify', [plant('server/auth/x.ts', "import type { FastifyRequest } from 'fastify'")],
    perImport(({ path }, { of }) => layerOf(path) === 'auth' && of.startsWith('fastify'))],
  ['fs/, s3/ and memory/ are opened by stores/open.ts alone',
    [plant('server/commands/x.ts', "import { FsObjects } from '../stores/fs/objects.ts'"), plant('server/stores/fs/y.ts', "import { Bucket } from '../s3/bucket.ts'")],
    perImport(({ path }, { of, type }) => {
      const kind = /^server\/stores\/(fs|s3|memory)\//.exec(of)?.[0]
      return kind !== undefined && !type && path !== 'server/stores/open.ts' && !path.startsWith(kind)
    })],
  ['minio, better-sqlite3, @noble/secp256k1 and relay pools have one importer each',
    [plant('server/stores/x.ts', "import { Client } from 'minio'"), plant('server/marquee.ts', "import Sqlite from 'better-sqlite3'"), plant('server/catalog/x.ts', "import { SimplePool } from 'nostr-tools/pool'")],
    perImport(({ path }, { of }) => SINGLE[of] !== undefined && !SINGLE[of].test(path))],
  ['only main.ts touches process',
    [plant('server/x.ts', 'export const pid = process.pid'), plant('server/y.ts', 'export const line = `at ${process.cwd()}`')],
    (sources) => [
      ...perWord(/(?<![\w.$])process(?=\s*[.[)]|$)/g, (path) => path !== 'server/main.ts')(sources),
      ...perImport(({ path }, { of }) => path !== 'server/main.ts' && /^(node:)?process$/.test(of))(sources)
    ]],
  ['pure files do no I/O and know no database: what they run is pure as well',
    [plant('server/buds/range.ts', "import { connect } from 'node:net'"), plant('server/auth/policy.ts', "import { UNTYPED } from '../stores/descriptors.ts'")],
    perImport(({ path }, { of, type, names }) => PURE.includes(path) && !type && ((IMPURE.test(of) && !names.every((name) => /^isIPv?[46]?$/.test(name))) || (of.startsWith('server/') && !PURE.includes(of) && of !== 'server/auth/signature.ts')))],
  ['pure files take the time as an argument',
    [plant('server/buds/conditions.ts', 'export const now = Date.now()'), plant('server/auth/nip98.ts', 'export const now = new Date()'), plant('server/stores/record.ts', 'export const at = performance.now()')],
    perWord(/\bDate\.now\b|\bnew Date\(\s*\)|\bDate\(\s*\)|\bperformance\.now\b|\bset(Timeout|Interval|Immediate)\b/g, (path) => PURE.includes(path))],
  ['the list of pure files names files that are there', [], (sources) => PURE.filter((path) => sources.every((source) => source.path !== path))],
  ['backstage/ talks to the server over HTTP like any client: of server/ it runs pure modules, signatures and the relay link alone',
    [plant('backstage/x.ts', "import { Blobs } from '../server/stores/blobs.ts'")],
    perImport(({ path }, { of, type }) => path.startsWith('backstage/') && of.startsWith('server/') && !type && !PURE.includes(of) && !OPEN_TO_BACKSTAGE.includes(of))],
  ['the server knows nothing of backstage/ but its commands',
    [plant('server/app.ts', "import { film } from '../backstage/film/command.ts'")],
    perImport(({ path }, { of }) => path.startsWith('server/') && of.startsWith('backstage/') && path !== 'server/commands/table.ts')],
  ['there are no default exports',
    [plant('server/x.ts', 'export default 1'), plant('server/y.ts', 'const a = 1\nexport { a as default }')],
    perWord(/\bexport\s+default\b|\bas\s+default\b/g, () => true)],
  ['there are no barrels: no index.ts, and nothing is exported that another file made',
    [plant('server/stores/index.ts'), plant('server/x.ts', "export * from './app.ts'"), plant('server/y.ts', "export { build } from './app.ts'")],
    (sources) => [
      ...sources.filter(({ path }) => /(^|\/)index\.ts$/.test(path)).map(({ path }) => `${path}:1`),
      ...perWord(/\bexport\s+(type\s+)?(\*|\{[^}]*\})[^\n;]*?\bfrom\b/g, () => true)(sources)
    ]],
  ['nothing runs in a circle',
    [plant('server/x.ts', "import { y } from './y.ts'"), plant('server/y.ts', "import { x } from './x.ts'")],
    (sources) => cyclesIn(sources, false)],
  ['nothing is called util, helper or manager',
    [plant('server/stores/path-utils.ts'), plant('server/helper.ts')],
    (sources) => sources.filter(({ path }) => /(^|[/-])(utils?|helpers?|managers?|common|misc)([/.-])/i.test(path)).map(({ path }) => `${path}:1`)],
  ['no file is over 320 lines', [plant('server/x.ts', 'a()\n'.repeat(320))],
    (sources) => sources.map(({ path, text }) => `${path}:${text.trimEnd().split('\n').length}`).filter((each) => Number(each.split(':')[1]) > 320)],
  ['every file opens with a comment that says what it is for', [parseSource('server/x.ts', "import t from 'tap'\n")], (sources) => sources.filter(({ text }) => !opens(text)).map(({ path }) => `${path}:1`)]
]

const sources = ['server', 'backstage'].flatMap(sourcesIn)

t.test('the source is there to be looked at', t => {
  t.ok(sources.length > 50, `${sources.length} files`)
  t.ok(sources.some(({ imports }) => imports.some(({ of }) => of === 'server/errors.ts')))
  t.ok(sources.find(({ path }) => path === 'server/main.ts')?.code.includes('process.env'), 'code is seen')
  t.notOk(sources.find(({ path }) => path === 'server/main.ts')?.code.includes('only file that touches'), 'comments are not')
  t.end()
})

for (const [rule, planted, check] of RULES) {
  t.test(rule, t => {
    for (const source of planted) t.ok(check(planted).some((each) => each.includes(source.path)), `a planted break in ${source.path} is found`)
    t.strictSame(check(sources).map((each) => `${each}: ${rule}`), [])
    t.end()
  })
}

t.test('words in comments, strings and patterns are no code, and what stands in a template is', t => {
  const { code, imports } = parseSource('server/x.ts', [
    "// process.exit", '/* import { a } from "minio" */', "const a = 'process.env'", 'const b = `process.pid ${process.argv} process.title`',
    'const c = /process\\.[/"\']stdin/', 'const d = 4 / 2 // process.stdout', "import type {\n  A,\n  B\n} from './y.ts'", "import { type C, D as E } from 'node:fs'",
    "const f = await import('node:net')", "import './z.ts'"
  ].join('\n'))
  t.strictSame([...code.matchAll(/process\.(\w+)/g)].map(([, word]) => word), ['argv'])
  t.strictSame(imports, [
    { of: 'server/y.ts', type: true, names: ['A', 'B'], line: 10 }, { of: 'node:fs', type: false, names: ['C', 'D'], line: 11 },
    { of: 'node:net', type: false, names: [], line: 12 }, { of: 'server/z.ts', type: false, names: [], line: 13 }
  ])
  t.end()
})
