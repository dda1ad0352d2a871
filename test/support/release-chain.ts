// A publisher of tests: keys that are the same on every run, and documents made with them that are right by default and wrong on demand.

import { createHash } from 'node:crypto'
import { blake3 } from '@napi-rs/blake-hash'
import { schnorr } from '@noble/secp256k1'
import { pubkeyOf, serialize } from '../../server/auth/signature.ts'
import { canonicalText } from '../../server/release/canonical.ts'
import { releaseRootOf } from '../../server/release/derive.ts'
import { didKeyOf } from '../../server/release/did-key.ts'
import { publicKeyOf } from '../../server/release/ed25519.ts'
import { nameOfBytes } from '../../server/release/manifest-v2.ts'
import { addSignature } from '../../server/release/signatures.ts'
import { emptyState } from '../../server/release/state.ts'
import type { SignedEvent } from '../../server/auth/signature.ts'
import type { LatestPointer } from '../../server/release/latest-pointer.ts'
import type { ReleaseManifest } from '../../server/release/manifest-v2.ts'
import type { Signable } from '../../server/release/signatures.ts'
import type { TrustBundle } from '../../server/release/trust-bundle.ts'
import type { VerifyRequest } from '../../server/release/verify.ts'

/** Unix seconds. */
export const NOW = 1_795_000_000
export const DAY = 86400
export const APP = 'org.archipelago.node'
export const CHANNEL = 'stable'

export const MNEMONIC = `${'abandon '.repeat(23)}art`
export const NEXT_MNEMONIC = `${'zoo '.repeat(23)}vote`
export const ROOT = releaseRootOf(MNEMONIC)
export const NEXT_ROOT = releaseRootOf(NEXT_MNEMONIC)

export const sha256Of = (bytes: string | Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
export const blake3Of = (bytes: string | Uint8Array): string => blake3(Buffer.from(bytes as string)).toString('hex')

/** 32 bytes that belong to this name. */
export const seedNamed = (name: string): Buffer => createHash('sha256').update(`marquee test key ${name}`).digest()
export const didOf = (seed: Uint8Array): string => didKeyOf(publicKeyOf(seed))

export const RELEASE_KEY = seedNamed('release')
export const SECOND_RELEASE_KEY = seedNamed('second release')
export const TIMESTAMP_KEY = seedNamed('timestamp')
export const STRANGER_KEY = seedNamed('stranger')
export const OPERATOR = seedNamed('operator on nostr').toString('hex')
export const CLOCK = seedNamed('clock on nostr').toString('hex')
export const ROOT_NOSTR = ROOT.secp256k1.toString('hex')

/** What was said of a document, and who signs it; unchecked, so that it can be wrong. */
export function signed<T extends Signable> (document: T, seeds: readonly Uint8Array[]): Buffer {
  return Buffer.from(canonicalText(seeds.reduce<T>((each, seed) => addSignature(each, seed), document)))
}

export type Change<T> = (document: T) => void

function changed<T> (document: T, change: Change<T> | undefined): T {
  const copy = structuredClone(document)
  change?.(copy)
  return copy
}

const BUNDLE: TrustBundle = {
  schema: 'archipelago.trust-bundle/1',
  bundle_version: 7,
  issued_at: NOW - 10 * DAY,
  expires_at: NOW + 355 * DAY,
  root: { ed25519: ROOT.publicKey, nostr: ROOT.pubkey },
  roles: {
    release: { threshold: 1, keys: [didOf(RELEASE_KEY), didOf(SECOND_RELEASE_KEY)].sort(), nostr: [pubkeyOf(OPERATOR)], apps: [APP] },
    timestamp: { threshold: 1, keys: [didOf(TIMESTAMP_KEY)], nostr: [pubkeyOf(CLOCK)], max_validity_s: 7 * DAY }
  },
  revoked_keys: [],
  revoked_versions: [{ app: APP, sequence: 40 }],
  next_root: { ed25519_sha256: sha256Of(Buffer.from(NEXT_ROOT.publicKey, 'hex')) },
  signatures: []
}

export function bundleOf (change?: Change<TrustBundle>, seeds: readonly Uint8Array[] = [ROOT.ed25519]): Buffer {
  return signed(changed(BUNDLE, change), seeds)
}

const file = (name: string, size: number): { sha256: string, blake3: string, size_bytes: number } => {
  const bytes = fileNamed(name, size)
  return { sha256: sha256Of(bytes), blake3: blake3Of(bytes), size_bytes: size }
}

/** The bytes of a file of the release. */
export const fileNamed = (name: string, size: number): Buffer => Buffer.alloc(size, `${name} `)

const MANIFEST: ReleaseManifest = {
  schema: 'archipelago.release-manifest/2',
  app: APP,
  channel: CHANNEL,
  version: '1.8.0',
  sequence: 42,
  min_sequence_to_upgrade_from: 30,
  rollback_floor: 38,
  release_date: '2026-11-20',
  changelog: ['Releases are signed.', 'Größer, schneller, 日本'],
  servers: ['https://blossom.example'],
  components: (['linux-x86_64', 'linux-aarch64'] as const).map((platform) => {
    const named = file(`archipelago ${platform}`, 5000)
    return {
      name: 'archipelago', platform, current_version: '1.7.99', new_version: '1.8.0', download_url: `https://origin.example/${named.sha256}.bin`, ...named, m: 'application/octet-stream', post_apply_probe: 'health'
    }
  }),
  images: [{
    name: 'indeedhub',
    artifacts: (['index', 'manifest', 'config', 'layer'] as const).map((role) => ({ role, ...file(`indeedhub ${role}`, 700), m: role === 'layer' ? 'application/vnd.oci.image.layer.v1.tar+gzip' : 'application/json' }))
  }],
  signatures: []
}

export function manifestOf (change?: Change<ReleaseManifest>, seeds: readonly Uint8Array[] = [RELEASE_KEY]): Buffer {
  return signed(changed(MANIFEST, change), seeds)
}

export function pointerOf (manifest: Uint8Array, change?: Change<LatestPointer>, seeds: readonly Uint8Array[] = [TIMESTAMP_KEY]): Buffer {
  const { app, channel, sequence, version } = JSON.parse(Buffer.from(manifest).toString()) as ReleaseManifest
  const pointer: LatestPointer = {
    schema: 'archipelago.release-latest/1', app, channel, sequence, version, manifest: nameOfBytes(manifest), issued_at: NOW - 3600, expires_at: NOW - 3600 + 2 * DAY, signatures: []
  }
  return signed(changed(pointer, change), seeds)
}

/** The same on every run, as `signEvent` is not. */
export function eventOf (kind: number, tags: string[][], content: string, secret: string, createdAt = NOW - 3600): SignedEvent {
  const draft = { kind, created_at: createdAt, tags, content }
  const pubkey = pubkeyOf(secret)
  const id = createHash('sha256').update(serialize(pubkey, draft)).digest()
  return { id: id.toString('hex'), pubkey, ...draft, sig: Buffer.from(schnorr.sign(id, Buffer.from(secret, 'hex'), new Uint8Array(32))).toString('hex') }
}

export interface Changes {
  bundle?: Change<TrustBundle>
  bundleSeeds?: readonly Uint8Array[]
  manifest?: Change<ReleaseManifest>
  manifestSeeds?: readonly Uint8Array[]
  pointer?: Change<LatestPointer>
  pointerSeeds?: readonly Uint8Array[]
}

/** A request that installs, but for what is changed; documents are signed after their change. */
export function requestOf (changes: Changes = {}, rest: Partial<VerifyRequest> = {}): VerifyRequest & { bundle: Buffer, pointer: Buffer, manifest: Buffer } {
  const manifest = manifestOf(changes.manifest, changes.manifestSeeds)
  return {
    bundle: bundleOf(changes.bundle, changes.bundleSeeds), pointer: pointerOf(manifest, changes.pointer, changes.pointerSeeds), manifest,
    roots: [ROOT.publicKey], app: APP, channel: CHANNEL, state: emptyState(), now: NOW, installed: 41, ...rest
  } as VerifyRequest & { bundle: Buffer, pointer: Buffer, manifest: Buffer }
}

/** The Nostr copy of a request's documents, as a publisher signs it. */
export function eventsOf (request: { bundle: Uint8Array | null, pointer: Uint8Array | null, manifest: Uint8Array | null }, secret = OPERATOR): SignedEvent[] {
  const manifest = JSON.parse(Buffer.from(request.manifest!).toString()) as ReleaseManifest
  const { app, version, channel, sequence, components } = manifest
  const named = nameOfBytes(request.manifest!)
  const artifacts = components.map(({ name, platform, sha256, blake3, size_bytes: size, m }) =>
    eventOf(3063, [['i', app], ['version', version], ['x', sha256], ['blake3', blake3], ['m', m], ['size', String(size)], ['f', platform], ['component', name]], '', secret))
  return [
    eventOf(32267, [['d', app], ['i', app], ['name', 'Archipelago'], ['f', 'linux-x86_64']], '', secret),
    eventOf(30063, [
      ['d', `${app}@${version}`], ['i', app], ['version', version], ['c', channel], ...artifacts.map(({ id }) => ['e', id]),
      ['manifest', named.sha256, named.blake3, String(named.size)], ['sequence', String(sequence)]
    ], '', secret),
    ...artifacts,
    eventOf(30078, [['d', 'archipelago/release/trust/v1']], Buffer.from(request.bundle!).toString(), ROOT_NOSTR),
    eventOf(30078, [['d', `archipelago/release/${app}/${channel}/latest`]], Buffer.from(request.pointer!).toString(), CLOCK)
  ]
}
