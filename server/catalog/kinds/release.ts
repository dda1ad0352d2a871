// A release of an application on a channel: kind 30063 (NIP-51, NIP-82 draft), as zapstore's relay takes it. It is discovery: what a node
// installs is decided by the signed manifest it names. The latest is the highest sequence that verifies, never the newest created_at. Pure.

import { CatalogFault } from '../faults.ts'
import { checkSchema } from '../schema-check.ts'
import { RELEASE_SCHEMA } from '../schemas/release.ts'
import { maybe, tagsNamed, valueOf, valuesOf, whole, wholeOf } from '../tags.ts'
import type { EventDraft, SignedEvent } from '../../auth/signature.ts'

export const RELEASE_KIND = 30063

export interface Release {
  app: string
  version: string
  /** As `stable`. */
  channel: string
  /** Ids of the 3063 events, in order. */
  artifacts: string[]
  /** `32267:<pubkey>:<app>`. */
  application: string | null
  manifest: { sha256: string, blake3: string, size: number } | null
  sequence: number | null
  /** Markdown. */
  changelog: string
}

/** Throws CatalogFault. */
export function parseRelease (event: SignedEvent): Release {
  checkSchema(RELEASE_SCHEMA, event)
  const { tags, content } = event
  const [app, version] = [valueOf(tags, 'i')!, valueOf(tags, 'version')!]
  // zapstore: d MUST be the application and the version
  if (valueOf(tags, 'd') !== `${app}@${version}`) throw new CatalogFault('TAGS_DISAGREE', 'd must be i@version')
  const application = valueOf(tags, 'a')
  if (application !== null && application.split(':').slice(2).join(':') !== app) throw new CatalogFault('TAGS_DISAGREE', 'a must be the application of i')
  const [, sha256, blake3, size] = tagsNamed(tags, 'manifest')[0] ?? []
  return {
    app,
    version,
    channel: valueOf(tags, 'c')!,
    artifacts: valuesOf(tags, 'e'),
    application,
    manifest: sha256 === undefined ? null : { sha256, blake3: blake3!, size: whole(size!, 'manifest') },
    sequence: wholeOf(tags, 'sequence'),
    changelog: content
  }
}

/** `createdAt` in Unix seconds. Throws TAG_MISSING. */
export function buildRelease (facts: Pick<Release, 'app' | 'version' | 'channel' | 'artifacts'> & Partial<Release>, createdAt: number): EventDraft {
  const { app, version, channel, artifacts, application, manifest, sequence, changelog = '' } = facts
  if (artifacts.length === 0) throw new CatalogFault('TAG_MISSING', 'e, at least one artifact')
  return {
    kind: RELEASE_KIND,
    created_at: createdAt,
    content: changelog,
    tags: [
      ['d', `${app}@${version}`], ['i', app], ['version', version], ['c', channel], ...artifacts.map((id) => ['e', id]), ...maybe('a', application),
      ...(manifest == null ? [] : [['manifest', manifest.sha256, manifest.blake3, String(manifest.size)]]), ...maybe('sequence', sequence)
    ]
  }
}
