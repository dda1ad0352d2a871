// An operator's command to the running server: HTTP at /admin, signed with the node key (NIP-98).

import { createHash } from 'node:crypto'
import { signEvent } from '../auth/signature.ts'
import { HTTP_KIND } from '../auth/token.ts'
import type { Config } from '../config.ts'
import type { NodeKey } from '../node-key.ts'

/**
 * The answer's JSON; null when no server of ours listens there. What changes something has a body, which is signed for too. Throws when it
 * refuses.
 */
export async function askServer<T> (config: Config, nodeKey: NodeKey, method: string, path: string, body: object | null = null): Promise<T | null> {
  const host = config.host === '0.0.0.0' ? '127.0.0.1' : config.host === '::' ? '[::1]' : config.host.includes(':') ? `[${config.host}]` : config.host
  const text = body === null ? null : JSON.stringify(body)
  // signed for the public URL, which is what the server compares, and sent to where it listens
  const tags = [['u', `${config.publicUrl}${path}`], ['method', method]]
  if (text !== null) tags.push(['payload', createHash('sha256').update(text).digest('hex')])
  const event = signEvent({ kind: HTTP_KIND, created_at: Math.floor(Date.now() / 1000), tags, content: '' }, nodeKey.secret)
  const headers: Record<string, string> = { authorization: `Nostr ${Buffer.from(JSON.stringify(event)).toString('base64url')}` }
  if (text !== null) headers['content-type'] = 'application/json'
  let response
  try {
    response = await fetch(`http://${host}:${config.port}${path}`, { method, headers, ...(text === null ? {} : { body: text }) })
  } catch {
    return null
  }
  if (!response.ok) throw new Error(`the server refused: ${response.status} ${response.headers.get('x-reason') ?? ''}`)
  return await response.json() as T
}
