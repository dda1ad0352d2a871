// What journeys ask of a server over and over, with a fresh right token each time.

import { createHash } from 'node:crypto'
import type { BlobDescriptor } from '../../server/buds/descriptor.ts'
import type { Signer } from './keys.ts'

export async function listed (url: string, signer: Signer, query = ''): Promise<BlobDescriptor[]> {
  const response = await fetch(`${url}/list/${signer.pubkey}${query}`, { headers: { authorization: signer.token('list') } })
  if (response.status !== 200) throw new Error(`list: ${response.status} ${response.headers.get('x-reason') ?? ''}`)
  return await response.json() as BlobDescriptor[]
}

export function remove (url: string, signer: Signer, sha256: string): Promise<Response> {
  return fetch(`${url}/${sha256}`, { method: 'DELETE', headers: { authorization: signer.token('delete', { hashes: [sha256] }) } })
}

/** PUT /mirror of `source`, for the blob `sha256` unless `authorization` says otherwise. */
export function mirror (url: string, signer: Signer, source: unknown, sha256: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${url}/mirror`, {
    method: 'PUT',
    body: JSON.stringify({ url: source }),
    headers: { 'authorization': signer.token('upload', { hashes: [sha256] }), 'content-type': 'application/json', ...headers }
  })
}

/** Status, length and sha256 of an answer's body, which is not kept. */
export async function hashed (response: Response): Promise<{ status: number, size: number, sha256: string }> {
  const hash = createHash('sha256')
  let size = 0
  for await (const chunk of response.body ?? []) {
    hash.update(chunk as Uint8Array)
    size += (chunk as Uint8Array).length
  }
  return { status: response.status, size, sha256: hash.digest('hex') }
}
