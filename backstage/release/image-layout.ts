// An OCI image layout (image-spec 1.x) as files of a release: its index, and every manifest, config and layer below it, each checked against the
// digest and size that name it. OCI names blobs by sha256, so a node can lay the image out again from blobs (`blobs/sha256/<sha256>`).

import { join } from 'node:path'
import { parseLoose } from '../../server/release/canonical.ts'
import { ReleaseFault } from '../../server/release/faults.ts'
import { readLimited } from './files.ts'
import { measure } from './measure.ts'
import type { ReleaseImage } from '../../server/release/manifest-v2.ts'

/** Bytes of an index or a manifest: what registries take. */
const DOCUMENT_BYTES = 4 * 1024 * 1024
const ARTIFACT_LIMIT = 512

const INDEXES = ['application/vnd.oci.image.index.v1+json', 'application/vnd.docker.distribution.manifest.list.v2+json']
const MANIFESTS = ['application/vnd.oci.image.manifest.v1+json', 'application/vnd.docker.distribution.manifest.v2+json']

interface Descriptor { mediaType: string, digest: string, size: number }

type ImageArtifact = ReleaseImage['artifacts'][number]

export interface ImageFiles {
  /** index.json first. */
  artifacts: ImageArtifact[]
  /** Where each lies, by sha256. */
  paths: Map<string, string>
}

/** Rejects with an Error that says what is wrong with the layout. */
export async function readImageLayout (folder: string): Promise<ImageFiles> {
  const mark = await documentAt(join(folder, 'oci-layout'))
  if (typeof mark['imageLayoutVersion'] !== 'string' || !mark['imageLayoutVersion'].startsWith('1.')) throw new Error(`${folder} is no OCI image layout of version 1`)
  const artifacts: ImageArtifact[] = []
  const paths = new Map<string, string>()
  const add = async (path: string, role: ImageArtifact['role'], m: string): Promise<ImageArtifact> => {
    const { sha256, blake3, size } = await measure(path)
    const artifact: ImageArtifact = { role, sha256, blake3, size_bytes: size, m }
    if (!paths.has(sha256)) {
      if (artifacts.push(artifact) > ARTIFACT_LIMIT) throw new Error(`${folder} has more than ${ARTIFACT_LIMIT} blobs`)
      paths.set(sha256, path)
    }
    return artifact
  }
  const addBlob = async ({ digest, size, mediaType }: Descriptor, role: ImageArtifact['role']): Promise<string> => {
    const path = blobPath(folder, digest)
    const artifact = await add(path, role, mediaType)
    if (`sha256:${artifact.sha256}` !== digest) throw new Error(`${path} is not what its digest says`)
    if (artifact.size_bytes !== size) throw new Error(`${path} has ${artifact.size_bytes} bytes, not ${size}`)
    return path
  }
  const walk = async (descriptor: Descriptor, depth: number): Promise<void> => {
    const { mediaType, digest } = descriptor
    if (INDEXES.includes(mediaType)) {
      if (depth > 3) throw new Error(`${folder}: indexes within indexes`)
      const document = await documentAt(await addBlob(descriptor, 'index'))
      for (const each of descriptorsIn(document['manifests'], digest)) await walk(each, depth + 1)
    } else if (MANIFESTS.includes(mediaType)) {
      const document = await documentAt(await addBlob(descriptor, 'manifest'))
      await addBlob(descriptorsIn([document['config']], digest)[0]!, 'config')
      for (const each of descriptorsIn(document['layers'], digest)) await addBlob(each, 'layer')
    } else throw new Error(`${folder}: ${mediaType} is neither an image nor an index`)
  }
  const index = await documentAt(join(folder, 'index.json'))
  await add(join(folder, 'index.json'), 'index', INDEXES[0]!)
  const manifests = descriptorsIn(index['manifests'], 'index.json')
  if (manifests.length === 0) throw new Error(`${folder} has no image`)
  for (const each of manifests) await walk(each, 1)
  return { artifacts, paths }
}

async function documentAt (path: string): Promise<Record<string, unknown>> {
  try {
    const value = parseLoose(await readLimited(path, DOCUMENT_BYTES), DOCUMENT_BYTES)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  } catch (error) {
    if (!(error instanceof ReleaseFault)) throw error
    throw new Error(`${path}: ${error.message}`, { cause: error })
  }
  throw new Error(`${path} is no JSON object`)
}

function descriptorsIn (value: unknown, where: string): Descriptor[] {
  const all = Array.isArray(value) ? value as unknown[] : null
  if (all === null) throw new Error(`${where} lists nothing`)
  return all.map((each) => {
    const { mediaType, digest, size, urls } = (each ?? {}) as Record<string, unknown>
    if (typeof mediaType !== 'string' || typeof digest !== 'string' || !Number.isSafeInteger(size)) throw new Error(`${where} has a descriptor without mediaType, digest or size`)
    // its bytes are elsewhere, where nobody promised them
    if (urls !== undefined) throw new Error(`${where}: a layer that may not be distributed`)
    return { mediaType, digest, size: size as number }
  })
}

function blobPath (folder: string, digest: string): string {
  const match = /^sha256:([0-9a-f]{64})$/.exec(digest)
  if (match === null) throw new Error(`${digest.slice(0, 100)}: only sha256 names blobs here`)
  return join(folder, 'blobs', 'sha256', match[1]!)
}
