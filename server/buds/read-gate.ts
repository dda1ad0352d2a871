// Blobs that some keys alone may read: all of them where READ_PUBKEYS is set, and those of `marquee restrict`. Every GET and HEAD of one needs a
// `get` token of such a key (BUD-11, or NIP-98), and no shared cache keeps what it got. 401 without a good token, 403 for another key, whether
// the blob is here or not.

import { Failure } from '../errors.ts'
import { ENDPOINTS } from './bud-11-authorization.ts'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Guard } from '../auth/guard.ts'
import type { Blobs } from '../stores/blobs.ts'

/** Lets a request for one blob pass, and makes its answer private; throws a Failure otherwise. */
export type ReadGate = (req: IncomingMessage, res: ServerResponse, sha256: string) => void

/** Null where everybody may read: then nothing is asked. */
export function openReadGate (guard: Guard, pubkeys: readonly string[]): ReadGate | null {
  if (pubkeys.length === 0) return null
  const readers = new Set(pubkeys)
  return (req, res, sha256) => {
    if (!readers.has(identifyReader(guard, req, sha256))) throw new Failure('KEY_REFUSED')
    answerPrivately(res)
  }
}

/** Who asks for this blob. Throws 401 without a token that is good for it. */
function identifyReader (guard: Guard, req: IncomingMessage, sha256: string): string {
  const endpoint = req.method === 'HEAD' ? ENDPOINTS.head : ENDPOINTS.get
  const token = guard.identify({ authorization: req.headers.authorization, method: req.method!, target: req.url! }, endpoint)
  guard.cover(token, endpoint, sha256)
  return token.pubkey
}

/** As a ReadGate, for one blob that is restricted: `readers` and its owners pass. Rejects with a Failure, or StoreError. */
export async function passReader (guard: Guard, blobs: Blobs, req: IncomingMessage, res: ServerResponse, sha256: string, readers: ReadonlySet<string>): Promise<void> {
  const pubkey = identifyReader(guard, req, sha256)
  if (!readers.has(pubkey) && !await blobs.isOwner(sha256, pubkey)) throw new Failure('KEY_REFUSED')
  answerPrivately(res)
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
