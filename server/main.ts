#!/usr/bin/env -S node --max-semi-space-size=4 --enable-source-maps
// The `marquee` command: argv, environment, signals and exit codes. The only file that touches `process`.
//
// Exit codes: 0 done; 1 it went wrong, or `verify` found something; 2 the command or the configuration is off.

import { parseArgs } from 'node:util'
import { COMMANDS, HELP } from './commands/table.ts'
import { readSecret } from './commands/secret-prompt.ts'
import { ConfigError } from './errors.ts'
import { loadConfig } from './config.ts'
import { tracesAsked } from './traces.ts'
import type { Config } from './config.ts'
import type { CommandGroup, Command, Terminal } from './commands/terminal.ts'

const terminal: Terminal = {
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
}

async function main (argv: string[]): Promise<number> {
  const [name, ...rest] = argv
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    terminal[name === undefined ? 'err' : 'out'](HELP)
    return name === undefined ? 2 : 0
  }
  const found = Object.hasOwn(COMMANDS, name) ? await COMMANDS[name]!() : undefined
  if (found === undefined) {
    terminal.err(`marquee: there is no command "${name}"\n\n${HELP}`)
    return 2
  }
  return 'commands' in found ? runOf(found, name, rest) : run(found, name, rest)
}

/** A command of a group, as `marquee film publish`. */
async function runOf (group: CommandGroup, of: string, argv: string[]): Promise<number> {
  const [name, ...rest] = argv
  if (name === '--help' || name === '-h' || name === 'help') {
    terminal.out(group.help)
    return 0
  }
  const command = name !== undefined && Object.hasOwn(group.commands, name) ? await group.commands[name]!() : undefined
  if (command !== undefined) return run(command, `${of} ${name}`, rest)
  terminal.err(`marquee ${of}: ${name === undefined ? 'which command?' : `there is no command "${name}"`}\n\n${group.help}`)
  return 2
}

async function run (command: Command, name: string, rest: string[]): Promise<number> {
  let values: Record<string, string | boolean | (string | boolean)[] | undefined>
  let words: string[]
  try {
    ({ values, positionals: words } = parseArgs({
      args: rest, allowPositionals: command.words === true, strict: true, options: { ...command.options, config: { type: 'string' }, help: { type: 'boolean', short: 'h' } }
    }))
  } catch (error) {
    terminal.err(`marquee ${name}: ${(error as Error).message}\n\n${command.help}`)
    return 2
  }
  if (values['help'] === true) {
    terminal.out(command.help)
    return 0
  }
  const file = values['config']
  const load = (): Config => loadConfig({ file: typeof file === 'string' ? file : null, env: process.env })
  const parts = { loadConfig: load, values, words, terminal }
  return command.standalone === true ? command.run(parts) : command.run({ ...parts, config: load() })
}

try {
  // exitCode, not exit(): what was written to a pipe is let out first
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  if (error instanceof ConfigError) {
    for (const problem of error.problems) terminal.err(`config: ${problem}`)
    process.exitCode = 2
  } else {
    terminal.err(`marquee: ${error instanceof Error ? error.message : String(error)}`)
    process.exitCode = 1
  }
}
