// Writes test/vectors/release/: what a node is offered and what it must make of it, for the authors of other nodes. The same bytes on every run, from
// the same table as our own tests (test/support/release-attacks.ts):
//   npx tsc && node dist/test/vectors/make.js

import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../support/source.ts'
import { SCENARIOS } from '../support/release-attacks.ts'
import { sha256Of } from '../support/release-chain.ts'
import { canonicalText } from '../../server/release/canonical.ts'
import { NODE_ED25519, NODE_SECP256K1, ROOT_ED25519, ROOT_SECP256K1, deriveKey, releaseRootOf, seedOf } from '../../server/release/derive.ts'
import { didKeyOf } from '../../server/release/did-key.ts'
import { verifyRelease } from '../../server/release/verify.ts'
import { MNEMONIC } from '../support/release-chain.ts'
import type { Scenario } from '../support/release-attacks.ts'

export const VECTORS = join(ROOT, 'test/vectors/release')

/** Every file of the vectors by its path below their folder. */
export function vectorFiles (): Map<string, Buffer> {
  const files = new Map<string, Buffer>()
  /** Documents are shared: each is named by its own sha256. */
  const put = (bytes: Uint8Array): string => {
    const path = `documents/${sha256Of(bytes).slice(0, 32)}`
    files.set(path, Buffer.from(bytes))
    return path
  }
  const vectors = SCENARIOS.map((scenario) => vectorOf(scenario, put))
  files.set('index.json', Buffer.from([
    `{"schema":"marquee.release-vectors/1",\n"derivation":${JSON.stringify(derivation(), null, 1)},`, `"vectors":[\n${vectors.map((each) => JSON.stringify(each)).join(',\n')}\n]}\n`
  ].join('\n')))
  return files
}

function vectorOf ({ name, says, request, verdict }: Scenario, put: (bytes: Uint8Array) => string): object {
  const { bundle, older = [], pointer, manifest, events = [], artifacts = [], roots, app, channel, now, installed = null, intent = 'update', state } = request
  const pathOf = (bytes: Uint8Array | null): string | null => bytes === null ? null : put(bytes)
  const found = verifyRelease(request)
  if (found.verdict !== verdict) throw new Error(`${name}: ${found.verdict}`)
  const fails = found.checks.find(({ result }) => result === 'failed')
  return {
    name, says,
    given: {
      bundle: pathOf(bundle), older: older.map(put), pointer: pathOf(pointer), manifest: pathOf(manifest),
      events: events.length === 0 ? null : put(Buffer.from(JSON.stringify(events))), artifacts, roots, app, channel, now, installed, intent, state
    },
    expect: {
      verdict,
      fails: fails === undefined ? null : { check: fails.name, code: fails.code },
      checks: found.checks.map(({ name: check, result, code, subject }) => ({ check, result, ...(code === undefined ? {} : { code }), ...(subject === undefined ? {} : { subject }) })),
      state: JSON.parse(canonicalText(found.newState)) as unknown
    }
  }
}

function derivation (): object {
  const seed = seedOf(MNEMONIC)
  const { publicKey, pubkey } = releaseRootOf(MNEMONIC)
  return {
    mnemonic: MNEMONIC,
    keys: Object.fromEntries([NODE_ED25519, NODE_SECP256K1, ROOT_ED25519, ROOT_SECP256K1].map((label) => [label, deriveKey(seed, label).toString('hex')])),
    root: { ed25519: publicKey, did: didKeyOf(publicKey), nostr: pubkey }
  }
}

if (process.argv[1]?.endsWith('vectors/make.js') === true) {
  rmSync(VECTORS, { recursive: true, force: true })
  mkdirSync(join(VECTORS, 'documents'), { recursive: true })
  const files = vectorFiles()
  for (const [path, bytes] of files) writeFileSync(join(VECTORS, path), bytes)
  console.log(`${files.size} files below ${VECTORS}`)
}
