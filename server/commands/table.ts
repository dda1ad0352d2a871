// Every command by its name.

import { config } from './config.ts'
import { allow, allowed, block, blocked, disallow, pin, pinned, unblock, unpin } from './hash-lists.ts'
import { key } from './key.ts'
import { rebuild } from './rebuild.ts'
import { relays } from './relays.ts'
import { reports } from './reports.ts'
import { serve } from './serve.ts'
import { verify } from './verify.ts'
import type { Command } from './terminal.ts'

export const COMMANDS: Readonly<Record<string, Command>> = {
  serve, config, verify, rebuild, key, relays, reports, block, unblock, blocked, pin, unpin, pinned, allow, disallow, allowed
}

export const HELP = `marquee COMMAND [--config FILE]

  serve     the server
  config    what configuration is in force, secrets starred
  verify    re-hash packs; compare packs, index, owners and rows; --repair
  rebuild   the database from the store
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

Each has its own --help. Exit codes: 0 done, 1 something is wrong, 2 the command or the configuration is off.`
