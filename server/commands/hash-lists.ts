// `marquee block`, `pin`, `allow` (and `restrict`, restrict.ts), what undoes and lists them: what the operator decides about hashes. They ask the running server over /admin, and act on the
// data folder themselves when none runs; a server that runs and was not reached holds the folder, so nothing is changed behind its back.

import { npubEncode } from 'nostr-tools/nip19'
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
import type { Command, CommandParts, Terminal } from './terminal.ts'

interface Change {
  list: ListName
  adding: boolean
  hashes: string[]
  reason: string
  deleting: boolean
  /** Who may read what is restricted, 64 hex digits each. */
  to: readonly string[]
}

export const HASHES = 'HASH is a sha256 of 64 hex digits, with or without an extension. With a server running it is asked; without one the data folder is changed.'

export const block: Command = {
  help: `marquee block HASH… [--reason WORDS] [--delete] [--config FILE]

Blocks blobs, whether they are here or not: 404 for who reads them, 403 for who uploads or mirrors them. Other nodes on the same
bucket follow within seconds. The bytes stay, hidden, so that \`marquee unblock\` brings them back; owners still list and may delete
them. What caches and clients fetched before stays with them, and a download under way ends as it began.
  --reason   kept for you, never told to anybody else
  --delete   also removes the blob for all its owners, and its pin; this cannot be undone
${HASHES}`,
  options: { reason: { type: 'string' }, delete: { type: 'boolean' } },
  words: true,
  run: (parts) => change(parts, 'blocked', true, 'blocked')
}

export const unblock: Command = {
  help: `marquee unblock HASH… [--config FILE]

Ends blocks: what is still here is served again, what is not may be uploaded again.
${HASHES}`,
  options: {},
  words: true,
  run: (parts) => change(parts, 'blocked', false, 'no longer blocked')
}

export const pin: Command = {
  help: `marquee pin HASH… [--reason WORDS] [--config FILE]

Keeps blobs when their last owner leaves, by making the server's own key an owner too: at once where the blob is here, else when it comes.
A blob that is blocked and pinned is kept, and not served.
  --reason   kept for you
${HASHES}`,
  options: { reason: { type: 'string' } },
  words: true,
  run: (parts) => change(parts, 'pinned', true, 'pinned')
}

export const unpin: Command = {
  help: `marquee unpin HASH… [--config FILE]

Ends pins, and what the server's own key owns of these blobs: what nobody else owns is removed.
${HASHES}`,
  options: {},
  words: true,
  run: (parts) => change(parts, 'pinned', false, 'no longer pinned')
}

export const allow: Command = {
  help: `marquee allow HASH… [--reason WORDS] [--config FILE]

Puts hashes on the list of what may be stored and served. It holds only where the setting allowListOnly is on; a block is stronger.
  --reason   kept for you
${HASHES}`,
  options: { reason: { type: 'string' } },
  words: true,
  run: (parts) => change(parts, 'allowed', true, 'allowed')
}

export const disallow: Command = {
  help: `marquee disallow HASH… [--config FILE]

Takes hashes off that list. With allowListOnly on their blobs are no longer served; their bytes stay.
${HASHES}`,
  options: {},
  words: true,
  run: (parts) => change(parts, 'allowed', false, 'no longer allowed')
}

export const blocked = listing('blocked')
export const pinned = listing('pinned')
export const allowed = listing('allowed')

export function listing (list: ListName): Command {
  return {
    help: `marquee ${list} [--json] [--config FILE]

Lists what is ${list}, newest first: hash, when,${list === 'restricted' ? ' to whom,' : ''} and the reason given.
  --json   one JSON object a line`,
    options: { json: { type: 'boolean' } },
    run: async ({ config, values, terminal }) => {
      const lines = await linesOf(config, list)
      for (const line of lines) {
        const { sha256, at, reason, to } = line
        const words = [sha256, new Date(at * 1000).toISOString(), ...(to === undefined ? [] : [to.length === 0 ? 'owners' : to.map(npubEncode).join(',')]), plain(reason)]
        terminal.out(values['json'] === true ? JSON.stringify(line) : words.join('  ').trimEnd())
      }
      if (lines.length === 0) terminal.err(`nothing is ${list}`)
      return 0
    }
  }
}

async function linesOf (config: Config, list: ListName): Promise<ListLine[]> {
  const nodeKey = await openNodeKey(config.dataDir, config.nodeKey)
  const answer = await askServer<{ lines: ListLine[] }>(config, nodeKey, 'GET', `/admin/${list}`)
  if (answer !== null) return answer.lines
  const stores = await openStores(config)
  try {
    return await new HashLists(stores.state, { shared: stores.shared }).lines(list)
  } finally {
    await stores.close()
  }
}

export async function change ({ config, terminal, values, words }: CommandParts, list: ListName, adding: boolean, done: string, to: readonly string[] = []): Promise<number> {
  const hashes = new Set<string>()
  let wrong = words.length === 0 ? 'which hash?' : null
  for (const word of words) {
    const sha256 = parseBlobPath(word)
    if (sha256 === null) wrong = `"${plain(word)}" is no sha256`
    else hashes.add(sha256)
  }
  if (wrong !== null) {
    terminal.err(wrong)
    return 2
  }
  const { reason, delete: deleting } = values
  const each = { list, adding, hashes: [...hashes], reason: typeof reason === 'string' ? reason : '', deleting: deleting === true, to }
  const ended = await ask(config, each) ?? await act(config, terminal, each)
  for (const sha256 of hashes) terminal.out(`${sha256} ${done}`)
  if (each.deleting) terminal.out(`${ended} ownerships ended`)
  return 0
}

/** How many ownerships were ended; null when no server runs. */
async function ask (config: Config, { list, adding, hashes, reason, deleting, to }: Change): Promise<number | null> {
  const nodeKey = await openNodeKey(config.dataDir, config.nodeKey)
  let ended = 0
  for (let start = 0; start < hashes.length; start += MAX_HASHES) {
    const some = hashes.slice(start, start + MAX_HASHES)
    const body = adding ? { hashes: some, reason, delete: deleting, ...(list === 'restricted' ? { to } : {}) } : { hashes: some }
    const answer = await askServer<{ ended: number }>(config, nodeKey, adding ? 'POST' : 'DELETE', `/admin/${list}`, body)
    if (answer === null) return null
    ended += answer.ended
  }
  return ended
}

/** The same without a server. Throws FolderTaken when one runs all the same. */
async function act (config: Config, terminal: Terminal, { list, adding, hashes, reason, deleting, to }: Change): Promise<number> {
  // blobs are touched: everything a server needs is opened, but nobody listens
  if (deleting || list === 'pinned') {
    const marquee = await openMarquee({ config, logger: pino({ level: 'silent' }), pid: terminal.pid })
    try {
      let ended = 0
      for (const sha256 of hashes) {
        if (adding) ended += await marquee.decisions.put(list, sha256, reason, deleting)
        else await marquee.decisions.take(list, sha256)
      }
      return ended
    } finally {
      await marquee.close()
    }
  }
  const folder = holdDataFolder(config.dataDir, 'marquee', terminal.pid)
  try {
    const stores = await openStores(config)
    try {
      const lists = new HashLists(stores.state, { shared: stores.shared })
      for (const sha256 of hashes) await (adding ? lists.add(list, sha256, reason, to) : lists.remove(list, sha256))
      return 0
    } finally {
      await stores.close()
    }
  } finally {
    folder.release()
  }
}
