// `marquee rebuild`: the database from the store alone: blobs, owners, types and times, and the catalog's events (design §1.3). The old one is set
// aside, not deleted; what waits in its outbox, which no store has, is carried over.

import { existsSync, renameSync, rmSync } from 'node:fs'
import { holdDataFolder } from '../data-folder.ts'
import { checkpoint, openDatabase } from '../database.ts'
import { CLEAN } from '../last-run.ts'
import { databasePath } from '../marquee.ts'
import { Descriptors } from '../stores/descriptors.ts'
import { openStores } from '../stores/open.ts'
import { reconcile } from '../stores/reconcile.ts'
import { Unsettled } from '../stores/unsettled.ts'
import { rebuildCatalog, restoreInto } from './rebuild-catalog.ts'
import { progressOf } from './terminal.ts'
import type { NotedBlob } from '../stores/unsettled.ts'
import type { Command } from './terminal.ts'

export const rebuild: Command = {
  help: `marquee rebuild [--catalog [--signatures]] [--config FILE]

Makes the database anew from what the store holds: blobs, owners, types and times, the catalog's events and its newest
snapshot. What waits in the old database's outbox is carried over where it can be read. The old database is kept
beside it as marquee.db.old, and stays in place when this breaks off. Refuses while a server runs on the data folder.
  --catalog      only the tables of the catalog, from the log of events in the database that is there: each id is
                 checked, and an entry that is not what it was is told and left out (exit code 1)
  --signatures   with --catalog: each signature is checked as well`,
  options: { catalog: { type: 'boolean' }, signatures: { type: 'boolean' } },
  run: async ({ config, values, terminal }) => {
    const signatures = values['signatures'] === true
    if (values['catalog'] === true) return rebuildCatalog(config, signatures, terminal)
    if (signatures) {
      terminal.err('rebuild: --signatures goes with --catalog; without it every signature is checked')
      return 2
    }
    const folder = holdDataFolder(config.dataDir, 'marquee rebuild', terminal.pid)
    try {
      const stores = await openStores(config)
      try {
        const path = databasePath(config.dataDir)
        stores.journal?.recover((blobs) => { noteIn(path, blobs) })
        remove(`${path}.new`)
        const database = openDatabase(`${path}.new`)
        try {
          const descriptors = new Descriptors(database)
          const progress = progressOf(terminal)
          const { learned, restored, lost } = await reconcile({
            stores, descriptors, since: 0, now: Math.floor(Date.now() / 1000), onProgress: (seen) => { progress.show(`rebuild: ${seen} owners read`) }
          })
          progress.end()
          const damaged = await restoreInto({ config, stores, database, descriptors, oldPath: path, terminal })
          if (lost.length === 0) descriptors.setMark(CLEAN, 'yes') // the next start need not compare them once more
          checkpoint(database, 'TRUNCATE')
          const { blobs, owners, bytes } = descriptors.counts()
          database.close() // its log goes into it
          move(path, `${path}.old`)
          move(`${path}.new`, path)
          terminal.out(`rebuilt: ${blobs} blobs of ${bytes} bytes, ${owners} owners (${learned} read, ${restored} index records written again)`)
          for (const each of lost) terminal.err(`lost: ${each}`)
          for (const name of damaged) terminal.err(`damaged: state/${name} is not the event it was: left out`)
          return lost.length + damaged.length === 0 ? 0 : 1
        } finally {
          database.close()
        }
      } finally {
        await stores.close()
      }
    } finally {
      folder.release()
    }
  }
}

/** When this breaks off the old database stays in place: its server must look at what the log put into the store. */
function noteIn (path: string, blobs: readonly NotedBlob[]): void {
  if (!existsSync(path)) return
  try {
    const database = openDatabase(path)
    try {
      new Unsettled(database).addAll(blobs)
    } finally {
      database.close()
    }
  } catch {
    // it is damaged: no server starts on it, and that is what this is for
  }
}

/** A database is up to three files: itself, its log, its shared memory. */
const PARTS = ['', '-wal', '-shm']

function remove (path: string): void {
  for (const part of PARTS) rmSync(`${path}${part}`, { force: true })
}

/** What lay at `to` is gone, and no part of it is left beside what comes. */
function move (from: string, to: string): void {
  remove(to)
  for (const part of PARTS) {
    if (existsSync(`${from}${part}`)) renameSync(`${from}${part}`, `${to}${part}`)
  }
}
