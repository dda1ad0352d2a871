// Calls of marquee's JSON API (docs/api.md), signed with NIP-98 where a signer is given, and tried again while the server is away.

import { ServerRefusal, jsonIn } from './refusal.ts'
import { persist } from './patience.ts'
import { httpToken } from './tokens.ts'
import type { Signer } from '../signer.ts'
import type { Exchange } from './exchange.ts'
import type { Patience } from './patience.ts'

export interface CallParts {
  exchange: Exchange
  patience: Patience
}

export interface Call {
  method: string
  url: string
  body?: object
  /** Null: nobody in particular asks. */
  signer?: Pick<Signer, 'sign'> | null
  /** The answer is no JSON: its bytes are given. */
  binary?: true
}

/** The answer's JSON, null for none. Rejects with ServerRefusal for every status but 2xx, and NetworkFault. */
export function callJson (parts: CallParts, { method, url, body, signer = null, binary }: Call): Promise<unknown> {
  const bytes = body === undefined ? null : Buffer.from(JSON.stringify(body))
  return persist(async () => {
    const headers: Record<string, string> = { accept: 'application/json' }
    if (bytes !== null) headers['content-type'] = 'application/json'
    // signed anew for each attempt: an event is taken once
    if (signer !== null) headers['authorization'] = await httpToken(signer, method, url, bytes)
    const answer = await parts.exchange.send({ method, url, headers, body: bytes, limit: 16 * 1024 * 1024 })
    if (answer.status < 200 || answer.status > 299) throw new ServerRefusal({ method, url }, answer, Date.now())
    return binary === true ? answer.body : jsonIn(answer.body)
  }, parts.patience)
}

/** The same; null where there is no such thing (404). */
export async function lookUp (parts: CallParts, call: Call): Promise<unknown> {
  try {
    return await callJson(parts, call)
  } catch (error) {
    if (error instanceof ServerRefusal && error.status === 404) return null
    throw error
  }
}
