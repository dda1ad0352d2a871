// How long from the start of the process until GET /readyz says 200, with a million blobs in the folder: after a clean stop, after a kill, and
// after a kill in the midst of uploads, when nothing that was acknowledged may be missing.

import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { TestBlob } from '../blobs.ts'
import { ask, keptConnections, proveSample, signUploads, upload } from '../load/requests.ts'
import { settleDisk } from '../parts.ts'
import { inTurn } from '../plan.ts'
import { peakRss } from '../proc.ts'
import { blobAt, spreadOver } from '../seed/blobs.ts'
import { seededFolder } from '../seed/folders.ts'
import { startServer } from '../server.ts'
import type { Bench, Measured, Row } from '../plan.ts'
import type { Server } from '../server.ts'

const WRITERS = 16
const UPLOADING_MS = 2000
const SMALL_BYTES = 10 * 1024
const BIG_BYTES = 256 * 2 ** 20

/** Ends a running server in some way; the blobs that it acknowledged before. */
type Ending = (bench: Bench, server: Server) => Promise<TestBlob[]>

const stopped: Ending = async (_bench, server) => {
  const code = await server.stop('SIGTERM', 120_000)
  if (code !== 0) throw new Error(`SIGTERM: it ended with ${code ?? 'a signal'}`)
  return []
}

const killed: Ending = async (_bench, server) => {
  await server.stop('SIGKILL')
  return []
}

const killedInUploads: Ending = async (bench, server) => {
  const small = Array.from({ length: 8000 }, () => new TestBlob(randomBytes(16).toString('hex'), SMALL_BYTES))
  const big = new TestBlob(randomBytes(16).toString('hex'), BIG_BYTES)
  const tokens = signUploads(bench, small)
  const [bigToken] = signUploads(bench, [big])
  const agent = keptConnections(WRITERS + 1)
  const acknowledged: TestBlob[] = []
  let next = 0
  let over = false
  const put = async (blob: TestBlob, token: string): Promise<void> => {
    const answer = await upload(server.url, blob, token, agent).catch((error: unknown) => {
      if (over) return null // the kill cut it
      throw error
    })
    if (answer?.status === 201) acknowledged.push(blob)
    else if (answer !== null) throw new Error(`PUT /upload: ${answer.status}`)
  }
  const lane = async (): Promise<void> => {
    while (!over && next < small.length) {
      const i = next++
      await put(small[i]!, tokens[i]!)
    }
  }
  const uploading = Promise.all([put(big, bigToken!), ...Array.from({ length: WRITERS }, lane)])
  await Promise.race([sleep(UPLOADING_MS), uploading])
  over = true
  await server.stop('SIGKILL')
  await uploading
  agent.destroy()
  if (acknowledged.length === 0) throw new Error('nothing was acknowledged before the kill')
  bench.say(`  killed after ${acknowledged.length} acknowledged uploads`)
  return acknowledged
}

function dropPageCache (bench: Bench): void {
  settleDisk(bench.work)
  writeFileSync('/proc/sys/vm/drop_caches', '3')
}

/** Starts, ends as said, starts again under the clock, and looks whether everything is there. */
async function bootAfter (bench: Bench, dataDir: string, ending: Ending): Promise<Measured> {
  const acknowledged = await ending(bench, await startServer(bench, dataDir))
  if (bench.options.drop) dropPageCache(bench)
  const server = await startServer(bench, dataDir)
  try {
    const measured = { value: server.readyMs / 1e3, peakRss: peakRss(server.pid) }
    for (const { sha256 } of acknowledged) {
      const { status } = await ask(`${server.url}/${sha256}`, { method: 'HEAD' })
      if (status !== 200) throw new Error(`${sha256} was acknowledged and is gone: ${status}`)
    }
    if (acknowledged.length > 0) await proveSample(server.url, acknowledged)
    await proveSample(server.url, spreadOver(bench.options.count, 20).map(blobAt))
    return measured
  } finally {
    await server.stop('SIGTERM', 120_000)
  }
}

export async function boot (bench: Bench): Promise<Row[]> {
  const { count, drop } = bench.options
  const dataDir = await seededFolder(bench, count)
  const rows: Row[] = []
  for (const [name, reach, ending] of [
    ['a clean stop', '≤ 2 s', stopped], ['a kill', '≤ 30 s', killed], ['a kill in the midst of uploads', '≤ 30 s', killedInUploads]
  ] as const) {
    rows.push(await inTurn(bench, { name: `boot with ${count} blobs after ${name}${drop ? ', page cache empty' : ''}`, unit: 's', reach, against: '' },
      () => bootAfter(bench, dataDir, ending)))
  }
  return rows
}
