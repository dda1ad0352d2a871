// Are the blobs of a title here? Its manifest is read where it is, and then every blob that it lists is looked for.

import { CatalogFault } from './faults.ts'
import type { Blobs } from '../stores/blobs.ts'
import type { Title } from './kinds/title.ts'
import type { ManifestReader } from './manifest-reader.ts'
import type { ManifestRows } from './rows/manifest-rows.ts'

export interface TitleBlobsParts {
  blobs: Pick<Blobs, 'find'>
  manifests: ManifestRows
  reader: ManifestReader
}

/** How many of those that are missing are named. */
export const MOST_MISSING = 1000
const STEP = 1000

/**
 * Sha256 of blobs that a published title names and that are not here, each once, the first MOST_MISSING of them. Rejects with CatalogFault when what
 * is here contradicts the title, and with StoreError.
 */
export async function missingBlobs ({ manifest, hashSequence, media }: Title, { blobs, manifests, reader }: TitleBlobsParts): Promise<string[]> {
  const missing = new Set<string>()
  const look = async (sha256: string): Promise<void> => {
    if (!missing.has(sha256) && missing.size < MOST_MISSING && await blobs.find(sha256) === null) missing.add(sha256)
  }
  if (manifest !== null) {
    await look(manifest.sha256)
    const blob = await blobs.find(manifest.sha256)
    if (blob !== null && blob.size !== manifest.size) throw new CatalogFault('TAGS_DISAGREE', `the manifest has ${blob.size} bytes`)
    if (blob !== null && blob.blake3 !== null && blob.blake3 !== manifest.blake3) throw new CatalogFault('TAGS_DISAGREE', 'the manifest has another BLAKE3')
    await reader.read(manifest.sha256)
    const read = manifests.get(manifest.sha256)
    if (read !== null && read.fault !== null) throw new CatalogFault('MANIFEST_INVALID', read.fault)
    if (read !== null) {
      for (let from = 0, page = manifests.listed(read.id, { rendition: null, segmentsOnly: false, from, limit: STEP }); page.length > 0;) {
        for (const { sha256 } of page) await look(sha256)
        from = page.at(-1)!.position + 1
        page = manifests.listed(read.id, { rendition: null, segmentsOnly: false, from, limit: STEP })
      }
    }
  }
  if (hashSequence !== null) await look(hashSequence.sha256)
  // trailer and poster are the server's too where the title says that it has them: what lies elsewhere is not ours to ask for
  for (const { sha256 } of media) if (sha256 !== null) await look(sha256)
  return [...missing]
}
