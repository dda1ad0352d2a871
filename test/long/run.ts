// Runs the long tests in turn and writes what came out, with date and machine, at the end of test/long/RESULTS.md: `npm run test:long`.
// Exit code 1 when any of them failed.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, existsSync, writeFileSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'
import { fileURLToPath } from 'node:url'

const LONG = ['film', 'publish', 'memory', 'load', 'nodes', 'kills', 'hostile']
/** The source tree's file: this runs in dist/test/long/. */
const RESULTS = fileURLToPath(new URL('../../../test/long/RESULTS.md', import.meta.url))

/** Runs one of them; the lines of its assertions that tell something, and whether it passed. */
async function runOne (name: string): Promise<{ passed: boolean, seconds: number, lines: string[] }> {
  const started = Date.now()
  let output = ''
  const child = spawn(process.execPath, ['--enable-source-maps', fileURLToPath(new URL(`${name}.js`, import.meta.url))], {
    env: { ...process.env, TAP_TIMEOUT: '7200' }, stdio: ['ignore', 'pipe', 'inherit']
  })
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
    process.stdout.write(text)
  })
  const [code] = await once(child, 'close') as [number | null]
  const lines = output.split('\n').filter((line) => /^(not )?ok |MiB for|bytes, \d+ seconds|^ +# \||stays (flat|as quick)|acknowledged|kills|slowest|SEED=|# after kill |upload 201 ×|# film of/.test(line) || /^ +not ok/.test(line)).map((line) => line.trimEnd())
  return { passed: code === 0, seconds: Math.round((Date.now() - started) / 1000), lines }
}

if (!existsSync(RESULTS)) writeFileSync(RESULTS, '# Results of the long tests\n\nWritten by test/long/run.ts, newest last.\n')
const [processor] = cpus()
appendFileSync(RESULTS, `\n## ${new Date().toISOString()}\n\nNode ${process.version}, ${cpus().length} × ${processor?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}\n`)
for (const name of process.argv.length > 2 ? process.argv.slice(2) : LONG) {
  const { passed, seconds, lines } = await runOne(name)
  if (!passed) process.exitCode = 1
  appendFileSync(RESULTS, `\n${name}: ${passed ? 'passed' : 'FAILED'} in ${seconds} s\n\n\`\`\`\n${lines.join('\n')}\n\`\`\`\n`)
}
