// The events that announce a release, made of its signed manifest: 32267 the application, 3063 a file each, 30063 the release, as zapstore's relay takes
// them (reference §1.5), and 30078 carriers of trust bundle and latest pointer. Discovery, no authority: the documents carry their own signatures. Pure.

import { buildCarrier, latestPointerName, TRUST_BUNDLE_NAME } from '../../server/catalog/kinds/application-data.ts'
import { APPLICATION_KIND, buildApplication } from '../../server/catalog/kinds/application.ts'
import { buildArtifact } from '../../server/catalog/kinds/artifact.ts'
import { PLATFORMS } from '../../server/catalog/kinds/platforms.ts'
import { buildRelease } from '../../server/catalog/kinds/release.ts'
import type { EventDraft } from '../../server/auth/signature.ts'
import type { LatestPointer } from '../../server/release/latest-pointer.ts'
import type { ReleaseManifest } from '../../server/release/manifest-v2.ts'

/** What people read of an application. */
export interface ApplicationWords {
  name?: string
  summary?: string
  description?: string
  icon?: string
  repository?: string
  license?: string
}

/** Bytes. */
const CHANGELOG_BYTES = 8 * 1024

/** By what the manifest itself is named. */
export interface NamedManifest {
  sha256: string
  blake3: string
  /** Bytes. */
  size: number
}

/** Names of platforms that zapstore does not know: events cannot tell of them. Sorted. */
export function unknownPlatforms ({ components }: ReleaseManifest): string[] {
  return [...new Set(components.map(({ platform }) => platform))].filter((platform) => !PLATFORMS.includes(platform)).sort()
}

/** What the parts of an image run on is said nowhere but in the image. */
function platformsOf ({ components }: ReleaseManifest): string[] {
  const named = [...new Set(components.map(({ platform }) => platform))].sort()
  return named.length > 0 ? named : ['linux-x86_64']
}

export function applicationDraft (manifest: ReleaseManifest, words: ApplicationWords, createdAt: number): EventDraft {
  const { app } = manifest
  return buildApplication({ app, platforms: platformsOf(manifest), ...words, name: words.name ?? app }, createdAt)
}

/** One for each file: a file of several platforms has one event. `servers`: origins that have it as a blob. */
export function artifactDrafts (manifest: ReleaseManifest, servers: readonly string[], createdAt: number): EventDraft[] {
  const { app, version, components, images = [] } = manifest
  const found = new Map<string, Parameters<typeof buildArtifact>[0]>()
  const add = (file: { sha256: string, blake3: string, size_bytes: number, m: string }, component: string, platforms: string[], urls: readonly string[]): void => {
    const { sha256, blake3, size_bytes: size, m: type } = file
    const key = `${sha256} ${component}`
    const before = found.get(key)
    const named = [...new Set([...urls, ...servers.map((server) => `${server}/${sha256}`)])]
    found.set(key, { app, version, sha256, blake3, type, size, component, platforms: [...new Set([...before?.platforms ?? [], ...platforms])], urls: [...new Set([...before?.urls ?? [], ...named])] })
  }
  for (const { name, platform, download_url: first, urls = [], ...file } of components) {
    add(file, name, [platform], [first, ...urls].filter((url) => /^https?:/.test(url)))
  }
  for (const { name, artifacts } of images) {
    // layers and configurations are named by these
    for (const each of artifacts) if (each.role === 'index' || each.role === 'manifest') add(each, name, platformsOf(manifest), [])
  }
  return [...found.values()].map((facts) => buildArtifact(facts, createdAt))
}

/** @param artifacts ids of the signed 3063 events @param pubkey of who signs, 64 hex digits */
export function releaseDraft (manifest: ReleaseManifest, named: NamedManifest, artifacts: string[], pubkey: string, createdAt: number): EventDraft {
  const { app, version, channel, sequence, changelog } = manifest
  return buildRelease({
    app, version, channel, artifacts, sequence, manifest: named, application: `${APPLICATION_KIND}:${pubkey}:${app}`, changelog: shortened(changelog.map((line) => `- ${line}`))
  }, createdAt)
}

/** The first lines of a changelog: the whole of it is in the manifest, and an event must stay small. */
function shortened (lines: readonly string[]): string {
  let text = ''
  for (const line of lines) {
    if (Buffer.byteLength(text) + Buffer.byteLength(line) > CHANGELOG_BYTES) return `${text}- …`
    text += `${line}\n`
  }
  return text.trimEnd()
}

/** `text` is the document as it was signed. */
export function trustDraft (text: string, createdAt: number): EventDraft {
  return buildCarrier({ d: TRUST_BUNDLE_NAME, content: text }, createdAt)
}

export function pointerDraft ({ app, channel, manifest }: LatestPointer, text: string, createdAt: number): EventDraft {
  return buildCarrier({ d: latestPointerName(app, channel), content: text, tags: [['x', manifest.sha256]] }, createdAt)
}
