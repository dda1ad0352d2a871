// The published vectors, read as another node's author reads them: from the files alone. Every one has the verdict and the checks that its index says,
// and the files are those that the script writes.

import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { RELEASE_FAULTS } from '../../server/release/faults.ts'
import { parseState } from '../../server/release/state.ts'
import { verifyRelease } from '../../server/release/verify.ts'
import { VECTORS, vectorFiles } from '../vectors/make.ts'
import type { Intent } from '../../server/release/verify.ts'

interface Vector {
  name: string
  says: string
  given: {
    bundle: string | null, older: string[], pointer: string | null, manifest: string | null, events: string | null, artifacts: { sha256: string, blake3: string, size: number }[], roots: string[]
    app: string, channel: string, now: number, installed: number | null, intent: Intent, state: unknown
  }
  expect: { verdict: string, fails: { check: string, code: string } | null, checks: { check: string, result: string, code?: string, subject?: string }[], state: unknown }
}

const read = (path: string): Buffer => readFileSync(join(VECTORS, path))
const { schema, vectors } = JSON.parse(read('index.json').toString()) as { schema: string, vectors: Vector[] }

t.test('the files are those that test/vectors/make.ts writes: run `node dist/test/vectors/make.js` after a change', async (t) => {
  const files = vectorFiles()
  t.strictSame(readdirSync(VECTORS, { recursive: true, encoding: 'utf8' }).filter((name) => name !== 'documents').sort(), [...files.keys()].sort())
  for (const [path, bytes] of files) t.ok(existsSync(join(VECTORS, path)) && read(path).equals(bytes), path)
})

t.test('each vector has the verdict, the checks and the state that its index says', async (t) => {
  t.equal(schema, 'marquee.release-vectors/1')
  t.ok(vectors.length > 90, `${vectors.length} vectors`)
  for (const { name, given, expect } of vectors) {
    const { bundle, older, pointer, manifest, events, state, ...rest } = given
    const bytes = (path: string | null): Buffer | null => path === null ? null : read(path)
    const found = verifyRelease({
      ...rest, bundle: bytes(bundle), older: older.map(read), pointer: bytes(pointer), manifest: bytes(manifest), events: events === null ? [] : JSON.parse(read(events).toString()) as unknown[],
      state: parseState(Buffer.from(JSON.stringify(state)))
    })
    const first = found.checks.find(({ result }) => result === 'failed')
    t.strictSame([found.verdict, first === undefined ? null : { check: first.name, code: first.code }], [expect.verdict, expect.fails], name)
    t.strictSame(found.checks.map(({ name: check, result, code, subject }) => ({ check, result, ...(code === undefined ? {} : { code }), ...(subject === undefined ? {} : { subject }) })), expect.checks, name)
    t.strictSame(found.newState, expect.state, name)
  }
})

t.test('every code that a verification can tell has a vector', async (t) => {
  const told = new Set(vectors.flatMap(({ expect }) => expect.checks.map(({ code }) => code)))
  // these are told by commands and by other parsers
  const elsewhere = ['SET_INVALID', 'STATE_INVALID', 'KEY_INVALID', 'MNEMONIC_INVALID', 'SCALAR_INVALID']
  t.strictSame(Object.keys(RELEASE_FAULTS).filter((code) => !told.has(code)), elsewhere)
})
