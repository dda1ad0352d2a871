// `marquee rebuild --catalog`: the tables of the catalog from its log of signed events alone (design §1.4). And what a whole rebuild does for the
// catalog: the log itself, from the store.

import { existsSync } from 'node:fs'
import { isSigned, signEvent } from '../auth/signature.ts'
import { Policy } from '../auth/policy.ts'
import { carryOver } from '../catalog/carry-over.ts'
import { Catalog } from '../catalog/catalog.ts'
import { CatalogStore } from '../catalog/catalog-store.ts'
import { catalogPolicy } from '../catalog-policy.ts'
import { holdDataFolder } from '../data-folder.ts'
import { checkpoint, openDatabase } from '../database.ts'
import { databasePath } from '../marquee.ts'
import { openNodeKey } from '../node-key.ts'
import { Blobs } from '../stores/blobs.ts'
import { plain, progressOf } from './terminal.ts'
import type { Config } from '../config.ts'
import type { Database } from '../database.ts'
import type { Descriptors } from '../stores/descriptors.ts'
import type { Stores } from '../stores/open.ts'
import type { Terminal } from './terminal.ts'

/** The exit code: 1 when entries are damaged, or there is no database. */
export async function rebuildCatalog (config: Config, signatures: boolean, terminal: Terminal): Promise<number> {
  const folder = holdDataFolder(config.dataDir, 'marquee rebuild', terminal.pid)
  try {
    const path = databasePath(config.dataDir)
    if (!existsSync(path)) {
      terminal.err(`rebuild: there is no ${path}: \`marquee rebuild\` makes it from the store`)
      return 1
    }
    const database = openDatabase(path)
    try {
      const progress = progressOf(terminal)
      const { events, damaged } = new CatalogStore(database).rebuild(signatures ? isSigned : null, (seen) => { progress.show(`rebuild: ${seen} events read`) })
      progress.end()
      checkpoint(database, 'TRUNCATE')
      terminal.out(`rebuilt: the catalog from ${events} events, ids ${signatures ? 'and signatures ' : ''}checked`)
      for (const seq of damaged) terminal.err(`damaged: entry ${seq} of the log is not the event it was: left out`)
      return damaged.length === 0 ? 0 : 1
    } finally {
      database.close()
    }
  } finally {
    folder.release()
  }
}

export interface CatalogSources {
  config: Config
  stores: Stores
  /** The new one. */
  database: Database
  descriptors: Descriptors
  /** The one it replaces; there may be none. */
  oldPath: string
  terminal: Terminal
}

/** Brings the catalog into a new database that knows every blob; names of what is damaged in the store. Rejects with StoreError. */
export async function restoreInto ({ config, stores, database, descriptors, oldPath, terminal }: CatalogSources): Promise<string[]> {
  if (existsSync(oldPath)) {
    const { outbox, mirrorJobs, authors, fault } = carryOver(database, oldPath)
    if (outbox + mirrorJobs + authors > 0) terminal.out(`carried over: ${outbox} of the outbox, ${mirrorJobs} mirror jobs, ${authors} authors`)
    if (fault !== null) terminal.err(`rebuild: what waited in the outbox of the old database could not all be read: ${plain(fault)}`)
  }
  const { pubkey, secret } = await openNodeKey(config.dataDir, config.nodeKey)
  const catalog = new Catalog({
    database, state: stores.state, relays: [], pubkey, now: Date.now, own: null, probe: null, onFault: () => {},
    sign: (draft) => signEvent(draft, secret),
    blobs: new Blobs({ stores, descriptors, foreign: null, limits: { maxSize: config.maxBlobSize, idleTimeout: config.idleTimeout, inlineLimit: config.inlineLimit } }),
    ...catalogPolicy(config, new Policy(config), pubkey)
  })
  await catalog.releases.load()
  const progress = progressOf(terminal)
  const { events, ofSnapshot, damaged } = await catalog.restore((seen) => { progress.show(`rebuild: ${seen} events read`) })
  const manifests = await catalog.reader.all() + await catalog.releases.manifests.all()
  await catalog.releases.settled()
  progress.end()
  if (events + ofSnapshot > 0) terminal.out(`the catalog: ${events} events that lay in the store, ${ofSnapshot} of the newest snapshot, ${manifests} manifests`)
  return damaged
}
