// Memory, open files and latency stay flat under mixed load (issue 5, Faults): LOAD_MINUTES (30) of it on LOAD_STORE (`fs`, or `minio`), over
// loopback. Prints a table over time and judges the slopes after a warm-up. Run by test/long/run.ts, not by `npm test`.

import t from 'tap'
import { newFolder } from '../support/both-stores.ts'
import { startServer, storeEnv } from '../support/children.ts'
import { startMinio } from '../support/minio.ts'
import { runMixedLoad } from '../support/mixed-load.ts'
import { growthOf, leastOf, lookAt } from '../support/steadiness.ts'
import { median, summarise } from '../../bench/stats.ts'
import type { Test } from 'tap'
import type { StorePlace } from '../support/children.ts'
import type { Moment } from '../support/steadiness.ts'

const MIB = 1024 * 1024
const minutes = Number(process.env['LOAD_MINUTES'] ?? 30)
const store = process.env['LOAD_STORE'] ?? 'fs'
if (!(minutes > 0) || !['fs', 'minio'].includes(store)) throw new Error('LOAD_MINUTES is a number, LOAD_STORE is fs or minio')
const INTERVALS = 30
/** Of them: caches fill, code is compiled. */
const WARM_UP = 8

interface Interval {
  moment: Moment
  times: Map<string, number[]>
}

async function play (t: Test, place: StorePlace): Promise<void> {
  const server = await startServer(t, { ...storeEnv(newFolder(t), place), RATE_LIMIT: 'off', MIRROR_ALLOW_PRIVATE: 'true' })
  const started = Date.now()
  const until = started + minutes * 60_000
  const intervals: Interval[] = []
  let times = new Map<string, number[]>()
  let moments: Moment[] = []
  const load = runMixedLoad(t, {
    url: server.url, lasting: minutes * 60_000, pause: 40,
    onDone: (kind, ms) => {
      const known = times.get(kind)
      if (known === undefined) times.set(kind, [ms])
      else known.push(ms)
    }
  })
  let broken: unknown = null
  load.catch((error: unknown) => { broken = error })
  t.comment('| minute | RSS MiB | heap MiB | external MiB | files | requests | GET 64 KiB p50/p99 | GET 24 MiB | PUT 10 KiB | PUT 8 MiB | list |')
  t.comment('|---|---|---|---|---|---|---|---|---|---|---|')
  const length = (until - started) / INTERVALS
  while (Date.now() < until && broken === null) {
    moments.push(await lookAt(server.pid, server.url))
    await new Promise((resolve) => setTimeout(resolve, Math.min(2000, length / 5)))
    if (Date.now() < started + (intervals.length + 1) * length) continue
    const moment = leastOf(moments)
    intervals.push({ moment, times })
    t.comment(lineOf((Date.now() - started) / 60_000, moment, times))
    times = new Map()
    moments = []
  }
  await load.catch((error: unknown) => {
    t.comment(server.output().slice(-2000))
    throw error
  })
  judge(t, intervals)
  t.notMatch(server.output(), /"level":(50|60)/, 'nothing was logged as our fault')
  await server.kill('SIGTERM')
}

function lineOf (minute: number, { rss, heap, external, files }: Moment, times: Interval['times']): string {
  const of = (kind: string): string => {
    const { p50, p99 } = summarise(times.get(kind) ?? [])
    return `${p50.toFixed(1)} / ${p99.toFixed(1)}`
  }
  const requests = [...times.values()].reduce((sum, each) => sum + each.length, 0)
  return `| ${minute.toFixed(1)} | ${[rss, heap, external].map((bytes) => (bytes / MIB).toFixed(1)).join(' | ')} | ${files} | ${requests} | ` +
    `${['GET 64 KiB', 'GET 24 MiB', 'PUT 10 KiB', 'PUT 8192 KiB', 'list'].map(of).join(' | ')} |`
}

/** After the warm-up: nothing grows by more than a tenth, or a little, whichever is more. */
function judge (t: Test, intervals: Interval[]): void {
  const judged = intervals.slice(WARM_UP)
  const flat = (what: string, series: number[], slack: number, unit: string, scale = 1): void => {
    const { from, growth } = growthOf(series)
    t.ok(growth <= Math.max(slack, from / 10), `${what} stays flat: middle ${(from / scale).toFixed(1)}${unit}, slope over the time judged ${(growth / scale).toFixed(2)}${unit}`)
  }
  flat('RSS', judged.map(({ moment }) => moment.rss), 16 * MIB, ' MiB', MIB)
  flat('heap', judged.map(({ moment }) => moment.heap), 4 * MIB, ' MiB', MIB)
  flat('external memory', judged.map(({ moment }) => moment.external), 8 * MIB, ' MiB', MIB)
  flat('open files', judged.map(({ moment }) => moment.files), 3, '')
  const kinds = new Set(judged.flatMap(({ times }) => [...times.keys()]))
  for (const kind of kinds) {
    const middles = judged.map(({ times }) => summarise(times.get(kind) ?? []).p50).filter((each) => !Number.isNaN(each))
    const [first, last] = [median(middles.slice(0, middles.length >> 1)), median(middles.slice(middles.length >> 1))]
    const slow = median(judged.map(({ times }) => summarise(times.get(kind) ?? []).p99))
    // what else the machine does comes and goes: a leak of time would double it
    t.ok(last <= Math.max(first * 2, first + 5), `${kind} stays as quick: p50 ${first.toFixed(2)} ms in the first half, ${last.toFixed(2)} in the second, p99 ${slow.toFixed(1)}`)
  }
}

await t.test(`${minutes} minutes of mixed load on ${store}`, { timeout: (minutes + 5) * 60_000 }, async (t) => {
  if (store === 'fs') return play(t, null)
  const minio = await startMinio(t)
  if (minio !== null) await play(t, { minio, bucket: await minio.newBucket() })
})
