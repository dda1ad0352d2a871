// A real MinIO server for a test: its own port, folder and credentials, on loopback only. Promise: it calls nobody outside.

import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { Client } from 'minio'
import root from 'tap'
import { requirePart } from './parts.ts'
import { startProgram } from './program.ts'
import type { Test } from 'tap'
import type { Program } from './program.ts'

/** A running (or, after `stop`, resting) MinIO server. */
export interface Minio extends Omit<Program, 'port'> {
  /** `http://127.0.0.1:port`, the same through every stop and start. */
  endpoint: string
  accessKey: string
  secretKey: string
  region: 'us-east-1'
  /** Creates an empty bucket with a name of its own and returns the name. */
  newBucket (): Promise<string>
}

/** Starts MinIO for `t`; null when it is not to be had, which `requirePart` has then said on `t`. */
export async function startMinio (t: Test): Promise<Minio | null> {
  const binary = requirePart(t, 'minio')
  if (binary === null) return null

  const accessKey = `key${randomBytes(8).toString('hex')}`
  const secretKey = randomBytes(20).toString('hex')
  const { port, ...program } = await startProgram(t, {
    name: 'minio', binary, readyWithin: 60_000, isReady: serves, stopSignal: 'SIGTERM', stopWithin: 10_000, endSignal: 'SIGTERM',
    start: ({ home, port }) => {
      const data = join(home, 'data')
      mkdirSync(data, { recursive: true })
      return {
        args: ['server', data, '--address', `127.0.0.1:${port}`, '--console-address', '127.0.0.1:0'],
        // HOME is where it looks for certificates
        env: {
          HOME: home, MINIO_ROOT_USER: accessKey, MINIO_ROOT_PASSWORD: secretKey, MINIO_REGION_NAME: 'us-east-1',
          MINIO_BROWSER: 'off', MINIO_UPDATE: 'off', MINIO_CALLHOME_ENABLE: 'off'
        }
      }
    }
  })
  const client = new Client({ endPoint: '127.0.0.1', port, useSSL: false, accessKey, secretKey, region: 'us-east-1' })
  return {
    ...program,
    endpoint: `http://127.0.0.1:${port}`,
    accessKey,
    secretKey,
    region: 'us-east-1',
    newBucket: async () => {
      const name = `marquee-${randomBytes(8).toString('hex')}`
      await client.makeBucket(name, 'us-east-1')
      return name
    }
  }
}

let shared: Promise<Minio | null> | null = null

/** One MinIO for all tests of a file that leave it running and take a bucket of their own each: started for the first who asks, ended with the file. */
export function sharedMinio (): Promise<Minio | null> {
  return shared ??= startMinio(root)
}

async function serves (port: number): Promise<boolean> {
  try {
    const answer = await fetch(`http://127.0.0.1:${port}/minio/health/live`, { signal: AbortSignal.timeout(2_000) })
    await answer.arrayBuffer()
    // it answers 200 with this header while its storage is not yet up, and every S3 call would be refused
    return answer.ok && answer.headers.get('x-minio-server-status') !== 'offline'
  } catch {
    return false // not listening yet
  }
}
