// `marquee reports`: what people reported (BUD-09). Asks the running server over /admin; reads the store itself when none runs.

import { openNodeKey } from '../node-key.ts'
import { listReports } from '../reports.ts'
import { openStores } from '../stores/open.ts'
import { askServer } from './ask-server.ts'
import { plain } from './terminal.ts'
import type { ReportLine } from '../reports.ts'
import type { Command } from './terminal.ts'

export const reports: Command = {
  help: `marquee reports [--json] [--config FILE]

Lists the reports that were kept, newest first.
  --json   one JSON object a line`,
  options: { json: { type: 'boolean' } },
  run: async ({ config, values, terminal }) => {
    const nodeKey = await openNodeKey(config.dataDir, config.nodeKey)
    const answer = await askServer<{ reports: ReportLine[] }>(config, nodeKey, 'GET', '/admin/reports')
    let lines = answer?.reports
    if (lines === undefined) {
      const stores = await openStores(config)
      try {
        lines = await listReports(stores.state)
      } finally {
        await stores.close()
      }
    }
    for (const line of lines) {
      const { id, received, reporter, types, blobs, content } = line
      terminal.out(values['json'] === true
        ? JSON.stringify(line)
        : `${new Date(received * 1000).toISOString()}  ${plain(types.join(','))}  by ${reporter}\n  ${blobs.join('\n  ')}\n  "${plain(content)}" (${id})`)
    }
    if (lines.length === 0) terminal.err('no reports')
    return 0
  }
}
