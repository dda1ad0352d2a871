// `marquee film COMMAND`: a creator's film from a file to a signed title.

import type { CommandGroup } from '../../server/commands/terminal.ts'

export const film: CommandGroup = {
  help: `marquee film COMMAND

  build     encodes, encrypts and names by hash: a folder that is ready to be published

Each has its own --help. Exit codes: 0 done, 1 something is wrong, 2 the command is off.`,
  commands: {
    build: async () => (await import('./build-command.ts')).build
  }
}
