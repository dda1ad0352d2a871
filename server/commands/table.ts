// Every command by its name.

import { config } from './config.ts'
import { block, blocked, unblock } from './hash-lists.ts'
import { key } from './key.ts'
import { rebuild } from './rebuild.ts'
import { reports } from './reports.ts'
import { serve } from './serve.ts'
import { verify } from './verify.ts'
import type { Command } from './terminal.ts'

export const COMMANDS: Readonly<Record<string, Command>> = { serve, config, verify, rebuild, key, reports, block, unblock, blocked }

export const HELP = `marquee COMMAND [--config FILE]

  serve     the server
  config    what configuration is in force, secrets starred
  verify    re-hash packs; compare packs, index, owners and rows; --repair
  rebuild   the database from the store
  key       this server's npub; --make prints a new key pair
  reports   what people reported
  block     hides blobs and keeps them out; unblock ends it, blocked lists them
  unblock   see block
  blocked   see block

Each has its own --help. Exit codes: 0 done, 1 something is wrong, 2 the command or the configuration is off.`
