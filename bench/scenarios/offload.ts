// Reads behind an nginx with docs/nginx.example.conf (OFFLOAD=x-accel) against an nginx alone that has the same files: what our checks cost
// where the bytes are nginx's to send. Both have one worker.

import { join } from 'node:path'
import { freePort } from '../../test/support/program.ts'
import { configureNginx } from '../../test/support/nginx.ts'
import { TestBlob } from '../blobs.ts'
import { drain } from '../load/drain.ts'
import { fill, proveSample } from '../load/requests.ts'
import { wrk } from '../load/wrk.ts'
import { startNginx } from '../nginx.ts'
import { part, settleDisk, startProgram, untilAnswering } from '../parts.ts'
import { inTurn, readMeasured } from '../plan.ts'
import { observe } from '../proc.ts'
import { startServer } from '../server.ts'
import type { Load } from '../load/wrk.ts'
import type { Bench, Measured, Row } from '../plan.ts'

const SIZE = 64 * 1024
const SECRET = 'only-for-this-measurement'
/** How many small blobs are asked for in turn: each so seldom that none is kept. */
const MANY = 5000

export async function offload (bench: Bench): Promise<Row[]> {
  const alone = await startNginx(bench)
  const server = await startServer(bench, join(bench.work, 'offload'), { OFFLOAD: 'x-accel', OFFLOAD_SECRET: SECRET })
  const port = await freePort()
  const args = configureNginx(join(bench.work, `nginx-${port}`), port, 1, { before: server.url, packs: join(server.dataDir, 'store/pack'), secret: SECRET })
  const before = startProgram(part('nginx'), args, { stdio: ['ignore', 'ignore', 'inherit'] }, 'SIGTERM')
  const url = `http://127.0.0.1:${port}`
  try {
    await untilAnswering(before, 'nginx', `${url}/readyz`, ({ statusCode }) => statusCode === 200)
    const big = new TestBlob('offload big', bench.options.big)
    const small = Array.from({ length: MANY }, (_, i) => new TestBlob(`offload ${i}`, SIZE))
    for (const blob of [big, ...small]) await blob.writeTo(join(alone.root, blob.sha256))
    await fill(bench, url, [big, ...small])
    await proveSample(url, small)
    settleDisk(bench.work)

    const paths = small.map(({ sha256 }) => `/${sha256}`)
    const both = (unit: 'req/s' | 'MB/s', name: string, load: (url: string) => Promise<Load>): Promise<Row> => {
      const behind = async (): Promise<Measured> => {
        const { result: { result, usage: ours }, usage } = await observe(before.pid, () => observe(server.pid, () => load(url)))
        return readMeasured(unit, result, { ...usage, cpu: usage.cpu + ours.cpu })
      }
      const yardstick = async (): Promise<Measured> => {
        const { result, usage } = await observe(alone.pid, () => load(alone.url))
        return readMeasured(unit, result, usage)
      }
      return inTurn(bench, { name, unit, reach: '≥ 0.9', against: 'nginx' }, behind, yardstick)
    }
    const rows = [
      await both('req/s', 'GET 64 KiB behind nginx, 64 connections', (url) => wrk(bench, { url, paths: paths.slice(0, 1), connections: 64, bodyBytes: SIZE })),
      await both('req/s', `GET 64 KiB over ${MANY} blobs behind nginx, 64 connections`, (url) => wrk(bench, { url, paths, connections: 64, bodyBytes: SIZE }))
    ]
    for (const connections of [1, 8]) {
      rows.push(await both('MB/s', `GET of the big blob behind nginx, ${connections} connections`, (url) =>
        drain({ url: `${url}/${big.sha256}`, connections, seconds: bench.options.seconds, size: big.size })))
    }
    return rows
  } finally {
    await before.stop()
    await server.stop()
    await alone.stop()
  }
}
