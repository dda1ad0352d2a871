// PUT of big blobs to a fresh server with nothing beside it: how fast, what CPU a GB, and the most memory the process ever had. It must be no
// more for a blob of 8 GiB, nor for eight at once, than for one of 1 GiB (design §1.6).

import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { TestBlob } from '../blobs.ts'
import { insist, keptConnections, proveSample, signUploads, upload } from '../load/requests.ts'
import { removeFolder, settleDisk } from '../parts.ts'
import { inTurn } from '../plan.ts'
import { cpuSeconds, peakRss } from '../proc.ts'
import { startServer } from '../server.ts'
import { formatSize } from '../stats.ts'
import type { Bench, Measured, Row } from '../plan.ts'

const MIB = 2 ** 20
/** Read back whole and hashed; larger ones would lie in our own memory. */
const PROVED_BYTES = 1024 * MIB

/** `lanes` blobs of `size` at once into a fresh server, which is then gone. */
async function putOnce (bench: Bench, lanes: number, size: number): Promise<Measured> {
  const blobs = Array.from({ length: lanes }, () => new TestBlob(randomBytes(16).toString('hex'), size))
  const tokens = signUploads(bench, blobs)
  const dataDir = join(bench.work, `put-${randomBytes(4).toString('hex')}`)
  const server = await startServer(bench, dataDir)
  try {
    settleDisk(bench.work)
    const agent = keptConnections(lanes)
    const before = cpuSeconds(server.pid)
    const started = performance.now()
    const answers = await Promise.all(blobs.map((blob, i) => upload(server.url, blob, tokens[i]!, agent)))
    const seconds = (performance.now() - started) / 1e3
    agent.destroy()
    for (const answer of answers) insist('PUT /upload', answer, 200, 201)
    const gigabytes = lanes * size / 1e9
    const measured = { value: gigabytes * 1e3 / seconds, cpu: (cpuSeconds(server.pid) - before) / gigabytes, peakRss: peakRss(server.pid) }
    if (size <= PROVED_BYTES) await proveSample(server.url, blobs, 1)
    return measured
  } finally {
    await server.stop()
    removeFolder(dataDir)
  }
}

export async function putMemory (bench: Bench): Promise<Row[]> {
  const { big, huge } = bench.options
  const part = Math.max(MIB, big >> 3)
  const reach = '≤ 2.3 CPU s/GB, ≤ 150 MiB'
  const rows = [
    await inTurn(bench, { name: `PUT ${formatSize(big)}, alone`, unit: 'MB/s', reach, against: '' }, () => putOnce(bench, 1, big)),
    await inTurn(bench, { name: `PUT 8 × ${formatSize(part)} at once, alone`, unit: 'MB/s', reach: 'memory of one', against: '' }, () => putOnce(bench, 8, part))
  ]
  if (huge > 0) {
    rows.push(await inTurn({ ...bench, options: { ...bench.options, rounds: 1 } }, { name: `PUT ${formatSize(huge)}, alone`, unit: 'MB/s', reach: 'memory of one', against: '' },
      () => putOnce(bench, 1, huge)))
  }
  return rows
}
