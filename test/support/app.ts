// A running server of a test: listening on a free loopback port, with a data folder of its own, closed with the test.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { loadConfig } from '../../server/config.ts'
import { openMarquee } from '../../server/marquee.ts'
import { Signer } from './keys.ts'
import type { Test } from 'tap'
import type { Marquee } from '../../server/marquee.ts'
import type { Stores } from '../../server/stores/open.ts'
import type { Minio } from './minio.ts'

export interface Running {
  /** e.g. http://127.0.0.1:41234 */
  url: string
  marquee: Marquee
  dataDir: string
  /** Every log line so far, parsed. */
  log: Record<string, unknown>[]
  close: () => Promise<void>
}

export interface RunningOptions {
  /** Environment names of design.md §6. */
  env?: Record<string, string>
  /** A bucket there instead of folders. */
  minio?: { minio: Minio, bucket: string } | null
  /** Stores of the test's own making. */
  stores?: Stores
  /** Keep using an earlier server's folder. */
  dataDir?: string
  /** Settings that only the file has. */
  file?: Record<string, unknown>
  /** A file that stands for the kernel's boot id: another text is another boot. */
  bootIdFile?: string
}

/** Starts a server; `t` closes it. */
export async function startMarquee (t: Test, options: RunningOptions = {}): Promise<Running> {
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'marquee-test-'))
  const minioEnv: Record<string, string> = options.minio == null
    ? {}
    : {
        STORE: 'minio', MINIO_ENDPOINT: options.minio.minio.endpoint, MINIO_ACCESS_KEY: options.minio.minio.accessKey,
        MINIO_SECRET_KEY: options.minio.minio.secretKey, MINIO_BUCKET: options.minio.bucket
      }
  let file: string | null = null
  if (options.file !== undefined) {
    file = join(t.testdir({ 'config.json': JSON.stringify(options.file) }), 'config.json')
  }
  const config = loadConfig({ file, env: { PORT: '0', DATA_DIR: dataDir, ...minioEnv, ...options.env } })
  const log: Record<string, unknown>[] = []
  const logger = pino({ level: 'debug' }, { write: (line: string) => { log.push(JSON.parse(line) as Record<string, unknown>) } })
  const { stores, bootIdFile } = options
  const marquee = await openMarquee({ config, logger, ...(stores === undefined ? {} : { stores }), ...(bootIdFile === undefined ? {} : { bootIdFile }) })
  const url = await marquee.listen()
  let closed: Promise<void> | null = null
  const close = (): Promise<void> => {
    closed ??= (async () => {
      marquee.app.server.closeAllConnections()
      await marquee.close()
    })()
    return closed
  }
  t.teardown(async () => {
    await close()
    if (options.dataDir === undefined) rmSync(dataDir, { recursive: true, force: true })
  })
  return { url, marquee, dataDir, log, close }
}

/** Uploads bytes with a fresh right token; the answer. */
export async function upload (url: string, signer: Signer, blob: { bytes: Uint8Array, sha256: string }, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${url}/upload`, {
    method: 'PUT',
    body: blob.bytes as Uint8Array<ArrayBuffer>,
    headers: { 'authorization': signer.token('upload', { hashes: [blob.sha256] }), 'x-sha-256': blob.sha256, ...headers }
  })
}
