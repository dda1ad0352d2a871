// The server's own Nostr key: configured, or made on the first start and kept in the data folder, readable by its user alone.

import { randomBytes } from 'node:crypto'
import { chmod, link, mkdir, open, readFile, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { decode, npubEncode, nsecEncode } from 'nostr-tools/nip19'
import { pubkeyOf } from './auth/signature.ts'

export interface NodeKey {
  /** 64 hex digits. */
  secret: string
  pubkey: string
  npub: string
}

function nodeKeyOf (secret: string): NodeKey {
  const pubkey = pubkeyOf(secret)
  return { secret, pubkey, npub: npubEncode(pubkey) }
}

export function nodeKeyPath (dataDir: string): string {
  return join(dataDir, 'node.key')
}

/** A new secret key, 64 hex digits. The curve's order is so near 2^256 that random bytes outside it do not happen; they are refused all the same. */
export function makeSecret (): string {
  for (;;) {
    const secret = randomBytes(32).toString('hex')
    try {
      pubkeyOf(secret)
      return secret
    } catch {
      // zero, or not below the order
    }
  }
}

/** The key in force: `configured` (64 hex digits), else the file's, else a new one that is written there with mode 0600. Throws on a damaged file. */
export async function openNodeKey (dataDir: string, configured: string | null): Promise<NodeKey> {
  if (configured !== null) return nodeKeyOf(configured)
  const path = nodeKeyPath(dataDir)
  const text = (await readKey(path) ?? await writeNewKey(dataDir, path)).trim()
  try {
    const decoded = decode(text)
    if (decoded.type !== 'nsec') throw new Error('not an nsec')
    return nodeKeyOf(Buffer.from(decoded.data).toString('hex'))
  } catch (cause) {
    throw new Error(`${path} holds no nsec key`, { cause })
  }
}

/** The file's text; null when there is none. */
async function readKey (path: string): Promise<string | null> {
  try {
    await chmod(path, 0o600)
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

/** Whole or not at all: neither a crash nor a second program ever finds half a key. The text of whichever key is there in the end. */
async function writeNewKey (dataDir: string, path: string): Promise<string> {
  await mkdir(dataDir, { recursive: true }) // a command may come before the first start
  const draft = `${path}.${randomBytes(8).toString('hex')}`
  const text = `${nsecEncode(Buffer.from(makeSecret(), 'hex'))}\n`
  const file = await open(draft, 'wx', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
    await link(draft, path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    return await readFile(path, 'utf8')
  } finally {
    await file.close()
    await unlink(draft)
  }
  const folder = await open(dataDir)
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
  return text
}
