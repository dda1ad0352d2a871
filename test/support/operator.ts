// Calls of /admin as an operator's commands make them: signed with the node key, the body's hash with it.

import { sha256Hex } from '../../server/stores/multihash.ts'
import { Signer } from './keys.ts'
import type { Running } from './app.ts'

/** A call of `path`, by the node key unless `signer` says otherwise. */
export function operate ({ url, marquee }: Running, method: string, path: string, body?: object, signer = new Signer(Buffer.from(marquee.nodeKey.secret, 'hex'))): Promise<Response> {
  const text = body === undefined ? null : JSON.stringify(body)
  const authorization = signer.httpToken(method, `${url}${path}`, text === null ? {} : { payload: sha256Hex(Buffer.from(text)), })
  return fetch(`${url}${path}`, { method, headers: { authorization, 'content-type': 'application/json' }, ...(text === null ? {} : { body: text }) })
}
