// Node as `marquee` has it when it is started by its name: with the flags of server/main.ts's first line, and nothing of the test runner's. Tests and
// benchmarks start it with the same.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from './source.ts'

/** Arguments of node, before the program's name. */
export const NODE_FLAGS: readonly string[] = /^#!\S+ -S node (.+)$/m.exec(readFileSync(join(ROOT, 'server/main.ts'), 'utf8'))![1]!.split(' ')

/**
 * What to spawn for Node and `args` with no NODE_OPTIONS but those of `env`: tap adds a loader of its own to the environment of every program that
 * a test starts, whatever was asked for, and that loader doubles the time of a start. The process that comes of it is Node's own.
 */
export function plainNode (args: readonly string[], env: Readonly<Record<string, string>>): [command: string, args: string[]] {
  const { NODE_OPTIONS } = env
  return ['env', ['-u', 'NODE_OPTIONS', ...(NODE_OPTIONS === undefined ? [] : [`NODE_OPTIONS=${NODE_OPTIONS}`]), process.execPath, ...args]]
}
