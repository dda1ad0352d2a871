// `marquee copy --to FILE`: this store into the one that another configuration names, while the server serves; and a last pass when it has stopped.

import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { MEANINGS } from '../config-values.ts'
import { loadConfig } from '../config.ts'
import { FolderTaken, holdDataFolder } from '../data-folder.ts'
import { openDatabase } from '../database.ts'
import { databasePath } from '../marquee.ts'
import { CopyLedger } from '../stores/copy-ledger.ts'
import { copy as copyStore } from '../stores/copy.ts'
import { OWNERS, PACKS, RECORDS, STATE } from '../stores/layout.ts'
import { openStores } from '../stores/open.ts'
import { Unsettled } from '../stores/unsettled.ts'
import { progressOf } from './terminal.ts'
import type { Config } from '../config.ts'
import type { DataFolder } from '../data-folder.ts'
import type { Copied } from '../stores/copy.ts'
import type { Stores } from '../stores/open.ts'
import type { Command, Terminal } from './terminal.ts'

/** dist/server/commands → migrations/copy */
const TABLES = fileURLToPath(new URL('../../../migrations/copy/', import.meta.url))

/** Why a copy cannot begin. */
class Refused extends Error {}

export const copy: Command = {
  help: `marquee copy --to FILE [--last] [--rate BYTES] [--config FILE]

Copies this server's store into the one that FILE names: another marquee configuration, read without the environment, so that its
secrets stand in it and nowhere else. Both may be folders or buckets. Its dataDir must be another than this one's, and no server may
run on it before the last pass is through.
Every blob is hashed on its way; one that is damaged is told and left out, and the exit code is 1. Run it again after whatever ended it:
what is there and right is skipped. The server may run meanwhile; uploads of the last seconds wait for the next pass.
  --last   the server is stopped (with a bucket: every node): copies what came meanwhile, and removes from the target what this command
           put there and is here no more. The move is then over: there is no pass after it
  --rate   bytes a second at most, such as 20MiB
A target that holds anything and was not begun by this command is refused.`,
  options: { to: { type: 'string' }, last: { type: 'boolean' }, rate: { type: 'string' } },
  run: async ({ config, values, terminal }) => {
    const { to, rate: wanted } = values
    const rate = wanted === undefined ? null : MEANINGS['size']!.parse(wanted)
    if (typeof to !== 'string' || (rate !== null && !(typeof rate === 'number' && rate > 0))) {
      terminal.err(typeof to !== 'string' ? 'copy: --to FILE is missing' : 'copy: --rate is bytes a second, such as 20MiB')
      return 2
    }
    const target = loadConfig({ file: to, env: {} })
    const last = values['last'] === true
    try {
      const copied = await copyBetween(config, target, last, rate as number | null, terminal)
      tell(terminal, copied, last)
      return copied.faults === 0 ? 0 : 1
    } catch (error) {
      if (!(error instanceof Refused)) throw error
      terminal.err(`copy: ${error.message}`)
      return 2
    }
  }
}

function tell (terminal: Terminal, { blobs, bytes, skipped, owners, states, removed, faults }: Copied, last: boolean): void {
  terminal.out(`copied: ${blobs} blobs of ${bytes} bytes, ${owners} owners, ${states} of state; ${skipped} blobs were there` +
    (last ? `; ${removed} removed that are gone` : '') + (faults === 0 ? '' : `; ${faults} left out`))
}

async function copyBetween (config: Config, target: Config, last: boolean, rate: number | null, terminal: Terminal): Promise<Copied> {
  if (target.dataDir === config.dataDir) throw new Refused('the target needs a dataDir of its own')
  if (isSameBucket(config, target)) throw new Refused('source and target are the same bucket')
  const source = holdSource(config, last, terminal.pid)
  try {
    const hold = holdDataFolder(target.dataDir, 'marquee copy', terminal.pid)
    try {
      return await withStores(config, (from) => withStores(target, async (to) => {
        if (source !== null) replay(config, from)
        to.journal?.recover(() => {})
        return copyInto(from, to, { target, last, rate, terminal })
      }))
    } finally {
      hold.release()
    }
  } finally {
    source?.release()
  }
}

function isSameBucket ({ store, minio }: Config, target: Config): boolean {
  return store === 'minio' && target.store === 'minio' && minio.endpoint === target.minio.endpoint && minio.bucket === target.minio.bucket
}

/** Null while a server has the folder: then it is only read. The last pass must have it, since nothing may change any more. */
function holdSource (config: Config, last: boolean, pid: number): DataFolder | null {
  try {
    return holdDataFolder(config.dataDir, 'marquee copy', pid)
  } catch (error) {
    if (error instanceof FolderTaken && !last) return null
    throw error
  }
}

/** What a kill left in the log of small uploads becomes files; the next server, if there is one, compares those blobs. */
function replay (config: Config, from: Stores): void {
  const path = databasePath(config.dataDir)
  const database = existsSync(path) ? openDatabase(path) : null
  try {
    from.journal?.recover((blobs) => { if (database !== null) new Unsettled(database).addAll(blobs) })
  } finally {
    database?.close()
  }
}

async function withStores<T> (config: Config, work: (stores: Stores) => Promise<T>): Promise<T> {
  const stores = await openStores(config)
  try {
    return await work(stores)
  } finally {
    await stores.close()
  }
}

interface Pass {
  target: Config
  last: boolean
  rate: number | null
  terminal: Terminal
}

async function copyInto (from: Stores, to: Stores, { target, last, rate, terminal }: Pass): Promise<Copied> {
  const path = join(target.dataDir, 'copy.db')
  await admit(to, target, path)
  const database = openDatabase(path, TABLES)
  try {
    const ledger = new CopyLedger(database)
    const ended = ledger.fact('ended')
    if (ended !== null) throw new Refused(`the move ended at ${ended}; the target lives by itself since`)
    if (ledger.fact('id') === null) ledger.setFact('id', randomBytes(16).toString('hex'))
    await to.state.put('copy', { v: 1, id: ledger.fact('id') })
    await to.packs.sweep() // drafts of a pass that was cut off
    const progress = progressOf(terminal)
    const copied = await copyStore({
      from, to, ledger, last, rate, onProgress: progress.show,
      onFault: (about, detail) => { terminal.err(`FAULT  ${about}: ${detail}`) }
    })
    progress.end()
    if (last) {
      await to.state.remove('copy')
      ledger.setFact('ended', new Date().toISOString())
    }
    return copied
  } finally {
    database.close()
  }
}

/** Throws Refused when the target is somebody's: no server ran on its folder, and it is empty or was begun by us. */
async function admit (to: Stores, target: Config, path: string): Promise<void> {
  if (existsSync(databasePath(target.dataDir))) throw new Refused(`a server ran on ${target.dataDir}: it is no target any more`)
  const begun = await to.state.get('copy') as { id?: unknown } | null
  if (existsSync(path)) {
    const database = openDatabase(path, TABLES)
    try {
      const ledger = new CopyLedger(database)
      // made and not yet noted in the store, or ended: copyInto goes on
      if (ledger.fact('ended') !== null || (begun !== null && begun.id === ledger.fact('id'))) return
    } finally {
      database.close()
    }
  }
  for (const folder of [OWNERS, RECORDS, PACKS, STATE]) {
    for await (const _ of to.names(folder)) throw new Refused(`the target is not empty, and ${target.dataDir} does not know of a copy into it`)
  }
}
