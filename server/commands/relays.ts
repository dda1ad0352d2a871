// `marquee relays`: how each relay stands. Asks the running server over /admin; reads the database itself when none runs.

import { existsSync } from 'node:fs'
import { RelayReport } from '../catalog/relay-report.ts'
import { holdDataFolder } from '../data-folder.ts'
import { openDatabase } from '../database.ts'
import { databasePath } from '../marquee.ts'
import { openNodeKey } from '../node-key.ts'
import { askServer } from './ask-server.ts'
import { plain } from './terminal.ts'
import type { Config } from '../config.ts'
import type { RelayLine } from '../catalog/relay-report.ts'
import type { Command, Terminal } from './terminal.ts'

export const relays: Command = {
  help: `marquee relays [--json] [--config FILE]

Lists the relays: whether each is connected and since when, what waits to be told to it, what it refused with its words, and how far
it has been read. Without a server: what waits, what was refused, and how far it was read.
  --json   one JSON object a line`,
  options: { json: { type: 'boolean' } },
  run: async ({ config, values, terminal }) => {
    const lines = await linesOf(config, terminal)
    for (const line of lines) terminal.out(values['json'] === true ? JSON.stringify(line) : textOf(line).join('\n  '))
    if (lines.length === 0) terminal.err('no relays: see the setting `relays`')
    return 0
  }
}

async function linesOf (config: Config, terminal: Terminal): Promise<RelayLine[]> {
  const nodeKey = await openNodeKey(config.dataDir, config.nodeKey)
  const answer = await askServer<{ relays: RelayLine[] }>(config, nodeKey, 'GET', '/admin/relays')
  return answer?.relays ?? linesAlone(config, terminal)
}

/** Throws FolderTaken when a server runs all the same. */
function linesAlone (config: Config, terminal: Terminal): RelayLine[] {
  const folder = holdDataFolder(config.dataDir, 'marquee relays', terminal.pid)
  try {
    const path = databasePath(config.dataDir)
    const database = openDatabase(existsSync(path) ? path : ':memory:')
    try {
      return new RelayReport({ database, urls: config.relays }).lines()
    } finally {
      database.close()
    }
  } finally {
    folder.release()
  }
}

const at = (ms: number): string => new Date(ms).toISOString()

function textOf ({ url, configured, link, outbox, refusals, following, read }: RelayLine): string[] {
  const { waiting, done, refused, oldest } = outbox
  return [
    `${plain(url)}  ${!configured ? 'no longer configured' : link === null ? 'no server runs' : `${link.state} since ${at(link.since)}`}`,
    ...(link === null ? [] : linkOf(link)),
    `told: ${waiting} waiting${oldest === null ? '' : ` since ${at(oldest)}`}, ${done} done in the last week, ${refused} refused`,
    ...refusals.map(({ id, kind, words }) => `refused kind ${kind} ${id}: ${plain(words)}`),
    ...(following === null ? [] : followingOf(following)),
    ...read.map(({ topic, readTo, under }) =>
      `read of ${topic}: ${readTo === 0 ? 'nothing to its end yet' : `up to ${at(readTo * 1000)}`}${under === null ? '' : `, going on down from ${at(under.downTo * 1000)}`}`)
  ]
}

function linkOf ({ failures, words, faults }: NonNullable<RelayLine['link']>): string[] {
  return [
    ...(failures === 0 ? [] : [`failed ${failures} times in a row`]),
    ...(words === '' ? [] : [`last trouble: ${plain(words)}`]),
    ...(faults === 0 ? [] : [`${faults} messages that were none, or that nobody had asked for`])
  ]
}

function followingOf ({ caughtUp, came, taken, faults, strays, words }: NonNullable<RelayLine['following']>): string[] {
  const refused = Object.entries(faults).sort(([, a], [, b]) => b - a).map(([code, count]) => `${count} ${code}`)
  return [
    `following: ${caughtUp ? 'caught up' : 'not caught up'}, ${came} events came, ${taken} taken${refused.length === 0 ? '' : `; not taken: ${refused.join(', ')}`}`,
    ...(strays === 0 ? [] : [`${strays} events that were not asked for`]),
    ...(words === '' ? [] : [`last trouble of following: ${plain(words)}`])
  ]
}
