// The requests of test/buds/hostile.test.ts, twenty times as many, or HOSTILE_REQUESTS. Run by test/long/run.ts, not by `npm test`.

process.env['HOSTILE_REQUESTS'] ??= '100000'
await import('../buds/hostile.test.ts')
