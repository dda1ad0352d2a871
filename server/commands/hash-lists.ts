// `marquee block`, `unblock` and `blocked`: what the operator decides about hashes. They ask the running server over /admin, and act on the
// data folder themselves when none runs; a server that runs and was not reached holds the folder, so nothing is changed behind its back.

import { pino } from 'pino'
import { MAX_HASHES } from '../admin.ts'
import { parseBlobPath } from '../buds/blob-path.ts'
import { holdDataFolder } from '../data-folder.ts'
import { openMarquee } from '../marquee.ts'
import { openNodeKey } from '../node-key.ts'
import { HashLists } from '../stores/hash-lists.ts'
import { openStores } from '../stores/open.ts'
import { askServer } from './ask-server.ts'
import { plain } from './terminal.ts'
import type { Config } from '../config.ts'
import type { ListLine, ListName } from '../stores/hash-lists.ts'
import type { Command, Terminal } from './terminal.ts'

interface Change {
  list: ListName
  adding: boolean
  hashes: string[]
  reason: string
  deleting: boolean
}

const HASHES = 'HASH is a sha256 of 64 hex digits, with or without an extension. With a server running it is asked; without one the data folder is changed.'

export const block: Command = {
  help: `marquee block HASH… [--reason WORDS] [--delete] [--config FILE]

Blocks blobs, whether they are here or not: 404 for who reads them, 403 for who uploads or mirrors them. Other nodes on the same
bucket follow within seconds. The bytes stay, hidden, so that \`marquee unblock\` brings them back; owners still list and may delete
them. What caches and clients fetched before stays with them, and a download under way ends as it began.
  --reason   kept for you, never told to anybody else
  --delete   also removes the blob for all its owners; this cannot be undone
${HASHES}`,
  options: { reason: { type: 'string' }, delete: { type: 'boolean' } },
  words: true,
  run: ({ config, values, words, terminal }) => change(config, terminal, words, {
    list: 'blocked', adding: true, reason: typeof values['reason'] === 'string' ? values['reason'] : '', deleting: values['delete'] === true
  }, 'blocked')
}

export const unblock: Command = {
  help: `marquee unblock HASH… [--config FILE]

Ends blocks: what is still here is served again, what is not may be uploaded again.
${HASHES}`,
  options: {},
  words: true,
  run: ({ config, words, terminal }) => change(config, terminal, words, { list: 'blocked', adding: false, reason: '', deleting: false }, 'no longer blocked')
}

export const blocked: Command = {
  help: `marquee blocked [--json] [--config FILE]

Lists what is blocked, newest first: hash, when, and the reason given.
  --json   one JSON object a line`,
  options: { json: { type: 'boolean' } },
  run: async ({ config, values, terminal }) => {
    const lines = await linesOf(config, 'blocked')
    for (const line of lines) {
      const { sha256, at, reason } = line
      terminal.out(values['json'] === true ? JSON.stringify(line) : `${sha256}  ${new Date(at * 1000).toISOString()}  ${plain(reason)}`.trimEnd())
    }
    if (lines.length === 0) terminal.err('nothing is blocked')
    return 0
  }
}

async function linesOf (config: Config, list: ListName): Promise<ListLine[]> {
  const nodeKey = await openNodeKey(config.dataDir, config.nodeKey)
  const answer = await askServer<{ lines: ListLine[] }>(config, nodeKey, 'GET', `/admin/${list}`)
  if (answer !== null) return answer.lines
  const stores = await openStores(config)
  try {
    return await new HashLists(stores.state, stores.shared).lines(list)
  } finally {
    await stores.close()
  }
}

async function change (config: Config, terminal: Terminal, words: readonly string[], how: Omit<Change, 'hashes'>, done: string): Promise<number> {
  const hashes: string[] = []
  for (const word of words) {
    const sha256 = parseBlobPath(word)
    if (sha256 === null) terminal.err(`"${plain(word)}" is no sha256`)
    else hashes.push(sha256)
  }
  if (words.length === 0) terminal.err('which hash?')
  if (words.length === 0 || hashes.length < words.length) return 2
  const each = { ...how, hashes: [...new Set(hashes)] }
  const ended = await ask(config, each) ?? await act(config, terminal, each)
  for (const sha256 of each.hashes) terminal.out(`${sha256} ${done}`)
  if (how.deleting) terminal.out(`${ended} ownerships ended`)
  return 0
}

/** How many ownerships were ended; null when no server runs. */
async function ask (config: Config, { list, adding, hashes, reason, deleting }: Change): Promise<number | null> {
  const nodeKey = await openNodeKey(config.dataDir, config.nodeKey)
  let ended = 0
  for (let start = 0; start < hashes.length; start += MAX_HASHES) {
    const some = hashes.slice(start, start + MAX_HASHES)
    const body = adding ? { hashes: some, reason, delete: deleting } : { hashes: some }
    const answer = await askServer<{ ended: number }>(config, nodeKey, adding ? 'POST' : 'DELETE', `/admin/${list}`, body)
    if (answer === null) return null
    ended += answer.ended
  }
  return ended
}

/** The same without a server. Throws FolderTaken when one runs all the same. */
async function act (config: Config, terminal: Terminal, { list, adding, hashes, reason, deleting }: Change): Promise<number> {
  if (deleting) { // blobs are touched: everything a server needs is, but nobody listens
    const marquee = await openMarquee({ config, logger: pino({ level: 'silent' }), pid: terminal.pid })
    try {
      let ended = 0
      for (const sha256 of hashes) ended += await marquee.decisions.put(list, sha256, reason, deleting)
      return ended
    } finally {
      await marquee.close()
    }
  }
  const folder = holdDataFolder(config.dataDir, 'marquee', terminal.pid)
  try {
    const stores = await openStores(config)
    try {
      const lists = new HashLists(stores.state, stores.shared)
      for (const sha256 of hashes) await (adding ? lists.add(list, sha256, reason) : lists.remove(list, sha256))
      return 0
    } finally {
      await stores.close()
    }
  } finally {
    folder.release()
  }
}
