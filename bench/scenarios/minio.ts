// The server over a real MinIO against direct requests to the same MinIO, in turn. Direct requests pay for a signature too (presigned URLs, made
// before the clock starts), but for no hash: they are the least that an S3 client can do.

import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { TestBlob } from '../blobs.ts'
import { drain } from '../load/drain.ts'
import { ask, fill, inParallel, insist, keptConnections, proveSample, signUploads, upload } from '../load/requests.ts'
import { wrk } from '../load/wrk.ts'
import { DIRECT, startMinio } from '../minio.ts'
import { settleDisk } from '../parts.ts'
import { inTurn, readMeasured } from '../plan.ts'
import { cpuSeconds, observe } from '../proc.ts'
import { startServer } from '../server.ts'
import { digits, formatSize, median, summarise } from '../stats.ts'
import type { Load } from '../load/wrk.ts'
import type { Minio } from '../minio.ts'
import type { Bench, Measured, Row } from '../plan.ts'
import type { Server } from '../server.ts'

const SMALL_BYTES = 64 * 1024
const PUT_BYTES = 10 * 1024
const PART_BYTES = 8 * 2 ** 20
const PARTS_IN_FLIGHT = 4
const READERS = 64
const WRITERS = 16
/** Seconds that a presigned URL is good for. */
const SIGNED_FOR = 86_400

interface Both { minio: Minio, server: Server }

/** What MinIO itself used, for the notes: on few cores it is often the limit of both sides. */
class MinioCpu {
  readonly #pid: number
  readonly #unit: string
  readonly #used = { server: [] as number[], direct: [] as number[] }

  constructor (minio: Minio, unit: string) {
    this.#pid = minio.pid
    this.#unit = unit
  }

  async over<T> (side: 'server' | 'direct', amountOf: (result: T) => number, work: () => Promise<T>): Promise<T> {
    const before = cpuSeconds(this.#pid)
    const result = await work()
    this.#used[side].push((cpuSeconds(this.#pid) - before) / amountOf(result))
    return result
  }

  get note (): string {
    return `MinIO's own CPU: ${digits(median(this.#used.server))} ${this.#unit} through marquee, ${digits(median(this.#used.direct))} direct`
  }
}

const newBlob = (size: number): TestBlob => new TestBlob(randomBytes(16).toString('hex'), size)

/** Puts the same blobs into the bucket of direct requests. */
async function fillDirect ({ client }: Minio, blobs: readonly TestBlob[]): Promise<void> {
  await inParallel(blobs.length, WRITERS, (i) => client.putObject(DIRECT, blobs[i]!.sha256, blobs[i]!.whole()))
}

async function pathTo ({ client }: Minio, sha256: string): Promise<string> {
  const { pathname, search } = new URL(await client.presignedGetObject(DIRECT, sha256, SIGNED_FOR))
  return pathname + search
}

async function getCold (bench: Bench, { minio, server }: Both): Promise<Row[]> {
  const blobs = Array.from({ length: bench.options.minioCold }, () => newBlob(SMALL_BYTES))
  await fill(bench, server.url, blobs)
  await fillDirect(minio, blobs)
  await proveSample(server.url, blobs)
  const cpu = new MinioCpu(minio, 'ms/req')
  const direct = await Promise.all(blobs.map(({ sha256 }) => pathTo(minio, sha256)))
  const load = { connections: READERS, bodyBytes: SMALL_BYTES }
  const measure = async (side: 'server' | 'direct', pid: number, url: string, paths: string[]): Promise<Measured> => {
    const { result, usage } = await observe(pid, () => cpu.over(side, ({ requests }: Load) => requests / 1e3, () => wrk(bench, { ...load, url, paths })))
    return readMeasured('req/s', result, usage)
  }
  const row = await inTurn(bench, { name: `MinIO: GET 64 KiB over ${blobs.length} blobs, ${READERS} connections`, unit: 'req/s', reach: '≥ 0.6', against: 'direct, presigned' },
    () => measure('server', server.pid, server.url, blobs.map(({ sha256 }) => `/${sha256}`)),
    () => measure('direct', minio.pid, minio.env['MINIO_ENDPOINT']!, direct))
  return [{ ...row, notes: [cpu.note] }]
}

async function getBig (bench: Bench, { minio, server }: Both): Promise<Row[]> {
  const blob = newBlob(bench.options.big)
  await fill(bench, server.url, [blob])
  await putParts(minio, blob)
  await proveSample(server.url, [blob])
  const cpu = new MinioCpu(minio, 's/GB')
  const measure = async (side: 'server' | 'direct', pid: number, url: string): Promise<Measured> => {
    const work = (): Promise<Load> => drain({ url, connections: 1, seconds: bench.options.seconds, size: blob.size })
    const { result, usage } = await observe(pid, () => cpu.over(side, ({ bytes }: Load) => bytes / 1e9, work))
    return readMeasured('MB/s', result, usage)
  }
  const direct = minio.env['MINIO_ENDPOINT']! + await pathTo(minio, blob.sha256)
  const row = await inTurn(bench, { name: `MinIO: GET ${formatSize(blob.size)}, 1 connection`, unit: 'MB/s', reach: '≥ 0.6', against: 'direct, presigned' },
    () => measure('server', server.pid, `${server.url}/${blob.sha256}`), () => measure('direct', minio.pid, direct))
  await minio.client.removeObject(DIRECT, blob.sha256)
  return [{ ...row, notes: [cpu.note] }]
}

/** A multipart upload of 8 MiB parts, four under way, by presigned URLs; seconds without the signing. */
async function putParts ({ client }: Minio, blob: TestBlob): Promise<number> {
  const parts: Buffer[][] = [[]]
  let room = PART_BYTES
  for (let chunk of blob.chunks()) {
    while (chunk.length > 0) {
      if (room === 0) {
        parts.push([])
        room = PART_BYTES
      }
      const piece = chunk.subarray(0, room)
      parts.at(-1)!.push(piece)
      room -= piece.length
      chunk = chunk.subarray(piece.length)
    }
  }
  const uploadId = await client.initiateNewMultipartUpload(DIRECT, blob.sha256, {})
  const urls = await Promise.all(parts.map((_part, i) => client.presignedUrl('PUT', DIRECT, blob.sha256, SIGNED_FOR, { partNumber: String(i + 1), uploadId })))
  const agent = keptConnections(PARTS_IN_FLIGHT)
  const etags: { part: number, etag: string }[] = []
  const started = performance.now()
  await inParallel(parts.length, PARTS_IN_FLIGHT, async (i) => {
    const length = parts[i]!.reduce((sum, piece) => sum + piece.length, 0)
    const answer = await ask(urls[i]!, { method: 'PUT', headers: { 'content-length': length }, chunks: parts[i]!, agent })
    insist('PUT of a part', answer, 200)
    etags[i] = { part: i + 1, etag: String(answer.headers.etag).replaceAll('"', '') }
  })
  await client.completeMultipartUpload(DIRECT, blob.sha256, uploadId, etags)
  const seconds = (performance.now() - started) / 1e3
  agent.destroy()
  const { size } = await client.statObject(DIRECT, blob.sha256)
  if (size !== blob.size) throw new Error(`the object put in parts has ${size} bytes`)
  return seconds
}

async function putBig (bench: Bench, { minio, server }: Both): Promise<Row[]> {
  const { big } = bench.options
  const gigabytes = big / 1e9
  const cpu = new MinioCpu(minio, 's/GB')
  const throughServer = async (): Promise<Measured> => {
    const blob = newBlob(big)
    const [token] = signUploads(bench, [blob])
    settleDisk(bench.work)
    const { result, usage } = await observe(server.pid, () => cpu.over('server', () => gigabytes, () => upload(server.url, blob, token!)))
    insist('PUT /upload', result, 200, 201)
    await proveSample(server.url, [blob])
    insist('DELETE', await ask(`${server.url}/${blob.sha256}`, { method: 'DELETE', headers: { authorization: bench.signer.token('delete', { hashes: [blob.sha256] }) } }), 200, 204)
    return { value: gigabytes * 1e3 / (result.ms / 1e3), cpu: usage.cpu / gigabytes, peakRss: usage.peakRss }
  }
  const direct = async (): Promise<Measured> => {
    const blob = newBlob(big)
    settleDisk(bench.work)
    const { result, usage } = await observe(minio.pid, () => cpu.over('direct', () => gigabytes, () => putParts(minio, blob)))
    await minio.client.removeObject(DIRECT, blob.sha256)
    return { value: gigabytes * 1e3 / result, cpu: usage.cpu / gigabytes }
  }
  const row = await inTurn(bench, { name: `MinIO: PUT ${formatSize(big)}`, unit: 'MB/s', reach: '≥ 0.6', against: `direct, ${PARTS_IN_FLIGHT} parts of 8 MiB in flight` }, throughServer, direct)
  return [{ ...row, notes: [cpu.note] }]
}

async function putSmall (bench: Bench, { minio, server }: Both): Promise<Row[]> {
  const { puts } = bench.options
  const timed = async (side: 'server' | 'direct', pid: number, cpu: MinioCpu, blobs: TestBlob[], put: (index: number) => Promise<unknown>): Promise<Measured> => {
    for (const blob of blobs) blob.sha256 // hashed before the clock starts
    settleDisk(bench.work)
    const times: number[] = []
    const { result: seconds, usage } = await observe(pid, () => cpu.over(side, () => puts / 1e3, () => inParallel(puts, WRITERS, async (i) => {
      const started = performance.now()
      await put(i)
      times.push(performance.now() - started)
    })))
    return { value: puts / seconds, ...summarise(times), cpu: usage.cpu * 1e3 / puts, peakRss: usage.peakRss }
  }
  const newBlobs = (): TestBlob[] => Array.from({ length: puts }, () => newBlob(PUT_BYTES))
  const throughServer = (cpu: MinioCpu) => async (): Promise<Measured> => {
    const blobs = newBlobs()
    const tokens = signUploads(bench, blobs, 1)
    const agent = keptConnections(WRITERS)
    const measured = await timed('server', server.pid, cpu, blobs, async (i) => {
      insist('PUT /upload', await upload(server.url, blobs[i]!, tokens[i]!, agent), 201)
    })
    agent.destroy()
    await proveSample(server.url, blobs)
    return measured
  }
  const byClient = (cpu: MinioCpu) => async (): Promise<Measured> => {
    const blobs = newBlobs()
    const bodies = blobs.map((blob) => blob.whole())
    return timed('direct', minio.pid, cpu, blobs, (i) => minio.client.putObject(DIRECT, blobs[i]!.sha256, bodies[i]!))
  }
  const presigned = (cpu: MinioCpu) => async (): Promise<Measured> => {
    const blobs = newBlobs()
    const urls = await Promise.all(blobs.map(({ sha256 }) => minio.client.presignedPutObject(DIRECT, sha256, SIGNED_FOR)))
    const agent = keptConnections(WRITERS)
    const measured = await timed('direct', minio.pid, cpu, blobs, async (i) => {
      insist('presigned PUT', await ask(urls[i]!, { method: 'PUT', headers: { 'content-length': PUT_BYTES }, chunks: blobs[i]!.chunks(), agent }), 200)
    })
    agent.destroy()
    return measured
  }
  const rows: Row[] = []
  for (const [against, direct] of [['direct, minio-js putObject', byClient], ['direct, presigned PUT', presigned]] as const) {
    const cpu = new MinioCpu(minio, 'ms/req')
    const row = await inTurn(bench, {
      name: `MinIO: PUT ${puts} × 10 KiB, ${WRITERS} connections`, unit: 'req/s', reach: direct === byClient ? '≥ 0.4' : '', against
    }, throughServer(cpu), direct(cpu))
    rows.push({ ...row, notes: [cpu.note] })
  }
  return rows
}

const ROWS: Readonly<Record<string, (bench: Bench, both: Both) => Promise<Row[]>>> = {
  'get-cold': getCold, 'get-big': getBig, 'put-big': putBig, 'put-small': putSmall
}

export async function minio (bench: Bench): Promise<Row[]> {
  const wanted = bench.options.rows.length === 0 ? Object.keys(ROWS) : bench.options.rows
  const unknown = wanted.filter((name) => !Object.hasOwn(ROWS, name))
  if (unknown.length > 0) throw new Error(`no row ${unknown.join(', ')} (there are ${Object.keys(ROWS).join(', ')})`)
  const minio = await startMinio(bench, WRITERS)
  try {
    const server = await startServer(bench, join(bench.work, 'minio-node'), minio.env)
    try {
      const rows: Row[] = []
      for (const name of wanted) rows.push(...await ROWS[name]!(bench, { minio, server }))
      return rows
    } finally {
      await server.stop()
    }
  } finally {
    await minio.stop()
  }
}
