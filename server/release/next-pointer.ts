// The latest pointer to a release, signed anew: the same word of a later time. Pure.

import { LATEST_POINTER_NAME, buildLatestPointer } from './latest-pointer.ts'
import { addSignature } from './signatures.ts'
import type { LatestPointer } from './latest-pointer.ts'
import type { ReleaseManifest } from './manifest-v2.ts'

/** Seconds for which a pointer is good, at most: what is withheld for longer shows (reference §1.5). */
export const POINTER_VALIDITY = 7 * 86400

/** What a pointer says of a release. */
export type Pointed = Pick<LatestPointer, 'app' | 'channel' | 'sequence' | 'version' | 'manifest'>

/** @param named the manifest's file, signatures and all */
export function pointedOf ({ app, channel, sequence, version }: ReleaseManifest, named: LatestPointer['manifest']): Pointed {
  return { app, channel, sequence, version, manifest: named }
}

/** The bytes of it. `now` in Unix seconds, `validity` in seconds, `seeds` of 32 bytes. Throws as `buildLatestPointer`. */
export function nextPointer ({ app, channel, sequence, version, manifest }: Pointed, now: number, validity: number, seeds: readonly Uint8Array[]): Buffer {
  const pointer: LatestPointer = {
    schema: LATEST_POINTER_NAME, app, channel, sequence, version, manifest, issued_at: now, expires_at: now + Math.min(validity, POINTER_VALIDITY), signatures: []
  }
  return buildLatestPointer(seeds.reduce((each, seed) => addSignature(each, seed), pointer))
}
