// `marquee verify`: hashes every pack again and compares packs, index, owners and rows. With `--repair` it mends what can be mended.

import { existsSync } from 'node:fs'
import { holdDataFolder } from '../data-folder.ts'
import { openDatabase } from '../database.ts'
import { databasePath } from '../marquee.ts'
import { Descriptors } from '../stores/descriptors.ts'
import { openStores } from '../stores/open.ts'
import { verify as verifyStore } from '../stores/verify.ts'
import { progressOf } from './terminal.ts'
import type { Config } from '../config.ts'
import type { Verified } from '../stores/verify.ts'
import type { Command } from './terminal.ts'

export const verify: Command = {
  help: `marquee verify [--repair] [--json] [--config FILE]

Hashes every pack again and compares packs, index records, owners and rows all ways. Exit code 1 when something is wrong
and was not mended. Refuses while a server runs on the data folder.
  --repair   writes missing records and rows again, removes leftovers that nobody owns
  --json     one JSON object a fault, and one for the whole`,
  options: { repair: { type: 'boolean' }, json: { type: 'boolean' } },
  run: async ({ config, values, terminal }) => {
    const folder = holdDataFolder(config.dataDir, 'marquee verify', terminal.pid)
    try {
      const progress = progressOf(terminal)
      const { faults, ...counts } = await look(config, values['repair'] === true, progress.show)
      progress.end()
      const left = faults.filter(({ repaired }) => !repaired).length
      if (values['json'] === true) {
        for (const fault of faults) terminal.out(JSON.stringify(fault))
        terminal.out(JSON.stringify({ ...counts, faults: faults.length, left }))
      } else {
        for (const { kind, about, detail, repaired } of faults) terminal.out(`${repaired ? 'mended' : 'FAULT '}  ${kind}  ${about}: ${detail}`)
        terminal.out(`${counts.packs} packs (${counts.bytes} bytes hashed), ${counts.records} index records, ${counts.owners} owners: ` +
          (faults.length === 0 ? 'all is well' : `${faults.length} faults, ${faults.length - left} mended`))
      }
      return left === 0 ? 0 : 1
    } finally {
      folder.release()
    }
  }
}

async function look (config: Config, repair: boolean, onProgress: (line: string) => void): Promise<Verified> {
  const stores = await openStores(config)
  try {
    const path = databasePath(config.dataDir)
    const database = existsSync(path) ? openDatabase(path) : null
    try {
      const descriptors = database === null ? null : new Descriptors(database)
      stores.journal?.recover((blobs) => { descriptors?.unsettled.addAll(blobs) })
      return await verifyStore({ stores, descriptors, repair, foreignBlobs: config.foreignBlobs, now: Date.now(), onProgress })
    } finally {
      database?.close()
    }
  } finally {
    await stores.close()
  }
}
