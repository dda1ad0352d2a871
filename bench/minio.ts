// A real MinIO on loopback with a folder of this run, and the bucket that is asked directly beside the server's own.

import { createWriteStream, mkdirSync } from 'node:fs'
import { Agent } from 'node:http'
import { join } from 'node:path'
import { randomBytes } from 'node:crypto'
import { Client } from 'minio'
import { freePort } from '../test/support/program.ts'
import { part, startProgram, untilAnswering } from './parts.ts'
import type { Program } from './parts.ts'
import type { Bench } from './plan.ts'

/** The bucket of direct requests. */
export const DIRECT = 'direct'
const REGION = 'us-east-1'

export interface Minio extends Program {
  client: Client
  /** What a server needs to use its own bucket there. */
  env: Readonly<Record<string, string>>
}

/** Rejects when MinIO is not to be had. */
export async function startMinio (bench: Bench, connections: number): Promise<Minio> {
  const binary = part('minio')
  const port = await freePort()
  const home = join(bench.work, 'minio')
  mkdirSync(join(home, 'data'), { recursive: true })
  const [accessKey, secretKey] = [`key${randomBytes(8).toString('hex')}`, randomBytes(20).toString('hex')]
  const program = startProgram(binary, ['server', join(home, 'data'), '--address', `127.0.0.1:${port}`, '--console-address', '127.0.0.1:0'], {
    cwd: home,
    stdio: ['ignore', 'pipe', 'pipe'],
    // nothing of the machine's own, and nobody outside is called
    env: {
      PATH: process.env['PATH'], HOME: home, MINIO_ROOT_USER: accessKey, MINIO_ROOT_PASSWORD: secretKey, MINIO_REGION_NAME: REGION,
      MINIO_BROWSER: 'off', MINIO_UPDATE: 'off', MINIO_CALLHOME_ENABLE: 'off'
    }
  })
  const log = createWriteStream(join(home, 'log'))
  for (const stream of [program.child.stdout, program.child.stderr]) stream?.pipe(log, { end: false })
  const endpoint = `http://127.0.0.1:${port}`
  // it answers 200 with this header while its storage is not yet up
  await untilAnswering(program, 'minio', `${endpoint}/minio/health/live`, ({ statusCode, headers }) => statusCode === 200 && headers['x-minio-server-status'] !== 'offline', 60_000)
  const client = new Client({
    endPoint: '127.0.0.1', port, useSSL: false, accessKey, secretKey, region: REGION, transportAgent: new Agent({ keepAlive: true, maxSockets: connections })
  })
  for (const bucket of ['marquee', DIRECT]) await client.makeBucket(bucket, REGION)
  return {
    ...program, client,
    env: { STORE: 'minio', MINIO_ENDPOINT: endpoint, MINIO_ACCESS_KEY: accessKey, MINIO_SECRET_KEY: secretKey, MINIO_BUCKET: 'marquee' }
  }
}
