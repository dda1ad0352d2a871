// `marquee film COMMAND`: a creator's film from a file to a signed title.

import type { CommandGroup } from '../../server/commands/terminal.ts'

export const film: CommandGroup = {
  help: `marquee film COMMAND

  build     encodes, encrypts and names by hash: a folder that is ready to be published
  publish   uploads a build, hands in its keys, signs and tells its title

Each has its own --help. Exit codes: 0 done, 1 something is wrong, 2 the command is off.`,
  commands: {
    publish: async () => (await import('../title/publish-command.ts')).publish
  }
}
