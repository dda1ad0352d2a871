// Is a server with a million blobs as quick as one with a thousand? Both run, on seeded folders, and take turns; the same number of different
// blobs is asked for on both, then far more than memory keeps hot. Pages of a list: of a million owned blobs against 10,000.

import { heads } from '../load/heads.ts'
import { ask, insist, keptConnections, proveSample } from '../load/requests.ts'
import { wrk } from '../load/wrk.ts'
import { inTurn, readMeasured } from '../plan.ts'
import { observe } from '../proc.ts'
import { OWNER, blobAt, spreadOver } from '../seed/blobs.ts'
import { seededFolder } from '../seed/folders.ts'
import { startServer } from '../server.ts'
import { summarise } from '../stats.ts'
import type { Load } from '../load/wrk.ts'
import type { Bench, Measured, Row } from '../plan.ts'
import type { Server } from '../server.ts'

const FEW = 1000
const LISTED = 10_000
const CONNECTIONS = 64
const PAGE = 100
const PAGES_READ = 300
/** Asked for where all are: more than the cache keeps, few enough for wrk to hold. */
const MOST_ASKED = 200_000

interface Seeded { server: Server, count: number }

const pathsOf = (count: number, asked: number): string[] => spreadOver(count, asked).map((i) => `/${blobAt(i).sha256}`)

/** A load on the many against the same load on the few. */
async function among (bench: Bench, name: string, reach: string, [many, few]: readonly [Seeded, Seeded], asked: readonly [number, number],
  load: (url: string, paths: string[]) => Promise<Load & { busy?: number }>): Promise<Row> {
  let busy = 0
  const measure = async ({ server, count }: Seeded, number: number): Promise<Measured> => {
    const paths = pathsOf(count, number)
    const { result, usage } = await observe(server.pid, () => load(server.url, paths))
    busy = Math.max(busy, result.busy ?? 0)
    return readMeasured('req/s', result, usage)
  }
  const against = `among ${few.count}, ${asked[1]} asked for`
  const row = await inTurn(bench, { name: `${name} among ${many.count}, ${asked[0]} asked for, ${CONNECTIONS} connections`, unit: 'req/s', reach, against },
    () => measure(many, asked[0]), () => measure(few, asked[1]))
  return { ...row, notes: busy > 0.9 ? [`the client was busy up to ${Math.round(busy * 100)} % of a core: it may have been the limit`] : [] }
}

/** Pages of the owner's list, one after the other on one connection; `after` is the number of the blob whose successors are wanted. */
async function readPages ({ server, count }: Seeded, after: number | null): Promise<Measured> {
  const agent = keptConnections(1)
  const expiration = String(Math.floor(Date.now() / 1000) + 3600)
  const headers = { authorization: OWNER.token('list', { expiration }) }
  const url = `${server.url}/list/${OWNER.pubkey}?limit=${PAGE}${after === null ? '' : `&cursor=${blobAt(after).sha256}`}`
  const times: number[] = []
  const { usage } = await observe(server.pid, async () => {
    for (let i = 0; i < PAGES_READ; i++) {
      const answer = await ask(url, { headers, agent })
      insist('GET /list', answer, 200)
      times.push(answer.ms)
      if (i === 0) provePage(answer.body, Math.min(PAGE, after ?? count))
    }
  })
  agent.destroy()
  const { p50, p99 } = summarise(times)
  return { value: p50, p50, p99, cpu: usage.cpu * 1e3 / PAGES_READ, peakRss: usage.peakRss }
}

function provePage (body: Buffer, wanted: number): void {
  const page = JSON.parse(body.toString('utf8')) as { uploaded: number }[]
  const sorted = page.every(({ uploaded }, i) => i === 0 || uploaded <= page[i - 1]!.uploaded)
  if (page.length !== wanted || !sorted) throw new Error(`GET /list: ${page.length} blobs, wanted ${wanted}, newest first`)
}

async function start (bench: Bench, count: number): Promise<Seeded> {
  const server = await startServer(bench, await seededFolder(bench, count))
  await proveSample(server.url, spreadOver(count, 20).map(blobAt))
  return { server, count }
}

export async function million (bench: Bench): Promise<Row[]> {
  const { count, seconds } = bench.options
  const asked = Math.min(bench.options.asked, FEW)
  const most = Math.min(count, MOST_ASKED)
  const running: Seeded[] = []
  try {
    for (const number of [FEW, LISTED, count]) running.push(await start(bench, number))
    const [few, listed, many] = running as [Seeded, Seeded, Seeded]
    const get = (url: string, paths: string[]): Promise<Load> => wrk(bench, { url, paths, connections: CONNECTIONS })
    const head = (url: string, paths: string[]): ReturnType<typeof heads> => heads({ url, paths, connections: CONNECTIONS, seconds })
    const pages = (name: string, after: (count: number) => number | null): Promise<Row> =>
      inTurn(bench, { name: `list: ${name} page of ${PAGE} of ${count}`, unit: 'ms', reach: '≤ 1.3; of 10000 ≤ 1 ms', against: `of ${LISTED}` },
        () => readPages(many, after(many.count)), () => readPages(listed, after(listed.count)))
    return [
      await among(bench, 'GET of small blobs', '≥ 0.85', [many, few], [asked, asked], get),
      await among(bench, 'HEAD of small blobs', '≥ 0.85', [many, few], [asked, asked], head),
      await among(bench, 'GET of small blobs, hardly one twice,', '', [many, few], [most, asked], get),
      await among(bench, 'HEAD of small blobs, hardly one twice,', '', [many, few], [most, asked], head),
      await pages('first', () => null),
      await pages('middle', (number) => number >> 1)
    ]
  } finally {
    for (const { server } of running) await server.stop()
  }
}
