// One file of a release: kind 3063 (NIP-82 draft), a regular event, as zapstore's relay takes it. Pure.

import { CatalogFault } from '../faults.ts'
import { checkSchema } from '../schema-check.ts'
import { ARTIFACT_SCHEMA } from '../schemas/artifact.ts'
import { checkUrl, maybe, valueOf, valuesOf, wholeOf } from '../tags.ts'
import { platformTags, platformsOf } from './platforms.ts'
import type { EventDraft, SignedEvent } from '../../auth/signature.ts'

export const ARTIFACT_KIND = 3063

export interface Artifact {
  app: string
  version: string
  sha256: string
  blake3: string | null
  type: string
  /** Bytes. */
  size: number
  platforms: string[]
  urls: string[]
  /** Which part of the application, as `frontend`. */
  component: string | null
}

/** Throws CatalogFault. */
export function parseArtifact (event: SignedEvent): Artifact {
  checkSchema(ARTIFACT_SCHEMA, event)
  const { tags } = event
  const platforms = platformsOf(tags)
  // zapstore: an Android artifact MUST have a version code and the hash of a certificate
  for (const name of platforms.some((each) => each.startsWith('android-')) ? ['version_code', 'apk_certificate_hash'] : []) {
    if (valueOf(tags, name) === null) throw new CatalogFault('TAG_MISSING', `${name}, for Android`)
  }
  return {
    app: valueOf(tags, 'i')!,
    version: valueOf(tags, 'version')!,
    sha256: valueOf(tags, 'x')!,
    blake3: valueOf(tags, 'blake3'),
    type: valueOf(tags, 'm')!,
    size: wholeOf(tags, 'size')!,
    platforms,
    urls: valuesOf(tags, 'url').map((url) => checkUrl('url', url)),
    component: valueOf(tags, 'component')
  }
}

/** `createdAt` in Unix seconds. Android's tags are not built. Throws TAG_INVALID. */
export function buildArtifact (facts: Omit<Artifact, 'blake3' | 'component' | 'urls'> & Partial<Artifact>, createdAt: number): EventDraft {
  const { app, version, sha256, blake3, type, size, platforms, urls = [], component } = facts
  return {
    kind: ARTIFACT_KIND,
    created_at: createdAt,
    content: '',
    tags: [
      ['i', app], ['version', version], ['x', sha256], ...maybe('blake3', blake3), ['m', type], ['size', String(size)], ...platformTags(platforms),
      ...urls.map((url) => ['url', url]), ...maybe('component', component)
    ]
  }
}
