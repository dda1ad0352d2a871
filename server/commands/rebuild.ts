// `marquee rebuild`: the database from the store alone: blobs, owners, types and times (design §1.3). The old one is set aside, not deleted.

import { existsSync, renameSync, rmSync } from 'node:fs'
import { holdDataFolder } from '../data-folder.ts'
import { checkpoint, openDatabase } from '../database.ts'
import { CLEAN } from '../last-run.ts'
import { databasePath } from '../marquee.ts'
import { Descriptors } from '../stores/descriptors.ts'
import { openStores } from '../stores/open.ts'
import { reconcile } from '../stores/reconcile.ts'
import { Unsettled } from '../stores/unsettled.ts'
import { progressOf } from './terminal.ts'
import type { NotedBlob } from '../stores/unsettled.ts'
import type { Command } from './terminal.ts'

export const rebuild: Command = {
  help: `marquee rebuild [--config FILE]

Makes the database anew from what the store holds: blobs, owners, types and times. The old database is kept
beside it as marquee.db.old, and stays in place when this breaks off. Refuses while a server runs on the data folder.`,
  options: {},
  run: async ({ config, terminal }) => {
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
          if (lost.length === 0) descriptors.setMark(CLEAN, 'yes') // the next start need not compare them once more
          checkpoint(database, 'TRUNCATE')
          const { blobs, owners, bytes } = descriptors.counts()
          database.close() // its log goes into it
          move(path, `${path}.old`)
          move(`${path}.new`, path)
          terminal.out(`rebuilt: ${blobs} blobs of ${bytes} bytes, ${owners} owners (${learned} read, ${restored} index records written again)`)
          for (const each of lost) terminal.err(`lost: ${each}`)
          return lost.length === 0 ? 0 : 1
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
