// A folder of its own for a test, gone with it. (`t.testdir` is one a test, and empties it.)

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'

export function newFolder (t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'marquee-test-'))
  t.teardown(() => { rmSync(folder, { recursive: true, force: true }) })
  return folder
}
