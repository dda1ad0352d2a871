// What a node is offered, and what it must make of it: releases that are good, and every way of cheating with the one check that fails and its code.
// The tests run them, and the published vectors (test/vectors/release/) are made of them.

import { canonicalText } from '../../server/release/canonical.ts'
import { publicKeyOf } from '../../server/release/ed25519.ts'
import { verifyRelease } from '../../server/release/verify.ts'
import {
  APP, CHANNEL, CLOCK, DAY, NEXT_ROOT, NOW, OPERATOR, RELEASE_KEY, ROOT, SECOND_RELEASE_KEY, STRANGER_KEY, TIMESTAMP_KEY, blake3Of, bundleOf, didOf, eventOf, eventsOf, fileNamed, manifestOf,
  pointerOf, requestOf, seedNamed, sha256Of, signed
} from './release-chain.ts'
import type { CheckName } from '../../server/release/checks.ts'
import type { ReleaseFaultCode } from '../../server/release/faults.ts'
import type { ReleaseManifest } from '../../server/release/manifest-v2.ts'
import type { ReleaseState } from '../../server/release/state.ts'
import type { Verdict, VerifyRequest } from '../../server/release/verify.ts'
import type { TrustBundle } from '../../server/release/trust-bundle.ts'
import type { Change } from './release-chain.ts'

export interface Scenario {
  /** A name for files. */
  name: string
  says: string
  request: VerifyRequest
  verdict: Verdict
  /** The first check that fails, and why; null for none. */
  fails: readonly [CheckName, ReleaseFaultCode] | null
}

const scenarios: Scenario[] = []
const good = (name: string, says: string, request: VerifyRequest, verdict: Verdict = 'install'): void => { scenarios.push({ name, says, request, verdict, fails: null }) }
const bad = (name: string, says: string, request: VerifyRequest, check: CheckName, code: ReleaseFaultCode, verdict: Verdict = 'refused'): void => {
  scenarios.push({ name, says, request, verdict, fails: [check, code] })
}

const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8')
/** The bytes with one text in place of another, which must be there. */
const respelled = (bytes: Uint8Array, from: string | RegExp, to: string): Buffer => {
  const text = textOf(bytes)
  const other = text.replace(from, to)
  if (other === text) throw new Error(`${String(from)} is not in it`)
  return Buffer.from(other)
}

/** What a node keeps that has verified this. */
const after = (request: VerifyRequest): ReleaseState => {
  const { verdict, newState } = verifyRelease(request)
  if (verdict !== 'install') throw new Error(`it ${verdict}s`)
  return newState
}
const numbered = (sequence: number, rest: Change<ReleaseManifest> = () => {}): Change<ReleaseManifest> => (each) => {
  Object.assign(each, { sequence, version: `1.0.${sequence}`, min_sequence_to_upgrade_from: 0, rollback_floor: 0 })
  rest(each)
}
const base = requestOf()
const kept = after(base)
const older = requestOf({ manifest: numbered(37) })

// --- what is good -------------------------------------------------------------------------------------------------------

good('valid', 'a release whose whole chain is good is installed', base)
good('valid-events', 'so it is with a Nostr copy that agrees', { ...base, events: eventsOf(base) })
good('valid-files', 'so it is with files that are what the manifest names', {
  ...base, artifacts: [{ sha256: sha256Of(fileNamed('archipelago linux-x86_64', 5000)), blake3: blake3Of(fileNamed('archipelago linux-x86_64', 5000)), size: 5000 }]
})
good('valid-first-install', 'a node that has nothing installs the latest', { ...base, installed: null })
good('valid-again', 'what is installed already stays', { ...base, state: kept, installed: 42 }, 'stay')
good('valid-repair', 'what is installed already is installed again when that is asked for', { ...base, state: kept, installed: 42, intent: 'repair' })
good('valid-rollback-by-hand', 'an earlier release at or above the floor is installed by hand', { ...base, state: kept, installed: 42, intent: 'rollback', manifest: manifestOf(numbered(38)) })
good('valid-intermediate', 'an earlier release is installed on the way to one that demands it, also below the floor', {
  ...base, state: kept, installed: 20, intent: 'intermediate', manifest: manifestOf(numbered(30))
})
const twoKeys: Change<TrustBundle> = (each) => { each.roles.release.threshold = 2 }
good('valid-threshold', 'a threshold of two is met by two keys', requestOf({ bundle: twoKeys, manifestSeeds: [RELEASE_KEY, SECOND_RELEASE_KEY] }))
const rotating: Change<TrustBundle> = (each) => {
  each.bundle_version = 8
  each.root = { ed25519: NEXT_ROOT.publicKey, nostr: NEXT_ROOT.pubkey }
  delete each.next_root
}
const both = [ROOT.ed25519, NEXT_ROOT.ed25519]
good('valid-rotation', 'a new root that was committed to, signed by the old and the new one, is followed', requestOf({ bundle: rotating, bundleSeeds: both }, { state: kept }))
good('valid-rotation-walked', 'so does a node that was away, over the bundle that committed to it', requestOf({ bundle: rotating, bundleSeeds: both }, { older: [base.bundle!] }))
const rotated = after(requestOf({ bundle: rotating, bundleSeeds: both }, { state: kept }))
const next: Change<TrustBundle> = (each) => {
  rotating(each)
  each.bundle_version = 9
}
good('valid-after-rotation', 'after that the new root signs alone', requestOf({ bundle: next, bundleSeeds: [NEXT_ROOT.ed25519] }, { state: rotated }))

// --- changed bytes and wrong keys -----------------------------------------------------------------------------------------

bad('changed-bundle', 'a changed byte of the trust bundle', { ...base, bundle: respelled(base.bundle!, '"threshold":1', '"threshold":2') }, 'bundle.root', 'SIGNATURE_WRONG')
bad('changed-pointer', 'a changed byte of the latest pointer', { ...base, pointer: respelled(base.pointer!, '"sequence":42', '"sequence":43') }, 'pointer.signature', 'SIGNATURE_WRONG')
bad('changed-manifest', 'a changed byte of the manifest', { ...base, manifest: respelled(base.manifest!, '"size_bytes":5000', '"size_bytes":5001') }, 'manifest.hash', 'MANIFEST_HASH')
const forged = respelled(base.manifest!, '"version":"1.8.0"', '"version":"1.8.1"')
bad('changed-manifest-stolen-timestamp', 'a changed manifest, with a stolen timestamp key under the pointer', { ...base, manifest: forged, pointer: pointerOf(forged) }, 'manifest.signature', 'SIGNATURE_WRONG')
bad('wrong-root', 'a trust bundle of another root', requestOf({ bundle: (each) => { each.root = { ed25519: NEXT_ROOT.publicKey, nostr: NEXT_ROOT.pubkey } }, bundleSeeds: [NEXT_ROOT.ed25519] }), 'bundle.root', 'ROOT_WRONG')
bad('wrong-root-named', 'a trust bundle that names the pinned root, signed by somebody else', requestOf({ bundleSeeds: [STRANGER_KEY] }), 'bundle.root', 'ROOT_WRONG')
bad('bundle-by-release-key', 'a trust bundle signed by a release key', requestOf({ bundleSeeds: [RELEASE_KEY] }), 'bundle.root', 'ROOT_WRONG')
bad('unsigned-bundle', 'a trust bundle that nobody signed', requestOf({ bundleSeeds: [] }), 'bundle.root', 'SIGNATURE_MISSING')
bad('unsigned-manifest', 'a manifest that nobody signed', requestOf({ manifestSeeds: [] }), 'manifest.signature', 'SIGNATURE_MISSING')
bad('unlisted-manifest-key', 'a manifest signed by a key that is not in the bundle', requestOf({ manifestSeeds: [STRANGER_KEY] }), 'manifest.signature', 'KEY_NOT_LISTED')
bad('unlisted-pointer-key', 'a pointer signed by a key that is not in the bundle', requestOf({ pointerSeeds: [STRANGER_KEY] }), 'pointer.signature', 'KEY_NOT_LISTED')
bad('manifest-by-timestamp-key', 'a manifest signed by the timestamp key', requestOf({ manifestSeeds: [TIMESTAMP_KEY] }), 'manifest.signature', 'KEY_NOT_LISTED')
bad('pointer-by-release-key', 'a pointer signed by a release key', requestOf({ pointerSeeds: [RELEASE_KEY] }), 'pointer.signature', 'KEY_NOT_LISTED')
const revoking = (seed: Uint8Array): Change<TrustBundle> => (each) => { each.revoked_keys = [{ key: didOf(seed), since: NOW, reason: 'it leaked' }] }
bad('revoked-release-key', 'a manifest signed by a revoked key, also with an earlier date', requestOf({ bundle: revoking(RELEASE_KEY), manifest: (each) => { each.release_date = '2026-01-01' } }), 'manifest.signature', 'KEY_REVOKED')
bad('revoked-timestamp-key', 'a pointer signed by a revoked key', requestOf({ bundle: revoking(TIMESTAMP_KEY) }), 'pointer.signature', 'KEY_REVOKED')
bad('revoked-version', 'a revoked version', requestOf({ manifest: numbered(40) }, { installed: 39 }), 'manifest.revoked', 'VERSION_REVOKED')
bad('threshold', 'one signature where two keys must sign', requestOf({ bundle: twoKeys }), 'manifest.signature', 'THRESHOLD_NOT_MET')
bad('threshold-stranger', 'one signature that counts, and one of a stranger', requestOf({ bundle: twoKeys, manifestSeeds: [RELEASE_KEY, STRANGER_KEY] }), 'manifest.signature', 'THRESHOLD_NOT_MET')
const twice = Buffer.from(canonicalText((() => {
  const document = JSON.parse(textOf(base.manifest!)) as ReleaseManifest
  return { ...document, signatures: [...document.signatures, ...document.signatures] }
})()))
bad('threshold-same-key-twice', 'the same key twice, which counts once', { ...requestOf({ bundle: twoKeys }), manifest: twice, pointer: pointerOf(twice) }, 'manifest.signature', 'THRESHOLD_NOT_MET')

// --- time and order ---------------------------------------------------------------------------------------------------------

bad('below-floor', 'a rollback below the floor, by hand', { ...base, state: kept, installed: 42, intent: 'rollback', manifest: older.manifest! }, 'manifest.floor', 'BELOW_FLOOR')
bad('below-floor-reinstalled', 'a rollback below the floor after a reinstall with the state kept', { ...base, state: kept, installed: null, intent: 'rollback', manifest: older.manifest! }, 'manifest.floor', 'BELOW_FLOOR')
bad('old-release-reinstalled', 'an old release, pointer and all, after a reinstall with the state kept', { ...older, state: kept, installed: null }, 'pointer.sequence', 'POINTER_OLDER')
bad('replayed-pointer', 'a replayed old pointer that has not expired', requestOf({ manifest: numbered(41) }, { state: kept, installed: 42 }), 'pointer.sequence', 'POINTER_OLDER')
bad('expired-pointer', 'an expired pointer: somebody withholds the news', { ...base, now: NOW + 2 * DAY }, 'pointer.fresh', 'POINTER_EXPIRED', 'stale')
bad('expired-bundle', 'an expired trust bundle', requestOf({ bundle: (each) => { each.expires_at = NOW } }), 'bundle.fresh', 'BUNDLE_EXPIRED', 'stale')
bad('expired-manifest', 'an expired manifest', requestOf({ manifest: (each) => { each.expires_at = NOW } }), 'manifest.fresh', 'MANIFEST_EXPIRED', 'stale')
bad('withheld-bundle', 'no trust bundle', { ...base, bundle: null }, 'bundle.document', 'BUNDLE_MISSING', 'stale')
bad('withheld-pointer', 'no latest pointer', { ...base, pointer: null }, 'pointer.document', 'POINTER_MISSING', 'stale')
bad('withheld-manifest', 'no manifest', { ...base, manifest: null }, 'manifest.hash', 'MANIFEST_MISSING', 'stale')
bad('expired-pointer-forged', 'an expired pointer that is forged as well is refused, not stale', { ...requestOf({ pointerSeeds: [STRANGER_KEY] }), now: NOW + 2 * DAY }, 'pointer.signature', 'KEY_NOT_LISTED')
bad('long-pointer', 'a pointer that is valid for longer than the bundle allows', requestOf({ pointer: (each) => { each.expires_at = NOW + 8 * DAY } }), 'pointer.issued', 'POINTER_TOO_LONG')
bad('future-pointer', 'a pointer from the future', requestOf({ pointer: (each) => { Object.assign(each, { issued_at: NOW + 601, expires_at: NOW + DAY }) } }), 'pointer.issued', 'POINTER_FUTURE')
bad('future-bundle', 'a trust bundle from the future', requestOf({ bundle: (each) => { each.issued_at = NOW + 601 } }), 'bundle.issued', 'BUNDLE_FUTURE')
bad('replayed-bundle', 'a replayed old trust bundle', requestOf({ bundle: (each) => { each.bundle_version = 6 } }, { state: kept }), 'bundle.version', 'BUNDLE_OLDER')
bad('forked-bundle', 'two trust bundles of one version', requestOf({ bundle: (each) => { each.expires_at++ } }, { state: kept }), 'bundle.version', 'BUNDLE_FORKED')
bad('skipped-intermediate', 'a required intermediate release that is skipped', { ...base, installed: 29 }, 'manifest.intermediate', 'INTERMEDIATE_REQUIRED')
bad('intermediate-of-intermediate', 'an intermediate that itself demands another', { ...base, state: kept, installed: 5, intent: 'intermediate', manifest: manifestOf(numbered(30, (each) => { each.min_sequence_to_upgrade_from = 10 })) }, 'manifest.intermediate', 'INTERMEDIATE_REQUIRED')
bad('not-newer', 'a release that is older than the one installed', { ...base, installed: 43 }, 'manifest.sequence', 'SEQUENCE_NOT_HIGHER')
bad('reused-sequence', 'another release of a sequence that was seen', requestOf({ manifest: (each) => { each.changelog = ['other'] } }, { state: kept, installed: 41 }), 'manifest.sequence', 'SEQUENCE_REUSED')
bad('rollback-to-latest', 'a release that is no earlier one than the latest, where an earlier one is asked for', { ...base, intent: 'rollback' }, 'manifest.pointer', 'MANIFEST_DISAGREES')

// --- other applications, channels and documents --------------------------------------------------------------------------------

const otherApp = requestOf({ bundle: (each) => { each.roles.release.apps.push('org.example.other') }, manifest: (each) => { each.app = 'org.example.other' } })
bad('other-app', 'the release of another application of the publisher', otherApp, 'pointer.channel', 'APP_OTHER')
bad('other-channel', 'the release of another channel', requestOf({ manifest: (each) => { each.channel = 'nightly' } }), 'pointer.channel', 'CHANNEL_OTHER')
const aimed = (manifest: Buffer): VerifyRequest => ({ ...base, bundle: otherApp.bundle, manifest, pointer: pointerOf(manifest, (each) => { Object.assign(each, { app: APP, channel: CHANNEL }) }) })
bad('other-app-in-manifest', 'a pointer of ours, by a stolen key, at the manifest of another application', aimed(otherApp.manifest!), 'manifest.channel', 'APP_OTHER')
bad('other-channel-in-manifest', 'a pointer of ours, by a stolen key, at the manifest of another channel', aimed(manifestOf((each) => { each.channel = 'nightly' })), 'manifest.channel', 'CHANNEL_OTHER')
bad('app-not-trusted', 'an application that the release keys are not for', requestOf({ bundle: (each) => { each.roles.release.apps = ['org.example.other'] } }), 'manifest.channel', 'APP_NOT_TRUSTED')
bad('pointer-disagrees', 'a pointer with another sequence than its manifest', requestOf({ pointer: (each) => { each.sequence = 50 } }), 'manifest.pointer', 'MANIFEST_DISAGREES')
bad('pointer-version-disagrees', 'a pointer with another version than its manifest', requestOf({ pointer: (each) => { each.version = '1.9.0' } }), 'manifest.pointer', 'MANIFEST_DISAGREES')
bad('pointer-as-bundle', 'a latest pointer in the place of the trust bundle', { ...base, bundle: base.pointer! }, 'bundle.document', 'SCHEMA_OTHER')
bad('bundle-as-manifest', 'a trust bundle in the place of the manifest', { ...base, manifest: base.bundle!, pointer: pointerOf(base.manifest!, (each) => { each.manifest = { sha256: sha256Of(base.bundle!), blake3: blake3Of(base.bundle!), size: base.bundle!.length } }) }, 'manifest.document', 'SCHEMA_OTHER')
bad('other-schema', 'a document of a later schema', requestOf({ bundle: (each) => { Object.assign(each, { schema: 'archipelago.trust-bundle/2' }) } }), 'bundle.document', 'SCHEMA_OTHER')
bad('unknown-member', 'a member that the schema does not name', requestOf({ bundle: (each) => { Object.assign(each, { note: 'x' }) } }), 'bundle.document', 'BUNDLE_INVALID')
bad('manifest-without-blake3', 'a manifest with a file that has no BLAKE3', requestOf({ manifest: (each) => { delete (each.components[0] as Partial<ReleaseManifest['components'][number]>).blake3 } }), 'manifest.document', 'MANIFEST_INVALID')

// --- spellings --------------------------------------------------------------------------------------------------------------------

const spelled = (name: string, says: string, from: string | RegExp, to: string, code: ReleaseFaultCode): void => {
  bad(`spelling-${name}`, says, { ...base, bundle: respelled(base.bundle!, from, to) }, 'bundle.document', code)
}
spelled('white-space', 'white space between members', '"bundle_version":', '"bundle_version": ', 'NOT_CANONICAL')
spelled('newline', 'a newline at the end', /$/, '\n', 'NOT_CANONICAL')
spelled('order', 'members in another order', /^\{("bundle_version":7),("expires_at":\d+),/, '{$2,$1,', 'NOT_CANONICAL')
spelled('escape', 'an escape that need not be', '"bundle_version"', '"\\u0062undle_version"', 'NOT_CANONICAL')
spelled('byte-order-mark', 'a byte order mark', /^/, '\ufeff', 'DOCUMENT_UNREADABLE')
spelled('two-documents', 'one document after another', /$/, '{}', 'DOCUMENT_UNREADABLE')
spelled('duplicate-key', 'a member that stands twice', '"bundle_version":7', '"bundle_version":7,"bundle_version":7', 'MEMBER_REPEATED')
spelled('duplicate-key-inside', 'a member that stands twice, deeper', '"threshold":1', '"threshold":1,"threshold":1', 'MEMBER_REPEATED')
spelled('duplicate-key-escaped', 'a member that stands twice, once in other letters', '"bundle_version":7', '"bundle_version":7,"\\u0062undle_version":7', 'NOT_CANONICAL')
spelled('number-point', '1.0 for 1', '"threshold":1', '"threshold":1.0', 'NUMBER_INVALID')
spelled('number-exponent', '1e0 for 1', '"threshold":1', '"threshold":1e0', 'NUMBER_INVALID')
spelled('number-minus-zero', 'minus zero', '"issued_at":', '"issued_at":-0,"x":', 'NUMBER_INVALID')
spelled('number-2-53', '2^53', '"bundle_version":7', '"bundle_version":9007199254740992', 'NUMBER_INVALID')
spelled('number-2-53-and-1', '2^53 + 1, which JavaScript reads as 2^53', '"bundle_version":7', '"bundle_version":9007199254740993', 'NUMBER_INVALID')
spelled('number-huge', 'a number of a thousand digits', '"bundle_version":7', `"bundle_version":7${'0'.repeat(1000)}`, 'NUMBER_INVALID')
spelled('number-infinite', 'a number that JavaScript reads as infinite', '"bundle_version":7', '"bundle_version":1e400', 'NUMBER_INVALID')
bad('spelling-no-utf-8', 'bytes that are no UTF-8', { ...base, bundle: Buffer.concat([base.bundle!.subarray(0, 30), Buffer.from([0xff]), base.bundle!.subarray(30)]) }, 'bundle.document', 'DOCUMENT_UNREADABLE')
bad('spelling-half-surrogate', 'half a surrogate', requestOf({}, { bundle: respelled(bundleOf(revoking(STRANGER_KEY)), 'it leaked', '\\ud800') }), 'bundle.document', 'NOT_CANONICAL')
bad('spelling-key', 'a signer in another spelling', { ...base, bundle: respelled(base.bundle!, /"key":"did:key:z6Mk/, '"key":"did:key:f6Mk') }, 'bundle.document', 'BUNDLE_INVALID')

// --- size ---------------------------------------------------------------------------------------------------------------------------

bad('huge-bundle', 'a trust bundle larger than is taken', { ...base, bundle: Buffer.alloc(44 * 1024 + 1, 0x20) }, 'bundle.document', 'DOCUMENT_TOO_LARGE')
bad('huge-pointer', 'a pointer larger than is taken', { ...base, pointer: Buffer.alloc(8 * 1024 + 1, 0x20) }, 'pointer.document', 'DOCUMENT_TOO_LARGE')
bad('deep-bundle', 'a trust bundle of 20,000 brackets', { ...base, bundle: Buffer.from(`{"a":${'['.repeat(20_000)}${']'.repeat(20_000)}}`) }, 'bundle.document', 'DOCUMENT_TOO_DEEP')
bad('many-signatures', 'a pointer with more signatures than are looked at', { ...base, pointer: signed(JSON.parse(textOf(base.pointer!)), Array.from({ length: 17 }, (_, i) => seedNamed(`many ${i}`))) }, 'pointer.document', 'POINTER_INVALID')

// --- events and files: they mislead nobody ----------------------------------------------------------------------------------------------

const release = (change: (tags: string[][]) => string[][], secret = OPERATOR): VerifyRequest => {
  const { tags, content } = eventsOf(base)[1]!
  return { ...base, events: [eventOf(30063, change(tags), content, secret)] }
}
const replaced = (name: string, ...values: string[]) => (tags: string[][]): string[][] => tags.map((tag) => tag[0] === name ? [name, ...values] : tag)
bad('event-version', 'an event with another version: the manifest wins, and the event is reported', release(replaced('version', '1.8.1')), 'event', 'EVENT_DISAGREES', 'install')
bad('event-sequence', 'an event with another sequence', release(replaced('sequence', '99')), 'event', 'EVENT_DISAGREES', 'install')
bad('event-manifest', 'an event that names another manifest', release(replaced('manifest', '0'.repeat(64), '0'.repeat(64), '1')), 'event', 'EVENT_DISAGREES', 'install')
bad('event-file', 'an artifact event with another hash', { ...base, events: [eventOf(3063, replaced('x', '0'.repeat(64))(eventsOf(base)[2]!.tags), '', OPERATOR)] }, 'event', 'EVENT_DISAGREES', 'install')
bad('event-pointer', 'an event that carries another pointer', { ...base, events: [eventOf(30078, [['d', `archipelago/release/${APP}/${CHANNEL}/latest`]], textOf(pointerOf(base.manifest!, (each) => { each.expires_at++ })), CLOCK)] }, 'event', 'EVENT_DISAGREES', 'install')
bad('event-stranger', 'an event by a key that the bundle does not list', release((tags) => tags, STRANGER_KEY.toString('hex')), 'event', 'EVENT_KEY_NOT_LISTED', 'install')
bad('event-forged', 'an event that was changed after it was signed', { ...base, events: [{ ...eventsOf(base)[1]!, content: 'other' }] }, 'event', 'EVENT_INVALID', 'install')
const theirs = requestOf({ manifest: numbered(43, (each) => { each.components[0]!.sha256 = '0'.repeat(64) }), manifestSeeds: [STRANGER_KEY] })
bad('stolen-npub', 'a stolen npub that announces a release of its own', { ...theirs, events: eventsOf(theirs) }, 'manifest.signature', 'KEY_NOT_LISTED')
bad('stolen-npub-alone', 'a stolen npub alone, with events and nothing else', { ...base, bundle: null, pointer: null, manifest: null, events: eventsOf(base) }, 'bundle.document', 'BUNDLE_MISSING', 'stale')
const file = { sha256: sha256Of(fileNamed('archipelago linux-x86_64', 5000)), blake3: blake3Of(fileNamed('archipelago linux-x86_64', 5000)), size: 5000 }
bad('substituted-file', 'a file from a peer that has the sha256 and another BLAKE3', { ...base, artifacts: [{ ...file, blake3: '0'.repeat(64) }] }, 'artifact', 'ARTIFACT_WRONG')
bad('substituted-file-longer', 'a file from a peer that is longer', { ...base, artifacts: [{ ...file, size: 5001 }] }, 'artifact', 'ARTIFACT_WRONG')
bad('substituted-file-other', 'a file from a peer that the manifest does not name', { ...base, artifacts: [{ sha256: sha256Of('x'), blake3: blake3Of('x'), size: 1 }] }, 'artifact', 'ARTIFACT_WRONG')

// --- the root -------------------------------------------------------------------------------------------------------------------------------

const strangeRoot: Change<TrustBundle> = (each) => {
  rotating(each)
  each.root.ed25519 = publicKeyOf(seedNamed('another root'))
}
const wrongRoot = (() => {
  const other = seedNamed('another root')
  return requestOf({ bundle: (each) => { rotating(each); each.root.ed25519 = publicKeyOf(other) }, bundleSeeds: [ROOT.ed25519, other] }, { state: kept })
})()
bad('rotation-not-committed', 'a new root that is not the one committed to', wrongRoot, 'bundle.root', 'ROOT_NOT_COMMITTED')
bad('rotation-unseen', 'a new root, for a node that has seen no commitment', requestOf({ bundle: rotating, bundleSeeds: both }), 'bundle.root', 'ROOT_NOT_COMMITTED')
bad('rotation-half-signed', 'a new root that did not sign itself', requestOf({ bundle: strangeRoot, bundleSeeds: [ROOT.ed25519] }, { state: kept }), 'bundle.root', 'ROOT_HALF_SIGNED')
bad('rotation-new-alone', 'a new root without the old one', requestOf({ bundle: rotating, bundleSeeds: [NEXT_ROOT.ed25519] }, { state: kept }), 'bundle.root', 'ROOT_WRONG')
bad('rotation-commitment-changed', 'a stolen root that commits to another root', requestOf({ bundle: (each) => { Object.assign(each, { bundle_version: 8, next_root: { ed25519_sha256: '0'.repeat(64) } }) } }, { state: kept }), 'bundle.root', 'COMMITMENT_CHANGED')
bad('rotation-old-root', 'the old root after the change, stolen at last', requestOf({ bundle: (each) => { each.bundle_version = 20 } }, { state: rotated }), 'bundle.root', 'ROOT_WRONG')

export const SCENARIOS: readonly Scenario[] = scenarios
