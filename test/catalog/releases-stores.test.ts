// Trust on both stores: what is in force lies below `state/release/` of folders and of a bucket alike, and two nodes of one bucket see each other's.

import t from 'tap'
import { startMarquee, upload } from '../support/app.ts'
import { newFolder, onBothStores } from '../support/both-stores.ts'
import { APP, CHANNEL, PINNED, bundleNow, operator, pointerEvent, releaseEvents, releaseNow, seconds, trustEvent } from '../support/live-release.ts'
import { startMinio } from '../support/minio.ts'
import { sha256Hex } from '../../server/stores/multihash.ts'
import type { SignedEvent } from '../../server/auth/signature.ts'

const ENV = { RELEASE_ROOT: PINNED, RATE_LIMIT: 'off' }
const LATEST = `/catalog/releases/latest?app=${APP}&channel=${CHANNEL}`

async function post (url: string, event: SignedEvent): Promise<string> {
  const response = await fetch(`${url}/catalog/events`, { method: 'POST', body: JSON.stringify(event) })
  return (await response.json() as { code?: string }).code ?? String(response.status)
}

await startMinio(t)

await onBothStores(t, 'bundle, pointer, sequence and floor come back from the store into a new data folder, and older ones stay refused', async (t, newPlace) => {
  const place = await newPlace()
  const dataDir = newFolder(t)
  const first = await startMarquee(t, { env: ENV, dataDir, minio: place })
  const release = releaseNow(42)
  await upload(first.url, operator, { bytes: release.manifest, sha256: sha256Hex(release.manifest) })
  for (const event of [trustEvent(bundleNow()), ...releaseEvents(release.manifest), pointerEvent(release.pointer)]) t.equal(await post(first.url, event), '201')
  await first.marquee.catalog.releases.settled()
  const before = await (await fetch(`${first.url}${LATEST}`)).json() as { bundle: string, pointer: string }
  if (place === null) await first.close()
  // of a bucket another node, with nothing of its own; of folders the same one again
  const second = await startMarquee(t, { env: ENV, dataDir: place === null ? dataDir : newFolder(t), minio: place })
  const { bundle, pointer } = await (await fetch(`${second.url}${LATEST}`)).json() as { bundle: string, pointer: string }
  t.same([bundle, pointer], [before.bundle, before.pointer])
  t.equal(await post(second.url, trustEvent(bundleNow((each) => { each.bundle_version = 6 }), seconds() + 2)), 'BUNDLE_OLDER')
  t.equal(await post(second.url, pointerEvent(releaseNow(41).pointer, seconds() + 2)), 'POINTER_OLDER')
  if (place === null) return
  t.equal(await post(second.url, trustEvent(bundleNow((each) => { each.bundle_version = 8 }), seconds() + 3)), '201')
  await first.marquee.catalog.releases.load()
  t.match(await (await fetch(`${first.url}/catalog/trust`)).json(), { bundles: [{ bundle_version: 8 }] }, 'the other node of the bucket learns of it')
})
