// Version 1 of the manifest: what nodes read before there were roles and bundles, `{version, release_date, changelog, components}` with one detached
// signature over the canonical JSON of the rest. Their exact names of signature and signer are not published: this is the one file that has them. Pure.

import { canonicalText, parseLoose } from './canonical.ts'
import { didKeyOf, publicKeyIn } from './did-key.ts'
import { checkAgainst } from './document-check.ts'
import { isSignatureOf, publicKeyOf, signBytes } from './ed25519.ts'
import { ReleaseFault } from './faults.ts'
import { RELEASE_MANIFEST_LIMIT } from './manifest-v2.ts'
import { HEX64, SIZE } from './schemas/words.ts'
import type { ReleaseManifest } from './manifest-v2.ts'

export interface V1Manifest {
  version: string
  release_date: string
  changelog: string[]
  components: { name: string, current_version: string, new_version: string, download_url: string, sha256: string, size_bytes: number, blake3?: string }[]
  signature?: { alg: 'ed25519', key: string, sig: string }
}

const text = { type: 'string' }

/** Open, as their reader is: what it does not know it passes over. */
const V1_SCHEMA = {
  type: 'object',
  required: ['version', 'release_date', 'changelog', 'components'],
  properties: {
    version: text,
    release_date: text,
    changelog: { type: 'array', items: text },
    components: {
      type: 'array',
      items: {
        type: 'object',
        required: ['name', 'current_version', 'new_version', 'download_url', 'sha256', 'size_bytes'],
        properties: { name: text, current_version: text, new_version: text, download_url: text, sha256: HEX64, size_bytes: SIZE, blake3: HEX64 }
      }
    },
    signature: { type: 'object', required: ['key', 'sig'], properties: { key: text, sig: text } }
  }
} as const

/**
 * Reads a file of version 1, or one of version 2 as their reader does. `signer` is who signed it, null for nobody: an unsigned one passes in their
 * migration, and a wrong signature MUST always be refused. Throws as `parseLoose`, MANIFEST_INVALID, KEY_INVALID or SIGNATURE_WRONG.
 */
export function readV1 (bytes: Uint8Array): { manifest: V1Manifest, signer: string | null } {
  const value = parseLoose(bytes, RELEASE_MANIFEST_LIMIT)
  checkAgainst({ schema: V1_SCHEMA, fault: 'MANIFEST_INVALID' }, value)
  const manifest = value as V1Manifest
  const { signature } = manifest
  if (signature === undefined) return { manifest, signer: null }
  if (!isSignatureOf(v1SignedBytes(manifest), signature.sig, publicKeyIn(signature.key))) throw new ReleaseFault('SIGNATURE_WRONG', signature.key)
  return { manifest, signer: signature.key }
}

function v1SignedBytes (manifest: V1Manifest): Buffer {
  const { signature: _, ...rest } = manifest
  return Buffer.from(canonicalText(rest))
}

/** With the signature of this seed of 32 bytes, as canonical JSON. */
export function signV1 (manifest: V1Manifest, seed: Uint8Array): Buffer {
  const signature = { alg: 'ed25519', key: didKeyOf(publicKeyOf(seed)), sig: signBytes(v1SignedBytes(manifest), seed) } as const
  return Buffer.from(canonicalText({ ...manifest, signature }))
}

/** What a node of version 1 reads on this platform, unsigned: their file knows no platforms, so each has its own. Null when nothing is for it. */
export function v1ManifestOf ({ version, release_date, changelog, components }: ReleaseManifest, platform: string): V1Manifest | null {
  const own = components.filter((each) => each.platform === platform)
  if (own.length === 0) return null
  return {
    version, release_date, changelog,
    components: own.map(({ name, current_version, new_version, download_url, sha256, blake3, size_bytes }) => ({ name, current_version, new_version, download_url, sha256, size_bytes, blake3 }))
  }
}
