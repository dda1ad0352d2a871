// What `marquee` gives Node when it is started by its name: the first line of server/main.ts. Tests and benchmarks start it with the same.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from './source.ts'

/** Arguments of node, before the program's name. */
export const NODE_FLAGS: readonly string[] = /^#!\S+ -S node (.+)$/m.exec(readFileSync(join(ROOT, 'server/main.ts'), 'utf8'))![1]!.split(' ')
