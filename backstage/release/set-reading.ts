// A set of release documents from wherever it is: an answer over HTTP, a file, or a folder with one document a file. Nothing is read past its limit.

import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { parseCanonical } from '../../server/release/canonical.ts'
import { ReleaseFault } from '../../server/release/faults.ts'
import { POINTER_LIMIT } from '../../server/release/latest-pointer.ts'
import { RELEASE_MANIFEST_LIMIT } from '../../server/release/manifest-v2.ts'
import { RELEASE_SET_LIMIT, parseReleaseSet } from '../../server/release/release-set.ts'
import { BUNDLE_LIMIT } from '../../server/release/trust-bundle.ts'
import { readIfThere, readLimited } from './files.ts'
import type { ReleaseSet } from '../../server/release/release-set.ts'

const PATIENCE_MS = 30_000

/** Rejects with a ReleaseFault, or an Error that says why it cannot be read. */
export async function readSet (from: string): Promise<ReleaseSet> {
  if (/^https?:\/\//.test(from)) return parseReleaseSet(await fetchLimited(from, RELEASE_SET_LIMIT))
  return (await stat(from)).isDirectory() ? readFolder(from) : parseReleaseSet(await readLimited(from, RELEASE_SET_LIMIT))
}

async function readFolder (folder: string): Promise<ReleaseSet> {
  const manifest = await readIfThere(join(folder, 'manifest.json'), RELEASE_MANIFEST_LIMIT)
  const said = manifest === null ? {} : parseCanonical(manifest) as Record<string, unknown>
  return {
    app: String(said['app']), channel: String(said['channel']), older: [], events: [], manifest,
    bundle: await readIfThere(join(folder, 'trust-bundle.json'), BUNDLE_LIMIT), pointer: await readIfThere(join(folder, 'latest-pointer.json'), POINTER_LIMIT)
  }
}

/** The body of an answer, which is good. Rejects with DOCUMENT_TOO_LARGE, or an Error that says why it cannot be had. */
export async function fetchLimited (url: string, limit: number): Promise<Buffer> {
  const answer = await fetch(url, { headers: { accept: 'application/json' }, signal: AbortSignal.timeout(PATIENCE_MS) })
  if (!answer.ok || answer.body === null) throw new Error(`${url} answers ${answer.status}`)
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of answer.body as unknown as AsyncIterable<Uint8Array>) {
    length += chunk.length
    // leaving the loop ends the download
    if (length > limit) throw new ReleaseFault('DOCUMENT_TOO_LARGE', `at most ${limit} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
