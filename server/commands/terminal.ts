// What a command may use of the terminal; main.ts gives the real one, tests their own.

import type { Config } from '../config.ts'
import type { TracesAsked } from '../traces.ts'

export interface Terminal {
  /** The number of this process. */
  pid: number
  /** What the environment asks for of traces; null for nothing. */
  traces: TracesAsked | null
  /** The environment, for secrets that commands without a configuration take from it. */
  env: Readonly<Record<string, string | undefined>>
  out: (line: string) => void
  err: (line: string) => void
  /** What is piped in. */
  input: () => AsyncIterable<Buffer>
  /** Asks for a line that is not shown; null where there is no terminal to ask on. Rejects when it is broken off. */
  askSecretly: (question: string) => Promise<string | null>
  /** Rewrites one line on a terminal; null where there is none, and plain lines are due now and then. */
  progress: ((line: string) => void) | null
  /** Calls back once when the program is asked to stop. */
  onStop: (stop: (signal: string) => void) => void
  /** Calls back each time the program is asked to read its configuration again. */
  onReload: (reload: () => void) => void
}

export interface CommandParts {
  config: Config
  /** Reads file and environment again. Throws ConfigError. */
  loadConfig: () => Config
  values: Record<string, string | boolean | (string | boolean)[] | undefined>
  /** What stands besides the options; empty but for commands that take `words`. */
  words: readonly string[]
  terminal: Terminal
}

interface CommandShape {
  help: string
  options: Record<string, { type: 'string' | 'boolean', short?: string, multiple?: boolean }>
  /** Whether it takes more than options. */
  words?: true
}

export interface ServerCommand extends CommandShape {
  standalone?: never
  /** The exit code. */
  run: (parts: CommandParts) => Promise<number>
}

/** For people who have no server to configure: creators and publishers. */
export interface StandaloneCommand extends CommandShape {
  standalone: true
  /** The exit code. */
  run: (parts: Omit<CommandParts, 'config' | 'loadConfig'>) => Promise<number>
}

export type Command = ServerCommand | StandaloneCommand

/** Commands that belong together, each called by two words. */
export interface CommandGroup {
  help: string
  commands: Readonly<Record<string, () => Promise<Command>>>
}

const PLAIN_EVERY_MS = 5000

/** A stranger's words on one line, without what steers a terminal. */
export function plain (words: string): string {
  return words.replace(/\s+/g, ' ').replace(/[\p{Cc}\p{Cf}]/gu, '?').slice(0, 200)
}

/** What is written to rewrite one line: cut to the terminal's width, since a line that wraps is two, and only the last of them would be written over. */
export function rewritten (line: string, columns: number | undefined): string {
  // the last column is left free: some terminals wrap when it is filled
  return `\r\x1b[K${columns === undefined || columns < 2 ? line : [...line].slice(0, columns - 1).join('')}`
}

/** Progress of long work: one line that changes on a terminal, a plain line every five seconds elsewhere. */
export function progressOf (terminal: Terminal): { show: (line: string) => void, end: () => void } {
  let last = 0
  return {
    show: (line) => {
      const now = Date.now()
      if (now - last < (terminal.progress === null ? PLAIN_EVERY_MS : 100)) return
      last = now
      if (terminal.progress === null) terminal.err(line)
      else terminal.progress(line)
    },
    end: () => { if (last > 0 && terminal.progress !== null) terminal.progress('') }
  }
}
