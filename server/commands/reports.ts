// `marquee reports`: what people reported (BUD-09), and what becomes of it. Asks the running server over /admin; works on the store itself
// when none runs.

import { parseSha256 } from '../buds/blob-path.ts'
import { holdDataFolder } from '../data-folder.ts'
import { openNodeKey } from '../node-key.ts'
import { decideReport, listReports } from '../reports.ts'
import { HashLists } from '../stores/hash-lists.ts'
import { openStores } from '../stores/open.ts'
import { askServer } from './ask-server.ts'
import { plain } from './terminal.ts'
import type { Config } from '../config.ts'
import type { ReportLine } from '../reports.ts'
import type { Stores } from '../stores/open.ts'
import type { Command, Terminal } from './terminal.ts'

export const reports: Command = {
  help: `marquee reports [--all] [--json] [--accept ID | --dismiss ID] [--config FILE]

Lists the reports that wait for a decision, newest first.
  --all       those decided too
  --json      one JSON object a line
  --accept    blocks the blobs that are listed with this report (\`marquee unblock\` takes it back)
  --dismiss   does nothing but that it is no longer listed, also when it is sent again`,
  options: { all: { type: 'boolean' }, json: { type: 'boolean' }, accept: { type: 'string' }, dismiss: { type: 'string' } },
  run: async ({ config, values, terminal }) => {
    const { accept, dismiss } = values
    if (typeof accept === 'string' && typeof dismiss === 'string') {
      terminal.err('--accept or --dismiss, not both')
      return 2
    }
    if (typeof accept === 'string') return decide(config, terminal, accept, 'accepted')
    if (typeof dismiss === 'string') return decide(config, terminal, dismiss, 'dismissed')
    const lines = (await readLines(config)).filter(({ decided }) => decided === null || values['all'] === true)
    for (const line of lines) {
      const { id, received, reporter, types, blobs, content, decided } = line
      terminal.out(values['json'] === true
        ? JSON.stringify(line)
        : `${new Date(received * 1000).toISOString()}  ${plain(types.join(','))}  by ${reporter}\n  ${blobs.join('\n  ')}\n  "${plain(content)}" (${id})` +
          (decided == null ? '' : `\n  ${decided.verdict} ${new Date(decided.at * 1000).toISOString()}`))
    }
    if (lines.length === 0) terminal.err('no reports')
    return 0
  }
}

async function readLines (config: Config): Promise<ReportLine[]> {
  const nodeKey = await openNodeKey(config.dataDir, config.nodeKey)
  const answer = await askServer<{ reports: ReportLine[] }>(config, nodeKey, 'GET', '/admin/reports')
  return answer?.reports ?? await withStores(config, ({ state }) => listReports(state))
}

async function withStores<T> (config: Config, work: (stores: Stores) => Promise<T>): Promise<T> {
  const stores = await openStores(config)
  try {
    return await work(stores)
  } finally {
    await stores.close()
  }
}

async function decide (config: Config, terminal: Terminal, text: string, verdict: 'accepted' | 'dismissed'): Promise<number> {
  const id = parseSha256(text) // an event's id is 64 hex digits too
  if (id === null) {
    terminal.err(`"${plain(text)}" is no report's id`)
    return 2
  }
  const nodeKey = await openNodeKey(config.dataDir, config.nodeKey)
  const answer = await askServer<{ blocked: string[] }>(config, nodeKey, 'POST', `/admin/reports/${id}`, { verdict })
  const blocked = answer !== null ? answer.blocked : await decideAlone(config, terminal, id, verdict)
  if (blocked === null) {
    terminal.err('there is no such report')
    return 1
  }
  for (const sha256 of blocked) terminal.out(`${sha256} blocked`)
  terminal.out(`${id} ${verdict}`)
  return 0
}

/** Throws FolderTaken when a server runs all the same. */
async function decideAlone (config: Config, terminal: Terminal, id: string, verdict: 'accepted' | 'dismissed'): Promise<string[] | null> {
  const folder = holdDataFolder(config.dataDir, 'marquee reports', terminal.pid)
  try {
    return await withStores(config, ({ state, shared }) => decideReport(state, new HashLists(state, { shared }), id, verdict, Date.now()))
  } finally {
    folder.release()
  }
}
