// `marquee config`: what is in force, secrets starred.

import { starConfig } from '../config.ts'
import type { Command } from './terminal.ts'

export const config: Command = {
  help: `marquee config [--config FILE]

Prints the configuration in force as JSON (defaults, file, environment), secrets starred.`,
  options: {},
  run: async ({ config, terminal }) => {
    terminal.out(JSON.stringify(starConfig(config), null, 2))
    return 0
  }
}
