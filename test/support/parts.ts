// Real programs the tests talk to. Promise: a test that needs a program it cannot have never passes quietly: it is skipped
// with the reason, and with REQUIRE_REAL=1 (as in .ci/run) it fails. scripts/real-parts.sh brings them, scripts/with-parts.sh shows them.
import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import type { Test } from 'tap'

/**
 * The full path of the program `name`, found on PATH. When it is absent, says so on `t` (a skip, or a failure when
 * REQUIRE_REAL is 1) and returns null: the caller then returns.
 */
export function requirePart (t: Test, name: string): string | null {
  const path = findOnPath(name)
  if (path !== null) return path
  const reason = `${name} is not on PATH: run scripts/real-parts.sh, then the test through scripts/with-parts.sh`
  if (process.env['REQUIRE_REAL'] === '1') t.fail(reason)
  else t.pass(`${name} is there`, { skip: reason })
  return null
}

/** The full path of an executable file `name` on PATH, or null. */
export function findOnPath (name: string): string | null {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    if (folder === '') continue
    const path = join(folder, name)
    try {
      accessSync(path, constants.X_OK)
      if (statSync(path).isFile()) return path
    } catch {
      // Not in this folder.
    }
  }
  return null
}
