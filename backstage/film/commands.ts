// `marquee film COMMAND`: a creator's film from a file to a signed title.

import type { CommandGroup } from '../../server/commands/terminal.ts'

export const film: CommandGroup = {
  help: `marquee film COMMAND

  build     encodes, encrypts and names by hash: a folder that is ready to be published
  publish   builds, uploads, hands in the keys, signs and tells the title
  check     verifies a published film end to end
  list      the films of a creator
  update    another text, poster or list of servers
  grant     lets people play a film
  revoke    ends that
  audit     who asked for its keys
  rekey     its keys to another server
  withdraw  takes it back

Each has its own --help. Exit codes: 0 done, 1 something is wrong, 2 the command is off.`,
  commands: {
    build: async () => (await import('./build-command.ts')).build,
    publish: async () => (await import('../title/publish-command.ts')).publish,
    check: async () => (await import('../title/check-command.ts')).check,
    list: async () => (await import('../title/list-command.ts')).list,
    update: async () => (await import('../title/update-command.ts')).update,
    grant: async () => (await import('../title/access-commands.ts')).grant,
    revoke: async () => (await import('../title/access-commands.ts')).revoke,
    audit: async () => (await import('../title/audit-command.ts')).audit,
    rekey: async () => (await import('../title/rekey-command.ts')).rekey,
    withdraw: async () => (await import('../title/withdraw-command.ts')).withdraw
  }
}
