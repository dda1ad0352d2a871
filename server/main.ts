#!/usr/bin/env -S node --max-semi-space-size=4 --enable-source-maps
// The `marquee` command: argv, environment, signals and exit codes. The only file that touches `process`.

import { runCommandLine } from './commands/run.ts'
import { readSecret } from './commands/secret-prompt.ts'
import { tracesAsked } from './traces.ts'

// who wanted the first lines alone (`| head -1`) is gone: the program ends without a word, as others do by SIGPIPE
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    process.exit(1)
  })
}

// exitCode, not exit(): what was written to a pipe is let out first
process.exitCode = await runCommandLine(process.argv.slice(2), {
  pid: process.pid,
  traces: tracesAsked(process.env),
  env: process.env,
  out: (line) => { process.stdout.write(`${line}\n`) },
  err: (line) => { process.stderr.write(`${line}\n`) },
  input: () => process.stdin,
  askSecretly: async (question) => process.stdin.isTTY ? readSecret(process.stdin, (text) => { process.stderr.write(text) }, question) : null,
  progress: process.stderr.isTTY ? (line) => { process.stderr.write(`\r\x1b[K${line}`) } : null,
  onStop: (stop) => {
    process.once('SIGTERM', () => { stop('SIGTERM') })
    process.once('SIGINT', () => { stop('SIGINT') })
  },
  onReload: (reload) => { process.on('SIGHUP', reload) }
})
