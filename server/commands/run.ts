// One command line, from its words to its exit code: main.ts gives it the real terminal, tests their own.
//
// Exit codes: 0 done; 1 it went wrong, or `verify` found something; 2 the command or the configuration is off.

import { parseArgs } from 'node:util'
import { ConfigError } from '../errors.ts'
import { COMMANDS, HELP } from './table.ts'
import type { Config } from '../config.ts'
import type { Command, CommandGroup, Terminal } from './terminal.ts'

/** Runs `marquee ARGV`; the exit code. What goes wrong is told on the terminal, and never thrown. */
export async function runCommandLine (argv: string[], terminal: Terminal): Promise<number> {
  try {
    return await runNamed(argv, terminal)
  } catch (error) {
    if (error instanceof ConfigError) {
      for (const problem of error.problems) terminal.err(`config: ${problem}`)
      return 2
    }
    terminal.err(`marquee: ${error instanceof Error ? error.message : String(error)}`)
    return 1
  }
}

async function runNamed (argv: string[], terminal: Terminal): Promise<number> {
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
  return 'commands' in found ? runOf(found, name, rest, terminal) : run(found, name, rest, terminal)
}

/** A command of a group, as `marquee film publish`. */
async function runOf (group: CommandGroup, of: string, argv: string[], terminal: Terminal): Promise<number> {
  const [name, ...rest] = argv
  if (name === '--help' || name === '-h' || name === 'help') {
    terminal.out(group.help)
    return 0
  }
  const command = name !== undefined && Object.hasOwn(group.commands, name) ? await group.commands[name]!() : undefined
  if (command !== undefined) return run(command, `${of} ${name}`, rest, terminal)
  terminal.err(`marquee ${of}: ${name === undefined ? 'which command?' : `there is no command "${name}"`}\n\n${group.help}`)
  return 2
}

async function run (command: Command, name: string, rest: string[], terminal: Terminal): Promise<number> {
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
  if (command.standalone === true) return command.run({ values, words, terminal })
  // only here: it costs whoever has no server a third of a short command's time
  const { loadConfig } = await import('../config.ts')
  const file = values['config']
  const load = (): Config => loadConfig({ file: typeof file === 'string' ? file : null, env: terminal.env })
  return command.run({ loadConfig: load, values, words, terminal, config: load() })
}
