// The requests of test/buds/hostile.test.ts, twenty times as many from another seed, or HOSTILE_REQUESTS from HOSTILE_SEED. Run by test/long/run.ts, not by `npm test`.

import { randomInt } from 'node:crypto'

process.env['HOSTILE_REQUESTS'] ??= '100000'
process.env['HOSTILE_SEED'] ??= String(randomInt(1, 2 ** 31))
await import('../buds/hostile.test.ts')
