// A publisher whose documents are good now: releases of one application with small files, by the keys of release-chain.ts, and the events that announce
// them as `marquee release publish` makes them.

import { pubkeyOf, signEvent } from '../../server/auth/signature.ts'
import { parseLatestPointer } from '../../server/release/latest-pointer.ts'
import { nameOfBytes, parseReleaseManifest } from '../../server/release/manifest-v2.ts'
import { applicationDraft, artifactDrafts, pointerDraft, releaseDraft, trustDraft } from '../../backstage/release/release-events.ts'
import { APP, CHANNEL, DAY, OPERATOR, ROOT, RELEASE_KEY, TIMESTAMP_KEY, blake3Of, bundleOf, fileNamed, manifestOf, pointerOf, sha256Of } from './release-chain.ts'
import { Signer } from './keys.ts'
import type { SignedEvent } from '../../server/auth/signature.ts'
import type { LatestPointer } from '../../server/release/latest-pointer.ts'
import type { ReleaseManifest } from '../../server/release/manifest-v2.ts'
import type { TrustBundle } from '../../server/release/trust-bundle.ts'
import type { Change } from './release-chain.ts'

export const PINNED = ROOT.publicKey
/** The operating key on Nostr, which uploads too. */
export const operator = new Signer(Buffer.from(OPERATOR, 'hex'))

export const seconds = (): number => Math.floor(Date.now() / 1000)

export function bundleNow (change?: Change<TrustBundle>, seeds?: readonly Uint8Array[]): Buffer {
  return bundleOf((bundle) => {
    Object.assign(bundle, { issued_at: seconds() - DAY, expires_at: seconds() + 300 * DAY, revoked_versions: [] })
    bundle.roles.timestamp.nostr.push(pubkeyOf(OPERATOR))
    change?.(bundle)
  }, seeds)
}

export interface LiveRelease {
  manifest: Buffer
  pointer: Buffer
  files: { platform: string, bytes: Buffer, sha256: string, blake3: string }[]
}

export interface LiveOptions {
  /** Of the URLs of its files: `<origin>/<sha256>`. */
  origin?: string
  size?: number
  manifest?: Change<ReleaseManifest>
  manifestSeeds?: readonly Uint8Array[]
  pointer?: Change<LatestPointer>
}

export function releaseNow (sequence: number, { origin = 'http://127.0.0.1:1', size = 5000, manifest: change, manifestSeeds = [RELEASE_KEY], pointer: changePointer }: LiveOptions = {}): LiveRelease {
  const version = `1.8.${sequence}`
  const files = ['linux-x86_64', 'linux-aarch64'].map((platform) => {
    const bytes = fileNamed(`archipelago ${version} ${platform}`, size)
    return { platform, bytes, sha256: sha256Of(bytes), blake3: blake3Of(bytes) }
  })
  const manifest = manifestOf((document) => {
    Object.assign(document, { version, sequence, min_sequence_to_upgrade_from: 0, rollback_floor: 1 })
    delete document.images
    delete document.servers
    document.components = files.map(({ platform, sha256, blake3, bytes }) => ({
      name: 'archipelago', platform, current_version: '1.7.0', new_version: version, download_url: `${origin}/${sha256}`, sha256, blake3, size_bytes: bytes.length, m: 'application/octet-stream'
    }))
    change?.(document)
  }, manifestSeeds)
  return { manifest, files, pointer: pointerNow(manifest, changePointer) }
}

export function pointerNow (manifest: Uint8Array, change?: Change<LatestPointer>, seeds: readonly Uint8Array[] = [TIMESTAMP_KEY]): Buffer {
  return pointerOf(manifest, (pointer) => {
    Object.assign(pointer, { issued_at: seconds() - 60, expires_at: seconds() + 2 * DAY })
    change?.(pointer)
  }, seeds)
}

const sign = (draft: Parameters<typeof signEvent>[0], secret = OPERATOR): SignedEvent => signEvent(draft, secret)

export function trustEvent (bundle: Uint8Array, createdAt = seconds(), secret = OPERATOR): SignedEvent {
  return sign(trustDraft(Buffer.from(bundle).toString(), createdAt), secret)
}

export function pointerEvent (pointer: Uint8Array, createdAt = seconds(), secret = OPERATOR): SignedEvent {
  return sign(pointerDraft(parseLatestPointer(pointer), Buffer.from(pointer).toString(), createdAt), secret)
}

/** 32267, 3063s, 30063: in an order in which they may come. */
export function releaseEvents (manifest: Uint8Array, createdAt = seconds(), secret = OPERATOR): SignedEvent[] {
  const parsed = parseReleaseManifest(manifest)
  const artifacts = artifactDrafts(parsed, [], createdAt).map((draft) => sign(draft, secret))
  return [
    sign(applicationDraft(parsed, {}, createdAt), secret), ...artifacts,
    sign(releaseDraft(parsed, nameOfBytes(manifest), artifacts.map(({ id }) => id), pubkeyOf(secret), createdAt), secret)
  ]
}

export { APP, CHANNEL, DAY }
