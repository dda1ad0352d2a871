// The folder of a release as `make`, `sign` and `trust` leave it, read whole before anything is published: the documents, where each file lies, and whether
// every file is still the one that the manifest names.

import { stat } from 'node:fs/promises'
import { dirname, isAbsolute, join, resolve } from 'node:path'
import { RELEASE_MANIFEST_LIMIT, artifactsOf, checkArtifact, nameOfBytes, parseReleaseManifest } from '../../server/release/manifest-v2.ts'
import { POINTER_LIMIT } from '../../server/release/latest-pointer.ts'
import { BUNDLE_LIMIT } from '../../server/release/trust-bundle.ts'
import { readIfThere, readLimited } from './files.ts'
import { FILES_FILE, FILES_NAME, MANIFEST_FILE } from './make.ts'
import { measure } from './measure.ts'
import { Misuse } from './misuse.ts'
import type { ReleaseManifest } from '../../server/release/manifest-v2.ts'

export const BUNDLE_FILE = 'trust-bundle.json'
export const POINTER_FILE = 'latest-pointer.json'
const FILES_LIMIT = 1024 * 1024

export interface ReleaseFileAt {
  path: string
  /** 64 hex digits each. */
  sha256: string
  blake3: string
  /** Bytes. */
  size: number
  /** Media type. */
  type: string
}

export interface ReleaseFolder {
  folder: string
  manifest: ReleaseManifest
  manifestBytes: Buffer
  named: { sha256: string, blake3: string, size: number }
  /** Null: there is none in the folder. */
  bundle: Buffer | null
  pointer: Buffer | null
  /** Each file once. */
  files: ReleaseFileAt[]
}

/** `word`: the folder, or the manifest in it. Rejects with Misuse, a ReleaseFault, or what the system says. */
export async function readReleaseFolder (word: string): Promise<ReleaseFolder> {
  const folder = (await stat(word)).isDirectory() ? word : dirname(word)
  const manifestBytes = await readLimited(folder === word ? join(folder, MANIFEST_FILE) : word, RELEASE_MANIFEST_LIMIT)
  const manifest = parseReleaseManifest(manifestBytes)
  const places = placesIn(await readIfThere(join(folder, FILES_FILE), FILES_LIMIT), folder)
  const files = new Map<string, ReleaseFileAt>()
  for (const artifact of artifactsOf(manifest)) {
    if (files.has(artifact.sha256)) continue
    const path = places.get(artifact.sha256)
    if (path === undefined) throw new Misuse(`${FILES_FILE} does not say where ${artifact.name} lies (${artifact.sha256})`)
    checkArtifact(artifact, await measure(path))
    files.set(artifact.sha256, { path, sha256: artifact.sha256, blake3: artifact.blake3, size: artifact.size_bytes, type: artifact.m })
  }
  return {
    folder, manifest, manifestBytes, named: nameOfBytes(manifestBytes), files: [...files.values()],
    bundle: await readIfThere(join(folder, BUNDLE_FILE), BUNDLE_LIMIT), pointer: await readIfThere(join(folder, POINTER_FILE), POINTER_LIMIT)
  }
}

function placesIn (bytes: Buffer | null, folder: string): Map<string, string> {
  if (bytes === null) throw new Misuse(`there is no ${FILES_FILE} beside the manifest: marquee release make writes it`)
  let said: { schema?: unknown, files?: unknown }
  try {
    said = JSON.parse(bytes.toString('utf8')) as typeof said
  } catch {
    throw new Misuse(`${FILES_FILE} is no JSON`)
  }
  if (said.schema !== FILES_NAME || typeof said.files !== 'object' || said.files === null) throw new Misuse(`${FILES_FILE} is no ${FILES_NAME}`)
  const places = Object.entries(said.files).filter((each): each is [string, string] => typeof each[1] === 'string')
  return new Map(places.map(([sha256, path]) => [sha256, isAbsolute(path) ? path : resolve(folder, path)]))
}
