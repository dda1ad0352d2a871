// A server that is read by some keys alone (READ_PUBKEYS): every GET and HEAD of a blob needs a `get` token of one of them (BUD-11, or NIP-98),
// and no shared cache keeps what they got. 401 without a good token, 403 for another key, whether the blob is here or not.

import { Failure } from '../errors.ts'
import { ENDPOINTS } from './bud-11-authorization.ts'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Guard } from '../auth/guard.ts'

/** Lets a request for one blob pass, and makes its answer private; throws a Failure otherwise. */
export type ReadGate = (req: IncomingMessage, res: ServerResponse, sha256: string) => void

/** Null where everybody may read: then nothing is asked. */
export function openReadGate (guard: Guard, pubkeys: readonly string[]): ReadGate | null {
  if (pubkeys.length === 0) return null
  const readers = new Set(pubkeys)
  return (req, res, sha256) => {
    const endpoint = req.method === 'HEAD' ? ENDPOINTS.head : ENDPOINTS.get
    const token = guard.identify({ authorization: req.headers.authorization, method: req.method!, target: req.url! }, endpoint)
    guard.cover(token, endpoint, sha256)
    if (!readers.has(token.pubkey)) throw new Failure('KEY_REFUSED')
    answerPrivately(res)
  }
}

/** Whichever answer it becomes, nobody who makes one need remember this. */
function answerPrivately (res: ServerResponse): void {
  const writeHead = res.writeHead.bind(res) as (status: number, headers?: string[]) => ServerResponse
  res.writeHead = ((status: number, headers?: string[]) => writeHead(status, headers && privately(headers))) as typeof res.writeHead
}

/** A copy: the headers of a hot blob are used again. */
function privately (headers: readonly string[]): string[] {
  return headers.map((text, index) => index % 2 === 1 && headers[index - 1] === 'cache-control' ? text.replace('public', 'private') : text)
}
