// A document that lies here as a blob, read whole: the manifests of films and of releases.

import { sha256Hex } from '../stores/multihash.ts'
import { readWhole } from '../stores/pack-store.ts'
import type { Blobs } from '../stores/blobs.ts'
import type { Blob } from '../stores/descriptors.ts'

/** Its bytes; null when it has just gone, or is damaged: that is the store's matter, and says nothing of the document. Rejects with StoreError. */
export async function wholeBlob (blobs: Pick<Blobs, 'read'>, blob: Blob): Promise<Buffer | null> {
  if (blob.size === 0) return Buffer.alloc(0)
  const reading = await blobs.read(blob, 0, blob.size)
  if (reading === null) return null
  const bytes = await readWhole(reading)
  return sha256Hex(bytes) === blob.sha256 ? bytes : null
}
