// `marquee release sign`: a role's signature under a manifest or a latest pointer, offline. Several keys sign one after another, up to a threshold.

import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { parseCanonical } from '../../server/release/canonical.ts'
import { ReleaseFault } from '../../server/release/faults.ts'
import { LATEST_POINTER_NAME, buildLatestPointer, parseLatestPointer } from '../../server/release/latest-pointer.ts'
import { RELEASE_MANIFEST_LIMIT, RELEASE_MANIFEST_NAME, buildReleaseManifest, parseReleaseManifest } from '../../server/release/manifest-v2.ts'
import { addSignature, countValid, signersOf } from '../../server/release/signatures.ts'
import { BUNDLE_LIMIT, parseTrustBundle, revokedKeys } from '../../server/release/trust-bundle.ts'
import { signV1, v1ManifestOf } from '../../server/release/v1.ts'
import { readLimited, readRoleKey, writeDurably } from './files.ts'
import { MANIFEST_FILE } from './make.ts'
import { Misuse, onlyWord, releaseCommand, textIn, textsIn } from './misuse.ts'
import type { Signable } from '../../server/release/signatures.ts'

export const sign = releaseCommand({
  help: `marquee release sign FILE|DIR --key FILE… [--trust FILE] [--v1 DIR]

Adds signatures to a release manifest or a latest pointer, in its place. No network is used. Where the role asks for several keys, each holder signs the file
that the one before has signed.
  --key FILE     a role's secret key (marquee release key)
  --trust FILE   the trust bundle: tells whether these keys count, and how many more are needed
  --v1 DIR       also writes DIR/<platform>/manifest.json, signed by the first key, for nodes that read version 1
Exit codes: 0 signed; 1 with --trust also while more signatures are needed; 2 the command is off.`,
  options: { key: { type: 'string', multiple: true }, trust: { type: 'string' }, v1: { type: 'string' } },
  words: true,
  run: async ({ values, words, terminal }) => {
    const word = onlyWord(words, 'FILE')
    const path = (await stat(word)).isDirectory() ? join(word, MANIFEST_FILE) : word
    const keyFiles = textsIn(values, 'key')
    if (keyFiles.length === 0) throw new Misuse('--key FILE is missing')
    const seeds = await Promise.all(keyFiles.map(readRoleKey))
    const { kind, document, build } = read(await readLimited(path, RELEASE_MANIFEST_LIMIT))
    // one that does not hold would spoil the whole
    if (document.signatures.length > 0) signersOf(document)
    const signed = seeds.reduce((each, seed) => addSignature(each, seed), document)
    await writeDurably(path, build(signed))
    terminal.out(`${path}: signed by ${signed.signatures.map(({ key }) => key).join(', ')}`)
    const v1 = textIn(values, 'v1')
    if (v1 !== null) await writeV1(v1, build(signed), seeds[0]!, terminal.out)
    const trust = textIn(values, 'trust')
    return trust === null || await tellThreshold(trust, kind, signed, terminal.out) ? 0 : 1
  }
})

interface Read {
  kind: 'release' | 'timestamp'
  document: Signable
  build: (document: Signable) => Buffer
}

function read (bytes: Buffer): Read {
  const value = parseCanonical(bytes, RELEASE_MANIFEST_LIMIT)
  const schema = typeof value === 'object' && value !== null && 'schema' in value ? value.schema : null
  if (schema === RELEASE_MANIFEST_NAME) {
    const document = parseReleaseManifest(bytes)
    return { kind: 'release', document, build: (signed) => buildReleaseManifest({ ...document, signatures: signed.signatures }) }
  }
  if (schema === LATEST_POINTER_NAME) {
    const document = parseLatestPointer(bytes)
    return { kind: 'timestamp', document, build: (signed) => buildLatestPointer({ ...document, signatures: signed.signatures }) }
  }
  throw new ReleaseFault('SCHEMA_OTHER', 'a role signs manifests and latest pointers; a trust bundle is signed by the root alone (marquee release trust)')
}

async function writeV1 (folder: string, bytes: Buffer, seed: Buffer, out: (line: string) => void): Promise<void> {
  const manifest = parseReleaseManifest(bytes)
  for (const platform of new Set(manifest.components.map((each) => each.platform))) {
    const path = join(folder, platform, MANIFEST_FILE)
    await writeDurably(path, signV1(v1ManifestOf(manifest, platform)!, seed))
    out(`version 1: ${path}`)
  }
}

/** True when enough keys signed. */
async function tellThreshold (path: string, kind: Read['kind'], document: Signable, out: (line: string) => void): Promise<boolean> {
  const bundle = parseTrustBundle(await readLimited(path, BUNDLE_LIMIT))
  const { keys, threshold } = bundle.roles[kind]
  const revoked = revokedKeys(bundle)
  const count = countValid(document, keys.filter((key) => !revoked.has(key)))
  out(`${count} of ${threshold} signatures that count in trust bundle ${bundle.bundle_version}${count < threshold ? ': it needs more' : ''}`)
  return count >= threshold
}
