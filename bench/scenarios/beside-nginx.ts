// One blob of 64 KiB on a server and on an nginx, for the scenarios that ask for little more than its head.

import { join } from 'node:path'
import { TestBlob } from '../blobs.ts'
import { ask, fill, insist, proveSample } from '../load/requests.ts'
import { startNginx } from '../nginx.ts'
import { inTurn, readMeasured } from '../plan.ts'
import { observe } from '../proc.ts'
import { startServer } from '../server.ts'
import type { Load } from '../load/wrk.ts'
import type { Bench, Row } from '../plan.ts'

export const CONNECTIONS = 64
const SIZE = 64 * 1024

export interface Asked {
  /** Server or nginx. */
  url: string
  path: string
  /** The blob's, as this side gave it. */
  etag: string
}

/** Measures `load` on both sides in turn. */
export async function besideNginx (bench: Bench, name: string, load: (asked: Asked) => Promise<Load>): Promise<Row> {
  const blob = new TestBlob(name, SIZE)
  const path = `/${blob.sha256}`
  const nginx = await startNginx(bench)
  const server = await startServer(bench, join(bench.work, 'one-blob'))
  try {
    await blob.writeTo(join(nginx.root, blob.sha256))
    await fill(bench, server.url, [blob])
    const sides: Asked[] = []
    for (const { url } of [server, nginx]) {
      await proveSample(url, [blob])
      const found = await ask(`${url}${path}`, { method: 'HEAD' })
      insist('HEAD', found, 200)
      const { etag } = found.headers
      if (etag === undefined || Number(found.headers['content-length']) !== SIZE) throw new Error(`HEAD ${url}${path}: etag ${etag}, ${found.headers['content-length']} bytes`)
      sides.push({ url, path, etag })
    }
    const measure = async (pid: number, side: Asked): ReturnType<typeof oneMeasured> => oneMeasured(pid, () => load(side))
    return await inTurn(bench, { name: `${name}, ${CONNECTIONS} connections`, unit: 'req/s', reach: '≥ 0.3', against: 'nginx' },
      () => measure(server.pid, sides[0]!), () => measure(nginx.pid, sides[1]!))
  } finally {
    await server.stop()
    await nginx.stop()
  }
}

async function oneMeasured (pid: number, load: () => Promise<Load>): Promise<ReturnType<typeof readMeasured>> {
  const { result, usage } = await observe(pid, load)
  return readMeasured('req/s', result, usage)
}
