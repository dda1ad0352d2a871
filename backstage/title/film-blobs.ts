// Every blob that a published title stands on, from the title itself and its manifest.

import { parseManifest, MANIFEST_LIMIT, namedHashes } from '../../server/catalog/manifest.ts'
import { CatalogFault } from '../../server/catalog/faults.ts'
import { sha256Hex } from '../../server/stores/multihash.ts'
import { TitleFault } from './faults.ts'
import type { Title } from '../../server/catalog/kinds/title.ts'
import type { FilmManifest, HashRole } from '../../server/catalog/manifest.ts'
import type { BlossomServer } from '../http/blossom.ts'

export interface NamedBlob {
  sha256: string
  /** Bytes; null where nothing says. */
  size: number | null
  blake3: string | null
  type: string
  /** `<sha256>.<ext>` */
  name: string
  role: HashRole | 'manifest' | 'hashseq' | 'media'
  /** Of its rendition; null for what belongs to the film as a whole. */
  rendition: string | null
}

const HLS = 'application/vnd.apple.mpegurl'
const EXTENSIONS: Readonly<Record<string, string>> = {
  'video/mp2t': 'ts', 'video/iso.segment': 'm4s', 'audio/iso.segment': 'm4s', 'video/mp4': 'mp4', 'audio/mp4': 'm4s', 'audio/aac': 'aac', 'text/vtt': 'vtt', [HLS]: 'm3u8',
  'image/jpeg': 'jpg', 'image/png': 'png', 'image/webp': 'webp', 'application/vnd.indeehub.film+json': 'json'
}

/** The manifest of a title from the first server that has it whole. Rejects with TitleFault. */
export async function readManifest ({ manifest }: Title, servers: readonly BlossomServer[]): Promise<FilmManifest> {
  if (manifest === null) throw new TitleFault('this title is withdrawn, and names no blobs any more')
  const words: string[] = []
  for (const server of servers) {
    try {
      const bytes = await server.bytes(manifest.sha256, MANIFEST_LIMIT)
      if (bytes === null) words.push(`${server.origin} does not have it`)
      else if (sha256Hex(bytes) !== manifest.sha256) words.push(`${server.origin} gives other bytes for it`)
      else return parseManifest(bytes)
    } catch (error) {
      if (error instanceof CatalogFault) throw new TitleFault(`the manifest is wrong: ${error.message}`)
      words.push((error as Error).message)
    }
  }
  throw new TitleFault(`the manifest ${manifest.sha256} is not to be had: ${words.join('; ')}`)
}

/** Each blob once, the title's own first. */
export function blobsOfTitle (title: Title, manifest: FilmManifest): NamedBlob[] {
  const found = new Map<string, NamedBlob>()
  const add = (blob: Omit<NamedBlob, 'name'>): void => {
    const extension = EXTENSIONS[blob.type]
    if (!found.has(blob.sha256)) found.set(blob.sha256, { ...blob, name: extension === undefined ? blob.sha256 : `${blob.sha256}.${extension}` })
  }
  if (title.manifest !== null) add({ ...title.manifest, role: 'manifest', rendition: null })
  if (title.hashSequence !== null) {
    const { sha256, blake3, count } = title.hashSequence
    add({ sha256, blake3, size: 32 * count, type: 'application/octet-stream', role: 'hashseq', rendition: null })
  }
  for (const { sha256, blake3, size, role, rendition } of namedHashes(manifest)) {
    const of = rendition === null ? null : manifest.renditions[rendition]!
    const type = role === 'poster' ? manifest.poster!.type : role === 'trailer' ? manifest.trailer!.type : role === 'segment' ? of!.type : role === 'init' ? 'video/mp4' : HLS
    add({ sha256, blake3, size, type, role, rendition: of?.name ?? null })
  }
  // pictures of a title have no hash in it but that of their name
  for (const { sha256, type, size, images } of title.media) {
    if (sha256 !== null) add({ sha256, blake3: null, size, type: type ?? 'application/octet-stream', role: 'media', rendition: null })
    for (const image of images) {
      const [, hash, extension = ''] = /\/([0-9a-f]{64})(?:\.(\w+))?$/.exec(image) ?? []
      const picture = Object.entries(EXTENSIONS).find(([, each]) => each === extension)?.[0] ?? 'image/jpeg'
      if (hash !== undefined && title.servers.some((origin) => image.startsWith(`${origin}/`))) add({ sha256: hash, blake3: null, size: null, type: picture, role: 'media', rendition: null })
    }
  }
  return [...found.values()]
}
