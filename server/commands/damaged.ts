// `marquee damaged`: the blobs whose bytes were found damaged and wait to be repaired.

import { openNodeKey } from '../node-key.ts'
import { DamagedBlobs } from '../stores/damaged.ts'
import { openStores } from '../stores/open.ts'
import { askServer } from './ask-server.ts'
import { plain } from './terminal.ts'
import type { Config } from '../config.ts'
import type { DamageNote } from '../stores/damaged.ts'
import type { Command } from './terminal.ts'

export const damaged: Command = {
  help: `marquee damaged [--json] [--config FILE]

Lists the blobs whose bytes were found damaged, oldest first: hash, when, what is wrong, and who came upon it (read, scrub or verify). They
are answered 503 until they are repaired: by a mirror that the configuration names, or by anybody who uploads the very bytes again. What is
left of their bytes is kept in quarantine/ beside the packs. Exit code 1 when there are any.
  --json   one JSON object a line`,
  options: { json: { type: 'boolean' } },
  run: async ({ config, values, terminal }) => {
    const notes = await notesOf(config)
    for (const note of notes) {
      const { sha256, at, what, by } = note
      terminal.out(values['json'] === true ? JSON.stringify(note) : `${sha256}  ${new Date(at * 1000).toISOString()}  ${plain(what)} (${plain(by)})`)
    }
    if (notes.length === 0) terminal.err('nothing is damaged, as far as is known')
    return notes.length === 0 ? 0 : 1
  }
}

async function notesOf (config: Config): Promise<DamageNote[]> {
  const nodeKey = await openNodeKey(config.dataDir, config.nodeKey)
  const answer = await askServer<{ notes: DamageNote[] }>(config, nodeKey, 'GET', '/admin/damaged')
  if (answer !== null) return answer.notes
  const stores = await openStores(config)
  try {
    return await new DamagedBlobs(stores.state, { shared: stores.shared }).notes()
  } finally {
    await stores.close()
  }
}
