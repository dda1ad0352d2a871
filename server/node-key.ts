// The server's own Nostr key: configured, or made on the first start and kept in the data folder, readable by its user alone.

import { randomBytes } from 'node:crypto'
import { chmod, open, readFile } from 'node:fs/promises'
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
  try {
    const file = await open(path, 'wx', 0o600)
    try {
      const secret = makeSecret()
      await file.writeFile(`${nsecEncode(Buffer.from(secret, 'hex'))}\n`)
      await file.sync()
      return nodeKeyOf(secret)
    } finally {
      await file.close()
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  await chmod(path, 0o600)
  const text = (await readFile(path, 'utf8')).trim()
  try {
    const decoded = decode(text)
    if (decoded.type !== 'nsec') throw new Error('not an nsec')
    return nodeKeyOf(Buffer.from(decoded.data).toString('hex'))
  } catch (cause) {
    throw new Error(`${path} holds no nsec key`, { cause })
  }
}
