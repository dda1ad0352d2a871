// `marquee release COMMAND`: the publisher's keys and documents, and what a node makes of them.

import type { CommandGroup } from '../../server/commands/terminal.ts'

export const release: CommandGroup = {
  help: `marquee release COMMAND

Offline, with the mnemonic of the release root:
  root      the public keys of a mnemonic
  trust     a trust bundle: which keys may sign releases and latest pointers
  revoke    the next trust bundle, without a key or a version
  rotate    the next trust bundle, with a new root

With the keys of roles:
  key       a new key of a role
  make      a release manifest from files and images
  sign      signs a manifest or a latest pointer

To servers and relays:
  publish   a signed release, with an operating key
  pointer   the latest pointer, signed anew

For nodes:
  verify    what a node makes of a release, check by check
  fetch     the latest release, from whoever has it

Each has its own --help. Exit codes: 0 done, 1 something is wrong or refused, 2 the command is off.`,
  commands: {
    root: async () => (await import('./root.ts')).root,
    trust: async () => (await import('./trust.ts')).trust,
    revoke: async () => (await import('./revoke.ts')).revoke,
    rotate: async () => (await import('./rotate.ts')).rotate,
    key: async () => (await import('./key.ts')).key,
    make: async () => (await import('./make.ts')).make,
    sign: async () => (await import('./sign.ts')).sign,
    publish: async () => (await import('./publish.ts')).publish,
    pointer: async () => (await import('./pointer.ts')).pointer,
    verify: async () => (await import('./verify.ts')).verify,
    fetch: async () => (await import('./fetch.ts')).fetchRelease
  }
}
