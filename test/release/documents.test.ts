// The documents: canonical bytes, signatures by did:key, what each schema takes, limits, and version 1 beside version 2.

import { createPublicKey, verify } from 'node:crypto'
import canonicalize from 'canonicalize'
import t from 'tap'
import { DOCUMENT_LIMIT, canonicalText, parseCanonical, parseLoose } from '../../server/release/canonical.ts'
import { didKeyOf, publicKeyIn } from '../../server/release/did-key.ts'
import { isSignatureOf, publicKeyOf, signBytes } from '../../server/release/ed25519.ts'
import { buildLatestPointer, parseLatestPointer } from '../../server/release/latest-pointer.ts'
import { RELEASE_MANIFEST_LIMIT, artifactsOf, buildReleaseManifest, checkArtifact, parseReleaseManifest } from '../../server/release/manifest-v2.ts'
import { RELEASE_SET_LIMIT, buildReleaseSet, parseReleaseSet } from '../../server/release/release-set.ts'
import { newRoleKey, parseRoleKey } from '../../server/release/role-key.ts'
import { addSignature, countValid, signedBytes } from '../../server/release/signatures.ts'
import { buildTrustBundle, parseTrustBundle } from '../../server/release/trust-bundle.ts'
import { readV1, signV1, v1ManifestOf } from '../../server/release/v1.ts'
import { verifyRelease } from '../../server/release/verify.ts'
import { RELEASE_KEY, SECOND_RELEASE_KEY, bundleOf, didOf, eventsOf, manifestOf, pointerOf, requestOf } from '../support/release-chain.ts'
import { releaseFaultOf } from './fault-of.ts'
import type { ReleaseManifest } from '../../server/release/manifest-v2.ts'
import type { TrustBundle } from '../../server/release/trust-bundle.ts'
import type { Change } from '../support/release-chain.ts'

const codeOfText = (text: string): string => releaseFaultOf(() => parseCanonical(Buffer.from(text)))

t.test('what is its own canonical form is read, with integers up to 2^53 - 1', async (t) => {
  for (const text of ['{}', '[]', '"x"', 'null', '0', '-1', '9007199254740991', '-9007199254740991', '{"a":1,"b":[true,false,null],"é":"\\u0000\\n\\"日"}', '{"":{"":1}}']) {
    t.equal(codeOfText(text), 'none', text)
    t.strictSame(parseCanonical(Buffer.from(text)), JSON.parse(text))
  }
})

t.test('numbers in any other spelling, fractions, and what passes 2^53 - 1 are NUMBER_INVALID', async (t) => {
  for (const number of ['01', '-', '1-1', '1.0', '1e0', '1E0', '1e1', '-0', '0.5', '-0.0', '9007199254740992', '-9007199254740992', '9007199254740993', '1e21', '1e400', '123456789012345678901234567890', '1e-7']) {
    t.equal(codeOfText(number), 'NUMBER_INVALID', number)
    t.equal(codeOfText(`{"a":[${number}]}`), 'NUMBER_INVALID', number)
  }
  t.equal(codeOfText('"1.0 {[ \\" -0"'), 'none', 'what a string says is no number')
})

t.test('members twice are MEMBER_REPEATED, in one object; the same name elsewhere is not', async (t) => {
  for (const text of ['{"a":1,"a":1}', '{"a":{"b":1,"b":2}}', '[{"a":1},{"a":1,"a":1}]', '{"__proto__":1,"__proto__":1}', '{"":1,"":1}']) t.equal(codeOfText(text), 'MEMBER_REPEATED', text)
  t.equal(codeOfText('{"a":{"a":["a","a",{"a":"a"}]},"b":"a"}'), 'none')
  t.equal(codeOfText('{"a":1,"\\u0061":1}'), 'NOT_CANONICAL')
})

t.test('white space, another order, needless escapes and large letters in them are NOT_CANONICAL', async (t) => {
  for (const text of [' {}', '{} ', '{ }', '{"a": 1}', '{"a":1 ,"b":2}', '[1,\n2]', '{"b":1,"a":2}', '"\\u0061"', '"\\/"', '"\\u001F"', '"\\u00e9"', '"\\ud83d\\ude00"', '"\\ud800"']) t.equal(codeOfText(text), 'NOT_CANONICAL', text)
  t.equal(codeOfText('"\\u001f"'), 'none')
  // members are sorted by UTF-16 code units, where an emoji comes before U+FB33
  t.equal(codeOfText('{"\u{1f600}":1,"\ufb33":2}'), 'none')
  t.equal(codeOfText('{"\ufb33":2,"\u{1f600}":1}'), 'NOT_CANONICAL')
})

t.test('what is no JSON in UTF-8 is DOCUMENT_UNREADABLE', async (t) => {
  for (const text of ['', '{', '{}{}', '{"a":1,}', 'NaN', 'undefined', '\ufeff{}', "{'a':1}", '{"a":1}\0', '"', '"\\', '{"a', '}', '][', '{"a":1}}', '"\t"']) t.equal(codeOfText(text), 'DOCUMENT_UNREADABLE', JSON.stringify(text))
  for (const bytes of [[0xff], [0x22, 0xc0, 0x80, 0x22], [0x22, 0xed, 0xa0, 0x80, 0x22]]) t.equal(releaseFaultOf(() => parseCanonical(Buffer.from(bytes))), 'DOCUMENT_UNREADABLE')
})

t.test('canonical text is that of RFC 8785\'s library, and what has none is refused', async (t) => {
  const value = { z: [1, { y: 'é', x: null }], a: '\u0007' }
  t.equal(canonicalText(value), canonicalize(value))
  for (const wrong of [NaN, Infinity, '\ud800', undefined, { a: NaN }]) t.equal(releaseFaultOf(() => canonicalText(wrong)), 'NOT_CANONICAL')
})

t.test('huge documents cost bounded time and memory: a megabyte of anything is refused or read in one pass', async (t) => {
  const most = DOCUMENT_LIMIT
  const bombs = ['['.repeat(most / 2) + ']'.repeat(most / 2), '{"a":'.repeat(100_000) + '1' + '}'.repeat(100_000), `[${'1,'.repeat(most / 2 - 2)}1]`, `"${'\\"'.repeat(most / 2 - 2)}"`,
    `{${Array.from({ length: 80_000 }, (_, i) => `"k${i}":1`).join(',')}}`, `[${'9'.repeat(most - 4)}]`, `"${'x'.repeat(most - 2)}"`, `[${'{},'.repeat(most / 3 - 2)}{}]`]
  const peak = (): number => process.resourceUsage().maxRSS / 1024 // KiB
  const before = peak()
  for (const bomb of bombs) for (const parse of [parseTrustBundle, parseLatestPointer, parseReleaseManifest, parseReleaseSet, (bytes: Buffer) => readV1(bytes)]) t.not(releaseFaultOf(() => parse(Buffer.from(bomb))), 'none')
  t.ok(peak() - before < 200, `${Math.round(peak() - before)} MiB more at the peak`)
  t.equal(releaseFaultOf(() => parseCanonical(Buffer.alloc(most + 1, 0x20))), 'DOCUMENT_TOO_LARGE')
  t.equal(releaseFaultOf(() => parseReleaseManifest(Buffer.alloc(RELEASE_MANIFEST_LIMIT + 1, 0x20))), 'DOCUMENT_TOO_LARGE')
  t.equal(releaseFaultOf(() => parseReleaseSet(Buffer.alloc(RELEASE_SET_LIMIT + 1, 0x20))), 'DOCUMENT_TOO_LARGE')
})

t.test('Ed25519 is that of RFC 8032, and OpenSSL reads our keys', async (t) => {
  const seed = Buffer.from('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60', 'hex')
  t.equal(publicKeyOf(seed), 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a')
  const sig = signBytes(Buffer.alloc(0), seed)
  t.equal(sig, 'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b')
  t.ok(isSignatureOf(Buffer.alloc(0), sig, publicKeyOf(seed)))
  t.ok(verify(null, Buffer.alloc(0), createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(publicKeyOf(seed), 'hex').toString('base64url') }, format: 'jwk' }), Buffer.from(sig, 'hex')))
  for (const [bytes, signature, key] of [['x', sig, publicKeyOf(seed)], ['', sig.replace(/.$/, '0'), publicKeyOf(seed)], ['', sig.toUpperCase(), publicKeyOf(seed)], ['', sig, '0'.repeat(64)], ['', `${sig}00`, publicKeyOf(seed)], ['', sig, 'x']] as const) {
    t.notOk(isSignatureOf(Buffer.from(bytes), signature, key), `${bytes} ${signature.slice(0, 8)} ${key.slice(0, 8)}`)
  }
})

t.test('a signature whose S is not below the order is refused: nobody makes a second one of it', async (t) => {
  const seed = RELEASE_KEY
  const sig = Buffer.from(signBytes(Buffer.from('x'), seed), 'hex')
  const order = 2n ** 252n + 27742317777372353535851937790883648493n
  const s = BigInt(`0x${Buffer.from(sig.subarray(32)).reverse().toString('hex')}`) + order
  const other = Buffer.concat([sig.subarray(0, 32), Buffer.from(s.toString(16).padStart(64, '0'), 'hex').reverse()])
  t.notOk(isSignatureOf(Buffer.from('x'), other.toString('hex'), publicKeyOf(seed)))
})

t.test('did:key is the W3C group\'s, and has one spelling', async (t) => {
  const did = 'did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp'
  t.equal(publicKeyIn(did), '3b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29')
  t.equal(didKeyOf(publicKeyIn(did)), did)
  for (const wrong of ['', 'did:key:', did.slice(0, -1), `${did}1`, did.replace('did:', 'DID:'), did.replace('z6', 'z16'), `did:key:z${'1'.repeat(100_000)}`, 'did:key:zQ3shokFTS3brHcDQrn82RUDfCZESWL1ZdCEJwekUDPQiYBme', 'did:web:example.com', did.replace('W', 'l')]) {
    t.equal(releaseFaultOf(() => publicKeyIn(wrong)), 'KEY_INVALID', wrong.slice(0, 80))
  }
})

t.test('what is signed is the canonical document without its signatures; one key counts once', async (t) => {
  const document = { b: 1, a: ['é'], signatures: [] }
  t.equal(signedBytes(document).toString(), '{"a":["é"],"b":1}')
  const once = addSignature(document, RELEASE_KEY)
  t.strictSame(addSignature(once, RELEASE_KEY), once, 'signing again changes nothing')
  const both = addSignature(once, SECOND_RELEASE_KEY)
  t.strictSame(signedBytes(both), signedBytes(document))
  t.equal(countValid(both, [didOf(RELEASE_KEY), didOf(RELEASE_KEY), didOf(SECOND_RELEASE_KEY)]), 2)
  t.equal(countValid({ ...once, signatures: [...once.signatures, ...once.signatures] }, [didOf(RELEASE_KEY)]), 1)
  t.equal(releaseFaultOf(() => countValid({ ...both, b: 2 } as typeof both, [])), 'SIGNATURE_WRONG')
})

t.test('a role\'s key is one line of 64 hex digits, and a fault does not tell it', async (t) => {
  t.match(newRoleKey(), /^[0-9a-f]{64}\n$/)
  t.not(newRoleKey(), newRoleKey())
  t.equal(parseRoleKey(`${'ab'.repeat(32)}\r\n`).toString('hex'), 'ab'.repeat(32))
  for (const text of ['', 'ab', 'ab'.repeat(33), `${'ab'.repeat(32)} x`]) t.equal(releaseFaultOf(() => parseRoleKey(text)), 'KEY_INVALID')
  t.throws(() => parseRoleKey('abcdef'), { message: /^(?!.*abcdef)/ })
})

t.test('documents that are built are read back the same', async (t) => {
  const manifest = manifestOf()
  for (const [bytes, parse, build] of [[bundleOf(), parseTrustBundle, buildTrustBundle], [manifest, parseReleaseManifest, buildReleaseManifest], [pointerOf(manifest), parseLatestPointer, buildLatestPointer]] as const) {
    t.strictSame((build as (value: unknown) => Buffer)(parse(bytes)), bytes)
  }
})

const MANIFESTS: Record<string, Change<ReleaseManifest>> = {
  'no files': (each) => { Object.assign(each, { components: [], images: [] }) },
  'a component twice for one platform': (each) => { each.components[1]!.platform = each.components[0]!.platform },
  'two images of one name': (each) => { each.images!.push(each.images![0]!) },
  'a floor above itself': (each) => { each.rollback_floor = 43 },
  'an upgrade from itself alone': (each) => { each.min_sequence_to_upgrade_from = 42 },
  'sequence 0': (each) => { each.sequence = 0 },
  'a component without BLAKE3': (each) => { delete (each.components[0] as Partial<ReleaseManifest['components'][number]>).blake3 },
  'a sha256 in large letters': (each) => { each.components[0]!.sha256 = each.components[0]!.sha256.toUpperCase().replace(/^\d*/, 'A') },
  'a size below nothing': (each) => { each.components[0]!.size_bytes = -1 },
  'a name that climbs': (each) => { each.components[0]!.name = '../x' },
  'a platform that climbs': (each) => { each.components[0]!.platform = '../x' },
  'an application with a slash': (each) => { each.app = 'a/b' },
  'a download from a file': (each) => { each.components[0]!.download_url = 'file:///etc/passwd' },
  'a server with a path': (each) => { each.servers = ['https://x.example/y'] },
  'a member of no meaning': (each) => { Object.assign(each.components[0]!, { note: 1 }) },
  'too many components': (each) => { each.components = Array.from({ length: 257 }, (_, i) => ({ ...each.components[0]!, name: `c${i}` })) },
  'no changelog': (each) => { delete (each as Partial<ReleaseManifest>).changelog }
}

for (const [name, change] of Object.entries(MANIFESTS)) {
  t.test(`a manifest with ${name} is MANIFEST_INVALID`, async (t) => { t.equal(releaseFaultOf(() => parseReleaseManifest(manifestOf(change))), 'MANIFEST_INVALID') })
}

const BUNDLES: Record<string, Change<TrustBundle>> = {
  'no release key': (each) => { each.roles.release.keys = [] },
  'a key twice': (each) => { each.roles.release.keys = [didOf(RELEASE_KEY), didOf(RELEASE_KEY)] },
  'a threshold above its keys': (each) => { each.roles.timestamp.threshold = 2 },
  'a threshold of 0': (each) => { each.roles.release.threshold = 0 },
  'no applications': (each) => { each.roles.release.apps = [] },
  'version 0': (each) => { each.bundle_version = 0 },
  'an end before its beginning': (each) => { each.expires_at = each.issued_at },
  'a role more': (each) => { Object.assign(each.roles, { root: each.roles.release }) },
  'pointers good for a year': (each) => { each.roles.timestamp.max_validity_s = 365 * 86400 },
  'a revoked key that is none': (each) => { each.revoked_keys = [{ key: `did:key:z6Mk${'1'.repeat(44)}`, since: 1, reason: '' }] }
}

for (const [name, change] of Object.entries(BUNDLES)) {
  t.test(`a trust bundle with ${name} is BUNDLE_INVALID`, async (t) => { t.equal(releaseFaultOf(() => parseTrustBundle(bundleOf(change))), 'BUNDLE_INVALID') })
}

t.test('the fault tells the place', async (t) => {
  t.throws(() => parseReleaseManifest(manifestOf((each) => { Object.assign(each.components[1]!, { note: 1 }) })), { message: 'the release manifest does not say what it must: /components/1 must NOT have additional properties "note"' })
})

t.test('every file of a release is told with where it is', async (t) => {
  const files = artifactsOf(parseReleaseManifest(manifestOf()))
  t.strictSame(files.map(({ name, platform, role }) => [name, platform, role]), [
    ['archipelago', 'linux-x86_64', 'component'], ['archipelago', 'linux-aarch64', 'component'],
    ['indeedhub', null, 'index'], ['indeedhub', null, 'manifest'], ['indeedhub', null, 'config'], ['indeedhub', null, 'layer']
  ])
  t.strictSame(files[0]!.urls, [`https://origin.example/${files[0]!.sha256}.bin`, `https://blossom.example/${files[0]!.sha256}`])
  t.strictSame(files[5]!.urls, [`https://blossom.example/${files[5]!.sha256}`])
})

t.test('a file must have the size, the BLAKE3 and the sha256 of the manifest', async (t) => {
  const file = artifactsOf(parseReleaseManifest(manifestOf()))[0]!
  const good = { sha256: file.sha256, blake3: file.blake3, size: file.size_bytes }
  t.doesNotThrow(() => { checkArtifact(file, good) })
  for (const wrong of [{ ...good, size: 4999 }, { ...good, sha256: '0'.repeat(64) }, { ...good, blake3: '0'.repeat(64) }]) t.equal(releaseFaultOf(() => { checkArtifact(file, wrong) }), 'ARTIFACT_WRONG')
})

t.test('a set keeps the documents byte for byte, and what is missing stays missing', async (t) => {
  const request = requestOf()
  const set = { app: request.app, channel: request.channel, bundle: request.bundle, older: [request.bundle], pointer: request.pointer, manifest: request.manifest, events: eventsOf(request) }
  t.strictSame(parseReleaseSet(buildReleaseSet(set)), set)
  t.equal(verifyRelease({ ...request, ...parseReleaseSet(buildReleaseSet(set)) }).verdict, 'install')
  const empty = { ...set, bundle: null, pointer: null, manifest: null, older: [], events: [] }
  t.strictSame(parseReleaseSet(buildReleaseSet(empty)), empty)
  for (const text of ['{}', '[]', '{"schema":"marquee.release-set/1","app":"../x","channel":"stable","bundle":null,"pointer":null,"manifest":null}']) t.equal(releaseFaultOf(() => parseReleaseSet(Buffer.from(text))), 'SET_INVALID')
})

// --- version 1 -----------------------------------------------------------------------------------------------------------------------

t.test('a reader of version 1 reads version 2: its members keep their names and types', async (t) => {
  const { manifest, signer } = readV1(manifestOf())
  t.equal(signer, null, 'it looks for a signature of its own')
  t.match(manifest, { version: '1.8.0', release_date: '2026-11-20', changelog: ['Releases are signed.', String], components: [{ name: 'archipelago', current_version: '1.7.99', new_version: '1.8.0', download_url: /^https:/, sha256: /^[0-9a-f]{64}$/, size_bytes: 5000 }, {}] })
})

t.test('a file of version 1 is for one platform, signed once; unsigned passes, a wrong signature never', async (t) => {
  const manifest = parseReleaseManifest(manifestOf())
  const v1 = v1ManifestOf(manifest, 'linux-aarch64')!
  t.strictSame(v1.components.map(({ sha256 }) => sha256), [manifest.components[1]!.sha256])
  t.strictSame(Object.keys(v1).sort(), ['changelog', 'components', 'release_date', 'version'])
  t.equal(v1ManifestOf(manifest, 'linux-riscv64'), null)
  const bytes = signV1(v1, RELEASE_KEY)
  t.equal(readV1(bytes).signer, didOf(RELEASE_KEY))
  t.equal(readV1(Buffer.from(JSON.stringify(JSON.parse(bytes.toString()), null, 2))).signer, didOf(RELEASE_KEY), 'it covers the canonical form, however the file is spelled')
  t.equal(readV1(Buffer.from(JSON.stringify(v1))).signer, null)
  t.equal(releaseFaultOf(() => readV1(Buffer.from(bytes.toString().replace('1.8.0', '1.8.1')))), 'SIGNATURE_WRONG')
  t.equal(releaseFaultOf(() => readV1(Buffer.from(bytes.toString().replace('"changelog"', '"changelog":[],"changelog"')))), 'MEMBER_REPEATED')
  t.equal(releaseFaultOf(() => readV1(Buffer.from('{"version":"1"}'))), 'MANIFEST_INVALID')
})

t.test('JSON of any spelling is read for version 1, but not what two readers would read differently', async (t) => {
  t.strictSame(parseLoose(Buffer.from(' { "b" : 1 , "a" : [ ] }\n')), { b: 1, a: [] })
  for (const [text, code] of [['{"a" : 1, "a":2}', 'MEMBER_REPEATED'], ['[9007199254740993]', 'NUMBER_INVALID']] as const) t.equal(releaseFaultOf(() => parseLoose(Buffer.from(text))), code)
})

t.test('a latest pointer names no manifest that is larger than any may be: nobody is sent to download one', (t) => {
  const named = (size: number): string => releaseFaultOf(() => parseLatestPointer(pointerOf(manifestOf(), (pointer) => { pointer.manifest.size = size })))
  t.strictSame([RELEASE_MANIFEST_LIMIT, RELEASE_MANIFEST_LIMIT + 1, 1e12, 0].map(named), ['none', 'POINTER_INVALID', 'POINTER_INVALID', 'POINTER_INVALID'])
  t.end()
})
