// A server whose MinIO stands behind a proxy that fails as it is told, with little patience, so that a store that hangs is told within a second.

import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { openS3Stores } from '../../server/stores/open.ts'
import { verify } from '../../server/stores/verify.ts'
import { startMarquee } from './app.ts'
import { newFolder } from './both-stores.ts'
import { FaultyProxy } from './faulty-proxy.ts'
import type { Test } from 'tap'
import type { Patience } from '../../server/stores/s3/patience.ts'
import type { Running } from './app.ts'
import type { Minio } from './minio.ts'

export interface Behind extends Running {
  proxy: FaultyProxy
  bucket: string
}

export const LITTLE_PATIENCE: Patience = { readSilence: 800, writeSilence: 1000, answer: 1200, assembly: 3000 }
/** How long a healthy store may need until nothing of its faults is left: what comes late is looked for with growing pauses, for a minute. */
const SETTLED_MS = 90_000

export interface BehindOptions {
  bucket?: string
  dataDir?: string
  proxy?: FaultyProxy
  env?: Record<string, string>
}

export async function startBehind (t: Test, minio: Minio, { bucket: name, dataDir = newFolder(t), proxy: given, env = {} }: BehindOptions = {}): Promise<Behind> {
  const proxy = given ?? await FaultyProxy.start(t, minio)
  const bucket = name ?? await minio.newBucket()
  const { endpoint, accessKey, secretKey, region } = proxy.minio
  const stores = await openS3Stores({ endpoint, accessKey, secretKey, region, bucket, patience: LITTLE_PATIENCE }, join(dataDir, 'uploads'))
  const running = await startMarquee(t, { minio: { minio: proxy.minio, bucket }, stores, dataDir, env: { RATE_LIMIT: 'off', ...env } })
  return { ...running, proxy, bucket }
}

/** 503, with what a client needs to try again. */
export function isRefused (t: Test, { status, headers }: Response, what: string): void {
  t.same({ status, retryAfter: headers.get('retry-after'), reason: headers.get('x-reason'), cors: headers.get('access-control-allow-origin') },
    { status: 503, retryAfter: '5', reason: 'storage is unavailable', cors: '*' }, what)
}

/** Waits until the store is healthy again and all that was left half-way is settled; what `marquee verify` still complains of then. */
export async function faultsLeft ({ url, marquee, proxy }: Behind): Promise<string[]> {
  proxy.heal()
  await proxy.comeBack()
  const end = Date.now() + SETTLED_MS
  for (let pause = 250; ; pause = Math.min(4000, pause * 1.5)) {
    if ((await fetch(`${url}/readyz`)).status === 200) {
      const { stores, descriptors } = marquee
      const { faults } = await verify({ stores, descriptors, repair: false, foreignBlobs: false, now: Date.now() })
      if (faults.length === 0 || Date.now() > end) return faults.map(({ kind, about, detail }) => `${kind} ${about} ${detail}`)
    } else if (Date.now() > end) return ['it is not ready again']
    await sleep(pause)
  }
}
