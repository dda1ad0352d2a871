// Every command by its name.

import { config } from './config.ts'
import { copy } from './copy.ts'
import { damaged } from './damaged.ts'
import { allow, allowed, block, blocked, disallow, pin, pinned, unblock, unpin } from './hash-lists.ts'
import { key } from './key.ts'
import { rebuild } from './rebuild.ts'
import { relayPolicy } from './relay-policy.ts'
import { reports } from './reports.ts'
import { restrict, restricted, unrestrict } from './restrict.ts'
import { serve } from './serve.ts'
import { verify } from './verify.ts'
import type { Command } from './terminal.ts'

export const COMMANDS: Readonly<Record<string, Command>> = {
  serve, config, verify, damaged, rebuild, copy, key, reports, block, unblock, blocked, pin, unpin, pinned, allow, disallow, allowed,
  restrict, unrestrict, restricted,
  'relay-policy': relayPolicy
}

export const HELP = `marquee COMMAND [--config FILE]

  serve     the server
  config    what configuration is in force, secrets starred
  verify    re-hash packs; compare packs, index, owners and rows; --repair
  damaged   blobs found damaged that wait to be repaired
  rebuild   the database from the store; --catalog: its catalog from the log of events
  copy      this store into another, folders or bucket, while the server runs
  key       this server's npub; --make prints a new key pair
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

Each has its own --help. Exit codes: 0 done, 1 something is wrong, 2 the command or the configuration is off.`
