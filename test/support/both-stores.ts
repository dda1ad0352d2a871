// The same journey over folders and over a real MinIO.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sharedMinio } from './minio.ts'
import type { Test } from 'tap'
import type { StorePlace } from './children.ts'

/** A folder that is gone with the test. */
export function newFolder (t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'marquee-test-'))
  t.teardown(() => { rmSync(folder, { recursive: true, force: true, maxRetries: 5 }) })
  return folder
}

/** Runs `journey` twice; `newPlace` gives an empty store each time it is called. */
export async function onBothStores (t: Test, name: string, journey: (t: Test, newPlace: () => Promise<StorePlace>) => Promise<unknown>): Promise<void> {
  await t.test(`${name}: folders`, (t) => journey(t, async () => null))
  await t.test(`${name}: MinIO`, async (t) => {
    const minio = await sharedMinio()
    if (minio !== null) await journey(t, async () => ({ minio, bucket: await minio.newBucket() }))
  })
}
