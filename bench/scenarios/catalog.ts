// Is a catalog of 100,000 titles, 2,000,000 hashes and 1,000,000 adverts as quick as one of a hundredth of that? Both are seeded as logs of events, their
// tables made by `marquee rebuild --catalog`, and both serve at once and take turns. Then adverts come in over HTTP, each with its own signature.

import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { finalizeEvent, generateSecretKey, setNostrWasm } from 'nostr-tools/wasm'
import { initNostrWasm } from 'nostr-wasm'
import { NODE_FLAGS } from '../../test/support/node-flags.ts'
import { buildProviderAdvert } from '../../server/catalog/kinds/provider-advert.ts'
import { ask, inParallel, insist, keptConnections } from '../load/requests.ts'
import { removeFolder, settleDisk, startProgram } from '../parts.ts'
import { inTurn } from '../plan.ts'
import { cpuSeconds, observe, peakRss } from '../proc.ts'
import { ADVERTS_OF_KEY, PROVIDERS, blobAlone, blobsAlone, catalogSize, nameOf, ownWord, segmentAt, wordAt } from '../seed/catalog-names.ts'
import { startServer } from '../server.ts'
import { summarise } from '../stats.ts'
import type { Bench, Measured, Row } from '../plan.ts'
import type { CatalogSize } from '../seed/catalog-names.ts'
import type { Server } from '../server.ts'
import type { Answer } from '../load/requests.ts'

setNostrWasm(await initNostrWasm())

const SEEDER = fileURLToPath(new URL('../seed/catalog-seeder.js', import.meta.url))
const ASKED = 1000
const CONNECTIONS = 16
/** Adverts run out after two days. */
const KEPT_MS = 12 * 3600_000

interface Folder { dataDir: string, size: CatalogSize, rebuilt: Measured | null, verified: Measured | null }
interface Seeded extends Folder { server: Server }

/** Seconds, CPU and memory of a command that must succeed. */
async function timed (bench: Bench, what: string, path: string, args: string[], env: NodeJS.ProcessEnv = {}): Promise<{ seconds: number, cpu: number, peakRss: number }> {
  const started = performance.now()
  const { child, pid } = startProgram(path, args, { stdio: ['ignore', 'ignore', 'inherit'], env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...env } })
  let [cpu, peak] = [0, 0]
  const looking = setInterval(() => { [cpu, peak] = [Math.max(cpu, cpuSeconds(pid)), Math.max(peak, peakRss(pid))] }, 50)
  const [code] = await once(child, 'exit') as [number | null]
  clearInterval(looking)
  if (code !== 0) throw new Error(`${what} ended with ${code ?? 'a signal'}`)
  const seconds = (performance.now() - started) / 1e3
  bench.say(`  ${what}: ${seconds.toFixed(1)} s`)
  return { seconds, cpu, peakRss: peak }
}

/** `--rows`: parts of the names of what is to be measured. */
const wanted = ({ options }: Bench, name: string): boolean => options.rows.length === 0 || options.rows.some((part) => name.includes(part))

/** A log of so many titles, and the tables that its rebuild makes. */
async function seeded (bench: Bench, titles: number, signed: boolean): Promise<Folder> {
  const { options, work } = bench
  const size = catalogSize(titles, options.segments)
  const dataDir = join(options.keep ?? work, `catalog-${titles}-${options.segments}`)
  const mark = join(dataDir, 'seeded')
  const fresh = !existsSync(mark) || Date.now() - statSync(mark).mtimeMs > KEPT_MS
  if (fresh) {
    removeFolder(dataDir)
    mkdirSync(dataDir, { recursive: true })
    await timed(bench, `${titles} titles and ${size.adverts} adverts seeded`, process.execPath, [SEEDER, options.dist, dataDir, String(titles), String(options.segments), signed ? 'signed' : 'unsigned'])
    settleDisk(dataDir)
    writeFileSync(mark, new Date().toISOString())
  }
  const rebuild = async (...more: string[]): Promise<Measured> => {
    const { seconds, cpu, peakRss } = await timed(bench, `rebuild of ${titles + size.adverts} events ${more.join(' ')}`, process.execPath,
      [...NODE_FLAGS, join(options.dist, 'server/main.js'), 'rebuild', '--catalog', ...more], { DATA_DIR: dataDir })
    return { value: (titles + size.adverts) / seconds, cpu: cpu * 1e3 / (titles + size.adverts), peakRss }
  }
  const measured = wanted(bench, 'rebuild')
  return { dataDir, size, verified: signed && measured ? await rebuild('--signatures') : null, rebuilt: measured || fresh ? await rebuild() : null }
}

/** Questions one after the other on one kept connection; the first answer is looked at. */
async function asked (server: Server, paths: readonly string[], prove: (body: any) => boolean): Promise<Measured> {
  const agent = keptConnections(1)
  const times: number[] = []
  const { usage } = await observe(server.pid, async () => {
    for (const [index, path] of paths.entries()) {
      const answer: Answer = await ask(`${server.url}${path}`, { agent })
      insist(path, answer, 200)
      times.push(answer.ms)
      if (index === 0 && !prove(JSON.parse(answer.body.toString('utf8')))) throw new Error(`${path}: ${answer.body.toString('utf8').slice(0, 300)}`)
    }
  })
  agent.destroy()
  const { p50, p99 } = summarise(times)
  return { value: p50, p50, p99, cpu: usage.cpu * 1e3 / paths.length, peakRss: usage.peakRss }
}

/** `wanted` different numbers below `count`, from all over. */
const somewhere = (count: number, wanted: number, salt: string): number[] => Array.from({ length: wanted }, (_, i) => Number.parseInt(nameOf(salt, i).slice(0, 12), 16) % count)

type Paths = (size: CatalogSize) => string[]

const QUESTIONS: readonly (readonly [name: string, reach: string, paths: Paths, prove: (body: any) => boolean])[] = [
  ['providers of a segment, inherited', '≤ 2 ms, ≤ 1.5', (size) => segments(size, 'providers').map((hash) => `/catalog/providers?hash=${hash}`),
    ({ providers }) => Object.values<unknown[]>(providers)[0]!.length === PROVIDERS],
  ['providers of a blob', '≤ 2 ms, ≤ 1.5', (size) => somewhere(blobsAlone(size), ASKED, 'alone').map((i) => `/catalog/providers?hash=blake3:${blobAlone(i).blake3}`),
    ({ providers }) => Object.values<unknown[]>(providers)[0]!.length === 2],
  ['by-hash of a segment', '≤ 2 ms, ≤ 1.5', (size) => segments(size, 'by-hash').map((hash) => `/catalog/by-hash/${hash}`), ({ mentions }) => mentions.length === 1],
  ['search, a rare word', '≤ 20 ms', (size) => somewhere(size.titles, 300, 'rare').map((i) => `/catalog/titles?q=${ownWord(i)}`), ({ titles }) => titles.length === 1],
  ['search, two words', '≤ 20 ms', () => somewhere(400, 300, 'two').map((i) => `/catalog/titles?limit=20&q=${wordAt(20 + i)}+${wordAt(i % 7)}`), ({ titles }) => Array.isArray(titles)],
  ['search, the commonest word', '≤ 20 ms', () => somewhere(3, 100, 'common').map((i) => `/catalog/titles?limit=20&q=${wordAt(i)}`), ({ titles }) => titles.length > 0],
  ['search, one letter', '≤ 20 ms', () => somewhere(20, 100, 'letter').map((i) => `/catalog/titles?limit=20&q=${wordAt(i).charAt(0)}`), ({ titles }) => titles.length > 0],
  ['titles, first page of 50', '', () => Array<string>(200).fill('/catalog/titles'), ({ titles }) => titles.length === 50 || titles.length === 10],
  ['titles of a common topic, 50', '', () => somewhere(3, 200, 'topic').map((i) => `/catalog/titles?t=${wordAt(i)}`), ({ titles }) => titles.length > 0]
]

const segments = ({ films, segments }: CatalogSize, salt: string): string[] => somewhere(films * segments, ASKED, salt).map((i) => segmentAt(Math.floor(i / segments), i % segments).sha256)

/** A page from the middle: its cursor is what its neighbour before would have said. */
async function middlePage (seeded: Seeded): Promise<Measured> {
  const { server, size } = seeded
  const { titles } = JSON.parse((await ask(`${server.url}/catalog/titles?q=${ownWord(size.titles >> 1)}`)).body.toString('utf8')) as { titles: { event: { created_at: number, id: string } }[] }
  const { created_at: at, id } = titles[0]!.event
  const cursor = Buffer.from(JSON.stringify([at, id])).toString('base64url')
  return asked(server, Array<string>(200).fill(`/catalog/titles?cursor=${cursor}`), ({ titles }) => titles.length > 0)
}

/** Adverts of new keys, signed before the clock starts. */
async function accepting (bench: Bench, { server }: Seeded): Promise<Measured> {
  const now = Math.floor(Date.now() / 1000)
  const count = bench.options.taken
  const keys = Array.from({ length: Math.ceil(count / (ADVERTS_OF_KEY / 2)) }, () => generateSecretKey())
  const bodies = Array.from({ length: count }, (_, i) => {
    const { blake3, sha256 } = { blake3: nameOf('taken', now, i, Math.random()), sha256: nameOf('taken sha', now, i) }
    return Buffer.from(JSON.stringify(finalizeEvent(buildProviderAdvert({ blake3, sha256, servers: ['https://new.example'], size: i }, now), keys[i % keys.length]!)))
  })
  const agent = keptConnections(CONNECTIONS)
  const times: number[] = []
  const { result: seconds, usage } = await observe(server.pid, () => inParallel(count, CONNECTIONS, async (i) => {
    const answer = await ask(`${server.url}/catalog/events`, { method: 'POST', headers: { 'content-type': 'application/json', 'content-length': bodies[i]!.length }, chunks: [bodies[i]!], agent })
    insist('POST /catalog/events', answer, 201)
    times.push(answer.ms)
  }))
  agent.destroy()
  return { value: count / seconds, ...summarise(times), cpu: usage.cpu * 1e3 / count, peakRss: usage.peakRss }
}

export async function catalog (bench: Bench): Promise<Row[]> {
  const few = Math.max(10, Math.round(bench.options.titles / 100))
  const running: Seeded[] = []
  const row = (name: string, reach: string, rounds: Row['rounds'], against = ''): Row => ({ name, unit: '/s', reach, against, rounds, notes: [] })
  try {
    for (const [titles, signed] of [[few, true], [bench.options.titles, false]] as const) {
      const folder = await seeded(bench, titles, signed)
      running.push({ ...folder, server: await startServer(bench, folder.dataDir, { RATE_LIMIT: 'off' }) })
    }
    const [small, large] = running as [Seeded, Seeded]
    const against = `of ${few}`
    const events = ({ size }: Seeded): number => size.titles + size.adverts
    const rows: Row[] = []
    if (large.rebuilt !== null && small.rebuilt !== null && small.verified !== null) {
      rows.push(
        { ...row(`rebuild --catalog of ${events(large)} events`, '≥ 10000', [{ server: large.rebuilt, yardstick: small.rebuilt }], `of ${events(small)}`), notes: [`peak of the smaller: ${Math.round(small.rebuilt.peakRss! / 2 ** 20)} MiB`] },
        row(`rebuild --catalog --signatures of ${events(small)} events`, '≥ 2500', [{ server: small.verified }])
      )
    }
    const measure = async (name: string, unit: Row['unit'], reach: string, work: (seeded: Seeded) => Promise<Measured>): Promise<void> => {
      if (wanted(bench, name)) rows.push(await inTurn(bench, { name: `${name}, of ${bench.options.titles}`, unit, reach, against }, () => work(large), () => work(small)))
    }
    for (const [name, reach, paths, prove] of QUESTIONS) await measure(name, 'ms', reach, ({ server, size }) => asked(server, paths(size).slice(0, bench.options.asked), prove))
    await measure('titles, a page of 50 from the middle', 'ms', '', middlePage)
    await measure(`adverts taken, signatures checked, ${CONNECTIONS} connections`, '/s', '≥ 1500', (seeded) => accepting(bench, seeded))
    return rows
  } finally {
    for (const { server } of running) await server.stop()
  }
}
