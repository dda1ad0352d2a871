// A command that was called wrongly: exit code 2, with the words why and how it is called. And the options that commands of releases share.

import { ReleaseFault } from '../../server/release/faults.ts'
import type { StandaloneCommand } from '../../server/commands/terminal.ts'

export class Misuse extends Error {}

type Values = Record<string, string | boolean | (string | boolean)[] | undefined>

/** A command whose `run` may throw Misuse (exit code 2) or ReleaseFault (1, with its code). */
export function releaseCommand ({ run, ...shape }: Omit<StandaloneCommand, 'standalone'>): StandaloneCommand {
  return {
    ...shape,
    standalone: true,
    run: async (parts) => {
      try {
        return await run(parts)
      } catch (error) {
        if (error instanceof Misuse) {
          parts.terminal.err(`marquee release: ${error.message}\n\n${shape.help}`)
          return 2
        }
        if (!(error instanceof ReleaseFault)) throw error
        parts.terminal.err(`marquee release: ${error.message} (${error.code})`)
        return 1
      }
    }
  }
}

export function textIn (values: Values, name: string): string | null {
  const value = values[name]
  return typeof value === 'string' ? value : null
}

export function needed (values: Values, name: string): string {
  const value = textIn(values, name)
  if (value === null) throw new Misuse(`--${name} is missing`)
  return value
}

export function textsIn (values: Values, name: string): string[] {
  const value = values[name]
  return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : []
}

/** A whole number from `least`; null when it is not given. */
export function wholeIn (values: Values, name: string, least = 0): number | null {
  const text = textIn(values, name)
  if (text === null) return null
  const number = Number(text)
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(number) || number < least) throw new Misuse(`--${name} must be a whole number from ${least}`)
  return number
}

/** Of commands that ask for a mnemonic: what stands there may be one, so it is not told again. */
export function noWords (words: readonly string[]): void {
  if (words.length > 0) throw new Misuse('it takes options alone; words on a command line can be read by everybody on this machine')
}

/** The only word besides the options. */
export function onlyWord (words: readonly string[], name: string): string {
  if (words.length !== 1) throw new Misuse(words.length === 0 ? `${name} is missing` : `one ${name}, not ${words.length}`)
  return words[0]!
}
