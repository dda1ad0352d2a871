// `marquee rebuild`: the database from the store alone: blobs, owners, types and times (design §1.3). The old one is set aside, not deleted.

import { existsSync, renameSync, rmSync } from 'node:fs'
import { holdDataFolder } from '../data-folder.ts'
import { openDatabase } from '../database.ts'
import { databasePath } from '../marquee.ts'
import { Descriptors } from '../stores/descriptors.ts'
import { openStores } from '../stores/open.ts'
import { reconcile } from '../stores/reconcile.ts'
import { progressOf } from './terminal.ts'
import type { Command } from './terminal.ts'

export const rebuild: Command = {
  help: `marquee rebuild [--config FILE]

Makes the database anew from what the store holds: blobs, owners, types and times. The old database is kept
beside it as marquee.db.old. Refuses while a server runs on the data folder.`,
  options: {},
  run: async ({ config, terminal }) => {
    const folder = holdDataFolder(config.dataDir, 'marquee rebuild')
    try {
      const path = databasePath(config.dataDir)
      for (const suffix of ['-wal', '-shm']) rmSync(`${path}${suffix}.old`, { force: true })
      for (const suffix of ['', '-wal', '-shm']) {
        if (existsSync(`${path}${suffix}`)) renameSync(`${path}${suffix}`, `${path}.old${suffix}`)
      }
      const stores = await openStores(config)
      stores.journal?.recover()
      const descriptors = new Descriptors(openDatabase(path))
      const progress = progressOf(terminal)
      const { learned, restored, lost } = await reconcile({
        stores, descriptors, since: 0, now: Math.floor(Date.now() / 1000), onProgress: (seen) => { progress.show(`rebuild: ${seen} owners read`) }
      })
      progress.end()
      descriptors.checkpoint()
      const { blobs, owners, bytes } = descriptors.counts()
      terminal.out(`rebuilt: ${blobs} blobs of ${bytes} bytes, ${owners} owners (${learned} read, ${restored} index records written again)`)
      for (const each of lost) terminal.err(`lost: ${each}: neither index record nor pack`)
      await stores.close()
      return lost.length === 0 ? 0 : 1
    } finally {
      folder.release()
    }
  }
}
