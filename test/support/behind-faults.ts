// A server whose MinIO stands behind a proxy that fails as it is told, with little patience, so that a store that hangs is told within a second.

import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { StoreError } from '../../server/errors.ts'
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
  /** Little where nothing is said; a test whose store never hangs takes that of a real server, since a busy machine is silent for a second now and then. */
  patience?: Patience
}

export async function startBehind (t: Test, minio: Minio, { bucket: name, dataDir = newFolder(t), proxy: given, env = {}, patience = LITTLE_PATIENCE }: BehindOptions = {}): Promise<Behind> {
  const proxy = given ?? await FaultyProxy.start(t, minio)
  const bucket = name ?? await minio.newBucket()
  const { endpoint, accessKey, secretKey, region } = proxy.minio
  const stores = await openS3Stores({ endpoint, accessKey, secretKey, region, bucket, patience }, join(dataDir, 'uploads'))
  const running = await startMarquee(t, { minio: { minio: proxy.minio, bucket }, stores, dataDir, env: { RATE_LIMIT: 'off', ...env } })
  return { ...running, proxy, bucket }
}

/**
 * What a healthy store's server says, asked again while that is 503: sixteen uploads at once on a machine that is busy with other things may take
 * longer than LITTLE_PATIENCE. For what stands beside the faults, and is not what a test is about.
 */
export async function patiently (ask: () => Promise<Response>): Promise<Response> {
  for (const end = Date.now() + 60_000; ; await sleep(250)) {
    const answer = await ask()
    if (answer.status !== 503 || Date.now() > end) return answer
    await answer.arrayBuffer()
  }
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
      // a look that the busy machine made too slow for the little patience is made again, as is one that found something
      const { faults } = await verify({ stores, descriptors, repair: false, foreignBlobs: false, now: Date.now() }).catch((error: unknown) => {
        if (!(error instanceof StoreError) || Date.now() > end) throw error
        return { faults: null }
      })
      if (faults !== null && (faults.length === 0 || Date.now() > end)) return faults.map(({ kind, about, detail }) => `${kind} ${about} ${detail}`)
    } else if (Date.now() > end) return ['it is not ready again']
    await sleep(pause)
  }
}
