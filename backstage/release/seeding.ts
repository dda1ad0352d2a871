// Tells others that this node has files of a release, once they are whole: an advert (30081) each, by the node's key, of the Blossom server where the node
// lets them be had. What that server does not have yet is uploaded to it first: nothing is said that is not so.

import { ADVERT_LIFETIME, buildProviderAdvert } from '../../server/catalog/kinds/provider-advert.ts'
import { BlossomServer } from '../http/blossom.ts'
import { callJson } from '../http/json-calls.ts'
import { tellRelays } from '../http/relays.ts'
import { BlossomTokens } from '../http/tokens.ts'
import type { SignedEvent } from '../../server/auth/signature.ts'
import type { CallParts } from '../http/json-calls.ts'
import type { Signer } from '../signer.ts'

export interface SeedParts {
  calls: CallParts
  signer: Signer
  /** The origin where this node's blobs are had. */
  at: string
  /** Origins whose catalogs are told, and relays. */
  servers: readonly string[]
  relays: readonly string[]
  say: (line: string) => void
}

export interface Seed {
  path: string
  /** 64 hex digits each. */
  sha256: string
  blake3: string
  /** Bytes. */
  size: number
  /** Media type. */
  type: string
}

/** How many adverts somebody took. Rejects with ServerRefusal or NetworkFault where the node's own server does not take the files. */
export async function seed (files: readonly Seed[], { calls, signer, at, servers, relays, say }: SeedParts): Promise<number> {
  const own = new BlossomServer({ origin: at, ...calls })
  const tokens = new BlossomTokens({ signer, verb: 'upload', servers: [at], hashes: files.map(({ sha256 }) => sha256) })
  const events: SignedEvent[] = []
  const now = Math.floor(Date.now() / 1000)
  for (const { path, sha256, blake3, size, type } of files) {
    const there = await own.has(sha256)
    if (there === null) await own.upload({ sha256, size, type }, { path, size }, tokens)
    events.push(await signer.sign(buildProviderAdvert({ blake3, sha256, size, scope: 'blob', servers: [at] }, now, ADVERT_LIFETIME)))
  }
  const told = new Set<string>()
  for (const origin of new Set([at, ...servers])) {
    for (const event of events) {
      try {
        await callJson(calls, { method: 'POST', url: `${origin}/catalog/events`, body: event })
        told.add(event.id)
      } catch (error) {
        say(`${origin} was not told: ${error instanceof Error ? error.message : String(error)}`)
        break
      }
    }
  }
  for (const { relay, accepted, words } of await tellRelays(relays, events, signer)) {
    if (accepted) for (const { id } of events) told.add(id)
    else say(`${relay} was not told: ${words}`)
  }
  return told.size
}
