// GET of 64 KiB blobs far beyond what the server keeps in memory (`CACHE_SIZE`), in random order, against nginx with the same files. The page
// cache may hold them: what is cold is the server's own memory.

import { randomInt } from 'node:crypto'
import { join } from 'node:path'
import { TestBlob } from '../blobs.ts'
import { fill, proveSample } from '../load/requests.ts'
import { wrk } from '../load/wrk.ts'
import { startNginx } from '../nginx.ts'
import { settleDisk } from '../parts.ts'
import { inTurn, readMeasured } from '../plan.ts'
import { observe } from '../proc.ts'
import { startServer } from '../server.ts'
import type { Bench, Measured, Row } from '../plan.ts'

const SIZE = 64 * 1024
const CONNECTIONS = 64

/** In random order: wrk goes through it over and over, so that a blob comes again only after all others. */
function shuffled<T> (items: readonly T[]): T[] {
  const all = [...items]
  for (let i = all.length - 1; i > 0; i--) {
    const j = randomInt(i + 1)
    ;[all[i], all[j]] = [all[j]!, all[i]!]
  }
  return all
}

export async function cold (bench: Bench): Promise<Row[]> {
  const blobs = Array.from({ length: bench.options.cold }, (_, i) => new TestBlob(`cold ${i}`, SIZE))
  const nginx = await startNginx(bench)
  const server = await startServer(bench, join(bench.work, 'cold'))
  try {
    for (const blob of blobs) await blob.writeTo(join(nginx.root, blob.sha256))
    await fill(bench, server.url, blobs)
    await proveSample(server.url, blobs)
    settleDisk(bench.work)
    const paths = shuffled(blobs).map(({ sha256 }) => `/${sha256}`)
    const measure = async (pid: number, url: string): Promise<Measured> => {
      const { result, usage } = await observe(pid, () => wrk(bench, { url, paths, connections: CONNECTIONS, bodyBytes: SIZE }))
      return readMeasured('req/s', result, usage)
    }
    return [await inTurn(bench, { name: `GET 64 KiB over ${blobs.length} blobs, ${CONNECTIONS} connections`, unit: 'req/s', reach: '≥ 0.4', against: 'nginx' },
      () => measure(server.pid, server.url), () => measure(nginx.pid, nginx.url))]
  } finally {
    await server.stop()
    await nginx.stop()
  }
}
