// Loading configurations in tests: from an environment, from a file written for the test, or for their problems.
import { join } from 'node:path'
import { npubEncode, nsecEncode } from 'nostr-tools/nip19'
import type { Test } from 'tap'
import { loadConfig } from '../../server/config.ts'
import type { Config } from '../../server/config.ts'
import { ConfigError } from '../../server/errors.ts'

export const SECRET = 'c0ffee'.padStart(64, '7')
export const NSEC = nsecEncode(Buffer.from(SECRET, 'hex'))
export const PUBKEY = 'ab'.repeat(32)
export const NPUB = npubEncode(PUBKEY)
export const OTHER = 'cd'.repeat(32)

export type Env = Record<string, string | undefined>

export function fromEnv (env: Env): Config {
  return loadConfig({ file: null, env })
}

/** The problems of a configuration, or none. */
export function problemsOf (env: Env, file: string | null = null): readonly string[] {
  try {
    loadConfig({ file, env })
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
}

/** Writes text as it is, or any other value as JSON, into the test's folder, in place of what was written before. */
export function writeConfig (t: Test, content: unknown): string {
  return join(t.testdir({ 'config.json': typeof content === 'string' ? content : JSON.stringify(content) }), 'config.json')
}
