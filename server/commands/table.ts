// Every command by its name. Each is loaded when it is asked for: a look at a list need not load the server.

import type { Command, CommandGroup } from './terminal.ts'

type Listing = typeof import('./hash-lists.ts')
type Restricting = typeof import('./restrict.ts')

const ofLists = (name: keyof Listing & ('block' | 'unblock' | 'blocked' | 'pin' | 'unpin' | 'pinned' | 'allow' | 'disallow' | 'allowed')) =>
  async (): Promise<Command> => (await import('./hash-lists.ts'))[name]
const ofRestricted = (name: keyof Restricting & ('restrict' | 'unrestrict' | 'restricted')) => async (): Promise<Command> => (await import('./restrict.ts'))[name]

export const COMMANDS: Readonly<Record<string, () => Promise<Command | CommandGroup>>> = {
  'serve': async () => (await import('./serve.ts')).serve,
  'config': async () => (await import('./config.ts')).config,
  'verify': async () => (await import('./verify.ts')).verify,
  'damaged': async () => (await import('./damaged.ts')).damaged,
  'rebuild': async () => (await import('./rebuild.ts')).rebuild,
  'copy': async () => (await import('./copy.ts')).copy,
  'key': async () => (await import('./key.ts')).key,
  'relays': async () => (await import('./relays.ts')).relays,
  'reports': async () => (await import('./reports.ts')).reports,
  'block': ofLists('block'),
  'unblock': ofLists('unblock'),
  'blocked': ofLists('blocked'),
  'pin': ofLists('pin'),
  'unpin': ofLists('unpin'),
  'pinned': ofLists('pinned'),
  'allow': ofLists('allow'),
  'disallow': ofLists('disallow'),
  'allowed': ofLists('allowed'),
  'restrict': ofRestricted('restrict'),
  'unrestrict': ofRestricted('unrestrict'),
  'restricted': ofRestricted('restricted'),
  'relay-policy': async () => (await import('./relay-policy.ts')).relayPolicy,
  'film': async () => (await import('../../backstage/film/commands.ts')).film,
  'release': async () => (await import('../../backstage/release/commands.ts')).release
}

export const HELP = `marquee COMMAND [--config FILE]

  serve     the server
  config    what configuration is in force, secrets starred
  verify    re-hash packs; compare packs, index, owners and rows; --repair
  damaged   blobs found damaged that wait to be repaired
  rebuild   the database from the store; --catalog: its catalog from the log of events
  copy      this store into another, folders or bucket, while the server runs
  key       this server's npub; --make prints a new key pair
  relays    how each relay stands, and what waits for it
  reports   what people reported
  block     hides blobs and keeps them out
  unblock   ends that
  blocked   what is blocked
  pin       keeps blobs when their last owner leaves
  unpin     ends that
  pinned    what is pinned
  allow     puts hashes on the list of what alone is stored and served (allowListOnly)
  disallow  takes them off it
  allowed   what is on it
  restrict  serves blobs to their owners and the keys named alone
  unrestrict  ends that
  restricted  what is restricted, and to whom
  relay-policy  who may publish what, for a relay of one's own: strfry or nostr-rs-relay

For creators and publishers, without a server of their own:
  film      films: from a file to a signed title
  release   releases: keys, signed manifests, their verification

Each has its own --help. Exit codes: 0 done, 1 something is wrong, 2 the command or the configuration is off.`
