// A command of people without a server, run in this process: what main.ts does with its words, without the start of a program.

import { parseArgs } from 'node:util'
import type { StandaloneCommand } from '../../server/commands/terminal.ts'

/** Its exit code and what it printed. Relative paths are those of the test's process. */
export async function runInside (command: StandaloneCommand, args: string[], env: Record<string, string> = {}): Promise<{ code: number, out: string, err: string }> {
  const texts = { out: '', err: '' }
  const { values, positionals } = parseArgs({ args, allowPositionals: command.words === true, strict: true, options: command.options })
  const code = await command.run({
    values, words: positionals,
    terminal: {
      pid: process.pid, traces: null, env, out: (line) => { texts.out += `${line}\n` }, err: (line) => { texts.err += `${line}\n` }, input: () => process.stdin,
      askSecretly: async () => null, progress: null, onStop: () => {}, onReload: () => {}
    }
  })
  return { code, ...texts }
}
